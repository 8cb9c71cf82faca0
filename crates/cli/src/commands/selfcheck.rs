//! `authbench selfcheck`: whether the driver tells the truth here.

use anyhow::{Context as _, Result};
use authbench_engine::EngineKind;
use authbench_lab::cores;
use serde::Serialize;

use crate::exit::Outcome;
use crate::selfcheck::{self, Finding, Lengths};
use crate::stop;
use crate::term::{self, Format};

/// Check whether the driver tells the truth on this machine.
///
/// A server of our own is stopped for 200 ms every 2 s: the 99th percentile
/// must be what users would have waited, to 5 %. The same load goes through a
/// second engine, hyper, which must have seen the same. And it is told how
/// late the driver is here. Exit code 1 if one of the first two fails.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Seconds of load with stalls, at each of two rates.
    #[arg(long, default_value_t = 12, value_name = "N", value_parser = clap::value_parser!(u64).range(4..=600))]
    stall_seconds: u64,
    /// Seconds of load without stalls.
    #[arg(long, default_value_t = 6, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=600))]
    quiet_seconds: u64,
    /// The engine to check: auto, epoll, io-uring, hyper or http2.
    #[arg(long, default_value_t, value_name = "ENGINE")]
    engine: EngineKind,
    /// The shape of the output.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Serialize)]
struct Report<'f> {
    schema: &'static str,
    engine: EngineKind,
    findings: &'f [Finding],
}

pub(crate) fn execute(args: &Args) -> Result<Outcome> {
    let stop = stop::at_ctrl_c()?;
    let placement = cores::split(1).context("the machine does not tell its cores")?;
    if let Some(own) = placement.pin_driver() {
        // A refusal shows in the placement's note.
        let _ = cores::pin_current_thread(own);
    }
    if !placement.note.is_empty() {
        eprintln!("warning: {}", placement.note);
    }
    let lengths = Lengths {
        stalls_s: args.stall_seconds,
        quiet_s: args.quiet_seconds,
    };
    let is_json = args.format == Format::Json;
    let mut tell = |finding: &Finding| {
        if !is_json {
            // A closed pipe is noticed at the end.
            let _ = term::say(line(finding));
        }
    };
    let findings = selfcheck::run(&placement, args.engine, lengths, &stop, &mut tell)?;
    if is_json {
        term::say(serde_json::to_string_pretty(&Report {
            schema: "authbench.selfcheck/1",
            engine: args.engine,
            findings: &findings,
        })?)?;
    }
    let is_bad = findings
        .iter()
        .any(|finding| finding.decides && !finding.holds);
    Ok(if is_bad { Outcome::Bad } else { Outcome::Good })
}

fn line(finding: &Finding) -> String {
    let verdict = match (finding.holds, finding.decides) {
        (true, _) => "good",
        (false, true) => "BAD",
        (false, false) => "so-so",
    };
    format!("{verdict:<6} {:<24} {}", finding.check, finding.found)
}
