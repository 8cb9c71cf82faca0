//! Whether a conformance report contradicts itself.

use super::Inconsistency;
use super::rule::{instant, unique};
use crate::conformance::ConformanceReport;

impl ConformanceReport {
    /// Whether its instant can be read and each check stands in it once.
    ///
    /// # Errors
    /// [`Inconsistency`] names the first place where not.
    pub fn check(&self) -> Result<(), Inconsistency> {
        instant(&self.started_at, "started_at")?;
        unique(
            self.checks.iter().map(|check| check.id.as_str()),
            "checks",
            "a check stands twice",
        )
    }
}
