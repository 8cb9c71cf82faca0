//! From documents to history lines: which figures they hold, under which
//! names, and which are not worth keeping.

use authbench_gate::SampledMetric;
use authbench_results::{
    Baseline, BenchFigure, Cell, GateReport, HistoryLine, HistoryVersion, Interval, LoadModel,
    MetricClass, RunResult, Segment, StrategyFacts, stats,
};

/// What every line of a document has in common.
pub(crate) struct Origin {
    /// The commit.
    pub(crate) commit: String,
    /// When it was made, or measured (RFC 3339, UTC).
    pub(crate) at: String,
    /// Twelve digits of the machine's fingerprint.
    pub(crate) machine: String,
    /// The run's id.
    pub(crate) run: String,
}

/// The figures of a document.
#[derive(Default)]
pub(crate) struct Figures {
    /// Those to keep.
    pub(crate) lines: Vec<HistoryLine>,
    /// What was left out, and why, one sentence each.
    pub(crate) left_out: Vec<String>,
}

/// A number with its interval, if it has one.
struct Estimate {
    value: f64,
    interval: Option<(f64, f64)>,
}

impl Estimate {
    const fn plain(value: f64) -> Self {
        Self {
            value,
            interval: None,
        }
    }

    fn in_ns(value_ns: u64, interval: Option<&Interval>) -> Self {
        Self {
            value: value_ns as f64,
            interval: interval.map(|ends| (ends.low_ns as f64, ends.high_ns as f64)),
        }
    }

    /// `value` with a 95 % interval of the median over `blocks`, from order
    /// statistics alone; none from fewer than six. It is widened to hold the
    /// value, which need not be that median.
    fn over(value: f64, mut blocks: Vec<f64>) -> Self {
        blocks.sort_by(f64::total_cmp);
        let at = |rank: u64| {
            blocks
                .get(usize::try_from(rank).ok()?.checked_sub(1)?)
                .copied()
        };
        let ranks = stats::quantile_ranks(blocks.len() as u64, 0.5, 0.95);
        let ends = ranks.and_then(|(low, high)| at(low).zip(at(high)));
        Self {
            value,
            interval: ends.map(|(low, high)| (low.min(value), high.max(value))),
        }
    }
}

impl Figures {
    fn keep(
        &mut self,
        origin: &Origin,
        class: MetricClass,
        (strategy, metric, conditions): (&str, &str, &str),
        estimate: &Estimate,
    ) {
        let ends = estimate.interval.unwrap_or((f64::NAN, f64::NAN));
        let known = |end: f64| end.is_finite().then_some(end);
        if !estimate.value.is_finite() {
            return self.leave_out(format!("{metric} of {strategy}: it is not a finite number"));
        }
        self.lines.push(HistoryLine {
            schema: HistoryVersion::V1,
            commit: origin.commit.clone(),
            at: origin.at.clone(),
            machine: origin.machine.clone(),
            run: origin.run.clone(),
            strategy: strategy.to_owned(),
            metric: metric.to_owned(),
            conditions: conditions.to_owned(),
            class,
            value: estimate.value,
            low: known(ends.0),
            high: known(ends.1),
        });
    }

    fn leave_out(&mut self, sentence: String) {
        self.left_out.push(sentence);
    }
}

/// Of a run under load: processor time and response times at each load, the
/// sizes of credentials and messages; and what benches found.
pub(crate) fn of_result(result: &RunResult, origin: &Origin) -> Figures {
    let mut figures = Figures::default();
    let is_timed = result.source.profile.as_deref() == Some("release");
    if !is_timed && (!result.cells.is_empty() || !result.benches.is_empty()) {
        figures.leave_out(
            "all times: it was no release build, whose speed alone says something".to_owned(),
        );
    }
    if result.run.interrupted {
        figures.leave_out("what was not measured: the run was interrupted".to_owned());
    }
    for cell in &result.cells {
        of_cell(&mut figures, result, cell, origin, is_timed);
    }
    for facts in &result.strategies {
        of_facts(&mut figures, result, facts, origin, is_timed);
    }
    for bench in &result.benches {
        of_bench(&mut figures, bench, origin, is_timed);
    }
    figures
}

/// Of a comparison: the candidate's figures.
pub(crate) fn of_gate(report: &GateReport, origin: &Origin) -> Figures {
    let mut figures = Figures::default();
    let scenario = report.scenario.as_ref().map_or("", |it| it.name.as_str());
    let gate = format!("gate {scenario}");
    for cell in &report.cells {
        let Some(value) = cell.candidate else {
            figures.leave_out(format!(
                "{} of {}: the candidate has no figure",
                cell.metric, cell.strategy
            ));
            continue;
        };
        let is_counted = matches!(cell.class, MetricClass::Exact | MetricClass::Instructions);
        if !is_counted && report.interleaving.is_none() {
            figures.leave_out(format!(
                "{} of {}: it comes from a file; record that file instead",
                cell.metric, cell.strategy
            ));
            continue;
        }
        let estimate = match SampledMetric::named(&cell.metric) {
            Some(metric) if !is_counted => {
                Estimate::over(value, blocks(report, &cell.strategy, metric))
            }
            _ => Estimate::plain(value),
        };
        let conditions = if is_counted { "" } else { gate.trim_end() };
        let names = (cell.strategy.as_str(), cell.metric.as_str(), conditions);
        figures.keep(origin, cell.class, names, &estimate);
    }
    figures
}

/// Of a baseline: what was counted.
pub(crate) fn of_baseline(baseline: &Baseline, origin: &Origin) -> Figures {
    let mut figures = Figures::default();
    for counted in &baseline.figures {
        let names = (counted.strategy.as_str(), counted.metric.as_str(), "");
        figures.keep(
            origin,
            counted.class,
            names,
            &Estimate::plain(counted.value),
        );
    }
    figures
}

/// The candidate's figure in each block that counts: the mean over its
/// segments.
fn blocks(report: &GateReport, strategy: &str, metric: SampledMetric) -> Vec<f64> {
    let blocks = report.blocks.iter();
    blocks
        .filter(|block| block.strategy == strategy && block.rejected.is_none())
        .filter_map(|block| {
            let is_ours = |segment: &&Segment| segment.arm == 1;
            let segments = block.segments.iter().filter(is_ours);
            let found: Vec<f64> = segments.filter_map(|it| metric.figure(it)).collect();
            (!found.is_empty()).then(|| found.iter().sum::<f64>() / found.len() as f64)
        })
        .collect()
}

fn of_cell(
    figures: &mut Figures,
    result: &RunResult,
    cell: &Cell,
    origin: &Origin,
    is_timed: bool,
) {
    let conditions = conditions(&result.scenario.name, cell);
    if let Some(reason) = not_comparable(result, cell) {
        let strategy = &cell.strategy;
        return figures.leave_out(format!("{strategy} ({conditions}): {reason}"));
    }
    let names = |metric| (cell.strategy.as_str(), metric, conditions.as_str());
    if let Some(bytes) = cell.costs.wire_bytes_per_request() {
        let names = names("wire_bytes_per_request");
        figures.keep(origin, MetricClass::Exact, names, &Estimate::plain(bytes));
    }
    if !is_timed {
        return;
    }
    if let Some(cpu_ns) = cell.costs.server_cpu_ns_per_request.usable() {
        let blocks = cell.blocks.iter().filter(|block| block.completed > 0);
        let each = blocks.filter_map(|it| Some(it.server_cpu_ns? as f64 / it.completed as f64));
        let estimate = Estimate::over(cpu_ns, each.collect());
        let name = SampledMetric::ServerCpu.name();
        figures.keep(origin, MetricClass::Cpu, names(name), &estimate);
    }
    if !cell.valid {
        let reason = cell.reason.as_deref().unwrap_or("it is marked invalid");
        return figures.leave_out(format!(
            "response times of {} ({conditions}): {reason}",
            cell.strategy
        ));
    }
    // Of a closed loop they say what the users' number made of them.
    if let (LoadModel::OpenLoop, Some(times)) = (cell.load.model, &cell.latency.response) {
        let [p50, p99] = [
            Estimate::in_ns(times.p50_ns, times.p50_ci95.as_ref()),
            Estimate::in_ns(times.p99_ns, times.p99_ci95.as_ref()),
        ];
        for (metric, estimate) in [
            (SampledMetric::ResponseP50, p50),
            (SampledMetric::ResponseP99, p99),
        ] {
            figures.keep(origin, MetricClass::Wall, names(metric.name()), &estimate);
        }
    }
}

fn of_facts(
    figures: &mut Figures,
    result: &RunResult,
    facts: &StrategyFacts,
    origin: &Origin,
    is_timed: bool,
) {
    if failed(result, &facts.strategy) {
        return figures.leave_out(format!(
            "{}: it failed its conformance checks",
            facts.strategy
        ));
    }
    if let Some(bytes) = facts.token_bytes {
        let names = (facts.strategy.as_str(), "token_bytes", "");
        let estimate = Estimate::plain(bytes as f64);
        figures.keep(origin, MetricClass::Exact, names, &estimate);
    }
    let saturated = facts.saturated_server_cpu_ns_per_request.usable();
    if let Some(cpu_ns) = saturated.filter(|_| is_timed) {
        let blocks = facts.saturation.iter();
        let each = blocks
            .filter(|block| block.disturbed.is_none())
            .filter_map(|block| block.server_cpu_ns_per_request());
        let estimate = Estimate::over(cpu_ns, each.collect());
        let metric = "saturated_server_cpu_ns_per_request";
        let names = (
            facts.strategy.as_str(),
            metric,
            result.scenario.name.as_str(),
        );
        figures.keep(origin, MetricClass::Cpu, names, &estimate);
    }
}

/// A bench's parameters stand for the strategy; what is counted in it depends
/// on no machine.
fn of_bench(figures: &mut Figures, bench: &BenchFigure, origin: &Origin, is_timed: bool) {
    let is_time = bench.unit == "ns";
    if is_time && !is_timed {
        return;
    }
    let unit = if bench.unit == "octets" {
        "bytes"
    } else {
        bench.unit.as_str()
    };
    let name = bench.bench.replace(['-', ' '], "_");
    let metric = if name.ends_with(&format!("_{unit}")) {
        name
    } else {
        format!("{name}_{unit}")
    };
    let (class, conditions) = if is_time {
        (MetricClass::Wall, "bench")
    } else {
        (MetricClass::Exact, "")
    };
    let estimate = Estimate {
        value: bench.value,
        interval: bench.low.zip(bench.high),
    };
    let names = (bench.case.as_str(), metric.as_str(), conditions);
    figures.keep(origin, class, names, &estimate);
}

/// Scenario, phase and load.
fn conditions(scenario: &str, cell: &Cell) -> String {
    let load = match cell.load.model {
        LoadModel::OpenLoop => format!("{}/s", cell.load.offered_per_s),
        LoadModel::ClosedLoop => format!("{} users in a closed loop", cell.load.users),
    };
    match &cell.phase {
        None => format!("{scenario}, {load}"),
        Some(phase) => format!("{scenario}, {phase}, {load}"),
    }
}

/// Why no figure of `cell` is worth comparing with other commits'; None if
/// they are.
fn not_comparable(result: &RunResult, cell: &Cell) -> Option<&'static str> {
    if failed(result, &cell.strategy) {
        Some("the strategy failed its conformance checks")
    } else if cell.outcomes.wrong_judgements() > 0 {
        Some("answers were judged wrong, and a fast wrong answer is no request")
    } else if !cell.faults.is_empty() {
        Some("faults were caused meanwhile")
    } else {
        None
    }
}

fn failed(result: &RunResult, strategy: &str) -> bool {
    let mut facts = result.strategies.iter();
    facts
        .find(|facts| facts.strategy == strategy)
        .and_then(|facts| facts.conformance.as_ref())
        .is_some_and(|conformance| !conformance.failed.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_needs_six_blocks_and_holds_the_value() {
        let five = vec![9.0, 10.0, 11.0, 10.5, 9.5];
        assert_eq!(Estimate::over(10.0, five.clone()).interval, None);
        let six = [five, vec![10.2]].concat();
        assert_eq!(
            Estimate::over(10.0, six.clone()).interval,
            Some((9.0, 11.0))
        );
        assert_eq!(Estimate::over(12.0, six).interval, Some((9.0, 12.0)));
    }
}
