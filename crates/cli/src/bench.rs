//! Runs benches by cargo, one after the other, and makes a result file of what
//! they leave in cargo's target folder.

mod figures;
pub(crate) mod workspace;

use anyhow::{Context as _, Result, bail};
use authbench_core::Clock as _;
use authbench_core::system::{SystemClock, monotonic_ns};
use authbench_report::units;
use authbench_results::store::Saved;
use authbench_results::{
    BenchFigure, Environment, Placement, Purpose, Run, RunResult, Scenario, SchemaVersion, Skipped,
    Snapshot, Source, rfc3339,
};
use serde::Serialize;

use crate::exit::{Outcome, UsageError};
use crate::services::Services;
use crate::term::{self, Format};
use workspace::Workspace;

/// The benches that run when none is named: those that go through the registry.
const USUAL: [&str; 7] = [
    "authenticate",
    "erasure",
    "issue",
    "refresh",
    "revoke",
    "stores",
    "token_size",
];

/// The sizes that the environment asks for, if it does.
const POPULATIONS: &str = "AUTHBENCH_POPULATIONS";

/// What is to be run.
pub(crate) struct Plan {
    workspace: Workspace,
    asked: Asked,
}

/// What was asked for, as the result file has it.
#[derive(Serialize)]
struct Asked {
    benches: Vec<String>,
    quick: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    populations: Option<String>,
}

impl Plan {
    /// Looks for cargo, the workspace and the benches in it.
    pub(crate) fn new(names: &[String], quick: bool) -> Result<Self> {
        let workspace = Workspace::find()?;
        for name in names {
            if !workspace.benches.contains(name) {
                let hint = authbench_conf::nearest(name, &workspace.benches)
                    .map(|near| format!(": did you mean `{near}`?"))
                    .unwrap_or_default();
                let all = workspace.benches.join(", ");
                return Err(UsageError(format!(
                    "there is no bench `{name}`{hint}; there are {all}"
                ))
                .into());
            }
        }
        let benches = if names.is_empty() {
            USUAL.map(str::to_owned).to_vec()
        } else {
            names.to_vec()
        };
        let populations = std::env::var(POPULATIONS).ok();
        Ok(Self {
            workspace,
            asked: Asked {
                benches,
                quick,
                populations,
            },
        })
    }
}

/// Runs the benches; their output goes to standard error.
///
/// # Errors
/// When one of them fails, or leaves no figures.
pub(crate) fn run(plan: &Plan) -> Result<RunResult> {
    let begun = SystemClock.now();
    let before = (Snapshot::take(), monotonic_ns());
    let recipes = authbench_catalog::shipped();
    let services = Services::obtain(&recipes);
    // Files of before are none of this run's.
    let since = figures::now(&plan.workspace)?;
    for name in &plan.asked.benches {
        plan.workspace
            .run(name, plan.asked.quick, &services.environment())?;
    }
    let benches = figures::written_since(&plan.workspace, since)?;
    if benches.is_empty() {
        bail!(
            "{} left no figures in {}",
            plan.asked.benches.join(", "),
            plan.workspace.target.display()
        );
    }
    let elapsed_ms = (monotonic_ns() - before.1) / 1_000_000;
    let skipped = recipes.iter().filter_map(|recipe| {
        let missing = services.missing(recipe)?;
        Some(Skipped {
            strategy: recipe.name.clone(),
            reason: missing.to_string(),
            optional: false,
        })
    });
    let skipped = skipped.collect();
    let result = RunResult {
        schema: SchemaVersion::V1,
        run: Run {
            id: format!("{:x}-{:x}", begun.0, std::process::id()),
            started_at: rfc3339(begun.0),
            ended_at: rfc3339(begun.0 + elapsed_ms),
            purpose: Purpose::AdHoc,
            arguments: std::env::args().skip(1).collect(),
            seed: 0,
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            interrupted: false,
            invalid: None,
            shard: None,
            merged_from: None,
            warnings: Vec::new(),
        },
        source: Source::read(&plan.workspace.root),
        environment: Environment::read(Placement {
            services: services.versions(),
            server_cores: Vec::new(),
            driver_cores: Vec::new(),
        }),
        health: before.0.until(&Snapshot::take(), None),
        scenario: Scenario::new("bench".to_owned(), toml::to_string(&plan.asked)?),
        cells: Vec::new(),
        strategies: Vec::new(),
        skipped,
        benches,
        qualification: authbench_results::Standing::default(),
    };
    result
        .check()
        .context("the benches contradict themselves")?;
    Ok(result)
}

/// Prints one table, what was left out, and where the result is.
pub(crate) fn show(result: &RunResult, saved: &Saved, format: Format) -> Result<Outcome> {
    if let Some(why) = &saved.rescued_from {
        eprintln!(
            "warning: {why}; the result was written to {} instead",
            saved.path.display()
        );
    }
    for left_out in &result.skipped {
        eprintln!("left out: {}: {}", left_out.strategy, left_out.reason);
    }
    if format == Format::Json {
        term::say(serde_json::to_string_pretty(result)?)?;
    } else {
        let header = ["bench", "case", "median", "95 % interval"];
        let rows = result.benches.iter().map(row);
        term::say(term::table(format, 2, &header, rows))?;
        term::say(format!("result  {}", saved.path.display()))?;
    }
    Ok(if result.skipped.is_empty() {
        Outcome::Good
    } else {
        Outcome::NotMeasured
    })
}

fn row(figure: &BenchFigure) -> Vec<String> {
    let words = |value: f64| match figure.unit.as_str() {
        "ns" => units::duration_ns(value),
        "octets" => units::bytes(value),
        "ratio" => format!("{value:.3} x"),
        unit => format!("{value} {unit}"),
    };
    let interval = figure.low.zip(figure.high);
    vec![
        figure.bench.clone(),
        figure.case.clone(),
        words(figure.value),
        interval.map_or_else(String::new, |(low, high)| {
            format!("{} to {}", words(low), words(high))
        }),
    ]
}
