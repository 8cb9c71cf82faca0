//! The result as a file: `authbench.peers/1`, described in `docs/peers.md`.

use authbench_benches::turns::Estimate;
use authbench_results::{Environment, Source, stats};
use serde::{Deserialize, Serialize};

/// The name of the format.
pub(crate) const SCHEMA: &str = "authbench.peers/1";
/// A round in which others had a larger fraction of the machine is disturbed.
pub(crate) const DISTURBED_FRACTION: f64 = 0.05;

/// One comparison on one machine.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Comparison {
    /// [`SCHEMA`].
    pub(crate) schema: String,
    /// When it began, RFC 3339 in UTC.
    pub(crate) began_at: jiff::Timestamp,
    /// The code that was measured: `binary_sha256` is that of the program
    /// which holds our driver.
    pub(crate) source: Source,
    /// The machine; its `services` are the drivers and servers with their
    /// versions.
    pub(crate) environment: Environment,
    /// What was asked for.
    pub(crate) settings: Settings,
    /// Drivers that were not measured, or not to the end.
    pub(crate) skipped: Vec<Skipped>,
    /// CPU time per request.
    pub(crate) cost: Vec<Cost>,
    /// The reported 99th percentile at a server that stops now and then.
    pub(crate) stalls: Vec<Stalled>,
}

/// What was asked for.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    /// Keep-alive connections of each driver.
    pub(crate) connections: u32,
    /// Virtual users of our driver.
    pub(crate) users: u32,
    /// Rounds of the closed loops.
    pub(crate) rounds: u32,
    /// Seconds of one closed loop.
    pub(crate) seconds: u64,
    /// Rounds under stalls.
    pub(crate) stall_rounds: u32,
    /// Seconds under stalls.
    pub(crate) stall_seconds: u64,
    /// How long the server was to be stopped, milliseconds.
    pub(crate) stall_ms: u64,
    /// From one stop to the next, milliseconds.
    pub(crate) period_ms: u64,
}

/// A driver that was left out.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Skipped {
    /// Which.
    pub(crate) driver: String,
    /// Why, and what helps.
    pub(crate) reason: String,
}

/// What one driver cost at one server.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Cost {
    /// `reference` or `null`.
    pub(crate) server: String,
    /// Which driver.
    pub(crate) driver: String,
    /// In the order in which they were played; the nth of each driver were
    /// played next to each other.
    pub(crate) rounds: Vec<CostRound>,
    /// CPU time per request, microseconds.
    pub(crate) cpu_us_per_request: Summary,
    /// Requests per second.
    pub(crate) completed_per_s: Summary,
    /// CPU time per request as a multiple of wrk's in the same round; none
    /// without wrk.
    pub(crate) ratio_to_wrk: Option<Ratio>,
}

/// One run of one driver in a closed loop.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CostRound {
    /// Requests that were answered, with whatever status; those of the
    /// virtual users' logins among them.
    pub(crate) completed: u64,
    /// Those of them that were wrong, and requests without an answer.
    pub(crate) failed: u64,
    /// CPU time of the driver's process, user and system, from its start to
    /// its end, nanoseconds.
    pub(crate) cpu_ns: u64,
    /// From its start to its end, nanoseconds.
    pub(crate) wall_ns: u64,
    /// CPU time of the server in that time, nanoseconds.
    pub(crate) server_cpu_ns: u64,
    /// CPU time of all other processes as a fraction of what all cores had,
    /// good to a hundredth of a second; null where the kernel does not say.
    pub(crate) foreign_cpu_fraction: Option<f64>,
    /// CPU time that the hypervisor gave to others, as a fraction likewise.
    pub(crate) steal_fraction: Option<f64>,
}

/// What one driver reported of a server that stops now and then.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Stalled {
    /// Which driver, with the options that matter.
    pub(crate) driver: String,
    /// Requests per second that it was told to send.
    pub(crate) offered_per_s: u32,
    /// In the order in which they were played.
    pub(crate) rounds: Vec<StallRound>,
    /// The reported 99th percentile, milliseconds.
    pub(crate) p99_ms: Summary,
    /// The true one.
    pub(crate) truth_ms: Summary,
    /// The reported one as a multiple of the true one, round by round.
    pub(crate) ratio_to_truth: Summary,
    /// Answered requests as a fraction of those that it was told to send: a
    /// driver that waits for the server sends fewer.
    pub(crate) answered_fraction: Summary,
}

/// One run of one driver under stalls.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StallRound {
    /// Requests that it was told to send.
    pub(crate) told: u64,
    /// Requests that were answered.
    pub(crate) completed: u64,
    /// As in [`CostRound::failed`].
    pub(crate) failed: u64,
    /// How often the server was stopped.
    pub(crate) stalls: u64,
    /// How long, milliseconds, on average: what the truth is computed from.
    pub(crate) stall_ms: f64,
    /// Requests per second that the server answers in a closed loop, likewise.
    pub(crate) capacity_per_s: f64,
    /// The reported 99th percentile, milliseconds.
    pub(crate) p99_ms: f64,
    /// The true one, milliseconds.
    pub(crate) truth_ms: f64,
}

/// A median between its quartiles.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Summary {
    /// The first quartile.
    pub(crate) q1: f64,
    /// The median.
    pub(crate) median: f64,
    /// The third quartile.
    pub(crate) q3: f64,
}

/// A median ratio with its 95 % confidence interval from order statistics,
/// which takes six rounds at least.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ratio {
    /// The median.
    pub(crate) median: f64,
    /// The lower end of the interval; none of fewer than six rounds.
    pub(crate) low: Option<f64>,
    /// The upper end.
    pub(crate) high: Option<f64>,
}

impl Skipped {
    /// One that is left out, and says so on standard error.
    pub(crate) fn loudly(driver: &str, reason: String) -> Self {
        eprintln!("*** NOTE: {driver} is LEFT OUT: {reason} ***");
        Self {
            driver: driver.to_owned(),
            reason,
        }
    }
}

impl Summary {
    /// Of these values; none if there are none.
    pub(crate) fn of(values: &[f64]) -> Option<Self> {
        let (q1, q3) = stats::quartiles(values)?;
        Some(Self {
            q1,
            median: stats::median(values)?,
            q3,
        })
    }
}

impl Comparison {
    /// Whether somebody else worked on the machine in some round.
    pub(crate) fn is_disturbed(&self) -> bool {
        let rounds = self.cost.iter().flat_map(|cost| &cost.rounds);
        rounds
            .flat_map(|round| [round.foreign_cpu_fraction, round.steal_fraction])
            .flatten()
            .any(|fraction| fraction > DISTURBED_FRACTION)
    }
}

impl CostRound {
    /// CPU time per request, microseconds; not a number without a request.
    pub(crate) fn cpu_us_per_request(&self) -> f64 {
        self.cpu_ns as f64 / 1e3 / self.completed as f64
    }

    fn completed_per_s(&self) -> f64 {
        self.completed as f64 / (self.wall_ns as f64 / 1e9)
    }
}

impl Cost {
    /// Sums up the rounds of a driver beside those of wrk; none without a
    /// round.
    pub(crate) fn of(
        server: &str,
        driver: &str,
        rounds: Vec<CostRound>,
        wrk: Option<&[CostRound]>,
    ) -> Option<Self> {
        let each = |of: fn(&CostRound) -> f64| rounds.iter().map(of).collect::<Vec<f64>>();
        let cpu_us = each(CostRound::cpu_us_per_request);
        let ratio_to_wrk = wrk.map(|wrk| {
            // Round by round, so that a slow minute hurts both sides.
            let ratios: Vec<f64> = cpu_us
                .iter()
                .zip(wrk)
                .map(|(own, wrk)| own / wrk.cpu_us_per_request())
                .collect();
            let estimate = Estimate::of(&ratios);
            Ratio {
                median: estimate.value,
                low: estimate.interval.map(|it| it.0),
                high: estimate.interval.map(|it| it.1),
            }
        });
        Some(Self {
            server: server.to_owned(),
            driver: driver.to_owned(),
            cpu_us_per_request: Summary::of(&cpu_us)?,
            completed_per_s: Summary::of(&each(CostRound::completed_per_s))?,
            ratio_to_wrk,
            rounds,
        })
    }
}

impl Stalled {
    /// Sums up the rounds of a driver; none without a round.
    pub(crate) fn of(driver: &str, offered_per_s: u32, rounds: Vec<StallRound>) -> Option<Self> {
        let each =
            |of: fn(&StallRound) -> f64| Summary::of(&rounds.iter().map(of).collect::<Vec<f64>>());
        Some(Self {
            driver: driver.to_owned(),
            offered_per_s,
            p99_ms: each(|round| round.p99_ms)?,
            truth_ms: each(|round| round.truth_ms)?,
            ratio_to_truth: each(|round| round.p99_ms / round.truth_ms)?,
            answered_fraction: each(|round| round.completed as f64 / round.told as f64)?,
            rounds,
        })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn round(completed: u64, cpu_ns: u64) -> CostRound {
        CostRound {
            completed,
            failed: 0,
            cpu_ns,
            wall_ns: 2_000_000_000,
            server_cpu_ns: 1_000_000_000,
            foreign_cpu_fraction: Some(0.25),
            steal_fraction: Some(0.0),
        }
    }

    pub(crate) fn stall_round(p99_ms: f64, truth_ms: f64) -> StallRound {
        StallRound {
            told: 200,
            completed: 100,
            failed: 0,
            stalls: 10,
            stall_ms: 200.0,
            capacity_per_s: 1e5,
            p99_ms,
            truth_ms,
        }
    }

    #[test]
    fn cost_is_cpu_over_requests_and_compared_round_by_round() {
        let wrk: Vec<CostRound> = (1..=6).map(|n| round(100, n * 1_000_000)).collect();
        let own: Vec<CostRound> = (1..=6).map(|n| round(200, n * 1_000_000)).collect();
        let cost = Cost::of("null", "ours", own, Some(&wrk)).unwrap();
        assert_eq!(cost.cpu_us_per_request.median, 17.5);
        assert_eq!(cost.completed_per_s.median, 100.0);
        let ratio = cost.ratio_to_wrk.unwrap();
        assert_eq!(
            (ratio.median, ratio.low, ratio.high),
            (0.5, Some(0.5), Some(0.5))
        );
    }

    #[test]
    fn without_wrk_or_rounds_there_is_no_ratio_and_no_row() {
        let one = || vec![round(1, 1)];
        assert_eq!(
            Cost::of("null", "x", one(), None).unwrap().ratio_to_wrk,
            None
        );
        let few = Cost::of("null", "x", one(), Some(&one())).unwrap();
        assert_eq!(few.ratio_to_wrk.and_then(|ratio| ratio.low), None);
        assert_eq!(Cost::of("null", "x", Vec::new(), None), None);
        assert_eq!(Stalled::of("x", 1, Vec::new()), None);
    }
}
