//! What was measured under load.

use std::collections::BTreeSet;

use authbench_results::{
    Block, Cell, Costs, GateCell, Load, LoadModel, Metric, MetricClass, Verdict, stats,
};

use super::unpaired::Unpaired;
use super::{Files, one_each, paired, recorded};
use crate::confidence::{CONFIDENCE, percent};
use crate::holm::holm;
use crate::ratchet::{Noted as _, blank, counted};

/// The part of requests without a decision up to which a cell's figures are
/// of answered requests.
const UNDECIDED_MAX: f64 = 0.01;

/// A p that is a quotient may miss a level that it equals by this much.
const ROUNDING: f64 = 1e-12;

const ADVICE: &str = "Not interleaved, so it is advice";

/// One metric that blocks are samples of.
struct Sampled {
    metric: &'static str,
    class: MetricClass,
    of_block: fn(&Block) -> Option<f64>,
    /// Why a cell's samples are not to be believed.
    fault: fn(&Cell) -> Option<String>,
}

const SAMPLED: [Sampled; 3] = [
    Sampled {
        metric: "server_cpu_ns_per_request",
        class: MetricClass::Cpu,
        of_block: |block| {
            let cpu_ns = block.server_cpu_ns? as f64;
            (block.completed > 0).then(|| cpu_ns / block.completed as f64)
        },
        fault: |cell| doubt(&cell.costs.server_cpu_ns_per_request),
    },
    Sampled {
        metric: "response_ns_p50",
        class: MetricClass::Wall,
        of_block: |block| Some(block.response_ns_p50? as f64),
        fault: invalid,
    },
    Sampled {
        metric: "response_ns_p99",
        class: MetricClass::Wall,
        of_block: |block| Some(block.response_ns_p99? as f64),
        fault: invalid,
    },
];

/// The cells of all loads of either file.
pub(super) fn cells(files: &Files<'_>) -> Vec<GateCell> {
    let mut sampled: Vec<(GateCell, Option<Unpaired>)> = Vec::new();
    let mut others = Vec::new();
    for (name, sides) in paired(&files.base.cells, &files.candidate.cells, name) {
        let pair = one_each(&sides).map_err(str::to_owned);
        let pair = pair.and_then(|[base, candidate]| match other_load(base, candidate) {
            None => Ok([base, candidate]),
            Some(what) => Err(format!("The loads differ in {what}")),
        });
        let strategy = sides.iter().flatten().next().map(|cell| &*cell.strategy);
        let strategy = strategy.unwrap_or_default();
        for metric in &SAMPLED {
            let budget = files.rules.budget(strategy, metric.metric, metric.class);
            let cell = blank(&name, metric.metric, metric.class, "ns", &budget);
            sampled.push(match &pair {
                Ok(pair) => sample(cell, metric, *pair),
                Err(why) => (cell.noted(why), None),
            });
        }
        if let Ok(pair) = pair {
            others.extend(means(files, &name, strategy, pair));
        }
    }
    judge(files, &mut sampled);
    sampled.into_iter().map(|it| it.0).chain(others).collect()
}

/// The strategy and its load.
fn name(cell: &Cell) -> String {
    let load = match (&cell.phase, cell.load.model) {
        (Some(phase), _) => phase.clone(),
        (None, LoadModel::OpenLoop) => format!("{}/s", cell.load.offered_per_s),
        (None, LoadModel::ClosedLoop) => "closed loop".to_owned(),
    };
    format!("{} @ {load}", cell.strategy)
}

/// In what two loads differ; none if they are the same.
fn other_load(base: &Cell, candidate: &Cell) -> Option<String> {
    let (one, other) = (&base.load, &candidate.load);
    // A closed loop is offered what it completes.
    let offered = |load: &Load| (load.model == LoadModel::OpenLoop).then_some(load.offered_per_s);
    let parts = [
        ("model", one.model == other.model),
        ("spacing of arrivals", one.process == other.process),
        ("shape", one.shape == other.shape),
        ("rate", offered(one) == offered(other)),
        ("connections", one.connections == other.connections),
        ("users", one.users == other.users),
        ("thinking time", one.think_ms == other.think_ms),
        ("driver threads", one.threads == other.threads),
        ("engine", one.engine == other.engine),
        ("topology", one.topology == other.topology),
    ];
    let differing: Vec<&str> = parts
        .into_iter()
        .filter_map(|(what, same)| (!same).then_some(what))
        .collect();
    (!differing.is_empty()).then(|| differing.join(", "))
}

fn sample(cell: GateCell, metric: &Sampled, pair: [&Cell; 2]) -> (GateCell, Option<Unpaired>) {
    let values =
        pair.map(|side| -> Vec<f64> { side.blocks.iter().filter_map(metric.of_block).collect() });
    let cell = GateCell {
        base: stats::median(&values[0]),
        candidate: stats::median(&values[1]),
        ..cell
    };
    let sides = ["base", "candidate"].into_iter().zip(pair);
    let fault = sides.into_iter().find_map(|(side, it)| {
        let why = wrong(it).or_else(|| (metric.fault)(it))?;
        Some(format!("Not to be believed in the {side}: {why}"))
    });
    if let Some(why) = fault {
        return (cell.noted(&why), None);
    }
    match Unpaired::new(&values[0], &values[1]) {
        Some(test) => {
            let pairs = values[0].len().min(values[1].len());
            let cell = GateCell {
                pairs: u32::try_from(pairs).unwrap_or(u32::MAX),
                ..cell
            };
            (cell.noted(ADVICE), Some(test))
        }
        None => (
            cell.noted("There are fewer than two blocks of a side"),
            None,
        ),
    }
}

/// Gives a verdict to each cell that has a test, with Holm's correction over
/// those of its class.
fn judge(files: &Files<'_>, sampled: &mut [(GateCell, Option<Unpaired>)]) {
    let (alpha, power) = (files.rules.alpha, files.rules.power);
    for class in [MetricClass::Cpu, MetricClass::Wall] {
        let mut own: Vec<(&mut GateCell, &Unpaired)> = sampled
            .iter_mut()
            .filter(|it| it.0.class == class)
            .filter_map(|(cell, test)| Some((cell, test.as_ref()?)))
            .collect();
        let budget = |cell: &GateCell| (cell.budget_percent / 100.0).ln_1p();
        let gain = |cell: &GateCell| (-cell.budget_percent / 100.0).ln_1p();
        let worse: Vec<f64> = own.iter().map(|it| it.1.p_at_most(budget(it.0))).collect();
        let better: Vec<f64> = own.iter().map(|it| it.1.p_at_least(gain(it.0))).collect();
        let level = alpha / own.len() as f64;
        let corrected = holm(&worse).into_iter().zip(holm(&better));
        for (((cell, test), p), (p_worse, p_better)) in own.iter_mut().zip(worse).zip(corrected) {
            let budget = budget(cell);
            let (low, high) = test.interval(CONFIDENCE);
            cell.effect_percent = percent(test.effect());
            cell.low_percent = low.and_then(percent);
            cell.high_percent = high.and_then(percent);
            cell.visible_percent = test.visible(budget, level, power).and_then(percent);
            (cell.p_worse, cell.p_worse_holm) = (Some(p), Some(p_worse));
            cell.verdict = if p_worse <= alpha + ROUNDING {
                Verdict::Regressed
            } else if p_better <= alpha + ROUNDING {
                Verdict::Improved
            } else if test.p_at_least(budget) <= alpha + ROUNDING {
                Verdict::Pass
            } else {
                Verdict::Inconclusive
            };
        }
    }
}

/// What a cell has besides samples: means, and wrong judgements.
fn means(files: &Files<'_>, name: &str, strategy: &str, pair: [&Cell; 2]) -> Vec<GateCell> {
    let costs = pair.map(|cell| &cell.costs);
    let of = |read: fn(&Costs) -> &Metric| costs.map(|costs| Some(read(costs)));
    let mut all = vec![
        (
            "wire_sent_bytes_per_request".to_owned(),
            "bytes",
            of(|costs| &costs.wire_sent_bytes_per_request),
        ),
        (
            "wire_received_bytes_per_request".to_owned(),
            "bytes",
            of(|costs| &costs.wire_received_bytes_per_request),
        ),
        (
            "store_round_trips_per_request".to_owned(),
            "count",
            of(|costs| &costs.store_round_trips_per_request),
        ),
        (
            "store_bytes_per_request".to_owned(),
            "bytes",
            of(|costs| &costs.store_bytes_per_request),
        ),
    ];
    let kinds: BTreeSet<&String> = costs
        .iter()
        .flat_map(|costs| costs.store_operations_per_request.keys())
        .collect();
    all.extend(kinds.into_iter().map(|kind| {
        (
            format!("store_{kind}_operations_per_request"),
            "count",
            costs.map(|costs| costs.store_operations_per_request.get(kind)),
        )
    }));
    let mut cells: Vec<GateCell> = all
        .into_iter()
        .filter_map(|(metric, unit, [base, candidate])| {
            let budget = files.rules.budget(strategy, &metric, MetricClass::Exact);
            let cell = blank(name, &metric, MetricClass::Exact, unit, &budget);
            recorded::mean(cell, base, candidate)
        })
        .collect();
    let metric = "wrong_judgements";
    let budget = files.rules.budget(strategy, metric, MetricClass::Exact);
    let cell = blank(name, metric, MetricClass::Exact, "count", &budget);
    let [base, candidate] = pair.map(|cell| Some(cell.outcomes.wrong_judgements() as f64));
    cells.push(recorded::in_scenario(files, counted(cell, base, candidate)));
    cells
}

/// Why the answers of a cell do not count; none if they do.
fn wrong(cell: &Cell) -> Option<String> {
    let outcomes = &cell.outcomes;
    let (wrong, undecided) = (outcomes.wrong_judgements(), outcomes.undecided_fraction());
    if wrong > 0 {
        return Some(format!("{wrong} requests were judged wrongly"));
    }
    (undecided > UNDECIDED_MAX).then(|| {
        format!(
            "{:.1} % of the requests were not answered",
            undecided * 100.0
        )
    })
}

fn invalid(cell: &Cell) -> Option<String> {
    (!cell.valid).then(|| cell.reason.clone().unwrap_or_else(unknown))
}

fn doubt(metric: &Metric) -> Option<String> {
    (!metric.valid).then(|| metric.reason.clone().unwrap_or_else(unknown))
}

fn unknown() -> String {
    "the file does not tell why".to_owned()
}
