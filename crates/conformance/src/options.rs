//! How a run is bounded.

use std::collections::BTreeMap;
use std::time::Duration;

/// How a run is bounded, and which checks it makes.
#[derive(Clone, Debug)]
pub struct Options {
    /// Identifiers (`JWT-001`) or groups (`JWT`) of the checks to make; all if
    /// empty.
    pub only: Vec<String>,
    /// Checks that are not made, with the reason.
    pub skip: BTreeMap<String, String>,
    /// Only checks that are quick.
    pub quick: bool,
    /// What random choices begin with.
    pub seed: u64,
    /// Samples of a statistical check.
    pub samples: u32,
    /// The longest that a check waits for the target's time to pass.
    pub max_wait: Duration,
    /// The longest that one check may take.
    pub check_timeout: Duration,
    /// The longest that one request may take.
    pub request_timeout: Duration,
    /// Requests a second, at most; no bound if none.
    pub rate_per_s: Option<u32>,
    /// Rounds of a race.
    pub rounds: u32,
    /// Requests that race each other.
    pub racers: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            only: Vec::new(),
            skip: BTreeMap::new(),
            quick: false,
            seed: 1,
            samples: 10_000,
            max_wait: Duration::from_secs(30),
            check_timeout: Duration::from_secs(120),
            request_timeout: Duration::from_secs(20),
            rate_per_s: None,
            rounds: 8,
            racers: 12,
        }
    }
}

impl Options {
    /// Whether `only` lets the check through.
    #[must_use]
    pub fn picks(&self, id: &str) -> bool {
        let group = id.split('-').next().unwrap_or(id);
        self.only.is_empty()
            || self
                .only
                .iter()
                .any(|one| one.eq_ignore_ascii_case(id) || one.eq_ignore_ascii_case(group))
    }
}
