//! How late the driver is on this machine, and what its waking up adds.

use std::sync::atomic::AtomicBool;

use anyhow::Result;
use authbench_engine::EngineKind;
use authbench_lab::Placement;
use authbench_load::{Arrivals, CellOutcome, LoadPoint, Spacing, Warmup};

use super::{Bench, CONNECTIONS, Finding, TIMEOUT_MS};

const BUSY_RATE_PER_S: f64 = 20_000.0;
const LAG_BUDGET_US: f64 = 100.0;
const CALM_RATE_PER_S: f64 = 5_000.0;
const P50_BUDGET_US: f64 = 30.0;
/// Turns that the sleeping and the sleepless driver take.
const ROUNDS: u64 = 3;

pub(super) fn check(
    placement: &Placement,
    engine: EngineKind,
    seconds: u64,
    stop: &AtomicBool,
) -> Result<Vec<Finding>> {
    let mut usual = Bench::start_with(placement, engine, false)?;
    let lag = lag(&mut usual, seconds, stop)?;
    let mut sleepless = Bench::start_with(placement, engine, true)?;
    let each_ms = (seconds * 1_000 / ROUNDS).max(200);
    let mut medians = [Vec::new(), Vec::new()];
    for round in 0..ROUNDS {
        for (bench, medians) in [&mut usual, &mut sleepless].into_iter().zip(&mut medians) {
            let seen = load(bench, CALM_RATE_PER_S, each_ms, round, stop)?;
            medians.push(seen.response_ns.value_at_quantile(0.5) as f64 / 1e3);
        }
    }
    let median = |values: &[f64]| authbench_results::stats::median(values).unwrap_or(0.0);
    let (own_us, reference_us) = (median(&medians[0]), median(&medians[1]));
    let more_us = own_us - reference_us;
    Ok(vec![
        lag,
        Finding {
            check: format!("response at {CALM_RATE_PER_S:.0}/s"),
            found: format!(
                "p50 {own_us:.1} us, a driver that never sleeps {reference_us:.1} us \
                 ({more_us:+.1} us)"
            ),
            holds: more_us.abs() <= P50_BUDGET_US,
            decides: false,
        },
    ])
}

fn lag(bench: &mut Bench<'_>, seconds: u64, stop: &AtomicBool) -> Result<Finding> {
    let seen = load(bench, BUSY_RATE_PER_S, seconds * 1_000, 0, stop)?;
    let us = |quantile| seen.send_lag_ns.value_at_quantile(quantile) as f64 / 1e3;
    let p99_us = us(0.99);
    Ok(Finding {
        check: format!("send lag at {BUSY_RATE_PER_S:.0}/s"),
        found: format!(
            "p50 {:.1} us, p99 {p99_us:.1} us, p99.9 {:.1} us",
            us(0.5),
            us(0.999)
        ),
        holds: p99_us <= LAG_BUDGET_US && !seen.send_lag_ns.is_empty(),
        decides: false,
    })
}

fn load(
    bench: &mut Bench<'_>,
    rate_per_s: f64,
    measure_ms: u64,
    seed: u64,
    stop: &AtomicBool,
) -> Result<CellOutcome> {
    let point = LoadPoint {
        connections: CONNECTIONS,
        warmup: Warmup::fixed(300),
        measure_ms,
        timeout_ms: TIMEOUT_MS,
        seed,
        ..LoadPoint::reads(Arrivals::steady(Spacing::Poisson, rate_per_s))
    };
    Ok(bench.served.driver.cell(&point, &mut (), &mut (), stop)?)
}
