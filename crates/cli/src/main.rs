//! `authbench`: measures ways of remembering who a caller is.
//!
//! Exit codes: 0 done and good; 1 done and bad (an answer was judged wrong);
//! 2 usage or input error; 3 could not measure.

mod bench;
mod commands;
mod conform;
mod exit;
mod export;
mod foreign;
mod gate;
mod history;
mod load;
mod run;
mod selfcheck;
mod services;
mod stop;
mod term;
mod trust;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::exit::Outcome;

/// Measures ways of remembering who a caller is: server-side sessions, JWTs,
/// cookies and their hybrids, side by side on this machine.
///
/// Without a command it runs the scenario `quick`.
#[derive(Parser)]
#[command(
    name = "authbench",
    version,
    propagate_version = true,
    max_term_width = 100,
    args_conflicts_with_subcommands = true
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    quick: commands::run::Options,
}

#[derive(Subcommand)]
enum Command {
    Bench(commands::bench::Args),
    Compare(Box<commands::compare::Args>),
    Conform(Box<commands::conform::Args>),
    #[command(hide = true)]
    Control(commands::control::Args),
    Export(commands::export::Args),
    #[command(hide = true)]
    Interleave(commands::interleave::Args),
    Gate(Box<commands::gate::Args>),
    List(commands::list::Args),
    Load(commands::load::Args),
    Merge(commands::merge::Args),
    Report(commands::report::Args),
    Results(commands::results::Args),
    Run(commands::run::Args),
    Schema(commands::schema::Args),
    Selfcheck(commands::selfcheck::Args),
    Serve(commands::serve::Args),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let result = match cli.command {
        None => commands::run::quick(&cli.quick),
        Some(Command::Bench(args)) => commands::bench::execute(&args),
        Some(Command::Compare(args)) => commands::compare::execute(&args),
        Some(Command::Conform(args)) => commands::conform::execute(&args),
        Some(Command::Control(args)) => commands::control::execute(&args),
        Some(Command::Export(args)) => commands::export::execute(&args),
        Some(Command::Interleave(args)) => commands::interleave::execute(&args),
        Some(Command::Gate(args)) => commands::gate::execute(&args),
        Some(Command::List(args)) => commands::list::execute(&args),
        Some(Command::Load(args)) => commands::load::execute(&args),
        Some(Command::Merge(args)) => commands::merge::execute(&args),
        Some(Command::Report(args)) => commands::report::execute(&args),
        Some(Command::Results(args)) => commands::results::execute(&args),
        Some(Command::Run(args)) => commands::run::execute(&args),
        Some(Command::Schema(args)) => commands::schema::execute(&args),
        Some(Command::Selfcheck(args)) => commands::selfcheck::execute(&args),
        Some(Command::Serve(args)) => commands::serve::execute(&args),
    };
    match result {
        Ok(outcome) => outcome.code(),
        Err(error) => {
            eprintln!("{} {error}", term::paint_error("error:"));
            for cause in error.chain().skip(1) {
                eprintln!("  because: {cause}");
            }
            Outcome::of_error(&error).code()
        }
    }
}
