//! How often requests arrive.

use std::path::PathBuf;

use authbench_conf::{ConfError, Located};
use serde::{Deserialize, Serialize};

use super::check::Check;
use super::default;
use crate::schedule::Spacing;

/// How often requests arrive.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Load {
    /// Who or what decides when a request is sent.
    pub process: Process,
    /// Arrivals per second, one load point each, ascending: 1 to 1,000,000.
    /// For open loops without `[[phases]]` and without `[knee]` only.
    #[serde(default)]
    pub rates_per_s: Located<Vec<Located<u32>>>,
    /// With `process = "replay"`: the file with the recorded arrivals, seen
    /// from the scenario's folder. One arrival a line: seconds since the start
    /// as a decimal number, ascending; `#` begins a comment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arrivals: Option<Located<PathBuf>>,
    /// With `process = "closed"`: mean milliseconds that a user thinks between
    /// an answer and the next request, exponentially distributed: 0 to
    /// 3,600,000.
    #[serde(default)]
    pub think_ms: Located<f64>,
    /// Keep-alive connections, over all replicas: 1 to 10,000, at most one per
    /// virtual user.
    pub connections: Located<u32>,
    /// Milliseconds of load before measuring begins: up to 600,000.
    pub warmup_ms: Located<u64>,
    /// The warm-up goes on, in stretches of `warmup_ms` (100 at least), until
    /// the medians of two of them differ by less than this many percent: 1 to
    /// 100. Absent: it ends after `warmup_ms`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warmup_until_steady_percent: Option<Located<u32>>,
    /// Milliseconds after which such a warm-up ends in any case, and it is
    /// said: up to 600,000.
    #[serde(default = "default::warmup_ms_max")]
    pub warmup_ms_max: Located<u64>,
    /// Milliseconds that are measured: 100 to 3,600,000.
    pub measure_ms: Located<u64>,
    /// Equal parts of the measured time that are sampled apart: 1 to 1,000, at
    /// least 10 ms each.
    pub blocks: Located<u32>,
    /// Milliseconds from the intended instant after which an answer comes too
    /// late; also the longest wait for stragglers: 1 to 600,000.
    pub timeout_ms: Located<u64>,
    /// Microseconds that 99 of 100 sends may be late before a cell is invalid:
    /// 1 to 1,000,000.
    #[serde(default = "default::lag_budget_us")]
    pub lag_budget_us: Located<u64>,
}

/// Who or what decides when a request is sent.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Process {
    /// A schedule, evenly spaced.
    Constant,
    /// A schedule with exponentially distributed gaps, as independent users
    /// would.
    Poisson,
    /// A recording.
    Replay,
    /// The users, each of whom waits for an answer before asking again. A
    /// server that stalls is then asked less: what it does to users does not
    /// show in its response times.
    Closed,
}

impl Process {
    /// How a schedule is spaced, if there is one.
    #[must_use]
    pub const fn spacing(self) -> Option<Spacing> {
        match self {
            Self::Constant => Some(Spacing::Even),
            Self::Poisson => Some(Spacing::Poisson),
            Self::Replay | Self::Closed => None,
        }
    }
}

impl Load {
    pub(super) fn validate(
        &self,
        virtual_users: u32,
        rates_elsewhere: Option<&str>,
        check: &Check<'_>,
    ) -> Result<(), ConfError> {
        self.rates(rates_elsewhere, check)?;
        check.within(&self.connections, "`connections`", 1, 10_000)?;
        let connections = self.connections.value;
        if connections > virtual_users {
            return Err(check.fault(
                &self.connections,
                format!(
                    "{connections} connections for {virtual_users} users: each user has one \
                     request under way at a time, so some connections would never be used; raise \
                     [population] users or lower `connections`"
                ),
            ));
        }
        check.within(&self.warmup_ms, "`warmup_ms`", 0, 600_000)?;
        check.within(&self.warmup_ms_max, "`warmup_ms_max`", 0, 600_000)?;
        if let Some(percent) = &self.warmup_until_steady_percent {
            check.within(percent, "`warmup_until_steady_percent`", 1, 100)?;
        }
        check.within(&self.measure_ms, "`measure_ms`", 100, 3_600_000)?;
        check.within(&self.blocks, "`blocks`", 1, 1_000)?;
        let (measure_ms, blocks) = (self.measure_ms.value, self.blocks.value);
        if measure_ms / u64::from(blocks) < 10 {
            return Err(check.fault(
                &self.blocks,
                format!(
                    "{blocks} blocks in {measure_ms} ms are shorter than 10 ms each, too short to \
                     read a process's CPU time; lower `blocks` or raise `measure_ms`"
                ),
            ));
        }
        check.within(&self.timeout_ms, "`timeout_ms`", 1, 600_000)?;
        check.within(&self.lag_budget_us, "`lag_budget_us`", 1, 1_000_000)
    }

    fn rates(&self, elsewhere: Option<&str>, check: &Check<'_>) -> Result<(), ConfError> {
        let rates = &self.rates_per_s;
        if !(0.0..=3_600_000.0).contains(&self.think_ms.value) {
            return Err(check.fault(&self.think_ms, "`think_ms` is not from 0 to 3600000"));
        }
        match (&self.arrivals, self.process) {
            (None, Process::Replay) => {
                return Err(check.fault(
                    rates,
                    "process = \"replay\" needs `arrivals`, the file with the recording",
                ));
            }
            (Some(file), process) if process != Process::Replay => {
                return Err(check.fault(file, "`arrivals` is for process = \"replay\" only"));
            }
            _ => {}
        }
        if self.think_ms.value > 0.0 && self.process != Process::Closed {
            return Err(check.fault(
                &self.think_ms,
                "`think_ms` is for process = \"closed\" only",
            ));
        }
        let has_schedule = self.process.spacing().is_some();
        match (rates.value.is_empty(), elsewhere) {
            (false, Some(where_)) => Err(check.fault(
                rates,
                format!("`rates_per_s` cannot stand beside {where_}, which says the rates"),
            )),
            (false, None) if !has_schedule => Err(check.fault(
                rates,
                "`rates_per_s` is for the processes \"constant\" and \"poisson\": here the users, \
                 or the recording, decide",
            )),
            (true, None) if has_schedule => Err(check.fault(
                rates,
                "give at least one rate in `rates_per_s`, or [[phases]], or [knee]",
            )),
            _ => {
                for rate in &rates.value {
                    check.rate(rate, self.measure_ms.value)?;
                }
                check.ascending(&rates.value, "rates")
            }
        }
    }
}
