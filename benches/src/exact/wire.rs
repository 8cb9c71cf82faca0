//! Octets on the wire: the reference server, asked by the driver's engine over
//! loopback.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::{Context as _, Result, ensure};
use authbench_catalog::{Backing, BackingOptions, Recipe};
use authbench_core::system::SystemClock;
use authbench_core::{Clock as _, ManualClock, SeededEntropy};
use authbench_load::{
    Action, Arrivals, Driver, DriverOptions, EngineKind, LoadPoint, LoginPlan, Spacing, Wire,
};
use authbench_results::CountedFigure;
use authbench_server::{Accounts, Server, ServerClock, ServerConfig};
use authbench_wire::profile::Carrier;
use authbench_wire::{Profile, Transport};
use tokio::runtime::{Builder, Runtime};

use super::figure;
use crate::fixed::with_fixed_keys;

/// Roles of each account.
const ROLES: u16 = 5;

/// Reads that are counted. Their schedule waits for no answer, so there are as
/// many on a busy machine, only later.
const READS: u64 = 10;

/// Milliseconds that an answer may take.
const TIMEOUT_MS: u64 = 30_000;

/// Octets of `GET /me` and of a login as the driver sends them and the server
/// answers them, heads and bodies: `me_request_bytes`, `me_response_bytes`,
/// `login_request_bytes`, `login_response_bytes`. Over HTTP/1.1 without TLS;
/// whatever needs a server of its own is replaced by a table in memory.
///
/// # Errors
/// When the server cannot be started, or an answer is not what it must be.
pub fn wire_bytes(recipe: &Recipe) -> Result<Vec<CountedFigure>> {
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let home = tempfile::tempdir()?;
    let profile = serve(&runtime, recipe, home.path())
        .with_context(|| format!("`{}` cannot be served", recipe.name))?;
    let options = DriverOptions {
        engine: EngineKind::Epoll,
        shared_core: true,
        ..DriverOptions::default()
    };
    let (mut driver, stop) = (Driver::new(&profile, options)?, AtomicBool::new(false));
    let plan = LoginPlan {
        users: &profile.users,
        numbers: 0..1,
        devices: 1,
        connections: 1,
        keep: true,
        timeout_ms: TIMEOUT_MS,
    };
    let login = driver.log_in(&plan, &stop)?.wire;
    // The first read comes at once and the others a millisecond apart.
    let point = LoadPoint {
        measure_ms: READS,
        timeout_ms: TIMEOUT_MS,
        ..LoadPoint::reads(Arrivals::steady(Spacing::Even, 1_000.0))
    };
    let read = driver
        .cell(&point, &mut (), &mut (), &stop)?
        .wire(Action::Read);
    runtime.shutdown_background();
    let (me, login) = (each(&read, READS)?, each(&login, 1)?);
    let figures = [
        ("me_request_bytes", me.0),
        ("me_response_bytes", me.1),
        ("login_request_bytes", login.0),
        ("login_response_bytes", login.1),
    ];
    let figures = figures.map(|(metric, octets)| figure(&recipe.name, metric, octets as f64));
    Ok(figures.to_vec())
}

/// Octets sent and received of one of `count` exchanges, which must all be
/// alike.
fn each(wire: &Wire, count: u64) -> Result<(u64, u64)> {
    ensure!(
        wire.exchanges == count,
        "of {count} requests {} were answered rightly",
        wire.exchanges
    );
    let one = |octets: u64| {
        ensure!(
            octets.is_multiple_of(count),
            "like requests are not alike on the wire"
        );
        Ok(octets / count)
    };
    Ok((one(wire.sent_bytes)?, one(wire.received_bytes)?))
}

/// Serves `recipe` for as long as `runtime` runs; the profile to ask it by.
fn serve(runtime: &Runtime, recipe: &Recipe, home: &Path) -> Result<Profile> {
    // The driver knows only the present time; so does the server, once.
    let clock = Arc::new(ManualClock::at(SystemClock.now()));
    let entropy = Arc::new(SeededEntropy::new(1));
    let options = BackingOptions {
        entropy: Arc::clone(&entropy) as _,
        clock: Arc::clone(&clock) as _,
        stand_in: true,
        ..BackingOptions::new(home)
    };
    let accounts = Arc::new(Accounts::lab_with_roles(1, 0, ROLES, &entropy)?);
    let (server, guarantees) = runtime.block_on(async {
        let backing = Backing::open(&with_fixed_keys(recipe), options).await?;
        let node = backing.node().await?;
        let guarantees = node.strategy.guarantees();
        let config = ServerConfig {
            clock: Arc::new(ServerClock::new(clock)),
            entropy,
            lab: true,
            ..ServerConfig::new(Arc::clone(&node.strategy), node.transport.clone(), accounts)
        };
        let server = Server::bind(([127, 0, 0, 1], 0).into(), config).await?;
        anyhow::Ok((server, (guarantees, backing, node)))
    })?;
    let (guarantees, backing, node) = guarantees;
    let base_url = server.base_url();
    runtime.spawn(async move {
        server.serve(std::future::pending()).await;
        drop((backing, node));
    });
    profile(recipe, base_url, guarantees)
}

fn profile(
    recipe: &Recipe,
    base_url: String,
    guarantees: authbench_core::Guarantees,
) -> Result<Profile> {
    let targets = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios/targets");
    let name = format!("authbench-{}", recipe.transport.label());
    let mut profile = Profile::read(&targets.join(name))?;
    profile.base_url = Some(base_url);
    profile.guarantees = guarantees;
    if let (Transport::Cookie(cookie), Carrier::Cookie { name }) =
        (&recipe.transport, &mut profile.carrier)
    {
        cookie.name().clone_into(name);
    }
    Ok(profile)
}
