//! How late the driver is in an open loop, and what it sees.

use std::sync::atomic::AtomicBool;

use authbench_load::{
    Action, Arrivals, CellOutcome, DriverOptions, Histogram, Kind, LoadPoint, Spacing, Warmup,
};

use crate::servers::Running;
use crate::{Arguments, ENGINES, pin};

pub(crate) fn measure(arguments: &Arguments) {
    pin(0);
    let server = Running::start("null");
    println!("times in us; send lag: p50 p99 p99.9, service and response: p50 p99");
    println!(
        "{:<16} {:>8} {:>10} {:>9}  {:<24} {:<17} {:<17} right",
        "engine", "rate/s", "answered/s", "CPU/req", "send lag", "service", "response"
    );
    for round in 0..arguments.rounds {
        for rate_per_s in arguments.rates.iter().copied() {
            for engine in ENGINES {
                for never_sleeps in [false, true] {
                    let mut driver = server.driver(DriverOptions {
                        engine,
                        never_sleeps,
                        ..DriverOptions::default()
                    });
                    let point = LoadPoint {
                        connections: arguments.connections,
                        warmup: Warmup::fixed(300),
                        measure_ms: u64::from(arguments.seconds) * 1_000,
                        blocks: 4,
                        timeout_ms: 500,
                        seed: u64::from(round),
                        ..LoadPoint::reads(Arrivals::steady(
                            Spacing::Poisson,
                            f64::from(rate_per_s),
                        ))
                    };
                    let cell = driver
                        .cell(&point, &mut (), &mut (), &AtomicBool::new(false))
                        .unwrap();
                    let polls = if never_sleeps { ", polling" } else { "" };
                    print(&format!("{engine}{polls}"), rate_per_s, &cell);
                }
            }
        }
    }
}

fn print(engine: &str, rate_per_s: u32, cell: &CellOutcome) {
    let us = |histogram: &Histogram<u64>, quantiles: &[f64]| {
        let values = quantiles
            .iter()
            .map(|quantile| format!("{:.1}", histogram.value_at_quantile(*quantile) as f64 / 1e3));
        values.collect::<Vec<_>>().join(" ")
    };
    let answered: u64 = cell.blocks.iter().map(|block| block.completed).sum();
    println!(
        "{engine:<16} {rate_per_s:>8} {:10.0} {:9.1}  {:<24} {:<17} {:<17} {} of {}",
        cell.completed_per_s(),
        cell.driver_cpu_ns as f64 / 1e3 / answered.max(1) as f64,
        us(&cell.send_lag_ns, &[0.5, 0.99, 0.999]),
        us(&cell.service_ns, &[0.5, 0.99]),
        us(&cell.response_ns, &[0.5, 0.99]),
        cell.tally.count(Action::Read, Kind::Right),
        cell.arrivals,
    );
}
