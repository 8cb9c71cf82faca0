//! `authbench gate`: may this change pass?

use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};
use authbench_results::{Baseline, GatePurpose, GateReport, document};
use authbench_server::BurntOperation;

use crate::exit::{Outcome, UsageError};
use crate::gate::arm::Injection;
use crate::gate::compare::{self, Wanted};
use crate::gate::judgement;
use crate::gate::outputs::Outputs;
use crate::gate::qualify;
use crate::gate::settings::Settings;
use crate::gate::side::Named;

/// Judge a change: is it slower or less safe than what it is held against?
///
/// Programs are measured side by side in interleaved blocks; what is counted
/// is held against results/baselines/main.json. Exit codes: 0 nothing is shown
/// to be worse than its budget, 1 something is, 2 the command line or the rules
/// are wrong, 3 it could not be told. Of a qualification (--aa, --inject): 0 the
/// machine is a good instrument, 1 more than one A/A gate was red, and more than
/// one in 30, or the largest injection into all requests, if it is 10 % or more,
/// was found in less than 90 % of its gates, 3 it was stopped. See docs/gate.md.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// What the candidate is held against: a program, a git revision, or a
    /// result file; the baseline's commit if absent.
    #[arg(long, value_name = "BASE")]
    base: Option<String>,
    /// What is judged: a program, a git revision, a result file, or the working
    /// tree.
    #[arg(long, default_value = ".", value_name = "CANDIDATE")]
    candidate: String,
    /// What counted figures are held against; main.json of the folder
    /// baselines among the results if absent.
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// Qualify this machine instead: so many gates of the candidate against
    /// itself, of which none should be red.
    #[arg(long, value_name = "N", num_args = 0..=1, default_missing_value = "10",
          conflicts_with_all = ["base", "baseline", "Outputs"],
          value_parser = clap::value_parser!(u32).range(1..=1000))]
    aa: Option<u32>,
    /// Qualify it by gates in which the candidate is slowed down by so many
    /// percent of its CPU time, for all requests or for one operation
    /// (authenticate, read, mutate, login, refresh, logout); may be given
    /// several times.
    #[arg(long, value_name = "PCT[:OPERATION]", value_parser = injection,
          conflicts_with_all = ["base", "baseline", "Outputs"])]
    inject: Vec<Injection>,
    /// How many gates there are of each injection, where --aa does not say it.
    #[arg(long, default_value_t = 10, value_name = "N",
          requires = "inject", conflicts_with = "aa",
          value_parser = clap::value_parser!(u32).range(1..=1000))]
    rounds: u32,
    /// Keep no document below the results.
    #[arg(long)]
    no_save: bool,
    #[command(flatten)]
    settings: Settings,
    #[command(flatten)]
    outputs: Outputs,
}

pub(crate) fn execute(args: &Args) -> Result<Outcome> {
    args.outputs.check()?;
    let rules = args.settings.rules()?;
    if args.aa.is_some() || !args.inject.is_empty() {
        return qualify::run(&qualify::Wanted {
            subject: &args.candidate,
            has_aa: args.aa.is_some(),
            injections: &args.inject,
            rounds: args.aa.unwrap_or(args.rounds),
            settings: &args.settings,
            rules: &rules,
            keep: !args.no_save,
        });
    }
    if args.base.is_none() && is_file(&args.candidate) {
        let why = format!(
            "{} is a result file, which is held against another: name the other file with --base",
            args.candidate
        );
        return Err(UsageError(why).into());
    }
    let file = args.baseline.clone();
    let file = file.unwrap_or_else(|| args.settings.results.join("baselines/main.json"));
    let baseline = baseline(&file, args);
    let known = baseline.as_ref().ok().and_then(Option::as_ref);
    let base = args.base.clone();
    let base = base.or_else(|| known?.source.commit.clone());
    let wanted = Wanted {
        base: base.as_deref().unwrap_or("none"),
        candidate: &args.candidate,
        settings: &args.settings,
        rules: &rules,
        purpose: GatePurpose::Gate,
        baseline: known,
    };
    let judged = match (&baseline, &base) {
        (Err(error), _) => Err(anyhow!("{error:#}")),
        // Of a program nothing is counted, so it needs no baseline.
        (Ok(None), _)
            if args.settings.wants_counts()
                && !are_files(args)
                && !Path::new(&args.candidate).is_file() =>
        {
            Err(no_baseline(&file))
        }
        (Ok(_), None) => Err(no_baseline(&file)),
        (Ok(_), Some(base)) => is_there(args, &file, base).and_then(|()| compare::run(&wanted)),
    };
    let report = match judged {
        Ok(report) => report,
        // Wrong rules and names are for who typed them; all else is a gate that
        // could not judge.
        Err(error) if Outcome::of_error(&error) == Outcome::Usage => return Err(error),
        Err(error) => compare::refused(&wanted, format!("{error:#}")),
    };
    keep(args, &report);
    let outcome = judgement::outcome(report.verdict);
    match args.outputs.write(&report) {
        // What cannot be written has been told; a regression stays one.
        Err(_) if outcome == Outcome::Bad => {}
        written => written?,
    }
    Ok(outcome)
}

/// `10`, `10%` or `10%:read`.
fn injection(text: &str) -> Result<Injection, String> {
    let (size, operation) = match text.split_once(':') {
        Some((size, operation)) if !operation.is_empty() => (size, Some(operation.to_owned())),
        Some(_) => return Err("an operation is missing after the colon".to_owned()),
        None => (text, None),
    };
    if let Some(operation) = &operation {
        let known: Result<BurntOperation, _> = operation.parse();
        known.map_err(|error| error.to_string())?;
    }
    match size.trim_end_matches('%').parse() {
        Ok(percent) if percent > 0.0 && percent <= 1000.0 => Ok(Injection { percent, operation }),
        _ => Err("percent above 0, up to 1000, are wanted, such as 10 or 10%:read".to_owned()),
    }
}

/// The baseline, if there is one.
fn baseline(file: &Path, args: &Args) -> Result<Option<Baseline>> {
    if are_files(args) || !(file.exists() || args.baseline.is_some()) {
        return Ok(None);
    }
    Ok(Some(document::read::<Baseline>(file)?))
}

fn are_files(args: &Args) -> bool {
    is_file(&args.candidate) || args.base.as_deref().is_some_and(is_file)
}

fn is_file(named: &str) -> bool {
    named.ends_with(".json")
}

fn no_baseline(file: &Path) -> anyhow::Error {
    anyhow!(
        "there is no baseline {}: make one with `authbench results bless --because ...`, or name \
         what to compare with (--base) and leave out what is counted (--classes cpu,wall)",
        file.display()
    )
}

/// An error when the commit of the baseline is not in this repository: nobody
/// typed it, so the command line is not what is wrong.
fn is_there(args: &Args, file: &Path, base: &str) -> Result<()> {
    if args.base.is_some() {
        return Ok(());
    }
    let found = Named::find(base, Path::new("."));
    found.map(drop).map_err(|error| {
        let file = file.display();
        anyhow!("the commit of the baseline {file} cannot be had: {error:#}")
    })
}

fn keep(args: &Args, report: &GateReport) {
    if args.no_save || report.blocks.is_empty() {
        return;
    }
    match document::write_gate(&args.settings.results, report) {
        Ok(saved) => eprintln!("document  {}", saved.path.display()),
        Err(error) => eprintln!("warning: the document is not kept: {error:#}"),
    }
}
