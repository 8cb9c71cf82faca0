//! `authbench serve`: one strategy over HTTP.

mod burn;

use std::io::{IsTerminal as _, Read as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use authbench_catalog::backing::{Contents, Sweep, Switch};
use authbench_catalog::{Backing, BackingOptions, BuildError, Node, Recipe, ShareFolder};
use authbench_core::system::{OsEntropy, SystemClock};
use authbench_core::{AccountDirectory, Clock, Guarantees, OutageBehaviour};
use authbench_lab::services::{self, Found};
use authbench_server::accounts::LAB_ROLES_MAX;
use authbench_server::{
    Accounts, ContentsFuture, DemoUser, NextService, PublishedKeys, ServeError, Server,
    ServerClock, ServerConfig, SetStore, StoreContents, TlsConfig,
};
use authbench_wire::bodies::StorePeekResponse;
use serde::{Deserialize, Serialize};

use crate::exit::{Outcome, UsageError};
use crate::services::{Services, in_the_lab};

/// Serve one strategy over HTTP.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// A strategy's name (see `authbench list strategies`) or a recipe file.
    strategy: String,
    /// Where to listen; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// Accounts from a TOML file; three with random passwords if absent.
    #[arg(long, value_name = "FILE", conflicts_with = "lab")]
    users: Option<PathBuf>,
    /// Speak TLS; with a certificate made for localhost if none is given.
    #[arg(long)]
    tls: bool,
    /// The certificate chain for TLS, PEM.
    #[arg(long, value_name = "FILE", requires = "tls", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The private key for TLS, PEM.
    #[arg(long, value_name = "FILE", requires = "tls", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Speak HTTP/2 beside HTTP/1.1: over TLS if the client chooses it, without
    /// TLS if it begins so.
    #[arg(long)]
    http2: bool,
    /// Open the lab: accounts with known passwords, and routes that step the
    /// clock and show counts. Only on a loopback address.
    #[arg(long)]
    lab: bool,
    /// How many accounts without a slow password hash the lab has.
    #[arg(long, default_value_t = 1_000, requires = "lab", value_name = "N")]
    lab_users: u32,
    /// How many accounts with Argon2id hashes the lab has beside them.
    #[arg(long, default_value_t = 0, requires = "lab", value_name = "N")]
    lab_hashed: u32,
    /// How many roles each account of the lab has, 1 to 500: `user`,
    /// `role-0001` and so on. A token grows by some 16 octets with each.
    #[arg(long, default_value_t = 1, requires = "lab", value_name = "N",
          value_parser = clap::value_parser!(u16).range(1..=i64::from(LAB_ROLES_MAX)))]
    lab_roles: u16,
    /// Adds the account `large`, which has this many roles, up to 500.
    #[arg(long, requires = "lab", value_name = "N",
          value_parser = clap::value_parser!(u16).range(1..=i64::from(LAB_ROLES_MAX)))]
    lab_large: Option<u16>,
    #[command(flatten)]
    burn: burn::Options,
    /// Milliseconds between two rounds in which expired records are removed,
    /// from stores that do not do so by themselves.
    #[arg(long, default_value_t = 60_000, value_name = "MS",
          value_parser = clap::value_parser!(u64).range(10..=86_400_000))]
    sweep_every_ms: u64,
    /// The service behind this one, http://HOST:PORT: `/lab/chain` asks it with
    /// the caller's credential, so that a chain of up to 8 services judges.
    #[arg(long, requires = "lab", value_name = "URL")]
    next: Option<String>,
    /// A folder by which replicas agree: those that are given the same one
    /// have the same keys, the same records in stores that several processes
    /// can use, and the same SQLite file. It is made if it is missing, and only
    /// its owner may read it. What replicas put into store servers goes with
    /// the last that ends in order.
    #[arg(long, value_name = "FOLDER")]
    share: Option<PathBuf>,
    /// End when standard input ends, so that the server cannot outlive the
    /// program that started it.
    #[arg(long)]
    with_parent: bool,
    /// What to log: error, warn, info, debug or trace, or a filter such as
    /// `authbench_server=debug`.
    #[arg(long, default_value = "warn", value_name = "FILTER")]
    log: String,
    /// Log as JSON, one object a line.
    #[arg(long)]
    log_json: bool,
}

/// What is said of a strategy that fails open.
const FAILS_OPEN: &str =
    "warning: this strategy FAILS OPEN: while its store is out of reach, revoked logins pass";

/// The line on standard output that says that the server serves.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Ready {
    /// Which strategy.
    pub(crate) strategy: String,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// What it promises.
    pub(crate) guarantees: Guarantees,
    /// Whether replicas with the same `--share` folder accept each other's
    /// logins. Where not, callers must come back to the one that let them in.
    #[serde(default)]
    pub(crate) shares_logins: bool,
    /// The server's own certificate as PEM text, if it speaks TLS: what a client
    /// must trust, and nothing else, where it is self-signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) certificate_pem: Option<String>,
}

pub(crate) fn execute(args: &Args) -> Result<Outcome> {
    log_to_stderr(args)?;
    // One core is best used by one thread; more cores by as many.
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let runtime = if cores == 1 {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
    } else {
        tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
    };
    runtime
        .context("the server's threads could not be started")?
        .block_on(serve(args))
}

async fn serve(args: &Args) -> Result<Outcome> {
    let recipe = authbench_catalog::find(&args.strategy)?;
    let home = tempfile::tempdir().context("no temporary folder could be made")?;
    let next = next_service(args)?;
    let share = share(args, &recipe).await?;
    let mut obtained = Services::obtain([&recipe]);
    if let Some(missing) = obtained.take_missing(&recipe) {
        return Err(missing).context(format!("`{}` cannot be served", recipe.name));
    }
    let (accounts, shown_once) = accounts(args)?;
    let accounts = Arc::new(shared_accounts(args, accounts)?);
    // Caches of the strategy follow when the lab steps the server's clock.
    let clock = Arc::new(ServerClock::new(Arc::new(SystemClock)));
    let options = BackingOptions {
        clock: Arc::clone(&clock) as Arc<dyn Clock>,
        services: obtained.urls(),
        accounts: Some(Arc::clone(&accounts) as Arc<dyn AccountDirectory>),
        share,
        faults: args.lab.then(Switch::default),
        metered: args.lab,
        ..BackingOptions::new(home.path())
    };
    let backing = Backing::open(&recipe, options).await?;
    let node = backing.node().await?;
    if node.strategy.guarantees().outage == OutageBehaviour::FailsOpen {
        eprintln!("{}", crate::term::paint_error(FAILS_OPEN));
    }
    let config = ServerConfig {
        burn: args.burn.calibrated()?,
        ..config(args, &node, accounts, Arc::clone(&clock), next)
    };
    let server = Server::bind(args.listen, config)
        .await
        .map_err(with_a_way_out)?;
    show_once(&shown_once);
    let ready = Ready {
        strategy: recipe.name.clone(),
        address: server.local_addr(),
        guarantees: node.strategy.guarantees(),
        shares_logins: recipe.shares_logins(),
        certificate_pem: server.certificate_pem(),
    };
    crate::term::say(serde_json::to_string(&ready)?)?;
    if std::io::stderr().is_terminal() {
        eprintln!(
            "{} listens on {} (Ctrl-C ends it)",
            node.name,
            server.base_url()
        );
    }
    if let Some(sweeper) = node.sweeper {
        let every = Duration::from_millis(args.sweep_every_ms);
        tokio::spawn(sweep_for_ever(sweeper, clock, every));
    }
    let drained = server.serve(shutdown(args.with_parent)).await;
    if let Err(error) = backing.remove().await {
        let error = &error as &dyn std::error::Error;
        tracing::warn!(error, "what this server kept in its store is still there");
    }
    tracing::info!(?drained, "ended");
    Ok(Outcome::Good)
}

/// The server's parts.
fn config(
    args: &Args,
    node: &Node,
    accounts: Arc<Accounts>,
    clock: Arc<ServerClock>,
    next: Option<NextService>,
) -> ServerConfig {
    ServerConfig {
        jwks: node
            .jwks
            .clone()
            .map(|keys| PublishedKeys::new(move |at| (keys.at)(at), keys.fresh_ms)),
        rotate_keys: node.rotate_keys.clone(),
        stats: node.stats.clone(),
        set_store: node
            .set_store
            .clone()
            .map(|set| Arc::new(move |asked| set(asked).map_err(Into::into)) as SetStore),
        store_contents: node
            .contents
            .clone()
            .filter(|_| args.lab)
            .map(|contents| Arc::new(Peeked(contents)) as Arc<dyn StoreContents>),
        signing_key: node.signing_key.clone().filter(|_| args.lab),
        next,
        clock,
        tls: tls(args),
        http2: args.http2,
        lab: args.lab,
        ..ServerConfig::new(Arc::clone(&node.strategy), node.transport.clone(), accounts)
    }
}

/// The node's store, as the server looks into it.
struct Peeked(Arc<dyn Contents>);

impl StoreContents for Peeked {
    fn peek(&self) -> ContentsFuture<'_, StorePeekResponse> {
        self.0.peek()
    }

    fn wipe(&self) -> ContentsFuture<'_, ()> {
        self.0.wipe()
    }
}

/// Errors that another flag would mend say which.
fn with_a_way_out(error: ServeError) -> anyhow::Error {
    match &error {
        ServeError::Bind { .. } => anyhow::Error::from(error)
            .context("give another address with --listen; port 0 takes a free port"),
        ServeError::LabExposed { .. } | ServeError::Tls(_) => anyhow::Error::from(error)
            .context(UsageError("the server cannot be started".to_owned())),
        _ => error.into(),
    }
}

fn next_service(args: &Args) -> Result<Option<NextService>> {
    let next = args.next.as_deref().map(NextService::new).transpose();
    next.context(UsageError("--next is not the URL of a server".to_owned()))
}

/// The folder that replicas share. A private store server would be this
/// process's alone and would go with it, so one that all can find must be named.
async fn share(args: &Args, recipe: &Recipe) -> Result<Option<Arc<ShareFolder>>> {
    let Some(folder) = &args.share else {
        return Ok(None);
    };
    if let Some(service) = recipe.needs() {
        let service = in_the_lab(service);
        if !matches!(services::locate(service), Ok(Found::Url(_))) {
            let (name, variable) = (&recipe.name, service.url_variable());
            return Err(UsageError(format!(
                "replicas of `{name}` need one {service} server for all of them: set {variable}"
            ))
            .into());
        }
    }
    if !recipe.shares_logins() {
        eprintln!("{}", crate::term::paint_error(&unshared(&recipe.name)));
    }
    let entered = ShareFolder::enter(folder, recipe).await;
    Ok(Some(Arc::new(entered.map_err(BuildError::from)?)))
}

fn unshared(name: &str) -> String {
    format!(
        "warning: replicas of `{name}` do not share logins, which are in each one's memory: lead \
         callers back to the replica that let them in"
    )
}

/// The accounts, and those whose passwords must be shown once.
fn accounts(args: &Args) -> Result<(Accounts, Vec<DemoUser>)> {
    if args.lab {
        let (users, hashed) = (args.lab_users, args.lab_hashed);
        let mut accounts = Accounts::lab_with_roles(users, hashed, args.lab_roles, &OsEntropy)?;
        if let Some(roles_large) = args.lab_large {
            accounts = accounts.with_large(roles_large)?;
        }
        return Ok((accounts, Vec::new()));
    }
    if let Some(file) = &args.users {
        return Ok((Accounts::read(file, &OsEntropy)?, Vec::new()));
    }
    let (accounts, shown_once) = Accounts::demo(&OsEntropy)?;
    Ok((accounts, shown_once))
}

/// Replicas of the lab have the same accounts, and so share what is changed of
/// them: a password that was changed at one opens nothing at the other. (The
/// others' subjects may be random.)
fn shared_accounts(args: &Args, accounts: Accounts) -> Result<Accounts> {
    match &args.share {
        Some(folder) if args.lab => Ok(accounts.with_journal(&folder.join("accounts.jsonl"))?),
        _ => Ok(accounts),
    }
}

fn show_once(users: &[DemoUser]) {
    if users.is_empty() {
        return;
    }
    eprintln!("accounts of this server, shown this once (--users FILE takes your own):");
    for user in users {
        eprintln!("  {:<8} {}", user.name, user.password.expose());
    }
}

fn tls(args: &Args) -> Option<TlsConfig> {
    args.tls.then(|| match (&args.tls_cert, &args.tls_key) {
        (Some(certificates), Some(key)) => TlsConfig::Files {
            certificates: certificates.clone(),
            key: key.clone(),
        },
        _ => TlsConfig::SelfSigned,
    })
}

fn log_to_stderr(args: &Args) -> Result<()> {
    let filter = tracing_subscriber::EnvFilter::try_new(&args.log)
        .map_err(|error| UsageError(format!("--log {}: {error}", args.log)))?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    if args.log_json {
        builder.json().init();
    } else {
        builder
            .with_ansi(std::io::stderr().is_terminal() && crate::term::colours())
            .init();
    }
    Ok(())
}

/// Removes what has expired by `clock` in small batches, a batch's pause apart,
/// so that no request waits long behind one; `every` so long between rounds.
async fn sweep_for_ever(sweeper: Arc<dyn Sweep>, clock: Arc<ServerClock>, every: Duration) {
    const BATCH: u64 = 1_000;
    loop {
        let pause = match sweeper.sweep(clock.now(), BATCH).await {
            Ok(BATCH..) => Duration::from_millis(20),
            Ok(_) => every,
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "expired records stay"
                );
                every
            }
        };
        tokio::time::sleep(pause).await;
    }
}

/// Waits for Ctrl-C, SIGTERM, or the end of standard input if that counts.
async fn shutdown(with_parent: bool) {
    let interrupt = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    let terminate = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            Err(_) => std::future::pending().await,
        }
    };
    let orphaned = async {
        if with_parent {
            stdin_ends().await;
        } else {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        () = interrupt => {}
        () = terminate => {}
        () = orphaned => {}
    }
}

async fn stdin_ends() {
    let (ended, waits) = tokio::sync::oneshot::channel();
    // A thread of its own: a read of standard input cannot be cancelled, and
    // the runtime would wait for one of its own threads at shutdown.
    std::thread::spawn(move || {
        let mut rest = [0; 256];
        while matches!(std::io::stdin().read(&mut rest), Ok(1..)) {}
        let _ = ended.send(());
    });
    let _ = waits.await;
}
