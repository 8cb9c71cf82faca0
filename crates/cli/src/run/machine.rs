//! How quiet the machine is while something is measured.

use authbench_core::system::monotonic_ns;
use authbench_lab::{CoreSet, Placement, cpu};
use authbench_results::{Health, Snapshot};

/// The cores that a run measures on.
pub(crate) struct Machine<'p> {
    placement: &'p Placement,
}

/// The counters at one instant.
pub(crate) struct Look {
    snapshot: Snapshot,
    at_ns: u64,
    driver_cpu_ns: u64,
    servers_cpu_ns: Option<u64>,
}

impl<'p> Machine<'p> {
    pub(crate) const fn new(placement: &'p Placement) -> Self {
        Self { placement }
    }

    /// Whether server and driver have cores of their own, and stay there.
    pub(crate) const fn is_apart(&self) -> bool {
        self.placement.pinned && !self.placement.shared
    }

    /// Reads the counters; `servers_cpu_ns` is what the servers have used, if
    /// there are any.
    pub(crate) fn look(&self, servers_cpu_ns: Option<u64>) -> Look {
        Look {
            snapshot: Snapshot::take(),
            at_ns: monotonic_ns(),
            driver_cpu_ns: cpu::own_cpu_ns(),
            servers_cpu_ns,
        }
    }

    /// How quiet it was since `before`. Without servers nothing is measured on
    /// their cores, so what others do there is no matter.
    pub(crate) fn since(&self, before: &Look, servers_cpu_ns: Option<u64>) -> Health {
        let after = self.look(servers_cpu_ns);
        let driver_ns = after.driver_cpu_ns.saturating_sub(before.driver_cpu_ns);
        let used_ns = after.servers_cpu_ns.zip(before.servers_cpu_ns);
        let server_ns = used_ns.map(|(after, before)| after.saturating_sub(before));
        let whole = before
            .snapshot
            .until(&after.snapshot, Some(driver_ns + server_ns.unwrap_or(0)));
        if !self.is_apart() {
            return whole;
        }
        let used = before.snapshot.core_utilisation(&after.snapshot);
        let elapsed_ns = after.at_ns.saturating_sub(before.at_ns).max(1);
        let foreign = |cores: &CoreSet, own_ns: u64| {
            let busy: Option<f64> = cores.iter().map(|core| used.get(core).copied()).sum();
            let own = own_ns as f64 / elapsed_ns as f64;
            busy.map(|busy| ((busy - own) / cores.len().max(1) as f64).clamp(0.0, 1.0))
        };
        let driver = foreign(&self.placement.driver, driver_ns);
        let worst = match server_ns {
            None => driver,
            Some(server_ns) => foreign(&self.placement.server, server_ns)
                .zip(driver)
                .map(|(s, d)| s.max(d)),
        };
        Health {
            foreign_cpu_fraction: worst,
            ..whole
        }
    }
}
