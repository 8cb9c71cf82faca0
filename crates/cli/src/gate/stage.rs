//! What a comparison stands on: the same for its pilot and all its rounds.

use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context as _, Result};
use authbench_gate::Rules;
use authbench_load::{LoadPoint, Routing, Scenario, Warmup};

use crate::gate::control::Control;
use crate::gate::progress::Progress;
use crate::run::candidate::Candidate;
use crate::run::served::Grounds;

/// Milliseconds of load at the beginning of each measurement that do not
/// count: connections are opened in them.
const SETTLE_MS: u64 = 5;

/// What a comparison stands on.
pub(crate) struct Stage<'s> {
    /// Cores and services.
    pub(crate) grounds: &'s Grounds<'s>,
    /// Whose mix and arrivals are taken.
    pub(crate) scenario: &'s Scenario,
    /// The strategies that can be measured here.
    pub(crate) candidates: &'s [Candidate],
    /// How often, how long, with how many users.
    pub(crate) rules: &'s Rules,
    /// The frozen control workload.
    pub(crate) control: &'s Control,
    /// From which everything random follows.
    pub(crate) seed: u64,
    /// Set by Ctrl-C.
    pub(crate) stop: &'s AtomicBool,
    pub(crate) progress: &'s Progress,
}

impl Stage<'_> {
    /// The candidate of this name.
    pub(crate) fn candidate(&self, strategy: &str) -> Result<&Candidate> {
        let mut candidates = self.candidates.iter();
        candidates
            .find(|candidate| candidate.name() == strategy)
            .with_context(|| format!("the strategy `{strategy}` is not among those compared"))
    }

    /// Whether the user wants to stop.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }

    /// The scenario's load at this rate, for so long.
    pub(crate) fn point(&self, rate_per_s: u32, measure_ms: u64, seed: u64) -> LoadPoint {
        LoadPoint {
            connections: self.rules.connections,
            warmup: Warmup::fixed(SETTLE_MS),
            measure_ms: measure_ms.max(1),
            blocks: 1,
            routing: Routing::Sticky,
            seed,
            ..self.scenario.point_at(f64::from(rate_per_s), 0)
        }
    }
}
