//! How often a store over a wire is waited for.

use anyhow::{Context as _, Result};
use authbench_catalog::registry::Store;
use authbench_core::{Presented, RefreshOffer, Scope};
use authbench_results::CountedFigure;

use super::{figure, issue};
use crate::cases::Case;
use crate::fixed::{CALLS, Operation};
use crate::ground::{Ground, Opened};

/// Round trips to the store of each operation on average:
/// `authenticate_store_round_trips` and the like. Only Redis' client knows
/// them, and behind a cache they depend on when the cache was asked: nothing
/// for all other stores.
///
/// # Errors
/// When the server or the strategy cannot be had, or something is refused.
pub fn round_trips(case: &Case) -> Result<Vec<CountedFigure>> {
    if !knows_round_trips(case) {
        return Ok(Vec::new());
    }
    let ground = Ground::new()?.metered();
    let opened = ground.open(case)?;
    let figures = ground.runtime().block_on(count(case, &opened, &ground));
    ground.close(opened)?;
    figures
}

/// Whether the store of `case` knows how often it was waited for, and that is
/// the same each time.
#[must_use]
pub fn knows_round_trips(case: &Case) -> bool {
    let storage = case.recipe.storage.as_ref();
    storage.is_some_and(|it| matches!(it.store, Store::Redis(_)) && it.cache.is_none())
}

async fn count(case: &Case, opened: &Opened, ground: &Ground) -> Result<Vec<CountedFigure>> {
    let (strategy, at) = (&**opened.strategy(), ground.at());
    let offer = strategy.guarantees().refresh;
    let waited = || {
        opened
            .store_counts()
            .1
            .context("the store does not count its round trips")
    };
    // Scripts are loaded when they are needed first.
    once(opened, ground, offer).await?;
    let mut figures = Vec::new();
    for operation in Operation::ALL {
        if !operation.is_of(offer) || operation == Operation::AuthenticateMiss {
            continue;
        }
        let mut spent = 0;
        for n in 1..=CALLS {
            // A subject of its own each: nothing is in its way.
            let subject = n + CALLS * (1 + operation as usize);
            let begun = waited()?;
            let held = issue(strategy, subject, at).await?;
            let issued = waited()?;
            match operation {
                Operation::Issue => {}
                Operation::Refresh => {
                    strategy.refresh(&held.present(), at).await?;
                }
                Operation::Revoke => {
                    strategy
                        .revoke(&Scope::Presented(held.present()), at)
                        .await?;
                }
                Operation::Authenticate | Operation::AuthenticateMiss => {
                    let presented = Presented::access(held.access.expose());
                    strategy.authenticate(&presented, at).await?;
                }
            }
            let begun = if operation == Operation::Issue {
                begun
            } else {
                issued
            };
            spent += waited()? - begun;
        }
        let metric = format!("{}_store_round_trips", operation.label());
        figures.push(figure(&case.name, metric, super::mean(spent)));
    }
    Ok(figures)
}

async fn once(opened: &Opened, ground: &Ground, offer: RefreshOffer) -> Result<()> {
    let (strategy, at) = (&**opened.strategy(), ground.at());
    let held = issue(strategy, 0, at).await?;
    let presented = Presented::access(held.access.expose());
    strategy.authenticate(&presented, at).await?;
    if offer != RefreshOffer::None {
        strategy.refresh(&held.present(), at).await?;
    }
    strategy
        .revoke(&Scope::Presented(held.present()), at)
        .await?;
    Ok(())
}
