//! The same load by two engines: a second opinion on the first one's counts.

use std::sync::atomic::AtomicBool;

use authbench_engine::EngineKind;

use crate::driver::Driver;
use crate::error::LoadError;
use crate::login::LoginPlan;
use crate::outcome::{Action, Kind, Tally};
use crate::point::LoadPoint;
use crate::record::CellOutcome;

/// What the same load has shown by two engines.
///
/// Arrivals, users and draws follow from the seed, and each user's answers
/// from what it did before, so both engines must have done the same and seen
/// the same. Two things depend on how fast the target was, and with them the
/// counts: a user who is still waiting when its turn comes again is replaced
/// by another, and what is renewed when it expires is renewed at another
/// instant. So the population must be large beside what is under way at a
/// time, and credentials must outlive the load. Times are put side by side and
/// decide nothing: one machine gives both, and the slower engine is no judge
/// of the faster.
#[derive(Clone, Debug)]
pub struct CrossCheck {
    /// What was checked.
    pub fast: Opinion,
    /// What it was checked against.
    pub reference: Opinion,
    /// Where the two differ, in the order of actions and kinds; warm-up
    /// included.
    pub differences: Vec<Difference>,
}

/// What one engine has seen.
#[derive(Clone, Debug)]
pub struct Opinion {
    /// The engine that was asked for.
    pub engine: EngineKind,
    /// Everything that it did, warm-up included, and what came of it.
    pub tally: Tally,
    /// Median response time of reads, nanoseconds; 0 without a read.
    pub response_ns_p50: u64,
    /// 99th percentile of it, nanoseconds.
    pub response_ns_p99: u64,
    /// 99th percentile of the send lag, nanoseconds.
    pub send_lag_ns_p99: u64,
    /// CPU time of the driver for each request, nanoseconds, spinning
    /// included.
    pub driver_cpu_ns_per_request: f64,
    /// The whole measurement.
    pub outcome: CellOutcome,
}

/// One count on which the engines do not agree.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Difference {
    /// What was done.
    pub action: Action,
    /// What came of it.
    pub kind: Kind,
    /// How often by the engine that was checked.
    pub fast: u64,
    /// How often by the other.
    pub reference: u64,
}

/// What a cross-check comes to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CrossVerdict {
    /// Every action came out as often in every way.
    Agree,
    /// The counts differ.
    Differ,
    /// At least one of the two was interrupted, left requests unanswered or
    /// answered late, or had arrivals waiting for a user or a connection: what
    /// differs may be due to that alone.
    Disturbed,
}

impl CrossCheck {
    /// Puts the two side by side.
    #[must_use]
    pub fn new(fast: Opinion, reference: Opinion) -> Self {
        let differences = Action::ALL.into_iter().flat_map(|action| {
            let of = (&fast.tally, &reference.tally);
            Kind::ALL.map(|kind| Difference {
                action,
                kind,
                fast: of.0.count(action, kind),
                reference: of.1.count(action, kind),
            })
        });
        Self {
            differences: differences
                .filter(|counts| counts.fast != counts.reference)
                .collect(),
            fast,
            reference,
        }
    }

    /// What it comes to.
    #[must_use]
    pub fn verdict(&self) -> CrossVerdict {
        if self.differences.is_empty() {
            CrossVerdict::Agree
        } else if self.fast.is_disturbed() || self.reference.is_disturbed() {
            CrossVerdict::Disturbed
        } else {
            CrossVerdict::Differ
        }
    }
}

impl Opinion {
    /// What `engine` saw in `outcome`.
    #[must_use]
    pub fn new(engine: EngineKind, outcome: CellOutcome) -> Self {
        let mut tally = outcome.tally.clone();
        tally.merge(&outcome.warmup);
        let quantile = |at| outcome.response_ns.value_at_quantile(at);
        Self {
            engine,
            response_ns_p50: quantile(0.5),
            response_ns_p99: quantile(0.99),
            send_lag_ns_p99: outcome.send_lag_ns.value_at_quantile(0.99),
            driver_cpu_ns_per_request: outcome.driver_cpu_ns as f64
                / outcome.completed.max(1) as f64,
            tally,
            outcome,
        }
    }

    fn is_disturbed(&self) -> bool {
        let late = [Kind::Unfinished, Kind::Timeout];
        self.outcome.interrupted
            || !self.outcome.wait_ns.is_empty()
            || late.into_iter().any(|kind| self.tally.of_kind(kind) > 0)
    }
}

/// Puts the target under `point`'s load by `fast` and then by `reference`,
/// which differ in their engines alone, each after the logins of `plan`, which
/// it keeps.
///
/// # Errors
/// [`LoadError`] of a login or a load that could not be made.
pub fn cross_check(
    fast: &mut Driver,
    reference: &mut Driver,
    plan: &LoginPlan<'_>,
    point: &LoadPoint,
    stop: &AtomicBool,
) -> Result<CrossCheck, LoadError> {
    let plan = LoginPlan {
        keep: true,
        ..plan.clone()
    };
    let opinion = |driver: &mut Driver| {
        driver.log_in(&plan, stop)?;
        let outcome = driver.cell(point, &mut (), &mut (), stop)?;
        Ok::<_, LoadError>(Opinion::new(driver.engine_kind(), outcome))
    };
    Ok(CrossCheck::new(opinion(fast)?, opinion(reference)?))
}
