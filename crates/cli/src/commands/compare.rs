//! `authbench compare`: two programs or two result files, side by side.

use anyhow::Result;

use crate::exit::Outcome;
use crate::gate::compare::{self, Wanted};
use crate::gate::judgement;
use crate::gate::outputs::Outputs;
use crate::gate::settings::Settings;

/// Compare two programs, interleaved on this machine, or two result files.
///
/// Each side is a result file (.json), a program, a git revision (built in a
/// worktree) or `.`, the working tree. Programs are measured in blocks in which
/// the sides take short turns, in random orders each with its mirror image; of
/// files only what they recorded can be compared. It judges nothing: the exit
/// code is 0, or 3 where nothing could be compared. See `authbench gate` and
/// docs/gate.md.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// What the candidate is held against.
    #[arg(value_name = "BASE")]
    base: String,
    /// What is looked at.
    #[arg(value_name = "CANDIDATE")]
    candidate: String,
    #[command(flatten)]
    settings: Settings,
    #[command(flatten)]
    outputs: Outputs,
}

pub(crate) fn execute(args: &Args) -> Result<Outcome> {
    args.outputs.check()?;
    let rules = args.settings.rules()?;
    let wanted = Wanted {
        base: &args.base,
        candidate: &args.candidate,
        settings: &args.settings,
        rules: &rules,
        purpose: authbench_results::GatePurpose::Compare,
        baseline: None,
    };
    let report = compare::run(&wanted)?;
    args.outputs.write(&report)?;
    Ok(match judgement::outcome(report.verdict) {
        Outcome::Bad => Outcome::Good,
        other => other,
    })
}
