//! Gates whose right verdict is known: is this machine a good instrument?

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use authbench_gate::{Rules, SampledMetric, cell_standings, standing, unfit, whole};
use authbench_report::gate::{TextOptions, qualification_text};
use authbench_results::{
    ClassReport, GateCell, KnownCell, KnownGate, MetricClass, PairedBlock, Qualification,
    QualificationVersion, Standing, Verdict, document,
};

use crate::exit::{Outcome, UsageError};
use crate::gate::arm::{Arm, Injection};
use crate::gate::judgement::{Begun, measured};
use crate::gate::rounds::{Bench, Judged, Pilots};
use crate::gate::settings::Settings;
use crate::gate::side::{Built, Named};
use crate::term;

/// What is to be tried.
pub(crate) struct Wanted<'w> {
    /// The program that stands on both sides.
    pub(crate) subject: &'w str,
    /// Whether it is also held against itself as it is.
    pub(crate) has_aa: bool,
    /// By how much else it is slowed down.
    pub(crate) injections: &'w [Injection],
    /// How many gates of each.
    pub(crate) rounds: u32,
    pub(crate) settings: &'w Settings,
    pub(crate) rules: &'w Rules,
    /// Whether the outcome is kept for later gates.
    pub(crate) keep: bool,
}

/// Runs the gates. In each round all of them share the base's measurements, so
/// that they cost less; rounds share nothing but the pilot.
///
/// # Errors
/// When not one round could be measured, or the outcome cannot be kept.
pub(crate) fn run(wanted: &Wanted<'_>) -> Result<Outcome> {
    if !wanted.settings.wants_servers() {
        let why = "only classes that are measured can be qualified: cpu, wall";
        return Err(UsageError(why.to_owned()).into());
    }
    let begun = Begun::now();
    let seed = wanted.settings.seed()?;
    let built = match Named::find(wanted.subject, Path::new("."))? {
        Named::File(file) => {
            let why = format!("{} is a file: name a program", file.display());
            return Err(UsageError(why).into());
        }
        named => named.make()?,
    };
    let found = Bench::open(wanted.settings, wanted.rules, |bench| {
        qualification(wanted, bench, begun, seed, &built)
    })?;
    show(&found, wanted)
}

fn qualification(
    wanted: &Wanted<'_>,
    bench: &Bench<'_>,
    begun: Begun,
    seed: u64,
    built: &Built,
) -> Result<Qualification> {
    let arms = arms(wanted, built);
    let pilots = bench.pilot(seed, &arms[0])?;
    let mut warnings = bench.warnings();
    let (mut gates, mut blocks) = (Vec::new(), Vec::new());
    for round in 0..wanted.rounds {
        if bench.is_stopped() {
            break;
        }
        match a_round(bench, of_round(seed, round), (&arms, &pilots), &mut blocks) {
            Ok(Some(judged)) => gates.extend(judged.into_iter().map(|(arm, judged, ms)| {
                let gate = known(wanted.rules, round, arm, &judged, ms);
                eprintln!("{}", line(&gate, wanted.rounds));
                gate
            })),
            Ok(None) => break,
            Err(error) if gates.is_empty() => return Err(error),
            Err(error) => {
                let why = format!("it ended in round {}: {error:#}", round + 1);
                eprintln!("{} {why}", term::paint_error("warning:"));
                warnings.push(why);
                break;
            }
        }
    }
    if gates.is_empty() {
        bail!("not one round of gates was whole: nothing is known of this machine");
    }
    let whole_rounds = gates.len() / (arms.len() - 1);
    let ground = bench.measured(&pilots, &blocks)?;
    Ok(Qualification {
        schema: QualificationVersion::V1,
        id: begun.id(),
        started_at: begun.started_at(),
        ended_at: begun.ended_at(),
        arguments: std::env::args().skip(1).collect(),
        seed,
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        interrupted: whole_rounds < wanted.rounds as usize,
        invalid: None,
        subject: built.side.clone(),
        environment: ground.environment,
        health: ground.health,
        scenario: ground.scenario,
        interleaving: ground.interleaving,
        rules: wanted.rules.resolved(),
        cells: cell_standings(&gates, class_of),
        gates,
        warnings,
    })
}

/// The base, itself if wanted, and itself slowed down.
fn arms(wanted: &Wanted<'_>, built: &Built) -> Vec<Arm> {
    let same = wanted.has_aa.then_some(None);
    let slowed = wanted.injections.iter().cloned().map(Some);
    [None]
        .into_iter()
        .chain(same)
        .chain(slowed)
        .map(|injection| built.arm(injection))
        .collect()
}

/// What a round says of an arm, with the milliseconds that its blocks took.
type Said<'a> = (&'a Arm, Judged, u64);

/// What one round says of each arm but the base; none if it was stopped.
fn a_round<'a>(
    bench: &Bench<'_>,
    seed: u64,
    (arms, pilots): (&'a [Arm], &Pilots),
    seen: &mut Vec<PairedBlock>,
) -> Result<Option<Vec<Said<'a>>>> {
    let begun = Begun::now();
    let blocks = bench.find(seed, arms, pilots)?;
    let shared_ms = begun.elapsed_ms();
    let mut judged = Vec::new();
    for (number, arm) in (0_u32..).zip(arms).skip(1) {
        if bench.is_stopped() {
            return Ok(None);
        }
        let begun = Begun::now();
        let standing = Standing::default();
        let said = bench.judge(seed, arms, pilots, &standing, &blocks, number)?;
        judged.push((arm, said, shared_ms + begun.elapsed_ms()));
    }
    seen.extend(blocks);
    Ok((!bench.is_stopped()).then_some(judged))
}

/// A seed of its own for each round.
const fn of_round(seed: u64, round: u32) -> u64 {
    seed.wrapping_add((round as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15)) >> 12
}

fn known(rules: &Rules, round: u32, arm: &Arm, judged: &Judged, duration_ms: u64) -> KnownGate {
    let classes: Vec<ClassReport> = [MetricClass::Cpu, MetricClass::Wall]
        .map(|class| measured(class, &judged.cells))
        .into();
    // What is only counted has no part in this.
    let rules = Rules {
        required: [MetricClass::Cpu].into(),
        ..rules.clone()
    };
    let (verdict, _) = whole(&rules, &classes, &judged.cells);
    KnownGate {
        round,
        injected_percent: arm.injection.as_ref().map_or(0.0, |it| it.percent),
        injected_operation: arm.injection.as_ref().and_then(|it| it.operation.clone()),
        duration_ms,
        verdict,
        cells: judged.cells.iter().map(known_cell).collect(),
    }
}

fn known_cell(cell: &GateCell) -> KnownCell {
    KnownCell {
        strategy: cell.strategy.clone(),
        metric: cell.metric.clone(),
        effect_percent: cell.effect_percent,
        low_percent: cell.low_percent,
        high_percent: cell.high_percent,
        visible_percent: cell.visible_percent,
        red_at_first: cell.confirmation.is_some() || cell.verdict == Verdict::Regressed,
        verdict: cell.verdict,
    }
}

fn class_of(metric: &str) -> MetricClass {
    SampledMetric::named(metric).map_or(MetricClass::Wall, SampledMetric::class)
}

/// How far it is, for whoever waits.
fn line(gate: &KnownGate, rounds: u32) -> String {
    let what = match (gate.injected_percent, &gate.injected_operation) {
        (0.0, _) => "against itself".to_owned(),
        (percent, None) => format!("+{percent} %"),
        (percent, Some(operation)) => format!("+{percent} % of {operation}"),
    };
    let red = |cell: &&KnownCell| cell.verdict == Verdict::Regressed;
    format!(
        "round {} of {rounds}, {what}: {} ({} of {} cells red), {:.1} s",
        gate.round + 1,
        gate.verdict.label(),
        gate.cells.iter().filter(red).count(),
        gate.cells.len(),
        gate.duration_ms as f64 / 1000.0
    )
}

fn show(found: &Qualification, wanted: &Wanted<'_>) -> Result<Outcome> {
    if wanted.keep {
        let saved = document::write_qualification(&wanted.settings.results, found)
            .or_else(|first| {
                eprintln!("{} {first:#}", term::paint_error("warning:"));
                document::write_qualification(&std::env::temp_dir(), found)
            })
            .context("the qualification is lost")?;
        eprintln!("document  {}", saved.path.display());
    }
    let style = TextOptions {
        colours: term::paints(),
        verbose: false,
    };
    term::say(qualification_text(found, style).trim_end())?;
    if found.interrupted {
        return Ok(Outcome::NotMeasured);
    }
    Ok(match unfit(&standing(Some(found))) {
        Some(why) => {
            let error = term::paint_error("error:");
            eprintln!("{error} this machine is no good instrument: {why}");
            Outcome::Bad
        }
        None => Outcome::Good,
    })
}
