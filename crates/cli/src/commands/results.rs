//! `authbench results`: what becomes of files under `results/`.

mod bless;
mod history;
mod record;
mod validate;

use anyhow::Result;
use clap::Subcommand;

use crate::exit::Outcome;

/// Check, bless and keep results.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Bless(bless::Args),
    History(history::Args),
    Record(record::Args),
    Validate(validate::Args),
}

pub(crate) fn execute(args: &Args) -> Result<Outcome> {
    match &args.command {
        Command::Bless(args) => bless::execute(args),
        Command::History(args) => history::execute(args),
        Command::Record(args) => record::execute(args),
        Command::Validate(args) => validate::execute(args),
    }
}
