//! The kill table: switches on one flaw after the other, runs all checks over
//! each, and says which check finds which flaw.
//!
//! `cargo xtask mutants` runs it. Exit codes: 0 every flaw is caught by the
//! check that it names and by no other that it does not, and every check has
//! such a flaw; 1 not so; 3 the table could not be made.

use std::collections::BTreeSet;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use authbench_conformance::catalogue;
use authbench_mutants::kill::{KillRow, complaints, kill, sound};
use authbench_mutants::{Flaw, Kind, flaw};
use clap::Parser;
use comfy_table::Table;
use comfy_table::presets::{ASCII_MARKDOWN, UTF8_HORIZONTAL_ONLY};
use tokio::task::JoinSet;

/// Which check finds which flaw.
#[derive(Parser)]
struct Arguments {
    /// Only these flaws (`M27`) or those of these checks or groups (`JWT-001`,
    /// `JWT`).
    flaws: Vec<String>,
    /// Run only these checks or groups over each; all without it.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// How many specimens run at once.
    #[arg(long, default_value_t = 2)]
    jobs: usize,
    /// As a Markdown table.
    #[arg(long)]
    markdown: bool,
    /// Show what was sent and received where a row is bad.
    #[arg(long)]
    evidence: bool,
}

fn main() -> ExitCode {
    match table(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(3)
        }
    }
}

fn table(args: &Arguments) -> Result<bool> {
    let wanted: Vec<_> = flaw::all().filter(|flaw| is_wanted(args, flaw)).collect();
    if wanted.is_empty() {
        bail!("no flaw is named {:?}", args.flaws);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("no threads")?;
    runtime.block_on(async {
        let healthy = args.flaws.is_empty();
        let sound = if healthy {
            soundness(args).await?
        } else {
            true
        };
        let rows = rows(args, &wanted).await?;
        print(args, &rows);
        let bad = rows.iter().filter(|row| !row.is_good()).count();
        println!(
            "{} flaws, {} caught by their check alone",
            rows.len(),
            rows.len() - bad
        );
        let covered = args.flaws.is_empty() && args.only.is_empty();
        let bare = if covered {
            without_flaw(&rows)
        } else {
            Vec::new()
        };
        if !bare.is_empty() {
            println!("checks that catch no flaw alone: {}", bare.join(", "));
        }
        Ok(sound && bad == 0 && bare.is_empty())
    })
}

fn is_wanted(args: &Arguments, flaw: &Flaw) -> bool {
    args.flaws.is_empty()
        || args.flaws.iter().any(|name| {
            let group = flaw.caught_by.split('-').next().unwrap_or_default();
            [flaw.id, flaw.caught_by, group].contains(&name.as_str())
        })
}

/// Every kind without a flaw must be all PASS or NOT-APPLICABLE.
async fn soundness(args: &Arguments) -> Result<bool> {
    let only: Vec<_> = args.only.iter().map(String::as_str).collect();
    let mut good = true;
    for kind in Kind::ALL {
        let report = sound(kind, &only).await?;
        let found = complaints(&report);
        if !found.is_empty() {
            good = false;
            println!("without a flaw, {} does not pass:\n{found}", kind.label());
        }
    }
    Ok(good)
}

async fn rows(args: &Arguments, wanted: &[&'static Flaw]) -> Result<Vec<KillRow>> {
    let (mut running, mut rows) = (JoinSet::new(), Vec::new());
    let mut waiting = wanted.iter().copied();
    loop {
        while running.len() < args.jobs.max(1)
            && let Some(flaw) = waiting.next()
        {
            let only = args.only.clone();
            running.spawn(async move {
                let only: Vec<_> = only.iter().map(String::as_str).collect();
                kill(flaw, &only).await.map_err(|error| (flaw, error))
            });
        }
        match running.join_next().await {
            None => break,
            Some(ended) => match ended.context("a run died")? {
                Ok(row) => rows.push(row),
                Err((flaw, error)) => {
                    return Err(error).with_context(|| format!("{}: {}", flaw.id, flaw.what));
                }
            },
        }
    }
    let place = |row: &KillRow| wanted.iter().position(|flaw| flaw.id == row.flaw.id);
    rows.sort_by_key(place);
    Ok(rows)
}

fn print(args: &Arguments, rows: &[KillRow]) {
    let mut table = Table::new();
    table.load_style(if args.markdown {
        ASCII_MARKDOWN
    } else {
        UTF8_HORIZONTAL_ONLY
    });
    table.set_header([
        "flaw",
        "what is wrong",
        "in",
        "caught by",
        "also failed",
        "verdict",
    ]);
    for row in rows {
        let also = row.failed.iter().filter(|id| *id != row.flaw.caught_by);
        let also: Vec<_> = also.map(String::as_str).collect();
        table.add_row([
            row.flaw.id.to_owned(),
            row.flaw.what.to_owned(),
            row.flaw.kind.label().to_owned(),
            row.flaw.caught_by.to_owned(),
            also.join(" "),
            verdict(row),
        ]);
    }
    println!("{table}");
    if args.evidence {
        for row in rows.iter().filter(|row| !row.is_good()) {
            println!("{}:\n{}", row.flaw.id, complaints(&row.report));
        }
    }
}

fn verdict(row: &KillRow) -> String {
    if !row.is_caught() {
        return "SURVIVES".to_owned();
    }
    let strays = row.strays();
    match strays.is_empty() {
        true => "caught".to_owned(),
        false => format!("STRAY {}", strays.join(" ")),
    }
}

/// The checks that catch no flaw of their own.
fn without_flaw(rows: &[KillRow]) -> Vec<&'static str> {
    let good = rows.iter().filter(|row| row.is_good());
    let proven: BTreeSet<_> = good.map(|row| row.flaw.caught_by).collect();
    let ids = catalogue().map(|check| check.id);
    ids.filter(|id| !proven.contains(id)).collect()
}
