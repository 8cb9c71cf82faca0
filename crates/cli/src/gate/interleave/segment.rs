//! One measurement of one arm.

use anyhow::Result;
use authbench_lab::control::ControlCount;
use authbench_load::{Kind, LoadPoint};
use authbench_results::Segment;

use crate::gate::arm::Running;
use crate::gate::stage::Stage;

/// Puts an arm under a load; `None` when that was stopped. The control is read
/// at the same instants as the server's CPU time.
///
/// # Errors
/// When the server has ended, or what the control has done cannot be read.
pub(super) fn measure(
    stage: &Stage<'_>,
    running: &mut Running<'_>,
    number: u32,
    point: &LoadPoint,
) -> Result<Option<Segment>> {
    let mut counts = Vec::with_capacity(4);
    let served = &mut running.served;
    let fleet = &served.fleet;
    let mut probe = || {
        counts.push(stage.control.count());
        fleet.cpu_ns()
    };
    let outcome = served
        .driver
        .cell(point, &mut probe, &mut (), stage.stop)
        .map_err(|error| running.blame(error.into()))?;
    running.check()?;
    if outcome.interrupted || stage.is_stopped() {
        return Ok(None);
    }
    // Where it could not be read at both ends, as when the driver slept through
    // one, the block lacks this figure: no reason to lose all others.
    let (server_cpu_ns, completed) = outcome.server_cpu().unwrap_or_default();
    let control = match counts[..] {
        [Some(before), .., Some(after)] => after.since(before),
        _ => ControlCount::default(),
    };
    // A server that is too slow for the load is judged by its CPU time; only
    // what it answered wrongly, or broke off, makes it one that errs.
    let tally = &outcome.tally;
    let late = tally.of_kind(Kind::Unfinished) + tally.of_kind(Kind::Timeout);
    Ok(Some(Segment {
        arm: number,
        completed,
        failures: tally.failures() - late,
        accepted_dead: outcome.tally.of_kind(Kind::AcceptedDead),
        server_cpu_ns,
        control_cpu_ns: control.cpu_ns,
        control_units: control.units,
        response_ns_p50: outcome.response_ns.value_at_quantile(0.5),
        response_ns_p99: outcome.response_ns.value_at_quantile(0.99),
        lag_ns_p99: outcome.send_lag_ns.value_at_quantile(0.99),
    }))
}
