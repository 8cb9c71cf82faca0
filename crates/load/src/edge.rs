//! Readings at the two ends of a measured stretch of time.

use crate::progress::Probe;

/// What is read at one end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Edge {
    at_ns: u64,
    idle_ns: u64,
    driver_cpu_ns: u64,
    /// What the probe said.
    pub(crate) probe_ns: Option<u64>,
}

/// What the driver did between two edges.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Stretch {
    /// How long it was.
    pub(crate) duration_ns: u64,
    /// Time that was not idle.
    pub(crate) busy_ns: u64,
    /// CPU time of this thread.
    pub(crate) driver_cpu_ns: u64,
}

impl Edge {
    /// Reads everything at `at_ns` on the monotonic clock, which is now.
    /// `idle_ns` is what the engine says.
    pub(crate) fn read(at_ns: u64, idle_ns: u64, probe: &mut dyn Probe) -> Self {
        Self {
            at_ns,
            idle_ns,
            driver_cpu_ns: thread_cpu_ns(),
            probe_ns: probe.read(),
        }
    }

    /// What lies between `start` and this.
    pub(crate) fn since(&self, start: &Self) -> Stretch {
        let duration_ns = self.at_ns.saturating_sub(start.at_ns);
        let idle_ns = self.idle_ns.saturating_sub(start.idle_ns);
        Stretch {
            duration_ns,
            busy_ns: duration_ns.saturating_sub(idle_ns),
            driver_cpu_ns: self.driver_cpu_ns.saturating_sub(start.driver_cpu_ns),
        }
    }
}

fn thread_cpu_ns() -> u64 {
    let used = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    used.tv_sec.unsigned_abs() * 1_000_000_000 + used.tv_nsec.unsigned_abs()
}
