//! How quiet the machine was: differences of what the kernel counts.

use std::fs;
use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How quiet the machine was over a span, and whether the driver kept up.
/// Null where the kernel does not say.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Health {
    /// Milliseconds of CPU that the hypervisor gave to others, all cores
    /// together.
    pub steal_ms: Option<u64>,
    /// The same as a fraction of what all cores had, 0 to 1.
    pub steal_fraction: Option<f64>,
    /// Milliseconds in which some task waited for a CPU (pressure stall
    /// information).
    pub cpu_pressure_some_ms: Option<u64>,
    /// CPU time of processes that do not belong to the run on the cores of
    /// server and driver: the worse of the two, as a fraction of what those
    /// cores had, 0 to 1. Over all cores where nothing is pinned. Good to
    /// about a hundredth of a second, since the kernel counts cores in ticks;
    /// negative noise is given as 0. Of a run the worst of its cells.
    pub foreign_cpu_fraction: Option<f64>,
    /// 99th percentile of how late the driver sent, nanoseconds; of a run the
    /// worst of its cells.
    pub lag_ns_p99: Option<u64>,
    /// CPU time of the driver as a fraction of what its cores had, 0 to 1; of
    /// a run the worst of its cells.
    pub driver_utilisation_fraction: Option<f64>,
    /// How far the frozen control workload was from its own median at worst,
    /// as a fraction of it. Null if no control was run.
    pub control_drift_fraction: Option<f64>,
}

/// The kernel's counters at one instant.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    cores: Vec<CoreTicks>,
    ticks_per_s: u64,
    pressure_some_us: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct CoreTicks {
    busy: u64,
    idle: u64,
    steal: u64,
}

impl Snapshot {
    /// Reads `/proc/stat` and `/proc/pressure/cpu`. What is not there is left
    /// out.
    #[must_use]
    pub fn take() -> Self {
        Self::take_below(Path::new("/"))
    }

    fn take_below(root: &Path) -> Self {
        let read = |path| fs::read_to_string(root.join(path)).unwrap_or_default();
        Self {
            cores: read("proc/stat").lines().filter_map(core_ticks).collect(),
            ticks_per_s: rustix::param::clock_ticks_per_second(),
            pressure_some_us: pressure_some_us(&read("proc/pressure/cpu")),
        }
    }

    /// How quiet it was from this snapshot to `later`. `own_cpu_ns` is the
    /// CPU time of everything that belongs to the run (server, driver,
    /// services, this program) in between; without it the CPU of others is
    /// unknown. The driver's own figures are left to the caller.
    #[must_use]
    pub fn until(&self, later: &Self, own_cpu_ns: Option<u64>) -> Health {
        let comparable =
            !self.cores.is_empty() && self.cores.len() == later.cores.len() && self.ticks_per_s > 0;
        let total = |ticks: fn(&CoreTicks) -> u64| -> Option<u64> {
            let sum = |snapshot: &Self| snapshot.cores.iter().map(ticks).sum::<u64>();
            comparable.then(|| sum(later).saturating_sub(sum(self)))
        };
        let steal = total(|core| core.steal);
        let busy = total(|core| core.busy);
        let all = total(|core| core.busy + core.idle + core.steal);
        Health {
            steal_ms: steal.map(|ticks| ticks.saturating_mul(1000) / self.ticks_per_s),
            steal_fraction: steal
                .zip(all)
                .and_then(|(steal, all)| (all > 0).then(|| steal as f64 / all as f64)),
            cpu_pressure_some_ms: self
                .pressure_some_us
                .zip(later.pressure_some_us)
                .map(|(before, after)| after.saturating_sub(before) / 1000),
            foreign_cpu_fraction: own_cpu_ns.zip(busy.zip(all)).and_then(
                |(own_ns, (busy, all))| {
                    let own_ticks = own_ns as f64 / 1e9 * self.ticks_per_s as f64;
                    (all > 0).then(|| ((busy as f64 - own_ticks) / all as f64).clamp(0.0, 1.0))
                },
            ),
            ..Health::default()
        }
    }

    /// How busy each core was from this snapshot to `later`, 0 to 1, in the
    /// kernel's order. Empty if the two cannot be compared.
    #[must_use]
    pub fn core_utilisation(&self, later: &Self) -> Vec<f64> {
        if self.cores.len() != later.cores.len() {
            return Vec::new();
        }
        self.cores
            .iter()
            .zip(&later.cores)
            .map(|(before, after)| {
                let busy = after.busy.saturating_sub(before.busy);
                let rest = (after.idle + after.steal).saturating_sub(before.idle + before.steal);
                let all = busy + rest;
                if all == 0 {
                    0.0
                } else {
                    busy as f64 / all as f64
                }
            })
            .collect()
    }
}

/// A `cpuN` line: user, nice, system, idle, iowait, irq, softirq, steal, in
/// ticks; guest time is part of user time. The sum line `cpu` is left out.
fn core_ticks(line: &str) -> Option<CoreTicks> {
    let (name, counts) = line.split_once(' ')?;
    name.strip_prefix("cpu")?.parse::<u32>().ok()?;
    let ticks: Vec<u64> = counts
        .split_whitespace()
        .map_while(|n| n.parse().ok())
        .collect();
    let [user, nice, system, idle, iowait, irq, softirq, steal, ..] = ticks[..] else {
        return None;
    };
    let sum = |parts: &[u64]| {
        parts
            .iter()
            .fold(0_u64, |sum, part| sum.saturating_add(*part))
    };
    let busy = sum(&[user, nice, system, irq, softirq]);
    Some(CoreTicks {
        busy,
        idle: sum(&[idle, iowait]),
        steal,
    })
}

/// `some avg10=0.00 avg60=0.00 avg300=0.00 total=<microseconds>`
fn pressure_some_us(text: &str) -> Option<u64> {
    let line = text.lines().find(|line| line.starts_with("some "))?;
    line.rsplit_once("total=")?.1.parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn snapshot(stat: &str, pressure: &str) -> Snapshot {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("proc/pressure")).unwrap();
        fs::write(root.path().join("proc/stat"), stat).unwrap();
        fs::write(root.path().join("proc/pressure/cpu"), pressure).unwrap();
        Snapshot {
            ticks_per_s: 100,
            ..Snapshot::take_below(root.path())
        }
    }

    #[test]
    fn differences_by_hand() {
        let before = snapshot(
            "cpu  9 9 9 9 9 9 9 9 0 0\ncpu0 100 0 0 900 0 0 0 0 0 0\ncpu1 0 0 0 1000 0 0 0 5 0 0\nintr 5\n",
            "some avg10=0.00 avg60=0.00 avg300=0.00 total=1000\nfull avg10=0 total=0\n",
        );
        let after = snapshot(
            "cpu  9 9 9 9 9 9 9 9 0 0\ncpu0 150 5 5 940 0 0 0 0 0 0\ncpu1 0 0 20 1060 10 0 0 15 0 0\nintr 6\n",
            "some avg10=0.00 avg60=0.00 avg300=0.00 total=31000\n",
        );
        let health = before.until(&after, Some(300_000_000));
        assert_eq!(health.steal_ms, Some(100));
        assert_eq!(health.cpu_pressure_some_ms, Some(30));
        // 80 ticks busy, 30 of them ours, of 200.
        assert_eq!(health.foreign_cpu_fraction, Some(0.25));
        assert_eq!(before.core_utilisation(&after), [0.6, 0.2]);
        assert_eq!(before.until(&after, None).foreign_cpu_fraction, None);
    }

    #[test]
    fn what_the_kernel_does_not_say_is_unknown() {
        let nothing = snapshot("", "");
        assert_eq!(nothing.until(&nothing, Some(1)), Health::default());
    }

    #[test]
    fn this_machine_can_be_read() {
        let now = Snapshot::take();
        assert_eq!(
            now.until(&now, Some(0)).steal_ms.is_some(),
            !now.cores.is_empty()
        );
    }

    proptest! {
        #[test]
        fn any_text_is_survived(stat in "(cpu[0-9]? [0-9 ]{0,60}\n){0,3}", pressure in ".{0,40}") {
            prop_assert!(pressure_some_us(&pressure).is_none() || pressure.contains("total="));
            for line in stat.lines() {
                let _ = core_ticks(line);
            }
        }
    }
}
