//! `authbench results history`: a metric from commit to commit.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};

use crate::exit::Outcome;
use crate::history::series::{self, Wanted};
use crate::history::show;
use crate::history::store::{self, Found};
use crate::term::{self, Format};

/// Show metrics over commits, and where they changed.
///
/// Change points are for reading a history. They never fail a gate.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// A metric; all of them if absent.
    metric: Option<String>,
    /// Only this strategy; with a metric, commit by commit.
    #[arg(long, value_name = "STRATEGY")]
    strategy: Option<String>,
    /// Only this machine: the beginning of its fingerprint.
    #[arg(long, value_name = "FINGERPRINT")]
    machine: Option<String>,
    /// The folder of results, in which the folder `history` stands.
    #[arg(long, default_value = "results", value_name = "DIR")]
    results: PathBuf,
    /// Also write a page.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Draw with ASCII characters only.
    #[arg(long)]
    ascii: bool,
    /// The shape of the output.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(crate) fn execute(args: &Args) -> Result<Outcome> {
    let folder = args.results.join("history");
    let Found { lines, broken } = store::read(&folder)?;
    for line in broken {
        eprintln!("warning: {:#}", anyhow::Error::from(line));
    }
    if lines.is_empty() {
        bail!(
            "there is no history in {}: measure (`authbench run`), then record what was measured \
             (`authbench results record FILE`)",
            folder.display()
        );
    }
    let wanted = Wanted {
        metric: args.metric.as_deref(),
        strategy: args.strategy.as_deref(),
        machine: args.machine.as_deref(),
    };
    let series = series::of(lines, &wanted)?;
    if args.format == Format::Json {
        term::say(show::json(&series)?)?;
    } else if args.metric.is_some() && args.strategy.is_some() {
        for one in &series {
            term::say(show::detail(one, args.format))?;
        }
    } else {
        term::say(show::overview(&series, args.format, args.ascii))?;
    }
    if let Some(file) = &args.html {
        std::fs::write(file, show::page(&series))
            .with_context(|| format!("the page could not be written to `{}`", file.display()))?;
        // Standard output may be read by a program.
        eprintln!("page: {}", file.display());
    }
    Ok(Outcome::Good)
}
