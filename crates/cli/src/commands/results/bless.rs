//! `authbench results bless`: the state that counted figures are held against
//! from now on.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};
use authbench_catalog::registry::Service;
use authbench_core::Clock as _;
use authbench_core::system::SystemClock;
use authbench_gate::{AA_GATES_MIN, Rules, comparable, ratchet, standing};
use authbench_results::document::{baseline_path, latest_qualification, read, replace_baseline};
use authbench_results::{
    Baseline, BaselineVersion, GateCell, MetricClass, Source, Standing, Verdict, rfc3339,
};

use crate::bench::workspace::Workspace;
use crate::exit::Outcome;
use crate::gate::counted::{Counted, counted};
use crate::services::Services;
use crate::term::{self, Format};

/// The baseline that gates look for.
const NAME: &str = "main";
/// The folder of results in a checkout.
const RESULTS: &str = "results";
/// The rules of a checkout.
const RULES: &str = "gate.toml";

/// Bless the present state: count allocations, octets, operations and
/// instructions, and make them the baseline that nothing may be worse than.
/// Only from a tree without changes, and on a machine that was qualified. The
/// baseline gets a commit of its own.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Why this state is good enough, in a sentence; stands in the file and in
    /// the commit.
    #[arg(long, value_name = "TEXT", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    because: String,
    /// Bless on a machine that was never qualified, with a warning in the file.
    #[arg(long)]
    allow_unqualified: bool,
    /// Write the file and leave the commit to you.
    #[arg(long)]
    no_commit: bool,
}

pub(crate) fn execute(args: &Args) -> Result<Outcome> {
    let workspace = Workspace::find()?;
    let ready = Ready::new(&workspace.root, args.allow_unqualified)?;
    let services = Services::of([Service::Redis]);
    let counted = counted(&workspace.root, &services)?;
    let path = ready.bless(args, counted)?;
    if !args.no_commit {
        commit(&ready.root, &path, &args.because)?;
    }
    Ok(Outcome::Good)
}

/// A checkout that may be blessed.
struct Ready {
    root: std::path::PathBuf,
    standing: Standing,
    warnings: Vec<String>,
}

impl Ready {
    /// # Errors
    /// Why it may not, with the way out.
    fn new(root: &Path, allow_unqualified: bool) -> Result<Self> {
        let changes = git(root, &["status", "--porcelain"])?;
        if let Some(first) = changes.lines().next() {
            bail!(
                "{} has changes that are in no commit, `{}` for one: a baseline belongs to a \
                 commit, so commit them or remove them",
                root.display(),
                first.trim()
            );
        }
        let results = root.join(RESULTS);
        ensure!(
            results.is_dir(),
            "{} is not there: run it in a checkout of authbench, where baselines are kept",
            results.display()
        );
        let machine = authbench_results::Environment::read(Default::default()).fingerprint;
        let standing = standing(latest_qualification(&results, &machine)?.as_ref());
        let mut warnings = Vec::new();
        if standing.aa_gates < AA_GATES_MIN {
            if !allow_unqualified {
                bail!(
                    "this machine was never qualified by {AA_GATES_MIN} gates over identical \
                     programs or more, so nobody knows whether its red verdicts can be believed: \
                     run `authbench gate --aa 10 --inject 10` on it first, or bless with \
                     --allow-unqualified"
                );
            }
            warnings.push("Blessed on a machine that was never qualified.".to_owned());
        }
        Ok(Self {
            root: root.to_owned(),
            standing,
            warnings,
        })
    }

    /// Writes the baseline; where it is.
    fn bless(&self, args: &Args, counted: Counted) -> Result<std::path::PathBuf> {
        for left_out in &counted.skipped {
            eprintln!("left out: {left_out}");
        }
        ensure!(
            !counted.figures.is_empty(),
            "nothing was counted, so there is nothing to bless: the reasons stand above"
        );
        let results = self.root.join(RESULTS);
        let path = baseline_path(&results, NAME);
        let before = path.exists().then(|| read::<Baseline>(&path)).transpose()?;
        let mut warnings = self.warnings.clone();
        let skipped = counted.skipped.iter();
        warnings.extend(skipped.map(|it| format!("Not counted: {it}.")));
        let source = Source::read(&self.root);
        let source = Source {
            commit: Some(git(&self.root, &["rev-parse", "HEAD"])?),
            dirty: Some(false),
            ..source
        };
        let baseline = Baseline {
            schema: BaselineVersion::V1,
            blessed_at: rfc3339(SystemClock.now().0),
            because: args.because.clone(),
            source,
            toolchain: counted.toolchain,
            qualification: self.standing.clone(),
            figures: counted.figures,
            warnings,
        };
        match &before {
            None => term::say(format!(
                "{} figures, the first baseline",
                baseline.figures.len()
            ))?,
            Some(before) => term::say(changes(&self.rules()?, before, &baseline))?,
        }
        let saved = replace_baseline(&results, NAME, &baseline)?;
        if let Some(why) = saved.rescued_from {
            return Err(why).with_context(|| {
                format!(
                    "the baseline was written to {} instead",
                    saved.path.display()
                )
            });
        }
        term::say(format!("baseline  {}", saved.path.display()))?;
        Ok(saved.path)
    }

    fn rules(&self) -> Result<Rules> {
        let file = self.root.join(RULES);
        if file.is_file() {
            return Ok(Rules::read(&file)?);
        }
        Ok(Rules::default())
    }
}

/// What is different now, the worst first.
fn changes(rules: &Rules, before: &Baseline, now: &Baseline) -> String {
    let mut cells = Vec::new();
    let mut notes = Vec::new();
    for class in [MetricClass::Exact, MetricClass::Instructions] {
        if class == MetricClass::Instructions
            && let Err(why) = comparable(&before.toolchain, &now.toolchain)
        {
            notes.push(why);
            continue;
        }
        cells.extend(ratchet(rules, class, &before.figures, &now.figures));
    }
    let total = cells.len();
    cells.retain(|cell| cell.base != cell.candidate);
    cells.sort_by(|a, b| rank(b).total_cmp(&rank(a)));
    let worse = cells.iter().filter(|it| it.verdict == Verdict::Regressed);
    notes.push(format!(
        "{} of {total} figures differ from the present baseline, {} are worse than their budget \
         allows",
        cells.len(),
        worse.count()
    ));
    let number = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |it| it.to_string());
    let rows = cells.iter().map(|cell| {
        let change = cell.effect_percent.map(|it| format!("{it:+.2} %"));
        vec![
            cell.strategy.clone(),
            cell.metric.clone(),
            number(cell.base),
            number(cell.candidate),
            change.unwrap_or_default(),
        ]
    });
    let header = ["strategy", "metric", "before", "now", "change"];
    let table = term::table(Format::Table, 2, &header, rows);
    format!("{table}\n{}", notes.join("\n"))
}

/// Larger is worse; what only one side has comes last but before nothing.
fn rank(cell: &GateCell) -> f64 {
    match (cell.base, cell.candidate, cell.effect_percent) {
        (_, _, Some(percent)) => percent,
        (Some(base), Some(now), None) if now > base => f64::INFINITY,
        _ => f64::NEG_INFINITY,
    }
}

/// Commits `file` and nothing else.
fn commit(root: &Path, file: &Path, because: &str) -> Result<()> {
    let file = file.to_string_lossy();
    git(root, &["add", "--", &file])?;
    let message = format!("Baseline: {because}");
    git(
        root,
        &[
            "commit",
            "--quiet",
            "--only",
            "--message",
            &message,
            "--",
            &file,
        ],
    )?;
    term::say(format!(
        "commit    {}",
        git(root, &["rev-parse", "--short", "HEAD"])?
    ))
}

fn git(root: &Path, arguments: &[&str]) -> Result<String> {
    let output = Command::new("git")
        .arg("-C")
        .arg(root)
        .args(arguments)
        .output()
        .context("git cannot be run: a baseline belongs to a commit, so install git")?;
    if !output.status.success() {
        bail!(
            "git {} failed in {}: {}",
            arguments.first().copied().unwrap_or_default(),
            root.display(),
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[cfg(test)]
mod tests;
