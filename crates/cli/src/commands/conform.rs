//! `authbench conform`: is a server safe to log in to?

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result};
use authbench_conformance::{Options, Planned, RunError, Stop, plan, run};
use authbench_core::Clock as _;
use authbench_core::system::SystemClock;
use clap::Subcommand;
use tokio::runtime::Runtime;

use crate::conform::baseline::Baseline;
use crate::conform::expectation::Expectation;
use crate::conform::output::{self, FailOn, Form, Order, Style};
use crate::conform::progress::Show;
use crate::conform::subject::{Subject, Wanted, subject};
use crate::conform::{choice, doctor, init, vectors};
use crate::exit::{Outcome, UsageError};
use crate::term::{self, Format};

/// Try a server that remembers who its callers are, and say what is unsafe.
///
/// A profile describes the server (docs/profiles.md); `conform init` writes one
/// and `conform doctor` says whether it fits. Exit codes: 0 nothing that counts
/// was found, 1 something was (see --fail-on), 2 the command or the profile is
/// wrong, 3 the server could not be tried.
#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    run: RunArgs,
}

#[derive(Subcommand)]
enum Action {
    Init(Box<init::Args>),
    Doctor(DoctorArgs),
    Vectors(vectors::Args),
}

/// Where the target is.
#[derive(clap::Args)]
pub(crate) struct TargetArgs {
    /// Where it listens, instead of the profile's address.
    #[arg(long, value_name = "URL")]
    base_url: Option<String>,
    /// The target is another machine, and mine: checks log in, race, forge and
    /// break things, so without this only this machine is tried.
    #[arg(long)]
    i_own_this_target: bool,
    /// Believe the certificate of this PEM file, and no other (https).
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Serve the strategy over TLS (strategies only).
    #[arg(long)]
    tls: bool,
}

/// Try each operation of a profile once, and say what is wrong with the profile.
#[derive(clap::Args)]
struct DoctorArgs {
    /// A profile (.toml, or a folder with profile.toml), or a target's name.
    target: String,
    #[command(flatten)]
    place: TargetArgs,
    /// The shape of the output.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Requests a second to another machine, unless `--rate` says otherwise.
const REMOTE_RATE_PER_S: u32 = 50;

#[derive(clap::Args)]
struct RunArgs {
    /// A profile (.toml, or a folder with profile.toml), a target's name (see
    /// `authbench list targets`) or a strategy's (`authbench list strategies`).
    #[arg(required = true)]
    target: Option<String>,
    #[command(flatten)]
    place: TargetArgs,
    /// Only these checks (JWT-001) or groups (JWT), separated by commas.
    #[arg(long, value_name = "ID,..", value_delimiter = ',')]
    only: Vec<String>,
    /// Leave a check out, and say why; may be given several times.
    #[arg(long, value_name = "ID=REASON")]
    skip: Vec<String>,
    /// Only checks that need no waiting, no faults and few requests.
    #[arg(long)]
    quick: bool,
    /// What makes the run bad (exit code 1).
    #[arg(long, value_enum, default_value_t, value_name = "WHAT")]
    fail_on: FailOn,
    /// Findings that somebody accepts until a day (TOML).
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// The verdicts to expect, as `expected.toml` beside a target has them:
    /// exit code 0 when exactly these are found, 1 otherwise (docs/targets.md).
    #[arg(long, value_name = "FILE", conflicts_with_all = ["fail_on", "baseline", "dry_run"])]
    expect: Option<PathBuf>,
    /// The longest that a check waits for the target's time to pass.
    #[arg(long, default_value = "30s", value_parser = super::load::duration, value_name = "TIME")]
    max_wait: Duration,
    /// Credentials that statistical checks draw.
    #[arg(long, default_value_t = 10_000, value_name = "N",
          value_parser = clap::value_parser!(u32).range(100..=1_000_000))]
    samples: u32,
    /// Requests a second, at most; 50 to another machine if absent.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    rate: Option<u32>,
    /// What random choices begin with; the same seed makes the same ones.
    #[arg(long, default_value_t = 1, value_name = "N")]
    seed: u64,
    /// Print what would be done; send nothing.
    #[arg(long)]
    dry_run: bool,
    /// The shape of what is printed.
    #[arg(long, value_enum, default_value_t)]
    format: Form,
    /// Write that to a file instead.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    files: FileArgs,
    /// Print all evidence, and what did not apply with its reasons.
    #[arg(long, short)]
    verbose: bool,
    /// Show no progress.
    #[arg(long, short)]
    quiet: bool,
}

/// Further forms, each to a file of its own.
#[derive(clap::Args)]
struct FileArgs {
    /// Write the whole report as JSON, too.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write JUnit XML, too.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Write SARIF 2.1.0, too.
    #[arg(long, value_name = "FILE")]
    sarif: Option<PathBuf>,
    /// Write Markdown, too.
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
    /// Write a page, too.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

pub(crate) fn execute(args: &Args) -> Result<Outcome> {
    match &args.action {
        Some(Action::Init(args)) => init::execute(args),
        Some(Action::Doctor(args)) => examine(args),
        Some(Action::Vectors(args)) => vectors::execute(args),
        None => conform(&args.run),
    }
}

fn conform(args: &RunArgs) -> Result<Outcome> {
    let mut options = options(args)?;
    let baseline = match &args.baseline {
        Some(file) => Some((Baseline::read(file, &choice::identifiers())?, file)),
        None => None,
    };
    let expected = match &args.expect {
        Some(file) => Some(Expectation::read(file, &choice::identifiers())?),
        None => None,
    };
    let name = args.target.as_deref().unwrap_or_default();
    let subject = subject(&args.place.wanted(name)?)?;
    if !subject.target.is_local() && options.rate_per_s.is_none() {
        options.rate_per_s = Some(REMOTE_RATE_PER_S);
        eprintln!(
            "at most {REMOTE_RATE_PER_S} requests a second, as it is another machine (--rate says otherwise)"
        );
    }
    if args.dry_run {
        return dry_run(&subject, &options, args);
    }
    let mut show = Show::new(args.quiet);
    let ran = runtime()?.block_on(run(&subject.target, &options, &mut |step| show.step(&step)));
    show.end();
    let mut report = ran.map_err(could_not_run)?;
    // The target's server, if it was started, is not needed any more.
    drop(subject);
    if let Some((baseline, file)) = baseline {
        for remark in baseline.apply(&mut report, today()?).remarks(file) {
            eprintln!("warning: {remark}");
        }
    }
    let style = Style {
        verbose: args.verbose,
        colours: term::paints(),
        fail_on: args.fail_on,
    };
    output::write(&report, &args.orders(), style)?;
    Ok(match expected {
        Some(expected) => as_expected(&expected.differences(&report, &options)),
        None => args.fail_on.outcome(&report),
    })
}

/// Names each difference.
fn as_expected(differences: &[String]) -> Outcome {
    for difference in differences {
        eprintln!("unexpected: {difference}");
    }
    if differences.is_empty() {
        Outcome::Good
    } else {
        Outcome::Bad
    }
}

impl RunArgs {
    fn orders(&self) -> Vec<Order> {
        let files = &self.files;
        let also = [
            (Form::Json, &files.json),
            (Form::Junit, &files.junit),
            (Form::Sarif, &files.sarif),
            (Form::Md, &files.markdown),
            (Form::Html, &files.html),
        ];
        let also = also.into_iter().filter_map(|(form, file)| {
            Some(Order {
                form,
                file: Some(file.clone()?),
            })
        });
        let printed = Order {
            form: self.format,
            file: self.out.clone(),
        };
        std::iter::once(printed).chain(also).collect()
    }
}

impl TargetArgs {
    fn wanted(&self, name: &str) -> Result<Wanted> {
        let certificate_der = match &self.ca {
            Some(file) => Some(crate::trust::certificate(file)?),
            None => None,
        };
        Ok(Wanted {
            name: name.to_owned(),
            base_url: self.base_url.clone(),
            owned: self.i_own_this_target,
            certificate_der,
            tls: self.tls,
        })
    }
}

fn options(args: &RunArgs) -> Result<Options> {
    Ok(Options {
        only: choice::only(&args.only)?,
        skip: choice::skip(&args.skip)?,
        quick: args.quick,
        seed: args.seed,
        samples: args.samples,
        max_wait: args.max_wait,
        rate_per_s: args.rate,
        ..Options::default()
    })
}

fn dry_run(subject: &Subject, options: &Options, args: &RunArgs) -> Result<Outcome> {
    let format = match args.format {
        Form::Table => Format::Table,
        Form::Json => Format::Json,
        Form::Md => Format::Md,
        Form::Junit | Form::Sarif | Form::Html => {
            let message = "a plan is printed as table, json or md".to_owned();
            return Err(UsageError(message).into());
        }
    };
    let planned = plan(&subject.target, options);
    if format == Format::Json {
        let rows: Vec<_> = planned
            .iter()
            .map(|one| serde_json::json!({ "check": one.check.id, "left_out": one.left_out }))
            .collect();
        term::say(serde_json::to_string_pretty(&rows)?)?;
        return Ok(Outcome::Good);
    }
    let made = |one: &&Planned| one.left_out.is_none();
    let rows = planned.iter().map(|one| {
        vec![
            one.check.id.to_owned(),
            one.check.statement.to_owned(),
            one.left_out.clone().unwrap_or_else(|| "made".to_owned()),
        ]
    });
    term::say(term::table(format, 3, &["check", "rule", "plan"], rows))?;
    let made = planned.iter().filter(made).count();
    let origins = subject.target.origins().join(", ");
    term::say(format!(
        "{made} of {} checks would be made against {origins}; nothing was sent",
        planned.len()
    ))?;
    Ok(Outcome::Good)
}

fn examine(args: &DoctorArgs) -> Result<Outcome> {
    let subject = subject(&args.place.wanted(&args.target)?)?;
    let findings = runtime()?
        .block_on(doctor::examine(&subject.target))
        .map_err(could_not_run)?;
    doctor::show(&findings, args.format)
}

/// The run's threads: two, so that races are races.
fn runtime() -> Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("the program's threads could not be started")
}

/// A profile that does not fit is the user's to mend; a target that does not
/// answer could not be tried.
fn could_not_run(error: RunError) -> anyhow::Error {
    let misfit = matches!(
        &error,
        RunError::Unfit(Stop::NotApplicable(_) | Stop::Inconclusive(_))
    );
    let error = anyhow::Error::from(error);
    if misfit {
        error.context(UsageError("the target could not be tried".to_owned()))
    } else {
        error.context("the target could not be tried")
    }
}

/// The day, UTC.
fn today() -> Result<jiff::civil::Date> {
    let now_ms = i64::try_from(SystemClock.now().0).unwrap_or(i64::MAX);
    let now = jiff::Timestamp::from_millisecond(now_ms).context("the clock shows no date")?;
    Ok(jiff::tz::TimeZone::UTC.to_datetime(now).date())
}
