//! Figures of a strategy that are the same in every run over the same code.
//! What an allocator counts is not here but in the bench itself, since whoever
//! counts replaces the allocator of the whole program.

mod deadlines;
mod round_trips;
mod wire;

use anyhow::{Context as _, Result};
use authbench_core::{Credentials, DynStrategy, StrategyError, Subject, SubjectId, UnixMs};
use authbench_results::{CountedFigure, MetricClass};

use crate::cases::Case;
use crate::fixed::{CALLS, Operation, Prepared};
use crate::ground::Ground;

pub use deadlines::accepted_after_deadlines;
pub use round_trips::{knows_round_trips, round_trips};
pub use wire::wire_bytes;

/// Roles of the subject whose credentials are measured.
const ROLES: usize = 5;

/// A figure of the class `exact`.
#[must_use]
pub fn figure(strategy: &str, metric: impl Into<String>, value: f64) -> CountedFigure {
    CountedFigure {
        class: MetricClass::Exact,
        strategy: strategy.to_owned(),
        metric: metric.into(),
        value,
    }
}

/// Octets of the credentials of a subject with five roles: `token_bytes` of the
/// access credential and, where there is such a token, `refresh_token_bytes`.
///
/// # Errors
/// When the strategy cannot be had or gives no credentials.
pub fn credential_bytes(case: &Case) -> Result<Vec<CountedFigure>> {
    let ground = Ground::fixed()?;
    let opened = ground.open_stand_in(case)?;
    let issued = issue(&**opened.strategy(), 0, ground.at());
    let held = ground.runtime().block_on(issued)?;
    let bytes = |text: &str| text.len() as f64;
    let access = figure(&case.name, "token_bytes", bytes(held.access.expose()));
    let refresh = held.refresh.iter();
    let refresh =
        refresh.map(|token| figure(&case.name, "refresh_token_bytes", bytes(token.expose())));
    Ok(std::iter::once(access).chain(refresh).collect())
}

/// How often a store is asked in each operation, on average:
/// `authenticate_store_operations` and the like. Nothing for a strategy without
/// a store. A table in memory stands in for a store that needs a server: how
/// often it is asked does not depend on that.
///
/// # Errors
/// When the strategy cannot be had, or does not do what it must.
pub fn store_operations(case: &Case) -> Result<Vec<CountedFigure>> {
    if case.is_stateless() {
        return Ok(Vec::new());
    }
    let mut figures = Vec::new();
    for operation in operations_of(case)? {
        let prepared = Prepared::new(Ground::fixed()?.metered(), case, operation)?;
        let (before, _) = prepared.opened().store_counts();
        for n in 0..CALLS {
            prepared.finish(n)?;
        }
        let (after, _) = prepared.opened().store_counts();
        let metric = format!("{}_store_operations", operation.label());
        figures.push(figure(&case.name, metric, mean(after - before)));
    }
    Ok(figures)
}

/// The operations that `case` has.
///
/// # Errors
/// When the strategy cannot be had.
pub fn operations_of(case: &Case) -> Result<Vec<Operation>> {
    let offer = Ground::fixed()?
        .open_stand_in(case)?
        .strategy()
        .guarantees()
        .refresh;
    let all = Operation::ALL.into_iter();
    Ok(all.filter(|it| it.is_of(offer)).collect())
}

fn mean(total: u64) -> f64 {
    total as f64 / CALLS as f64
}

async fn issue(strategy: &dyn DynStrategy, n: usize, at: UnixMs) -> Result<Credentials> {
    let names: Vec<String> = (0..ROLES).map(|n| format!("project-{n:04}:edit")).collect();
    let subject = Subject {
        id: SubjectId::new(&format!("acct-{n:08}")),
        roles: names.iter().map(String::as_str).collect(),
    };
    let issued: Result<_, StrategyError> = strategy.issue(&subject, at).await;
    let granted = issued.context("a login failed")?.granted();
    granted.context("a login is one too many")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::cases::distinct;

    /// One without a store, one in memory with refreshing, one whose store
    /// would need a server.
    const NAMES: [&str; 3] = ["jwt.hs256", "jwt-refresh.memory", "session.redis"];

    fn all() -> Result<Vec<CountedFigure>> {
        let mut figures = Vec::new();
        let mut cases = 0;
        for case in distinct() {
            if NAMES.contains(&case.name.as_str()) {
                figures.extend(credential_bytes(&case)?);
                figures.extend(store_operations(&case)?);
                figures.push(accepted_after_deadlines(&case)?);
                figures.extend(wire_bytes(&case.recipe)?);
                cases += 1;
            }
        }
        assert_eq!(cases, NAMES.len());
        Ok(figures)
    }

    #[test]
    fn figures_are_unique_and_the_same_each_time() {
        let figures = all().unwrap();
        assert_eq!(all().unwrap(), figures);
        let names = figures.iter().map(|it| (&*it.strategy, &*it.metric));
        let names: BTreeSet<_> = names.collect();
        assert_eq!(names.len(), figures.len());
        for metric in ["refresh_token_bytes", "refresh_store_operations"] {
            assert!(names.contains(&("jwt-refresh.memory", metric)), "{metric}");
        }
        assert!(names.contains(&("session.redis", "authenticate_store_operations")));
        assert!(!names.contains(&("jwt.hs256", "authenticate_store_operations")));
    }
}
