//! What `gate.toml` says.

mod exception;
mod written;

use std::collections::BTreeSet;
use std::path::Path;

use authbench_conf::ConfError;
use authbench_results::MetricClass;
use serde::Serialize;

use written::Written;

pub use exception::Exception;

/// The rules of a gate. Every field is within the bounds that it tells, unless
/// somebody set it by hand; [`Rules::parse`] says which bound a file breaks,
/// where, and what to do about it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Rules {
    /// The probability of a false alarm that is accepted in each class: 0.001
    /// to 0.2, and no less than one in `2^blocks`.
    pub alpha: f64,
    /// The probability with which the smallest visible effect would have been
    /// seen: 0.5 to 0.99.
    pub power: f64,
    /// Blocks of each strategy: 6 to 20.
    pub blocks: u32,
    /// Fresh blocks in which a red result must recur: 6 to 20.
    pub confirm_blocks: u32,
    /// Milliseconds of load before a side is measured in a block: 0 to 60,000.
    pub warmup_ms: u32,
    /// Milliseconds of each measurement: 5 to 60,000.
    pub segment_ms: u32,
    /// How often, in a block, all sides are measured in an order and its mirror
    /// image: 1 to 100.
    pub palindromes: u32,
    /// Connections: 1 to 1,024.
    pub connections: u32,
    /// Users, each with a login of its own: 1 to 1,000,000.
    pub users: u32,
    /// The most arrivals per second, whatever the base could take: 1 to
    /// 1,000,000.
    pub rate_per_s_max: u32,
    /// Arrivals in percent of what the base takes at saturation: 1 to 50.
    pub load_percent: u32,
    /// The smallest visible effect, percent, from which on an inconclusive
    /// result means that the machine was too noisy: above 0, up to 100.
    pub blind_percent: f64,
    /// The classes without which there is no verdict; at least one.
    pub required: BTreeSet<MetricClass>,
    /// The scenario that gives strategies and mix: the name of one that comes
    /// with the program, or a file.
    pub scenario: String,
    /// Whether strategies take part whose store is a server process of its
    /// own. Where there are few cores, that process shares the core of the
    /// server that is measured.
    pub with_services: bool,
    /// How much worse a metric may be where no exception says otherwise.
    pub budgets: Budgets,
    /// Budgets of single metrics or strategies, no two for the same.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exceptions: Vec<Exception>,
}

impl Rules {
    /// Reads the rules from a file.
    ///
    /// # Errors
    /// [`ConfError`] with file, line and column.
    pub fn read(path: &Path) -> Result<Self, ConfError> {
        authbench_conf::read::<Written>(path)?.checked(path)
    }

    /// Reads the rules from text; `file` is named in errors. What the text
    /// leaves out is as in [`Rules::default`].
    ///
    /// # Errors
    /// [`ConfError`] with file, line and column.
    pub fn parse(file: &Path, text: &str) -> Result<Self, ConfError> {
        authbench_conf::parse::<Written>(file, text)?.checked(file)
    }

    /// All of it, as text that [`Rules::parse`] reads as the same rules.
    ///
    /// # Panics
    /// Never: nothing in it is beyond TOML.
    #[must_use]
    pub fn resolved(&self) -> String {
        toml::to_string(self).expect("numbers, names and lists of them are TOML")
    }

    /// How much worse a metric of a strategy may be. Of the exceptions that
    /// match, the most specific one counts: first by its strategy, then by its
    /// metric; a full name is more specific than a beginning, and a long
    /// beginning more than a short one.
    #[must_use]
    pub fn budget(&self, strategy: &str, metric: &str, class: MetricClass) -> Budget {
        let exception = self
            .exceptions
            .iter()
            .filter(|it| it.matches(strategy, metric))
            .max_by_key(|it| it.specificity());
        match exception {
            Some(exception) => Budget {
                percent: exception.percent,
                reason: Some(exception.reason.clone()),
            },
            None => Budget {
                percent: self.budgets.of(class),
                reason: None,
            },
        }
    }
}

impl Default for Rules {
    /// The rules where there is no `gate.toml`.
    fn default() -> Self {
        Self {
            alpha: 0.05,
            power: 0.8,
            blocks: 12,
            confirm_blocks: 8,
            warmup_ms: 40,
            segment_ms: 20,
            palindromes: 5,
            connections: 16,
            users: 200,
            rate_per_s_max: 20_000,
            load_percent: 45,
            blind_percent: 10.0,
            required: [MetricClass::Exact, MetricClass::Cpu].into(),
            scenario: "quick".to_owned(),
            with_services: false,
            budgets: Budgets::default(),
            exceptions: Vec::new(),
        }
    }
}

/// How much worse, in percent, a metric of each class may be: 0 to 99.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Budgets {
    /// Of what is counted and the same in every run.
    pub exact: f64,
    /// Of instructions.
    pub instructions: f64,
    /// Of the server's CPU time per request.
    pub cpu: f64,
    /// Of times that a user feels.
    pub wall: f64,
}

impl Budgets {
    /// That of a class.
    #[must_use]
    pub const fn of(&self, class: MetricClass) -> f64 {
        match class {
            MetricClass::Exact => self.exact,
            MetricClass::Instructions => self.instructions,
            MetricClass::Cpu => self.cpu,
            MetricClass::Wall => self.wall,
        }
    }
}

impl Default for Budgets {
    fn default() -> Self {
        Self {
            exact: 0.0,
            instructions: 2.0,
            cpu: 5.0,
            wall: 10.0,
        }
    }
}

/// How much worse a metric of a strategy may be.
#[derive(Clone, Debug, PartialEq)]
pub struct Budget {
    /// In percent of the base.
    pub percent: f64,
    /// Why it is not that of its class; none if it is.
    pub reason: Option<String>,
}

#[cfg(test)]
mod tests;
