//! What the driver itself costs, and how late it is: the driver on one core,
//! a server that does next to nothing on another.
//!
//! ```text
//! cargo run --release -p authbench-load --example driver_cost
//! ```
//!
//! With `serve` as its argument it is that server, for other drivers to be
//! measured against: `taskset -c 1 driver_cost serve`. Other arguments are rates per second.
#![expect(clippy::unwrap_used, reason = "an example may panic")]

use std::io::BufRead as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::AtomicBool;

use authbench_load::{
    Action, Arrivals, CellOutcome, Driver, DriverOptions, Histogram, Kind, LoadPoint, LoginPlan,
    Spacing, Warmup,
};
use authbench_wire::Profile;
use axum::Router;
use axum::extract::Request;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use rustix::thread::{CpuSet, sched_setaffinity};

fn main() {
    match std::env::args().nth(1).as_deref() {
        Some("serve") => serve(),
        _ => measure(),
    }
}

/// Logs everybody in; a token is the account's number.
#[tokio::main(flavor = "current_thread")]
async fn serve() {
    async fn login(body: String) -> impl IntoResponse {
        let number = body
            .split("user-")
            .nth(1)
            .unwrap_or_default()
            .get(..6)
            .unwrap_or_default();
        let answer = format!(
            r#"{{"subject":"acct-{number}","expires_at_ms":99999999999999,"access_token":"{number}"}}"#
        );
        ([(CONTENT_TYPE, "application/json")], answer)
    }
    async fn me(request: Request) -> impl IntoResponse {
        let token = request
            .headers()
            .get(AUTHORIZATION)
            .and_then(|value| value.to_str().ok());
        let number = token
            .and_then(|text| text.strip_prefix("Bearer "))
            .unwrap_or_default();
        let answer = format!(r#"{{"subject":"acct-{number}","roles":["user"],"login":"x"}}"#);
        ([(CONTENT_TYPE, "application/json")], answer)
    }
    let router = Router::new()
        .route("/login", post(login))
        .route("/me", get(me));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("{}", listener.local_addr().unwrap());
    axum::serve(listener, router).await.unwrap();
}

fn measure() {
    let (mut server, address) = start_server();
    let mut core = CpuSet::new();
    core.set(0);
    sched_setaffinity(None, &core).unwrap();
    let mut driver = driver_with_users(&address);
    let mut rates: Vec<u32> = std::env::args()
        .skip(1)
        .map(|rate| rate.parse().unwrap())
        .collect();
    if rates.is_empty() {
        rates = vec![5_000, 20_000];
    }
    println!("times in us; send lag: p50 p99 p99.9, service and response: p50 p99");
    println!(
        "{:>8} {:>10} {:>9}  {:<24} {:<17} {:<17} right",
        "rate/s", "answered/s", "CPU/req", "send lag", "service", "response"
    );
    for round in 0..3 {
        for rate_per_s in rates.iter().copied() {
            let point = LoadPoint {
                connections: 32,
                warmup: Warmup::fixed(300),
                measure_ms: 2_000,
                blocks: 4,
                timeout_ms: 500,
                seed: round,
                ..LoadPoint::reads(Arrivals::steady(Spacing::Poisson, f64::from(rate_per_s)))
            };
            let cell = driver
                .cell(&point, &mut (), &mut (), &AtomicBool::new(false))
                .unwrap();
            print(&cell);
        }
    }
    server.kill().unwrap();
    server.wait().unwrap();
}

fn print(cell: &CellOutcome) {
    let us = |histogram: &Histogram<u64>, quantiles: &[f64]| {
        let values = quantiles
            .iter()
            .map(|quantile| format!("{:.1}", histogram.value_at_quantile(*quantile) as f64 / 1e3));
        values.collect::<Vec<_>>().join(" ")
    };
    let answered: u64 = cell.blocks.iter().map(|block| block.completed).sum();
    println!(
        "{:8.0} {:10.0} {:9.1}  {:<24} {:<17} {:<17} {} of {}",
        cell.point
            .arrivals
            .mean_per_s(cell.point.measure_ms)
            .unwrap(),
        cell.completed_per_s(),
        cell.driver_cpu_ns as f64 / 1e3 / answered.max(1) as f64,
        us(&cell.send_lag_ns, &[0.5, 0.99, 0.999]),
        us(&cell.service_ns, &[0.5, 0.99]),
        us(&cell.response_ns, &[0.5, 0.99]),
        cell.tally.count(Action::Read, Kind::Right),
        cell.arrivals,
    );
}

fn start_server() -> (Child, String) {
    let mut server = Command::new("taskset")
        .args(["-c", "1"])
        .arg(std::env::current_exe().unwrap())
        .arg("serve")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut address = String::new();
    std::io::BufReader::new(server.stdout.take().unwrap())
        .read_line(&mut address)
        .unwrap();
    (server, address.trim().to_owned())
}

fn driver_with_users(address: &str) -> Driver {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../scenarios/targets/authbench-bearer/profile.toml");
    let mut profile = Profile::read(&file).unwrap();
    profile.base_url = Some(format!("http://{address}"));
    let mut driver = Driver::new(&profile, DriverOptions::default()).unwrap();
    let plan = LoginPlan {
        users: &profile.users,
        numbers: 0..1_000,
        connections: 32,
        keep: true,
        timeout_ms: 10_000,
    };
    driver.log_in(&plan, &AtomicBool::new(false)).unwrap();
    driver
}
