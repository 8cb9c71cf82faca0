//! `authbench list`: what there is to run.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use authbench_catalog::registry::Service;
use authbench_catalog::{available, probe};
use authbench_core::{Guarantees, OutageBehaviour, RefreshOffer};
use serde::Serialize;

use crate::conform::listing::{self, CheckRow};
use crate::exit::Outcome;
use crate::run::library;
use crate::term::{self, Format};

/// List strategies, scenarios, targets and conformance checks.
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
    Checks,
    Strategies,
    Scenarios,
    Targets,
}

#[derive(Serialize)]
struct StrategyRow {
    name: String,
    summary: String,
    guarantees: Guarantees,
    /// Store operations of one request, by kind.
    operations_per_request: BTreeMap<String, f64>,
    /// Store operations of one login, by kind.
    operations_per_login: BTreeMap<String, f64>,
    /// Octets of an access credential with two roles.
    access_bytes: u64,
    /// The server that its store needs, if any.
    needs: Option<&'static str>,
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
    #[serde(skip_serializing_if = "Option::is_none")]
    checks: Option<Vec<CheckRow>>,
}

pub(crate) fn execute(args: &Args) -> Result<Outcome> {
    if args.kind == Some(Kind::Checks) && args.format == Format::Md {
        return checks_page();
    }
    let wanted = |kind| args.kind.is_none_or(|only| only == kind);
    let lists = Lists {
        strategies: wanted(Kind::Strategies).then(strategies).transpose()?,
        scenarios: wanted(Kind::Scenarios).then(scenarios).transpose()?,
        targets: wanted(Kind::Targets).then(targets).transpose()?,
        checks: wanted(Kind::Checks).then(listing::rows),
    };
    if args.format == Format::Json {
        term::say(serde_json::to_string_pretty(&lists)?)?;
        return Ok(Outcome::Good);
    }
    if let Some(rows) = &lists.strategies {
        let header = [
            "strategy",
            "revoke one",
            "revoke all",
            "role change",
            "in an outage",
            "renewal",
            "store per request",
            "store per login",
            "octets",
        ];
        let rows = rows.iter().map(cells);
        term::say(term::table(args.format, 8, &header, rows))?;
    }
    for (title, rows) in [("scenario", &lists.scenarios), ("target", &lists.targets)] {
        if let Some(rows) = rows {
            let rows = rows
                .iter()
                .map(|row| vec![row.name.clone(), row.summary.clone()]);
            term::say(term::table(args.format, 2, &[title, "what it is"], rows))?;
        }
    }
    if let Some(rows) = &lists.checks {
        term::say(listing::table(args.format, rows))?;
    }
    Ok(Outcome::Good)
}

/// Alone, checks are a page of their own in Markdown.
fn checks_page() -> Result<Outcome> {
    term::say(listing::markdown(&listing::rows()).trim_end())?;
    Ok(Outcome::Good)
}

fn cells(row: &StrategyRow) -> Vec<String> {
    let guarantees = &row.guarantees;
    let outage = label(&guarantees.outage);
    vec![
        row.name.clone(),
        guarantees.revoke_one.to_string(),
        guarantees.revoke_all.to_string(),
        guarantees.role_change.to_string(),
        if guarantees.outage == OutageBehaviour::FailsOpen {
            term::paint(&outage.to_uppercase())
        } else {
            outage
        },
        match guarantees.refresh {
            RefreshOffer::None => "log in again".to_owned(),
            RefreshOffer::SwapsAccess => "swaps identifier".to_owned(),
            RefreshOffer::RotatingKillsFamily { grace_ms: 0, .. } => "rotates, strict".to_owned(),
            RefreshOffer::RotatingKillsFamily { .. } => "rotates, grace".to_owned(),
        },
        counted(&row.operations_per_request),
        counted(&row.operations_per_login),
        row.access_bytes.to_string(),
    ]
}

/// Operations as "1 get + 0.5 swap"; "none" if there are none.
fn counted(operations: &BTreeMap<String, f64>) -> String {
    let parts: Vec<String> = operations
        .iter()
        .map(|(kind, count)| format!("{count} {kind}"))
        .collect();
    if parts.is_empty() {
        "none".to_owned()
    } else {
        parts.join(" + ")
    }
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
            let found = runtime
                .block_on(probe(&recipe))
                .with_context(|| format!("`{}` cannot be built", recipe.name))?;
            Ok(StrategyRow {
                needs: recipe.needs().map(Service::label),
                name: recipe.name,
                summary: recipe.summary,
                guarantees: found.guarantees,
                operations_per_request: found.operations_per_request,
                operations_per_login: found.operations_per_login,
                access_bytes: found.access_bytes,
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
        let mut summary = profile.summary;
        if let Some(start) = profile.start {
            let needs = start.needs.iter().chain(&start.service);
            let needs: Vec<&str> = needs.map(String::as_str).collect();
            summary.push_str(&format!(" (started here with {})", needs.join(", ")));
        }
        rows.push(NamedRow { summary, name });
    }
    Ok(rows)
}
