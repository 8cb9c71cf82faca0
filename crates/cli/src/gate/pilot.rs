//! What the base can take, before anything is compared: at which rate to
//! measure, and what an injected slow-down comes to.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, bail};
use authbench_load::SaturationPlan;

use crate::gate::arm::{Arm, Running};
use crate::gate::stage::Stage;

/// Milliseconds in which the server is never without work, and before them.
const SATURATED_MS: u64 = 200;
const SATURATED_WARMUP_MS: u64 = 100;
/// Milliseconds of the load at which everything is compared.
const LOADED_MS: u64 = 150;

/// What is known of a strategy before it is compared.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Pilot {
    /// Arrivals per second at which it is compared.
    pub(crate) rate_per_s: u32,
    /// CPU time of the base for one request at that rate, nanoseconds.
    pub(crate) server_cpu_ns_per_request: f64,
}

/// Tries each of `strategies` on the base. Strategies that a stop left out are
/// not in the result.
///
/// # Errors
/// When a strategy cannot be served, or answers nothing rightly.
pub(crate) fn pilot(
    stage: &Stage<'_>,
    base: &Arm,
    strategies: &[&str],
) -> Result<BTreeMap<String, Pilot>> {
    let mut found = BTreeMap::new();
    for strategy in strategies {
        if stage.is_stopped() {
            break;
        }
        stage.progress.step(strategy, "what it can take");
        let tried = try_out(stage, base, strategy)?;
        stage.progress.step_done();
        found.extend(tried.map(|pilot| ((*strategy).to_owned(), pilot)));
    }
    Ok(found)
}

fn try_out(stage: &Stage<'_>, base: &Arm, strategy: &str) -> Result<Option<Pilot>> {
    let mut running = Running::start(stage, (0, base), strategy, None, 0)?;
    running.log_in(stage)?;
    if stage.is_stopped() {
        return Ok(None);
    }
    let plan = SaturationPlan {
        connections: stage.rules.connections,
        warmup_ms: SATURATED_WARMUP_MS,
        measure_ms: SATURATED_MS,
        timeout_ms: stage.scenario.load.timeout_ms.value,
        seed: stage.seed,
    };
    let seen = running
        .served
        .driver
        .saturate(&plan, &mut (), stage.stop)
        .map_err(|error| running.blame(error.into()))?;
    running.check()?;
    if seen.interrupted {
        return Ok(None);
    }
    if seen.completed == 0 || seen.duration_ns == 0 {
        bail!("the base answered no request of `{strategy}` rightly: is it a server of ours?");
    }
    let taken_per_s = seen.completed as f64 / (seen.duration_ns as f64 / 1e9);
    let rate_per_s = rate(
        taken_per_s,
        stage.rules.load_percent,
        stage.rules.rate_per_s_max,
    );
    let point = stage.point(rate_per_s, LOADED_MS, stage.seed);
    let served = &mut running.served;
    let fleet = &served.fleet;
    let mut probe = || fleet.cpu_ns();
    let outcome = served
        .driver
        .cell(&point, &mut probe, &mut (), stage.stop)
        .map_err(|error| running.blame(error.into()))?;
    running.check()?;
    if outcome.interrupted {
        return Ok(None);
    }
    let (cpu_ns, completed) = outcome
        .server_cpu()
        .context("the server's CPU time cannot be read")?;
    if completed == 0 {
        bail!("the base answered no request of `{strategy}` in {LOADED_MS} ms");
    }
    Ok(Some(Pilot {
        rate_per_s,
        server_cpu_ns_per_request: cpu_ns as f64 / completed as f64,
    }))
}

/// So many percent of what can be taken, at least 1 and no more than `max`.
fn rate(taken_per_s: f64, percent: u32, max: u32) -> u32 {
    let part = taken_per_s * f64::from(percent) / 100.0;
    (part as u32).clamp(1, max.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_a_part_of_what_can_be_taken_within_bounds() {
        assert_eq!(rate(10_000.0, 45, 20_000), 4_500);
        assert_eq!(rate(100_000.0, 45, 20_000), 20_000);
        assert_eq!(rate(1.0, 45, 20_000), 1);
    }
}
