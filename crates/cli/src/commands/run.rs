//! `authbench run`: measures a scenario.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use authbench_catalog::RecipeError;
use authbench_conf::{ConfError, Located};
use authbench_lab::cores;
use authbench_load::{KneeSearch, Scenario, Share};
use authbench_results::Purpose;

use crate::exit::{Outcome, UsageError};
use crate::gate::compare::standing;
use crate::run::candidate::Candidate;
use crate::run::carrier::Carrier;
use crate::run::library::{self, Source};
use crate::run::progress::Progress;
use crate::run::remote::Remote;
use crate::run::verdict::Checks;
use crate::run::{self, Plan, show};
use crate::term::Format;
use crate::trust;

/// The scenario that runs when none is named.
const QUICK: &str = "quick";

/// Measure a scenario: latency, CPU, memory, bytes and revocation of several
/// strategies, side by side.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// A scenario's name (see `authbench list scenarios`) or a .toml file.
    #[arg(default_value = QUICK)]
    scenario: String,
    #[command(flatten)]
    options: Options,
}

/// What `authbench` without a command takes, too.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Measure this strategy (a name or a recipe file), or a server that this
    /// program can start (a target's name or folder), instead of the
    /// scenario's; may be given several times.
    #[arg(long = "strategy", value_name = "NAME")]
    strategies: Vec<String>,
    /// Derive everything random from this instead of the scenario's seed.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// The folder for results.
    #[arg(long, default_value = "results/runs", value_name = "DIR")]
    out: PathBuf,
    /// Seek the highest rate at which 99 of 100 reads take at most so many
    /// milliseconds, and measure at 25, 50, 75 and 90 % of it, in place of the
    /// scenario's rates or phases.
    #[arg(long, value_name = "SLO_MS", value_parser = slo_ms)]
    knee: Option<f64>,
    /// What carries the requests: auto, epoll, io-uring, hyper or http2; or
    /// in-process, which calls the strategies without servers or sockets.
    #[arg(long, default_value_t, value_name = "NAME")]
    engine: Carrier,
    /// Threads of the driver; one for each of its cores if absent.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=256))]
    threads: Option<u32>,
    /// Which conformance checks stand before the measurement of each strategy;
    /// the figures of one that fails them are crossed out.
    #[arg(long, value_enum, default_value_t)]
    checks: Checks,
    #[command(flatten)]
    target: TargetArgs,
    /// What the run is for.
    #[arg(long, value_enum, default_value_t)]
    purpose: PurposeArg,
    /// The shape of the output.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Show no progress.
    #[arg(long, short)]
    quiet: bool,
}

/// A server that runs already.
#[derive(clap::Args)]
struct TargetArgs {
    /// Put this target under load (a name, see `authbench list targets`, or a
    /// profile's path), in place of the scenario's strategies.
    #[arg(long, value_name = "TARGET", conflicts_with_all = ["strategies", "knee"])]
    target: Option<String>,
    /// Where the target listens, instead of the profile's address.
    #[arg(long, value_name = "URL", requires = "target")]
    base_url: Option<String>,
    /// The target is another machine, and mine: without this only this machine
    /// is put under load.
    #[arg(long, requires = "target")]
    i_own_this_target: bool,
    /// Believe the certificates that lead to those of this PEM file (https).
    #[arg(long, value_name = "FILE", requires = "target")]
    ca: Option<PathBuf>,
    /// Believe any certificate (https); for laboratories only.
    #[arg(long, requires = "target", conflicts_with = "ca")]
    insecure: bool,
    /// Which part of the load is this driver's, of how many: 0/4 to 3/4. The
    /// parts together are the whole scenario; `authbench merge` puts their
    /// results together.
    #[arg(long, value_name = "I/N", value_parser = share, requires = "target", requires = "start_at")]
    shard: Option<Share>,
    /// When load begins (RFC 3339, UTC), by this machine's clock: the same for
    /// all parts. Logins are made before.
    #[arg(long, value_name = "TIME", value_parser = instant_ms, requires = "target")]
    start_at: Option<u64>,
}

#[derive(Clone, Copy, Default, clap::ValueEnum)]
enum PurposeArg {
    /// The same binary against itself.
    Aa,
    /// Somebody wants to know.
    #[default]
    AdHoc,
    /// To be compared with later.
    Baseline,
    /// To be compared with a baseline.
    Candidate,
    /// Routine.
    Nightly,
}

impl From<PurposeArg> for Purpose {
    fn from(purpose: PurposeArg) -> Self {
        match purpose {
            PurposeArg::Aa => Self::Aa,
            PurposeArg::AdHoc => Self::AdHoc,
            PurposeArg::Baseline => Self::Baseline,
            PurposeArg::Candidate => Self::Candidate,
            PurposeArg::Nightly => Self::Nightly,
        }
    }
}

pub(crate) fn execute(args: &Args) -> Result<Outcome> {
    measure(&args.scenario, &args.options)
}

/// `authbench` without a command.
pub(crate) fn quick(options: &Options) -> Result<Outcome> {
    measure(QUICK, options)
}

fn measure(scenario: &str, options: &Options) -> Result<Outcome> {
    let plan = plan(scenario, options)?;
    let stop = crate::stop::at_ctrl_c()?;
    let placement = cores::split(1).context("the machine does not tell its cores")?;
    if let Some(own) = placement.pin_driver() {
        // Whatever this thread starts, the one that draws the progress
        // included, stays off the server's core. A refusal is reported later.
        let _ = cores::pin_current_thread(own);
    }
    let names: Vec<String> = plan
        .scenario
        .strategies
        .value
        .iter()
        .map(|name| name.value.clone())
        .collect();
    let progress = Progress::new(steps(&plan), &names, options.quiet);
    let mut result = run::run(&plan, &placement, &stop, &progress)?;
    drop(progress);
    match standing(options.out.parent().unwrap_or(Path::new("."))) {
        Ok(standing) => result.qualification = standing,
        Err(error) => result.run.warnings.push(format!("{error:#}")),
    }
    let saved =
        authbench_results::store::write_or_rescue(&options.out, &std::env::temp_dir(), &result)
            .context("the result is lost")?;
    show::result(&result, &saved, options.format)
}

fn plan(scenario: &str, options: &Options) -> Result<Plan> {
    let (mut scenario, source) = library::scenario(scenario)?;
    if let Some(seed) = options.seed {
        scenario.seed = seed;
    }
    if let Some(remote) = remote(&options.target, options.engine)? {
        scenario.strategies = vec![Located::from(remote.profile.name.clone())].into();
        remote.check(&scenario)?;
        return Ok(Plan {
            name: source.name,
            scenario,
            candidates: Vec::new(),
            asked_for: true,
            purpose: options.purpose.into(),
            carrier: options.engine,
            threads: options.threads,
            checks: options.checks,
            remote: Some(remote),
        });
    }
    if let Some(slo_ms) = options.knee {
        seek_knee(&mut scenario, slo_ms)?;
    }
    if !options.strategies.is_empty() {
        let names = options
            .strategies
            .iter()
            .cloned()
            .map(Located::from)
            .collect::<Vec<_>>();
        scenario.strategies = names.into();
    }
    if options.engine == Carrier::InProcess {
        run::in_process::check(&scenario, options.threads)?;
    }
    let candidates = candidates(&scenario, &source, options.strategies.is_empty())?;
    Ok(Plan {
        name: source.name,
        scenario,
        candidates,
        asked_for: !options.strategies.is_empty(),
        purpose: options.purpose.into(),
        carrier: options.engine,
        threads: options.threads,
        checks: options.checks,
        remote: None,
    })
}

/// The target that is named, if one is.
fn remote(args: &TargetArgs, carrier: Carrier) -> Result<Option<Remote>> {
    let Some(name) = &args.target else {
        return Ok(None);
    };
    let Carrier::Http(engine) = carrier else {
        let why = "--target is a server, which --engine in-process cannot reach: leave out one";
        return Err(UsageError(why.to_owned()).into());
    };
    let mut profile = library::target(name)?;
    if let Some(url) = &args.base_url {
        profile.base_url = Some(url.trim_end_matches('/').to_owned());
    }
    Ok(Some(Remote {
        profile,
        engine,
        allow_remote: args.i_own_this_target,
        trust: trust::of(args.ca.as_deref(), args.insecure)?,
        share: args.shard.unwrap_or_default(),
        start_at_ms: args.start_at,
    }))
}

fn share(text: &str) -> Result<Share, String> {
    let parts = text.split_once('/');
    let numbers = parts.and_then(|(index, of)| Some((index.parse().ok()?, of.parse().ok()?)));
    let share = numbers.and_then(|(index, of)| Share::new(index, of));
    share.ok_or_else(|| format!("`{text}` is no part such as 0/4: the first number is the smaller"))
}

fn instant_ms(text: &str) -> Result<u64, String> {
    let instant: jiff::Timestamp = text
        .parse()
        .map_err(|_| format!("`{text}` is no instant such as 2026-11-24T12:00:00Z"))?;
    u64::try_from(instant.as_millisecond()).map_err(|_| format!("`{text}` is before 1970"))
}

fn slo_ms(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(ms) if ms > 0.0 && ms <= 600_000.0 => Ok(ms),
        _ => Err("milliseconds above 0, up to 600000, are wanted".to_owned()),
    }
}

/// Puts the search for the knee in the place of all that says a rate.
fn seek_knee(scenario: &mut Scenario, slo_ms: f64) -> Result<()> {
    // As if it stood in a file, so that everything else is as it is there.
    let text = format!("slo_ms_p99 = {slo_ms:?}");
    let wanted: KneeSearch = authbench_conf::parse(Path::new("--knee"), &text)?;
    scenario.knee = Some(wanted);
    scenario.phases.clear();
    scenario.faults.clear();
    scenario.load.rates_per_s.value.clear();
    Ok(())
}

/// Finds the strategies and strangers; a wrong name is an error at its place in
/// the scenario.
pub(crate) fn candidates(
    scenario: &Scenario,
    source: &Source,
    from_file: bool,
) -> Result<Vec<Candidate>> {
    let names = scenario.strategies.value.iter();
    let found = names.map(|name| {
        Candidate::find(&name.value).map_err(|error| {
            let is_unknown = matches!(error.downcast_ref(), Some(RecipeError::NoSuchName { .. }));
            if !(is_unknown && from_file) {
                return error;
            }
            let recipes = authbench_catalog::shipped().into_iter();
            let valid: Vec<String> = recipes
                .map(|recipe| recipe.name)
                .chain(library::stranger_names())
                .collect();
            ConfError::unknown_name(&source.file, name, &valid).into()
        })
    });
    found.collect()
}

/// How many steps the progress bar counts.
fn steps(plan: &Plan) -> u64 {
    let scenario = &plan.scenario;
    if plan.remote.is_some() {
        let points = scenario
            .phases
            .len()
            .max(scenario.load.rates_per_s.value.len());
        return 1 + points.max(1) as u64;
    }
    let blocks = u64::from(scenario.load.blocks.value);
    let revocation = u64::from(scenario.revocation.logins.value > 0 && plan.carrier.has_servers());
    let points = match &scenario.knee {
        Some(knee) => knee.fractions_percent.value.len(),
        None => scenario.load.rates_per_s.value.len().max(1),
    } as u64;
    let measured = match scenario.phases.len() as u64 {
        0 if scenario.faults.is_empty() => (points + 1) * blocks,
        0 => points + blocks,
        phases => phases,
    };
    let search = u64::from(scenario.knee.is_some());
    plan.candidates.len() as u64 * (1 + search + measured + revocation)
}
