//! Server CPU per `GET /me`: our server beside a bare axum route and beside
//! tower-sessions, which stock `axum::serve` serves, and beside the bare route
//! on our server's own accept loop and connection settings, so that what the
//! loop saves is not credited to a strategy. Each is in a process of its own on the server's core, driven in
//! turns by the same closed loop from another core.
//!
//! `cargo bench -p authbench-benches --bench server_cpu [-- ROUNDS REQUESTS]`
//!
//! Prints the median over the rounds, its spread, and the ratio to the bare
//! route. Absolute figures drift with the machine; the ratios hold better.

use std::io::Read as _;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use authbench_benches::closed_loop;
use authbench_benches::options::Options;
use authbench_catalog::{Backing, BackingOptions};
use authbench_core::system::OsEntropy;
use authbench_lab::{Placement, ServerCommand, ServerProcess, cores, cpu};
use authbench_server::{Accounts, Server, ServerConfig};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use tower_sessions::{MemoryStore, Session, SessionManagerLayer};

const BARE: &str = "bare-axum";
const BARE_SAME_LOOP: &str = "bare-axum-same-loop";
const TOWER: &str = "tower-sessions-memory";
const CONTENDERS: [&str; 7] = [
    BARE,
    BARE_SAME_LOOP,
    TOWER,
    "session.memory.cookie",
    "session.memory.bearer",
    "jwt.hs256.bearer",
    "jwt.hs256.cookie",
];
const CONNECTIONS: usize = 64;
const SUBJECT: &str = "acct-000001";

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, contender] = arguments.as_slice()
        && flag == "--serve"
    {
        return serve(contender);
    }
    let mut numbers = arguments
        .iter()
        .filter_map(|argument| argument.parse::<u64>().ok());
    let options = Options::from_args();
    let (rounds, requests) = match (options.test, options.quick) {
        (true, _) => (1, 200),
        (_, true) => (3, 10_000),
        _ => (9, 40_000),
    };
    let rounds = numbers.next().unwrap_or(rounds).max(1);
    let requests = numbers.next().unwrap_or(requests).max(1);
    compare(rounds, requests)
}

struct Contender {
    name: &'static str,
    process: ServerProcess,
    address: SocketAddr,
    request: Vec<u8>,
    cpu_ns: Vec<f64>,
}

fn compare(rounds: u64, requests: u64) -> Result<()> {
    let placement = cores::split(1)?;
    let mut contenders = Vec::new();
    for name in CONTENDERS {
        contenders.push(start(name, &placement).with_context(|| format!("starting {name}"))?);
    }
    if let Some(own) = placement.pin_driver() {
        cores::pin_current_thread(own)?;
    } else {
        println!("not pinned: server and driver may share a core");
    }
    for round in 0..=rounds {
        let count = contenders.len();
        for turn in 0..count {
            // Another order each round, so that no contender always follows
            // the same neighbour.
            let contender = &mut contenders[(turn + round as usize) % count];
            let before = cpu::process_cpu_ns(contender.process.pid())?;
            closed_loop::drive(contender.address, &contender.request, CONNECTIONS, requests)?;
            let spent = cpu::process_cpu_ns(contender.process.pid())? - before;
            // The first round warms up.
            if round > 0 {
                contender.cpu_ns.push(spent as f64 / requests as f64);
            }
        }
    }
    print(&mut contenders, rounds, requests);
    Ok(())
}

fn print(contenders: &mut [Contender], rounds: u64, requests: u64) {
    println!("server CPU per GET /me, {CONNECTIONS} connections, {rounds} x {requests} requests");
    println!(
        "{:<24} {:>8} {:>8} {:>8} {:>9}",
        "server", "us p50", "min", "max", "x bare"
    );
    let mut bare = Vec::new();
    for contender in contenders {
        if contender.name == BARE {
            bare.clone_from(&contender.cpu_ns);
        }
        // Round by round, so that a slow minute hurts both sides of a ratio.
        let mut ratios: Vec<f64> = contender
            .cpu_ns
            .iter()
            .zip(&bare)
            .map(|(own, bare)| own / bare)
            .collect();
        ratios.sort_by(f64::total_cmp);
        contender.cpu_ns.sort_by(f64::total_cmp);
        let own = &contender.cpu_ns;
        let us = |ns: f64| ns / 1000.0;
        println!(
            "{:<24} {:>8.2} {:>8.2} {:>8.2} {:>9.3}",
            contender.name,
            us(own[own.len() / 2]),
            us(own[0]),
            us(own[own.len() - 1]),
            ratios[ratios.len() / 2]
        );
    }
}

fn start(name: &'static str, placement: &Placement) -> Result<Contender> {
    let (process, address) = ServerCommand::new(std::env::current_exe()?)
        .args(["--serve", name])
        .cores(placement.pin_server())
        .start(Duration::from_secs(20), |line| {
            line.parse::<SocketAddr>().ok()
        })?;
    let request = request(name, address)?;
    closed_loop::ask(address, &request)?;
    Ok(Contender {
        name,
        process,
        address,
        request,
        cpu_ns: Vec::new(),
    })
}

/// `GET /me` with the credential of a login that is made for it.
fn request(name: &str, address: SocketAddr) -> Result<Vec<u8>> {
    let credential = match name {
        BARE | BARE_SAME_LOOP => String::new(),
        _ => log_in(name, address)?,
    };
    Ok(format!("GET /me HTTP/1.1\r\nHost: {address}\r\n{credential}\r\n").into_bytes())
}

fn log_in(name: &str, address: SocketAddr) -> Result<String> {
    let body = json!({"user": "user-000001", "password": "lab-password-000001"}).to_string();
    let answer = closed_loop::ask(
        address,
        format!(
            "POST /login HTTP/1.1\r\nHost: {address}\r\nOrigin: http://{address}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .as_bytes(),
    )?;
    let (head, body) = answer.split_once("\r\n\r\n").context("no body")?;
    if let Some(token) = serde_json::from_str::<Value>(body)
        .ok()
        .and_then(|body| Some(body.get("access_token")?.as_str()?.to_owned()))
    {
        return Ok(format!("Authorization: Bearer {token}\r\n"));
    }
    for line in head.lines() {
        if let Some((header, value)) = line.split_once(": ")
            && header.eq_ignore_ascii_case("set-cookie")
        {
            let pair = value.split(';').next().unwrap_or_default();
            return Ok(format!("Cookie: {pair}\r\n"));
        }
    }
    bail!("{name} answered the login without a credential")
}

fn serve(contender: &str) -> Result<()> {
    // As `authbench serve` does on one core.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    std::thread::spawn(|| {
        let mut rest = [0; 64];
        while matches!(std::io::stdin().read(&mut rest), Ok(1..)) {}
        std::process::exit(0);
    });
    let home = tempfile::tempdir()?;
    runtime.block_on(async {
        match contender {
            BARE => peer(bare_routes()).await,
            TOWER => peer(tower_routes()).await,
            BARE_SAME_LOOP => {
                let server = ours("session.memory.bearer", home.path()).await?;
                run(server.with_router(bare_routes())).await
            }
            recipe => run(ours(recipe, home.path()).await?).await,
        }
    })
}

async fn peer(routes: Router) -> Result<()> {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
    println!("{}", listener.local_addr()?);
    let listener = axum::serve::ListenerExt::tap_io(listener, |stream| {
        let _ = stream.set_nodelay(true);
    });
    Ok(axum::serve(listener, routes).await?)
}

/// As large as our own answer, and as cheap to write.
#[derive(serde::Serialize)]
struct Me<S> {
    subject: S,
    roles: [&'static str; 1],
    login: &'static str,
}

fn me<S: serde::Serialize>(subject: S) -> Json<Me<S>> {
    Json(Me {
        subject,
        roles: ["user"],
        login: "AAAAAAAAAAAAAAAAAAAAAA",
    })
}

fn bare_routes() -> Router {
    Router::new().route("/me", get(|| async { me(SUBJECT) }))
}

fn tower_routes() -> Router {
    let log_in = |session: Session| async move {
        match session.insert("subject", SUBJECT).await {
            Ok(()) => Ok("{}"),
            Err(_) => Err(axum::http::StatusCode::SERVICE_UNAVAILABLE),
        }
    };
    let who = |session: Session| async move {
        match session.get::<String>("subject").await {
            Ok(Some(subject)) => Ok(me(subject)),
            Ok(None) => Err(axum::http::StatusCode::UNAUTHORIZED),
            Err(_) => Err(axum::http::StatusCode::SERVICE_UNAVAILABLE),
        }
    };
    Router::new()
        .route("/login", post(log_in))
        .route("/me", get(who))
        .layer(SessionManagerLayer::new(MemoryStore::default()))
}

async fn ours(recipe: &str, home: &Path) -> Result<Server> {
    let recipe = authbench_catalog::find(recipe)?;
    let node = Backing::open(&recipe, BackingOptions::new(home))
        .await?
        .node()
        .await?;
    let accounts = Arc::new(Accounts::lab(10, 0, &OsEntropy)?);
    let config = ServerConfig {
        lab: true,
        ..ServerConfig::new(node.strategy, node.transport, accounts)
    };
    Ok(Server::bind(([127, 0, 0, 1], 0).into(), config).await?)
}

async fn run(server: Server) -> Result<()> {
    println!("{}", server.local_addr());
    server.serve(std::future::pending()).await;
    Ok(())
}
