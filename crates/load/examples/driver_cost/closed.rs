//! CPU time per request in a closed loop, every connection busy.

use std::process::{Command, Stdio};
use std::sync::atomic::AtomicBool;

use authbench_load::{DriverOptions, EngineKind, SaturationPlan};

use crate::servers::Running;
use crate::{Arguments, ENGINES, pin, spread};

/// One run of one driver.
#[derive(Clone, Copy)]
struct Run {
    cpu_us: f64,
    per_s: f64,
    /// How busy the driver's core was, per cent.
    busy: f64,
}

/// What is measured in turn.
enum Contender {
    Engine(EngineKind),
    Wrk,
}

pub(crate) fn measure(arguments: &Arguments) {
    pin(0);
    let mut contenders: Vec<_> = ENGINES.map(Contender::Engine).into();
    if Command::new("wrk").arg("-v").output().is_ok() {
        contenders.push(Contender::Wrk);
    } else {
        eprintln!("wrk is not installed, so there is nothing to compare with");
    }
    if !arguments.json {
        println!(
            "closed loop, {} connections, {} rounds of {} s in turn; medians (least to most)",
            arguments.connections, arguments.rounds, arguments.seconds
        );
        println!(
            "{:<10} {:<9} {:>24} {:>6} {:>10} {:>6}",
            "server", "driver", "us CPU/request", "x wrk", "requests/s", "busy"
        );
    }
    for (mode, name) in [("serve", "reference"), ("null", "null")] {
        compare(mode, name, &contenders, arguments);
    }
}

fn compare(mode: &str, name: &str, contenders: &[Contender], arguments: &Arguments) {
    let server = Running::start(mode);
    let mut runs = vec![Vec::new(); contenders.len()];
    for round in 0..arguments.rounds {
        for (contender, runs) in contenders.iter().zip(&mut runs) {
            runs.push(match contender {
                Contender::Engine(kind) => saturate(&server, *kind, round, arguments),
                Contender::Wrk => wrk(&server, arguments),
            });
        }
    }
    let of = |runs: &[Run], value: fn(&Run) -> f64| spread(runs.iter().map(value).collect());
    let wrk_us = contenders
        .iter()
        .zip(&runs)
        .find(|(contender, _)| matches!(contender, Contender::Wrk))
        .map(|(_, runs)| of(runs, |run| run.cpu_us).0);
    for (contender, runs) in contenders.iter().zip(&runs) {
        let driver = match contender {
            Contender::Engine(kind) => kind.label(),
            Contender::Wrk => "wrk",
        };
        let (cpu_us, least, most) = of(runs, |run| run.cpu_us);
        let (per_s, busy) = (of(runs, |run| run.per_s).0, of(runs, |run| run.busy).0);
        if arguments.json {
            let all: Vec<_> = runs.iter().map(|run| run.cpu_us).collect();
            println!(
                r#"{{"server":"{name}","driver":"{driver}","cpu_us_per_request":{all:?},"requests_per_s":{per_s:.0}}}"#
            );
        } else {
            let ratio = wrk_us.map_or(String::new(), |wrk_us| format!("{:.2}", cpu_us / wrk_us));
            println!(
                "{name:<10} {driver:<9} {:>24} {ratio:>6} {per_s:>10.0} {busy:>5.0}%",
                format!("{cpu_us:.2} ({least:.2} to {most:.2})"),
            );
        }
    }
}

fn saturate(server: &Running, kind: EngineKind, round: u32, arguments: &Arguments) -> Run {
    let mut driver = server.driver(DriverOptions {
        engine: kind,
        ..DriverOptions::default()
    });
    let plan = SaturationPlan {
        connections: arguments.connections,
        warmup_ms: 300,
        measure_ms: u64::from(arguments.seconds) * 1_000,
        timeout_ms: 2_000,
        seed: u64::from(round),
    };
    let outcome = driver
        .saturate(&plan, &mut (), &AtomicBool::new(false))
        .unwrap();
    assert_eq!(outcome.tally.failures(), 0, "{:?}", outcome.tally);
    Run {
        cpu_us: outcome.driver_cpu_ns as f64 / 1e3 / outcome.completed as f64,
        per_s: outcome.completed as f64 * 1e9 / outcome.duration_ns as f64,
        busy: outcome.busy_ns as f64 * 100.0 / outcome.duration_ns as f64,
    }
}

fn wrk(server: &Running, arguments: &Arguments) -> Run {
    let before_ns = children_cpu_ns();
    let output = Command::new("wrk")
        .arg("-t1")
        .arg(format!("-c{}", arguments.connections))
        .arg(format!("-d{}s", arguments.seconds))
        .args(["-H", &format!("Authorization: Bearer {}", server.token)])
        .arg(format!("http://{}/me", server.address))
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    let cpu_ns = (children_cpu_ns() - before_ns) as f64;
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(!text.contains("Non-2xx"), "{text}");
    let requests = text
        .lines()
        .find_map(|line| line.trim().split_once(" requests in "))
        .and_then(|(count, _)| count.parse::<f64>().ok())
        .unwrap();
    let wall_ns = f64::from(arguments.seconds) * 1e9;
    Run {
        cpu_us: cpu_ns / 1e3 / requests,
        per_s: requests * 1e9 / wall_ns,
        busy: cpu_ns * 100.0 / wall_ns,
    }
}

/// CPU time, user and system, of the processes that this one has awaited, as
/// exact as the kernel's ticks of 10 ms.
fn children_cpu_ns() -> u64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields = text.rsplit_once(')').unwrap().1.split_whitespace();
    // Fields 16 and 17 of proc_pid_stat(5); the third comes first here.
    let ticks: u64 = fields
        .skip(13)
        .take(2)
        .map(|field| field.parse::<u64>().unwrap())
        .sum();
    ticks * 10_000_000
}
