//! What the driver itself costs, and how late it is: the driver on one core,
//! the server on another, the engines and `wrk` (if it is installed) in turn.
//!
//! ```text
//! cargo build --release -p authbench-load --example driver_cost
//! driver_cost closed [--rounds 5] [--seconds 3] [--connections 64] [--json]
//! driver_cost open [--rounds 3] [--seconds 2] [RATE ..]
//! driver_cost serve          the reference server, for other drivers
//! driver_cost null           a server that answers by rote, likewise
//! ```
//!
//! `serve` and `null` print their address, and then a line with a bearer token
//! that `GET /me` takes.
#![expect(clippy::unwrap_used, reason = "an example may panic")]

mod closed;
mod open;
mod servers;

use std::str::FromStr;

use authbench_load::EngineKind;
use rustix::thread::{CpuSet, sched_setaffinity};

/// The engines to compare.
const ENGINES: [EngineKind; 2] = [EngineKind::IoUring, EngineKind::Epoll];

/// What the command line says.
struct Arguments {
    rounds: u32,
    seconds: u32,
    connections: u32,
    json: bool,
    rates: Vec<u32>,
}

fn main() {
    let mut words = std::env::args().skip(1);
    let mode = words.next();
    match mode.as_deref() {
        Some("serve") => servers::reference(),
        Some("null") => servers::null(),
        Some("closed") => closed::measure(&arguments(words, 5, 3)),
        Some("open") => open::measure(&arguments(words, 3, 2)),
        _ => {
            eprintln!("usage: driver_cost closed|open|serve|null [OPTIONS]");
            std::process::exit(2);
        }
    }
}

fn arguments(mut words: impl Iterator<Item = String>, rounds: u32, seconds: u32) -> Arguments {
    let mut arguments = Arguments {
        rounds,
        seconds,
        connections: 64,
        json: false,
        rates: Vec::new(),
    };
    while let Some(word) = words.next() {
        match word.as_str() {
            "--rounds" => arguments.rounds = number(words.next()),
            "--seconds" => arguments.seconds = number(words.next()),
            "--connections" => arguments.connections = number(words.next()),
            "--json" => arguments.json = true,
            _ => arguments.rates.push(number(Some(word))),
        }
    }
    if arguments.rates.is_empty() {
        arguments.rates = vec![5_000, 20_000];
    }
    arguments
}

fn number<N: FromStr>(word: Option<String>) -> N {
    word.and_then(|word| word.parse().ok()).unwrap_or_else(|| {
        eprintln!("a number is missing");
        std::process::exit(2)
    })
}

/// Keeps this thread, and what it starts, on this core.
fn pin(core: usize) {
    let mut cores = CpuSet::new();
    cores.set(core);
    sched_setaffinity(None, &cores).unwrap();
}

/// The median, the least and the most.
fn spread(mut values: Vec<f64>) -> (f64, f64, f64) {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let median = if values.len() % 2 == 1 {
        values[middle]
    } else {
        f64::midpoint(values[middle - 1], values[middle])
    };
    (median, values[0], values[values.len() - 1])
}
