//! `authbench export`: a scenario for another tool.

use std::path::PathBuf;

use anyhow::{Context as _, Result};

use crate::exit::Outcome;
use crate::export::k6;
use crate::run::library;
use crate::term;

/// Write a scenario as a script for another load tool.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Which tool.
    tool: Tool,
    /// A scenario's name (see `authbench list scenarios`) or a .toml file.
    scenario: String,
    /// Which server: a target's name (see `authbench list targets`) or a
    /// profile's path.
    #[arg(long, default_value = "authbench-cookie", value_name = "TARGET")]
    target: String,
    /// Where it listens, instead of the profile's address.
    #[arg(long, value_name = "URL")]
    base_url: Option<String>,
    /// The file to write; standard output if absent.
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Tool {
    /// Grafana k6 (`k6 run FILE`).
    K6,
}

pub(crate) fn execute(args: &Args) -> Result<Outcome> {
    let Tool::K6 = args.tool;
    let (scenario, source) = library::scenario(&args.scenario)?;
    let profile = library::target(&args.target)?;
    let base_url = args
        .base_url
        .as_deref()
        .or(profile.base_url.as_deref())
        .unwrap_or("http://127.0.0.1:8080")
        .trim_end_matches('/')
        .to_owned();
    let (script, remarks) = k6::script(&source.name, &scenario, &profile, &base_url)?;
    for remark in remarks {
        eprintln!("note: {remark}");
    }
    match &args.out {
        None => term::say(script.trim_end())?,
        Some(file) => std::fs::write(file, script)
            .with_context(|| format!("`{}` cannot be written", file.display()))?,
    }
    Ok(Outcome::Good)
}
