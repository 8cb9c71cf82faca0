//! What a check is: its rule as data, and how it is tried.

use std::future::Future;
use std::pin::Pin;

use authbench_results::{Level, Severity};
use authbench_wire::Operation;
use authbench_wire::profile::Family;

use crate::hooks::Door;
use crate::stop::Stop;
use crate::trial::Trial;

/// One conformance check.
pub struct Check {
    /// Its stable identifier: the group, a dash, three digits.
    pub id: &'static str,
    /// The rule in one sentence, without its level.
    pub statement: &'static str,
    /// How binding the rule is (RFC 2119).
    pub level: Level,
    /// How bad a breach is.
    pub severity: Severity,
    /// The kinds of strategy that the rule is about; all if empty.
    pub families: &'static [Family],
    /// How the target is looked at.
    pub seen_by: &'static [Eye],
    /// The operations without which nothing can be said.
    pub operations: &'static [Operation],
    /// The doors without which nothing can be said. Those that single cases
    /// need are asked for where the case is tried.
    pub doors: &'static [Door],
    /// The clauses that the rule comes from.
    pub clauses: &'static [&'static str],
    /// The weaknesses that a breach is (MITRE CWE).
    pub cwe: &'static [u16],
    /// How to mend a breach, in a sentence or two.
    pub mend: &'static str,
    /// What it costs to try.
    pub cost: Cost,
    /// Tries it.
    pub run: for<'t> fn(&'t Trial<'t>) -> CheckFuture<'t>,
}

/// A check under way: its cases are told to the [`Trial`]; [`Stop`] ends it
/// before its end.
pub type CheckFuture<'t> = Pin<Box<dyn Future<Output = Result<(), Stop>> + Send + 't>>;

/// How a target is looked at.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Eye {
    /// Over HTTP.
    Http,
    /// Over HTTP, on two replicas.
    TwoReplicas,
    /// By breaking something.
    Fault,
    /// By stepping clocks, or waiting.
    Clock,
    /// By a listener that the target must not call.
    Listener,
    /// By looking into the store.
    Store,
    /// By reading the log.
    Logs,
    /// By a model of what a browser's cookie jar keeps.
    Jar,
    /// By test vectors, in process.
    Vectors,
    /// In process.
    InProcess,
    /// By statistics.
    Statistics,
}

/// What a check costs to try.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Cost {
    /// Some hundred requests at most, and no waiting: such checks also stand
    /// before every measurement.
    Quick,
    /// Thousands of requests, waiting, or faults.
    Slow,
}

impl Check {
    /// The group: what stands before the dash of the identifier.
    #[must_use]
    pub fn group(&self) -> &'static str {
        self.id.split('-').next().unwrap_or(self.id)
    }

    /// Whether the rule is about a target of these kinds.
    #[must_use]
    pub fn is_about(&self, families: &[Family]) -> bool {
        self.families.is_empty() || self.families.iter().any(|one| families.contains(one))
    }
}

impl std::fmt::Debug for Check {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Check")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl Eye {
    /// As it stands in lists.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Http => "HTTP",
            Self::TwoReplicas => "two replicas",
            Self::Fault => "faults",
            Self::Clock => "clock",
            Self::Listener => "listener",
            Self::Store => "store",
            Self::Logs => "logs",
            Self::Jar => "jar model",
            Self::Vectors => "vectors",
            Self::InProcess => "in process",
            Self::Statistics => "statistics",
        }
    }
}
