//! Nothing may be accepted after the instant that a strategy has named.

use anyhow::{Context as _, Result, bail};
use authbench_core::{
    Credentials, Decision, DynStrategy, Guarantees, Presented, RefreshOffer, Refreshed, Scope,
    SubjectId, UnixMs,
};
use authbench_results::CountedFigure;

use super::{figure, issue};
use crate::cases::Case;
use crate::ground::Ground;

/// How long after a deadline credentials are presented, milliseconds.
const LATE_MS: [u64; 4] = [0, 1, 1_000, 60_000];

/// Milliseconds from the logins to what ends them.
const LATER_MS: u64 = 2_000;

/// The figure `accepted_after_deadline_count`: in a small history on two nodes
/// of one store, how often a credential was accepted after the deadline of
/// what ended it: the end of one login, of all of a subject's, a swap, and its
/// expiry. Each node has seen the credential before, so what a node remembers
/// counts.
///
/// # Errors
/// When the strategy cannot be had, or gives no judgement.
pub fn accepted_after_deadlines(case: &Case) -> Result<CountedFigure> {
    let mut accepted = 0;
    for end in [End::Login, End::Subject, End::Swap, End::Expiry] {
        accepted += of(case, end)?;
    }
    let metric = "accepted_after_deadline_count";
    Ok(figure(&case.name, metric, f64::from(accepted)))
}

/// What ends a login.
#[derive(Clone, Copy, Debug)]
enum End {
    Login,
    Subject,
    Swap,
    Expiry,
}

fn of(case: &Case, end: End) -> Result<u32> {
    let ground = Ground::fixed()?;
    let clock = ground.clock().context("the clock runs")?;
    let opened = ground.open_stand_in(case)?;
    ground.runtime().block_on(async {
        let other = opened.another_node().await?;
        let nodes = [&**opened.strategy(), &*other.strategy];
        let promised = nodes[0].guarantees();
        let begun = ground.at();
        let held = issue(nodes[0], 1, begun).await?;
        for node in nodes {
            if !accepts(node, &held, begun).await? {
                bail!("{}: a fresh credential is refused", case.name);
            }
        }
        let at = begun.plus_ms(LATER_MS);
        clock.set(at);
        let Some(deadline) = deadline(end, nodes[0], &held, promised, at).await? else {
            return Ok(0);
        };
        let mut accepted = 0;
        for late_ms in LATE_MS {
            let at = deadline.plus_ms(late_ms);
            clock.set(at);
            for node in nodes {
                accepted += u32::from(accepts(node, &held, at).await?);
            }
        }
        Ok(accepted)
    })
}

/// Ends the login at `at`, and says from which instant on its credential must be
/// refused; none if it cannot be ended so.
async fn deadline(
    end: End,
    node: &dyn DynStrategy,
    held: &Credentials,
    promised: Guarantees,
    at: UnixMs,
) -> Result<Option<UnixMs>> {
    let revoke = async |scope| Ok(Some(node.revoke(&scope, at).await?.effective_from));
    match end {
        End::Login => revoke(Scope::Presented(held.present())).await,
        End::Subject => revoke(Scope::Subject(&SubjectId::new("acct-00000001"))).await,
        End::Swap if promised.refresh == RefreshOffer::SwapsAccess => {
            match node.refresh(&held.present(), at).await? {
                // As after a revocation of one login.
                Refreshed::Renewed(_) => Ok(Some(match promised.revoke_one {
                    authbench_core::Staleness::Immediate => at,
                    authbench_core::Staleness::WithinMs(ms) => at.plus_ms(ms),
                    authbench_core::Staleness::UntilExpiry => held.expires_at,
                })),
                other => bail!("a swap is refused: {other:?}"),
            }
        }
        End::Swap => Ok(None),
        End::Expiry => Ok(Some(held.expires_at.plus_ms(promised.expiry_slack_ms))),
    }
}

async fn accepts(node: &dyn DynStrategy, held: &Credentials, at: UnixMs) -> Result<bool> {
    let presented = Presented::access(held.access.expose());
    let decision = node.authenticate(&presented, at).await?;
    Ok(matches!(decision, Decision::Accepted(_)))
}
