//! `authbench results record`: figures enter the history.

use std::path::PathBuf;

use anyhow::Result;
use authbench_results::document::history;

use crate::exit::Outcome;
use crate::history::record::{self, Document, Policy, Taken};
use crate::term;

/// Append the figures of results, gate reports and baselines to the history.
///
/// What is there already is not added again. Retracted runs and runs of code
/// that is in no commit are refused; a measurement that may not be believed is
/// left out. Each with its reason, and without touching the rest.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Result files, gate reports, baselines.
    #[arg(required = true, num_args = 1.., value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The folder of results, in which `history/<machine>.jsonl` stands.
    #[arg(long, default_value = "results", value_name = "DIR")]
    results: PathBuf,
    /// Record code that is in no commit, too: under its commit with `-dirty`,
    /// at the time of the measurement.
    #[arg(long)]
    allow_dirty: bool,
}

pub(crate) fn execute(args: &Args) -> Result<Outcome> {
    let policy = Policy {
        allow_dirty: args.allow_dirty,
        commit_date: &record::commit_date,
    };
    // All files are read before anything is written.
    let mut documents = Vec::new();
    for file in &args.files {
        documents.push((file, Document::read(file)?));
    }
    let mut outcome = Outcome::Good;
    for (file, document) in documents {
        let shown = file.display();
        let Taken {
            machine,
            commit,
            figures,
        } = match document.take(&policy) {
            Ok(taken) => taken,
            Err(reason) => {
                eprintln!("refused: {shown}: {reason}");
                outcome = Outcome::Usage;
                continue;
            }
        };
        for sentence in &figures.left_out {
            eprintln!("left out: {shown}: {sentence}");
        }
        let history = history::path(&args.results, &machine);
        let appended = history::append(&history, &figures.lines)?;
        term::say(format!(
            "{shown}: {} figures of {commit} added to {}, {} were there already",
            appended.added,
            history.display(),
            appended.known
        ))?;
    }
    Ok(outcome)
}
