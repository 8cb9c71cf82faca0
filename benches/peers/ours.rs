//! Our own driver as a process of its own, so that it is measured as the
//! peers are. It does more than they: each virtual user logs in, keeps the
//! credential, and has every answer judged.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use anyhow::{Context as _, Result, ensure};
use authbench_engine::EngineKind;
use authbench_lab::timer;
use authbench_load::{
    Arrivals, Driver, DriverOptions, LoadPoint, LoginPlan, SaturationPlan, Spacing, Tally,
};
use authbench_wire::Profile;
use authbench_wire::template::Template;

use crate::parse::Said;

/// The profile of the reference server, which the null server fits, too.
const PROFILE: &str = include_str!("../../scenarios/targets/authbench-bearer/profile.toml");
/// Later answers are failures; far beyond any stall.
const TIMEOUT_MS: u64 = 10_000;

/// Puts a server under load and prints what it said, as JSON.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct DriveArgs {
    /// Where the server listens.
    #[arg(long)]
    address: SocketAddr,
    /// How requests reach the wire.
    #[arg(long)]
    engine: EngineKind,
    /// Virtual users, each with a login of its own.
    #[arg(long)]
    users: u32,
    /// Keep-alive connections.
    #[arg(long)]
    connections: u32,
    /// How long.
    #[arg(long)]
    seconds: u64,
    /// Arrivals per second, evenly spaced; a closed loop without.
    #[arg(long)]
    rate: Option<u32>,
    /// What every user's `whoami` must answer, instead of the user's own
    /// subject: a server of canned answers knows only one.
    #[arg(long)]
    subject: Option<String>,
}

/// Runs the driver on this thread, and prints one line: [`Said`].
///
/// # Errors
/// When the server cannot be reached or does not let the users in.
pub(crate) fn drive(args: &DriveArgs) -> Result<()> {
    timer::set_slack_ns(1)?;
    let said = said(args)?;
    println!("{}", serde_json::to_string(&said)?);
    Ok(())
}

fn said(args: &DriveArgs) -> Result<Said> {
    let profile = profile(args)?;
    let mut driver = Driver::new(
        &profile,
        DriverOptions {
            engine: args.engine,
            ..DriverOptions::default()
        },
    )?;
    let never = AtomicBool::new(false);
    let logins = LoginPlan {
        users: &profile.users,
        numbers: 0..args.users,
        devices: 1,
        connections: args.connections,
        keep: true,
        timeout_ms: TIMEOUT_MS,
    };
    // They cost the driver more than a read does, so they count as requests.
    let logins = driver.log_in(&logins, &never)?.logins;
    match args.rate {
        None => closed_loop(&mut driver, args, logins, &never),
        Some(rate_per_s) => open_loop(&mut driver, args, rate_per_s, &never),
    }
}

fn closed_loop(
    driver: &mut Driver,
    args: &DriveArgs,
    logins: u64,
    stop: &AtomicBool,
) -> Result<Said> {
    let plan = SaturationPlan {
        connections: args.connections,
        warmup_ms: 0,
        measure_ms: args.seconds * 1_000,
        timeout_ms: TIMEOUT_MS,
        seed: 1,
    };
    let outcome = driver.saturate(&plan, &mut (), stop)?;
    ensure!(
        outcome.connections == args.connections,
        "{} connections take as many users, there are {}",
        args.connections,
        args.users
    );
    Ok(Said {
        completed: logins + answered(&[&outcome.warmup, &outcome.tally]),
        failed: outcome.warmup.failures() + outcome.tally.failures(),
        p99_ms: None,
    })
}

fn open_loop(
    driver: &mut Driver,
    args: &DriveArgs,
    rate_per_s: u32,
    stop: &AtomicBool,
) -> Result<Said> {
    let point = LoadPoint {
        connections: args.connections,
        measure_ms: args.seconds * 1_000,
        timeout_ms: TIMEOUT_MS,
        ..LoadPoint::reads(Arrivals::steady(Spacing::Even, f64::from(rate_per_s)))
    };
    let outcome = driver.cell(&point, &mut (), &mut (), stop)?;
    let p99_ns = outcome.response_ns.value_at_quantile(0.99);
    Ok(Said {
        completed: answered(&[&outcome.warmup, &outcome.tally]),
        failed: outcome.warmup.failures() + outcome.tally.failures(),
        p99_ms: Some(p99_ns as f64 / 1e6),
    })
}

fn answered(tallies: &[&Tally]) -> u64 {
    tallies.iter().map(|tally| tally.answered()).sum()
}

fn profile(args: &DriveArgs) -> Result<Profile> {
    let mut profile = Profile::parse(Path::new("authbench-bearer/profile.toml"), PROFILE)?;
    profile.base_url = Some(format!("http://{}", args.address));
    let pattern = profile.users.pattern.as_mut();
    let pattern = pattern.context("the profile has no pattern of users")?;
    pattern.count = args.users;
    if let Some(subject) = &args.subject {
        pattern.subject = Some(Template::parse(subject));
    }
    Ok(profile)
}
