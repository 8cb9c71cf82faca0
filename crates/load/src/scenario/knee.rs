//! The search for the highest rate that a strategy carries.

use authbench_conf::{ConfError, Located};
use serde::{Deserialize, Serialize};

use super::check::Check;
use super::default;

/// How the highest rate under an objective is sought, and at which parts of it
/// is then measured.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct KneeSearch {
    /// Milliseconds that the 99th percentile of the response time of reads
    /// must not exceed: more than 0, up to 600,000.
    pub slo_ms_p99: Located<f64>,
    /// The first rate that is tried, per second: 1 to 1,000,000.
    #[serde(default = "default::knee_from_per_s")]
    pub from_per_s: Located<u32>,
    /// The highest rate that is tried, per second: `from_per_s` to 1,000,000.
    #[serde(default = "default::knee_to_per_s")]
    pub to_per_s: Located<u32>,
    /// Milliseconds of each try: 100 to 600,000.
    #[serde(default = "default::knee_try_ms")]
    pub try_ms: Located<u64>,
    /// How near, in percent, the rates lie between which the knee is at last:
    /// 1 to 50.
    #[serde(default = "default::knee_precision_percent")]
    pub precision_percent: Located<u32>,
    /// Percent of the knee at which is then measured, ascending: 1 to 100.
    #[serde(default = "default::knee_fractions")]
    pub fractions_percent: Located<Vec<Located<u32>>>,
}

impl KneeSearch {
    pub(super) fn validate(&self, check: &Check<'_>) -> Result<(), ConfError> {
        let slo = &self.slo_ms_p99;
        if !(slo.value > 0.0 && slo.value <= 600_000.0) {
            return Err(check.fault(
                slo,
                format!("`slo_ms_p99`: {slo} is not above 0 and up to 600000"),
            ));
        }
        check.within(&self.from_per_s, "`from_per_s`", 1, 1_000_000)?;
        let from = u64::from(self.from_per_s.value);
        check.within(&self.to_per_s, "`to_per_s`", from, 1_000_000)?;
        check.within(&self.try_ms, "`try_ms`", 100, 600_000)?;
        check.within(&self.precision_percent, "`precision_percent`", 1, 50)?;
        let fractions = &self.fractions_percent;
        if fractions.value.is_empty() {
            return Err(check.fault(fractions, "give at least one fraction of the knee"));
        }
        for fraction in &fractions.value {
            check.within(fraction, "a fraction in percent", 1, 100)?;
        }
        check.ascending(&fractions.value, "fractions")
    }
}
