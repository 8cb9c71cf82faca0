//! `authbench list`: what there is to run.

use anyhow::Result;
use authbench_catalog::available;
use authbench_core::Guarantees;
use serde::Serialize;

use crate::exit::Outcome;
use crate::run::{contender, library};
use crate::term::{self, Format};

/// List strategies, scenarios and targets.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// What to list; everything if absent.
    kind: Option<Kind>,
    /// The shape of the output.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Clone, Copy, Eq, PartialEq, clap::ValueEnum)]
enum Kind {
    Strategies,
    Scenarios,
    Targets,
}

#[derive(Serialize)]
struct StrategyRow {
    name: String,
    summary: String,
    guarantees: Guarantees,
}

#[derive(Serialize)]
struct NamedRow {
    name: String,
    summary: String,
}

#[derive(Serialize)]
struct Lists {
    #[serde(skip_serializing_if = "Option::is_none")]
    strategies: Option<Vec<StrategyRow>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scenarios: Option<Vec<NamedRow>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    targets: Option<Vec<NamedRow>>,
}

pub(crate) fn execute(args: &Args) -> Result<Outcome> {
    let wanted = |kind| args.kind.is_none_or(|only| only == kind);
    let lists = Lists {
        strategies: wanted(Kind::Strategies).then(strategies).transpose()?,
        scenarios: wanted(Kind::Scenarios).then(scenarios).transpose()?,
        targets: wanted(Kind::Targets).then(targets).transpose()?,
    };
    if args.format == Format::Json {
        term::say(serde_json::to_string_pretty(&lists)?)?;
        return Ok(Outcome::Good);
    }
    if let Some(rows) = &lists.strategies {
        let header = [
            "strategy",
            "what it is",
            "revoke one",
            "revoke all",
            "role change",
            "in an outage",
        ];
        let rows = rows.iter().map(|row| {
            let guarantees = &row.guarantees;
            vec![
                row.name.clone(),
                row.summary.clone(),
                guarantees.revoke_one.to_string(),
                guarantees.revoke_all.to_string(),
                guarantees.role_change.to_string(),
                label(&guarantees.outage),
            ]
        });
        term::say(term::table(args.format, 6, &header, rows))?;
    }
    for (title, rows) in [("scenario", &lists.scenarios), ("target", &lists.targets)] {
        if let Some(rows) = rows {
            let rows = rows
                .iter()
                .map(|row| vec![row.name.clone(), row.summary.clone()]);
            term::say(term::table(args.format, 2, &[title, "what it is"], rows))?;
        }
    }
    Ok(Outcome::Good)
}

/// A promise in the words of result files.
fn label(promise: &impl Serialize) -> String {
    match serde_json::to_value(promise) {
        Ok(serde_json::Value::String(text)) => text.replace('-', " "),
        other => other.map(|value| value.to_string()).unwrap_or_default(),
    }
}

fn strategies() -> Result<Vec<StrategyRow>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    available()?
        .into_iter()
        .map(|recipe| {
            let guarantees = runtime.block_on(contender::guarantees(&recipe))?;
            Ok(StrategyRow {
                name: recipe.name,
                summary: recipe.summary,
                guarantees,
            })
        })
        .collect()
}

fn scenarios() -> Result<Vec<NamedRow>> {
    let mut rows = Vec::new();
    for name in library::scenario_names() {
        let (scenario, _) = library::scenario(&name)?;
        rows.push(NamedRow {
            name,
            summary: scenario.summary.value,
        });
    }
    Ok(rows)
}

fn targets() -> Result<Vec<NamedRow>> {
    let mut rows = Vec::new();
    for name in library::target_names() {
        let profile = library::target(&name)?;
        let carrier = profile.carrier.label();
        rows.push(NamedRow {
            summary: format!("credential in a {carrier}"),
            name,
        });
    }
    Ok(rows)
}
