//! `authbench schema`: the JSON Schemas of the files that are written.

use anyhow::Result;

use crate::exit::Outcome;

/// Print the JSON Schema of result files, or of conformance reports.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Of which files.
    #[arg(value_enum, default_value_t)]
    kind: Kind,
}

#[derive(Clone, Copy, Default, clap::ValueEnum)]
enum Kind {
    /// What `run` writes.
    #[default]
    Result,
    /// What `conform --format json` writes.
    Conformance,
}

pub(crate) fn execute(args: &Args) -> Result<Outcome> {
    let schema = match args.kind {
        Kind::Result => authbench_results::schema::json(),
        Kind::Conformance => authbench_results::schema::conformance_json(),
    };
    crate::term::say(schema.trim_end())?;
    Ok(Outcome::Good)
}
