//! Whether the driver and the machine were good enough to be believed.

use authbench_load::{Arrivals, CellOutcome};
use authbench_results::Health;

use crate::run::carrier::Carrier;
use crate::run::contender::CellRecord;

/// A driver that used more of its core than this had no time to be punctual.
const UTILISATION_BUDGET: f64 = 0.9;
/// The hypervisor gave more of the time to other machines than this.
const STEAL_BUDGET: f64 = 0.05;
/// Others used more of the server's or the driver's core than this.
const FOREIGN_BUDGET: f64 = 0.1;

/// Why load and latencies are not to be believed, if they are not.
pub(crate) fn doubts(health: &Health, lag_budget_ns: u64) -> Option<String> {
    let late = health.lag_ns_p99.filter(|lag_ns| *lag_ns > lag_budget_ns);
    if let Some(lag_ns) = late {
        let lag_us = lag_ns as f64 / 1000.0;
        return Some(format!(
            "the driver was late: 1 % of its sends by more than {lag_us:.0} us"
        ));
    }
    let over = |fraction: Option<f64>, budget| fraction.filter(|fraction| *fraction > budget);
    if let Some(used) = over(health.driver_utilisation_fraction, UTILISATION_BUDGET) {
        return Some(format!(
            "the driver was busy for {:.0} % of the time",
            used * 100.0
        ));
    }
    if let Some(stolen) = over(health.steal_fraction, STEAL_BUDGET) {
        return Some(format!(
            "the hypervisor took {:.0} % of the time away",
            stolen * 100.0
        ));
    }
    let foreign = over(health.foreign_cpu_fraction, FOREIGN_BUDGET)?;
    Some(format!(
        "other programs used {:.0} % of a core that was measured",
        foreign * 100.0
    ))
}

/// The health of one block: what the machine says and what the driver says.
/// In a closed loop nothing could be late. A driver whose thread the strategy
/// shares is busy with both: that says nothing of the driver.
pub(crate) fn block_health(seen: &CellOutcome, carrier: Carrier, machine: Health) -> Health {
    let duration_ns: u64 = seen.blocks.iter().map(|block| block.duration_ns).sum();
    let is_closed = matches!(seen.point.arrivals, Arrivals::Closed { .. });
    let is_timed = !is_closed && !seen.send_lag_ns.is_empty();
    Health {
        lag_ns_p99: is_timed.then(|| seen.send_lag_ns.value_at_quantile(0.99)),
        driver_utilisation_fraction: (duration_ns > 0 && carrier.has_servers())
            .then(|| seen.busy_ns as f64 / duration_ns as f64),
        ..machine
    }
}

/// The health of a cell from that of its blocks, which are equally long.
pub(super) fn cell_health(cell: &CellRecord) -> Health {
    let blocks = &cell.healths;
    let sum = |field: fn(&Health) -> Option<u64>| blocks.iter().map(field).sum::<Option<u64>>();
    let mean = |field: fn(&Health) -> Option<f64>| {
        let sum = blocks.iter().map(field).sum::<Option<f64>>()?;
        (!blocks.is_empty()).then(|| sum / blocks.len() as f64)
    };
    block_health(
        &cell.outcome,
        cell.carrier,
        Health {
            steal_ms: sum(|block| block.steal_ms),
            steal_fraction: mean(|block| block.steal_fraction),
            cpu_pressure_some_ms: sum(|block| block.cpu_pressure_some_ms),
            foreign_cpu_fraction: mean(|block| block.foreign_cpu_fraction),
            ..Health::default()
        },
    )
}
