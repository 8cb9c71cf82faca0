//! A budget of its own.

use serde::Serialize;

/// A budget of its own for metrics or strategies, and why.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Exception {
    /// Which strategies: a name, or the beginning of names and `*`.
    pub strategy: String,
    /// Which metrics, likewise.
    pub metric: String,
    /// How much worse they may be, percent: 0 to 99.
    pub percent: f64,
    /// Why; not empty.
    pub reason: String,
}

impl Exception {
    /// Whether it is about this metric of this strategy.
    #[must_use]
    pub fn matches(&self, strategy: &str, metric: &str) -> bool {
        is_match(&self.strategy, strategy) && is_match(&self.metric, metric)
    }

    /// Orders exceptions that match the same. No two do with the same
    /// specificity unless they are equal: of one name there is only one
    /// beginning of each length.
    pub(super) fn specificity(&self) -> impl Ord + use<> {
        (specificity(&self.strategy), specificity(&self.metric))
    }
}

fn is_match(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(beginning) => name.starts_with(beginning),
        None => name == pattern,
    }
}

fn specificity(pattern: &str) -> (bool, usize) {
    (!pattern.ends_with('*'), pattern.len())
}
