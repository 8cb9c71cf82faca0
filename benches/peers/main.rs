//! Our load driver beside wrk, oha, hey and h2load: what a request costs each
//! of them, and what each reports of a server that stalls. `run.sh` installs
//! them, builds, and calls this.

mod child;
mod cost;
mod drivers;
mod ours;
mod parse;
mod record;
mod servers;
mod stall;
mod table;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use authbench_core::Clock as _;
use authbench_core::system::SystemClock;
use authbench_lab::{CoreSet, cores};
use authbench_results::{Environment, Placement, Source};
use clap::{Parser, Subcommand};

use crate::drivers::{Driver, Tool};
use crate::record::{Comparison, Settings, Skipped};
use crate::servers::Server;

/// Load drivers beside each other.
#[derive(Debug, Parser)]
#[command(name = "authbench-peers")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Measures, prints the tables, and writes both into a folder.
    Measure(MeasureArgs),
    /// Our driver for one run, as a peer among the others.
    #[command(hide = true)]
    Drive(ours::DriveArgs),
    /// Prints the tables of a result again.
    Table {
        /// The result, JSON.
        file: PathBuf,
    },
}

#[derive(Debug, clap::Args)]
struct MeasureArgs {
    /// The command `authbench`, built with `--release`.
    #[arg(long, value_name = "PROGRAM")]
    authbench: PathBuf,
    /// The null server with its arguments: the example `driver_cost` of the
    /// load crate, built with `--release`, is one.
    #[arg(long, num_args = 1.., value_name = "PROGRAM")]
    null_server: Vec<String>,
    /// Where the result is written: `<machine>-<time>.json` and `.md`.
    #[arg(long, value_name = "FOLDER", default_value = "results/peers")]
    out: PathBuf,
    /// Only these drivers.
    #[arg(long, value_delimiter = ',', value_enum)]
    drivers: Vec<Driver>,
    /// Which parts.
    #[arg(long, value_delimiter = ',', value_enum, default_values = ["reference", "null", "stalls"])]
    parts: Vec<Part>,
    /// Keep-alive connections of each driver.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    connections: u32,
    /// Virtual users of our driver, at least as many as connections.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    users: u32,
    /// Rounds of the closed loops; an interval takes six.
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Seconds of one closed loop.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u64).range(1..))]
    seconds: u64,
    /// Rounds under stalls.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    stall_rounds: u32,
    /// Seconds under stalls; even, for the server stalls every two.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(2..))]
    stall_seconds: u64,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
enum Part {
    /// CPU per request against the reference server.
    Reference,
    /// CPU per request against the null server.
    Null,
    /// The reported 99th percentile under stalls.
    Stalls,
}

/// How long the server is stopped, milliseconds, and how often.
const STALL_MS: u64 = 200;
const PERIOD_MS: u64 = 2_000;

fn main() -> Result<()> {
    match Arguments::parse().task {
        Task::Measure(args) => measure(&args),
        Task::Drive(args) => ours::drive(&args),
        Task::Table { file } => {
            print!("{}", table::markdown(&read(&file)?));
            Ok(())
        }
    }
}

fn measure(args: &MeasureArgs) -> Result<()> {
    let settings = settings(args)?;
    let began_at = i64::try_from(SystemClock.now().0)?;
    let began_at = jiff::Timestamp::from_millisecond(began_at)?;
    let (server_core, driver_core) = two_cores()?;
    // All children from here on, but for the servers, inherit it.
    cores::pin_current_thread(&driver_core)?;
    let (mut tools, mut skipped) = find(&args.drivers);
    ensure!(!tools.is_empty(), "no driver is there to be measured");
    let numbers = |cores: &CoreSet| -> Vec<u32> {
        let number = |core| u32::try_from(core).ok();
        cores.iter().filter_map(number).collect()
    };
    let versions = |tool: &Tool| (tool.driver.name().to_owned(), tool.version.clone());
    let environment = Environment::read(Placement {
        services: tools.iter().map(versions).collect(),
        server_cores: numbers(&server_core),
        driver_cores: numbers(&driver_core),
    });
    let asked = |part| args.parts.contains(&part);
    let reference = Server::reference(&args.authbench, settings.users, &server_core)?;
    let mut cost = Vec::new();
    if asked(Part::Reference) {
        cost.extend(cost::compare(
            &reference,
            &mut tools,
            &settings,
            &mut skipped,
        )?);
    }
    if asked(Part::Null) {
        let null = Server::null(&args.null_server, &server_core)?;
        cost.extend(cost::compare(&null, &mut tools, &settings, &mut skipped)?);
    }
    let mut stalls = Vec::new();
    if asked(Part::Stalls) {
        let capacity_per_s = capacity_per_s(&reference, &tools, &settings)?;
        stalls = stall::compare(
            &reference,
            &tools,
            &settings,
            capacity_per_s,
            &server_core,
            &mut skipped,
        )?;
    }
    let comparison = Comparison {
        schema: record::SCHEMA.to_owned(),
        began_at,
        source: Source::read(Path::new(".")),
        environment,
        settings,
        skipped,
        cost,
        stalls,
    };
    finish(&comparison, &args.out)
}

fn settings(args: &MeasureArgs) -> Result<Settings> {
    ensure!(
        args.users >= args.connections,
        "--users {} is less than --connections {}: nobody asks twice at once",
        args.users,
        args.connections
    );
    ensure!(
        (args.stall_seconds * 1_000).is_multiple_of(PERIOD_MS),
        "--stall-seconds {} is no whole number of periods of {PERIOD_MS} ms",
        args.stall_seconds
    );
    Ok(Settings {
        connections: args.connections,
        users: args.users,
        rounds: args.rounds,
        seconds: args.seconds,
        stall_rounds: args.stall_rounds,
        stall_seconds: args.stall_seconds,
        stall_ms: STALL_MS,
        period_ms: PERIOD_MS,
    })
}

/// A core for the servers and one for the drivers.
fn two_cores() -> Result<(CoreSet, CoreSet)> {
    let placement = cores::split(1)?;
    ensure!(
        placement.pinned && !placement.shared,
        "server and driver need a core each: {}",
        placement.note
    );
    if !placement.note.is_empty() {
        eprintln!("*** NOTE: {} ***", placement.note);
    }
    let driver = placement.driver.iter().take(1).collect();
    Ok((placement.server, driver))
}

/// The drivers of this machine among the `wanted`, all if none is named.
fn find(wanted: &[Driver]) -> (Vec<Tool>, Vec<Skipped>) {
    let (mut tools, mut skipped) = (Vec::new(), Vec::new());
    for driver in Driver::ALL {
        if !wanted.is_empty() && !wanted.contains(&driver) {
            continue;
        }
        match driver.find() {
            Ok(tool) => tools.push(tool),
            Err(missing) => skipped.push(Skipped::loudly(&missing.driver, missing.reason)),
        }
    }
    (tools, skipped)
}

/// What the server answers per second when it is never without work.
fn capacity_per_s(server: &Server, tools: &[Tool], settings: &Settings) -> Result<f64> {
    let fastest = tools
        .first()
        .context("no driver is there to find the server's capacity")?;
    let round = cost::measure(server, fastest, settings, settings.seconds)?;
    Ok(round.completed as f64 / settings.seconds as f64)
}

fn finish(comparison: &Comparison, folder: &Path) -> Result<()> {
    let page = table::markdown(comparison);
    print!("{page}");
    let name = format!(
        "{}-{}",
        comparison.environment.short_fingerprint(),
        comparison.began_at.strftime("%Y%m%dT%H%M%SZ")
    );
    let json = serde_json::to_string_pretty(comparison)? + "\n";
    fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    for (ending, text) in [("json", &json), ("md", &page)] {
        let file = folder.join(format!("{name}.{ending}"));
        fs::write(&file, text).with_context(|| format!("{} is not written", file.display()))?;
        eprintln!("{}", file.display());
    }
    for Skipped { driver, reason } in &comparison.skipped {
        eprintln!("*** NOTE: {driver} was LEFT OUT: {reason} ***");
    }
    Ok(())
}

fn read(file: &Path) -> Result<Comparison> {
    let text = fs::read_to_string(file).with_context(|| file.display().to_string())?;
    let comparison: Comparison =
        serde_json::from_str(&text).with_context(|| file.display().to_string())?;
    ensure!(
        comparison.schema == record::SCHEMA,
        "{} is `{}`, this program reads `{}`",
        file.display(),
        comparison.schema,
        record::SCHEMA
    );
    Ok(comparison)
}
