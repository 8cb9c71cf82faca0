//! A server that is stopped for 200 ms every 2 s. Most drivers send nothing to
//! it meanwhile and so see one slow request for each connection, where users
//! would have met thousands (coordinated omission).

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use authbench_core::system::monotonic_ns;
use authbench_lab::{cores, timer};
use authbench_load::{Arrivals, LoadPoint, Progress, Snapshot, Spacing, Stalls, Warmup};

use super::{Bench, CONNECTIONS, Finding, TIMEOUT_MS};
use crate::run::served::Fleet;

const STALL_MS: u64 = 200;
const PERIOD_MS: u64 = 2_000;
/// How far the 99th percentile may be from the truth.
const TOLERANCE: f64 = 0.05;

pub(super) fn check(
    bench: &mut Bench<'_>,
    rate_per_s: u32,
    seconds: u64,
    stop: &AtomicBool,
) -> Result<Finding> {
    let capacity_per_s = bench.capacity_per_s(stop)?;
    let periods = (seconds * 1_000).div_ceil(PERIOD_MS).max(2);
    let point = LoadPoint {
        connections: CONNECTIONS,
        warmup: Warmup::fixed(500),
        measure_ms: periods * PERIOD_MS,
        timeout_ms: TIMEOUT_MS,
        ..LoadPoint::reads(Arrivals::steady(Spacing::Even, f64::from(rate_per_s)))
    };
    let (outcome, stalls_ns) = under_stalls(bench, &point, stop)?;
    let check = format!("stalls at {rate_per_s}/s");
    if outcome.interrupted || stalls_ns.is_empty() {
        return Ok(Finding {
            check,
            found: "interrupted".to_owned(),
            holds: false,
            decides: true,
        });
    }
    let stall_ms = stalls_ns.iter().sum::<u64>() as f64 / stalls_ns.len() as f64 / 1e6;
    let stalls = Stalls {
        stall_ms,
        period_ms: PERIOD_MS as f64,
        offered_per_s: f64::from(rate_per_s),
        capacity_per_s,
    };
    let seen_ms = outcome.response_ns.value_at_quantile(0.99) as f64 / 1e6;
    let Some(truth_ms) = stalls.quantile_ms(0.99) else {
        return Ok(Finding {
            check,
            found: format!(
                "the server carries {capacity_per_s:.0}/s and does not catch up after a stall: \
                 nothing can be said"
            ),
            holds: false,
            decides: false,
        });
    };
    let off = seen_ms / truth_ms - 1.0;
    Ok(Finding {
        check,
        found: format!(
            "p99 {seen_ms:.1} ms, truth {truth_ms:.1} ms ({:+.1} %); {} stalls of {stall_ms:.1} \
             ms, {} requests, {} failed",
            off * 100.0,
            stalls_ns.len(),
            outcome.arrivals,
            outcome.tally.failures()
        ),
        holds: off.abs() <= TOLERANCE && outcome.tally.failures() == 0,
        decides: true,
    })
}

/// Runs the load while the server is stopped now and then; how long each stop
/// took, nanoseconds.
fn under_stalls(
    bench: &mut Bench<'_>,
    point: &LoadPoint,
    stop: &AtomicBool,
) -> Result<(authbench_load::CellOutcome, Vec<u64>)> {
    let Bench { placement, served } = bench;
    let (placement, fleet) = (*placement, &served.fleet);
    let driver = &mut served.driver;
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let (begun, begins) = mpsc::channel();
        let over = &over;
        let staller = scope.spawn(move || {
            // The server's core is idle while the server is stopped; the
            // driver's may be busy.
            if let Some(cores) = placement.pin_server() {
                cores::pin_current_thread(cores)?;
            }
            timer::set_slack_ns(1)?;
            stall(fleet, &begins, over, point.measure_ms)
        });
        let outcome = driver.cell(point, &mut (), &mut Begin(begun), stop);
        over.store(true, Ordering::Relaxed);
        let stalls = staller
            .join()
            .unwrap_or_else(|_| Err(anyhow::anyhow!("the thread that stops it panicked")))
            .context("the server cannot be stopped")?;
        Ok((outcome?, stalls))
    })
}

/// Tells when the measured time begins.
struct Begin(mpsc::Sender<u64>);

impl Progress for Begin {
    fn update(&mut self, _: &Snapshot) {}

    fn measuring(&mut self, from_ns: u64) {
        // Nobody listens any more if stopping failed, which is told later.
        let _ = self.0.send(from_ns);
    }
}

/// The first stop comes after half a period, so that a whole number of periods
/// holds as many stops, each with all that it leaves behind.
fn stall(
    fleet: &Fleet,
    begins: &mpsc::Receiver<u64>,
    over: &AtomicBool,
    measure_ms: u64,
) -> Result<Vec<u64>> {
    let ns = |ms: u64| ms * 1_000_000;
    let mut stalls_ns = Vec::new();
    // The sender is gone when the load ended before it was measured.
    let Ok(from_ns) = begins.recv() else {
        return Ok(stalls_ns);
    };
    for number in 0..measure_ms / PERIOD_MS {
        let at_ns = from_ns + ns(PERIOD_MS / 2 + number * PERIOD_MS);
        if !sleep_until(at_ns, over) {
            break;
        }
        fleet.pause(0, true)?;
        let begun_ns = monotonic_ns();
        std::thread::sleep(Duration::from_nanos(ns(STALL_MS)));
        fleet.pause(0, false)?;
        stalls_ns.push(monotonic_ns() - begun_ns);
    }
    Ok(stalls_ns)
}

/// Whether the instant came before it was over.
fn sleep_until(at_ns: u64, over: &AtomicBool) -> bool {
    const LOOK: Duration = Duration::from_millis(50);
    loop {
        let left = Duration::from_nanos(at_ns.saturating_sub(monotonic_ns()));
        if over.load(Ordering::Relaxed) {
            return false;
        }
        if left.is_zero() {
            return true;
        }
        std::thread::sleep(left.min(LOOK));
    }
}
