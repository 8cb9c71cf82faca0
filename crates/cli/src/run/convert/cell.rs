//! One load point, in the result file's form.

use std::collections::BTreeMap;

use authbench_load::{
    Action, Arrivals, BlockSample, CellOutcome, Fault, Kind, Shape, Share, Spacing,
};
use authbench_results as results;
use authbench_results::{Cell, FaultSeen, Metric, OutcomeKind, Outcomes};

use super::health::{cell_health, doubts};
use super::histogram;
use crate::run::carrier::Carrier;
use crate::run::contender::CellRecord;
use crate::run::costs::Counted;
use crate::run::facts::Facts;
use crate::run::faults::Caused;

/// The file form of a cell.
pub(super) fn cell(strategy: &str, facts: &Facts, record: CellRecord, lag_budget_ns: u64) -> Cell {
    let health = cell_health(&record);
    let seen = &record.outcome;
    let reason = if seen.measured_ns == 0 {
        Some("it was stopped before anything was measured".to_owned())
    } else {
        doubts(&health, lag_budget_ns)
    };
    let is_closed = matches!(seen.point.arrivals, Arrivals::Closed { .. });
    Cell {
        strategy: strategy.to_owned(),
        phase: seen.point.phase.clone(),
        load: load(&record),
        outcomes: outcomes(|kind| seen.tally.of_kind(kind)),
        latency: results::Latency {
            response: histogram(&seen.response_ns),
            service: histogram(&seen.service_ns),
            send_lag: (!is_closed).then(|| histogram(&seen.send_lag_ns)).flatten(),
        },
        actions: actions(seen, record.carrier),
        costs: costs(facts, &record),
        blocks: blocks(&record),
        health,
        faults: record.faults,
        rejected_blocks: record.rejected,
        valid: reason.is_none(),
        reason,
    }
}

fn load(record: &CellRecord) -> results::Load {
    let seen = &record.outcome;
    let point = &seen.point;
    let (model, think_ms) = match point.arrivals {
        Arrivals::Closed { think_ms } => (results::LoadModel::ClosedLoop, think_ms),
        _ => (results::LoadModel::OpenLoop, 0.0),
    };
    results::Load {
        model,
        process: process(&point.arrivals),
        shape: shape(&point.arrivals),
        offered_per_s: offered_per_s(record),
        warmup_ms: seen.warmed_ms,
        measured_ms: seen.measured_ns / 1_000_000,
        connections: point.connections,
        users: seen.users,
        think_ms,
        threads: record.threads,
        engine: Some(record.carrier.label().to_owned()),
        topology: record.topology.clone(),
        reconnects: seen.reconnects,
        backlog_max: seen.backlog_max,
        drained_ms: seen.drained_ns / 1_000_000,
        arrivals: seen.arrivals,
        sent: seen.sent,
        completed: seen.completed,
    }
}

/// Of a share what came to it: parts' rates add up to the whole's.
fn offered_per_s(record: &CellRecord) -> f64 {
    let seen = &record.outcome;
    let planned = seen.point.arrivals.mean_per_s(seen.point.measure_ms);
    match planned {
        Some(per_s) if record.share == Share::WHOLE => per_s,
        Some(_) if seen.measured_ns > 0 => seen.arrivals as f64 * 1e9 / seen.measured_ns as f64,
        _ => seen.completed_per_s(),
    }
}

fn process(arrivals: &Arrivals) -> results::ArrivalProcess {
    match arrivals {
        Arrivals::Open {
            spacing: Spacing::Even,
            ..
        } => results::ArrivalProcess::Constant,
        Arrivals::Open {
            spacing: Spacing::Poisson,
            ..
        } => results::ArrivalProcess::Poisson,
        Arrivals::Replay(_) => results::ArrivalProcess::Replay,
        Arrivals::Closed { .. } => results::ArrivalProcess::Closed,
    }
}

fn shape(arrivals: &Arrivals) -> results::Shape {
    let Arrivals::Open { shape, .. } = arrivals else {
        return results::Shape::Steady;
    };
    match *shape {
        Shape::Steady { .. } => results::Shape::Steady,
        Shape::Ramp {
            from_per_s,
            to_per_s,
        } => results::Shape::Ramp {
            from_per_s,
            to_per_s,
        },
        Shape::Steps { ref rates_per_s } => results::Shape::Steps {
            rates_per_s: rates_per_s.clone(),
        },
        Shape::Bursts {
            base_per_s,
            burst_per_s,
            every_ms,
            burst_ms,
        } => results::Shape::Bursts {
            base_per_s,
            burst_per_s,
            every_ms,
            burst_ms,
        },
    }
}

fn outcomes(count: impl Fn(Kind) -> u64) -> Outcomes {
    Outcomes::of(Kind::ALL.map(|kind| (outcome_kind(kind), count(kind))))
}

const fn outcome_kind(kind: Kind) -> OutcomeKind {
    match kind {
        Kind::Right => OutcomeKind::Right,
        Kind::WrongUser => OutcomeKind::WrongUser,
        Kind::AcceptedDead => OutcomeKind::AcceptedDead,
        Kind::RefusedGood => OutcomeKind::RefusedGood,
        Kind::UnexpectedStatus => OutcomeKind::UnexpectedStatus,
        Kind::MalformedAnswer => OutcomeKind::MalformedAnswer,
        Kind::NoJudgement => OutcomeKind::NoJudgement,
        Kind::Timeout => OutcomeKind::Timeout,
        Kind::ConnectionError => OutcomeKind::ConnectionError,
        Kind::Unfinished => OutcomeKind::Unfinished,
    }
}

fn actions(seen: &CellOutcome, carrier: Carrier) -> Vec<results::ActionFigures> {
    let occurred = Action::ALL
        .into_iter()
        .filter(|action| seen.tally.of_action(*action) > 0);
    occurred
        .map(|action| {
            let wire = seen.wire(action);
            let per = |sum| octets(sum, wire.exchanges, "exchange was judged right", carrier);
            results::ActionFigures {
                action: action.label().to_owned(),
                outcomes: outcomes(|kind| seen.tally.count(action, kind)),
                response: histogram(seen.response_of(action)),
                sent_bytes: per(wire.sent_bytes),
                received_bytes: per(wire.received_bytes),
            }
        })
        .collect()
}

fn per(sum: u64, count: u64, what: &str) -> Metric {
    if count == 0 {
        Metric::missing(format!("no {what}"))
    } else {
        Metric::of(sum as f64 / count as f64)
    }
}

/// Octets on the wire, on average; none where there is no wire.
fn octets(sum: u64, exchanges: u64, what: &str, carrier: Carrier) -> Metric {
    match carrier.no_wire() {
        Some(why) => Metric::missing(why),
        None => per(sum, exchanges, what),
    }
}

fn costs(facts: &Facts, record: &CellRecord) -> results::Costs {
    let (seen, carrier) = (&record.outcome, record.carrier);
    let answered: u64 = seen.blocks.iter().map(|block| block.completed).sum();
    let server_cpu = match seen.server_cpu() {
        Some((cpu_ns, answered)) => per(cpu_ns, answered, "request was answered"),
        None => Metric::missing(carrier.no_server_cpu()),
    };
    let wire = seen.wire(Action::Read);
    let octets = |sum| octets(sum, wire.exchanges, "read was answered", carrier);
    let duration_ns: u64 = seen.blocks.iter().map(|block| block.duration_ns).sum();
    let counted = facts.counted(&seen.point.mix, record.topology.hops);
    let store = |sum: fn(&Counted) -> &Result<u64, String>| match counted {
        None => Metric::missing("nothing was counted with this mix"),
        Some(counted) => match sum(counted) {
            Ok(sum) => per(*sum, counted.requests, "request was counted"),
            Err(why) => Metric::missing(why.clone()),
        },
    };
    let operations: BTreeMap<String, Metric> = counted
        .into_iter()
        .flat_map(|counted| {
            let each = counted.operations.iter();
            each.map(|(kind, count)| {
                let mean = per(*count, counted.requests, "request was counted");
                (kind.clone(), mean)
            })
        })
        .collect();
    results::Costs {
        server_cpu_ns_per_request: server_cpu,
        driver_cpu_ns_per_request: per(seen.driver_cpu_ns, answered, "request was answered"),
        wire_sent_bytes_per_request: octets(wire.sent_bytes),
        wire_received_bytes_per_request: octets(wire.received_bytes),
        store_operations_per_request: operations,
        store_round_trips_per_request: store(|counted| &counted.round_trips),
        store_bytes_per_request: store(|counted| &counted.bytes),
        driver_utilisation_fraction: per(seen.busy_ns, duration_ns, "time was measured"),
    }
}

fn blocks(record: &CellRecord) -> Vec<results::Block> {
    let samples = record.outcome.blocks.iter().zip(&record.places);
    samples
        .map(|(sample, place)| block(sample, *place))
        .collect()
}

/// The file form of a block.
pub(crate) fn block(sample: &BlockSample, place: u32) -> results::Block {
    results::Block {
        index: place,
        completed: sample.completed,
        server_cpu_ns: sample
            .probe_before
            .zip(sample.probe_after)
            .map(|(before, after)| after.saturating_sub(before)),
        driver_cpu_ns: Some(sample.driver_cpu_ns),
        response_ns_p50: sample.response_ns_p50,
        response_ns_p99: sample.response_ns_p99,
    }
}

/// What was seen around each fault.
pub(crate) fn faults(
    faults: &[&Fault],
    caused: &[Caused],
    outcome: &CellOutcome,
) -> Vec<FaultSeen> {
    let each = faults.iter().zip(caused);
    each.map(|(fault, one)| {
        // What comes after the next fault is not this one's doing.
        let later = caused.iter().filter_map(|other| other.began_ns);
        let next_ns = later.filter(|ns| Some(*ns) > one.began_ns).min();
        fault_seen(fault, one, next_ns, outcome)
    })
    .collect()
}

fn fault_seen(
    fault: &Fault,
    caused: &Caused,
    next_ns: Option<u64>,
    outcome: &CellOutcome,
) -> FaultSeen {
    let none = FaultSeen {
        kind: fault.kind.value.label().to_owned(),
        at_ms: fault.at_ms.value.min(outcome.measured_ns / 1_000_000),
        began_ns: outcome.measured_ns,
        lasted_ns: None,
        first_failure_ns: None,
        recovery_ns: None,
        during: Outcomes::default(),
        after: Outcomes::default(),
        failed: caused.failed.clone(),
    };
    let Some(began_ns) = caused.began_ns else {
        return FaultSeen {
            failed: none.failed.or_else(|| {
                Some("measuring ended before its instant, so it was not caused".to_owned())
            }),
            ..none
        };
    };
    // From the start of the measured time on.
    let since = |ns: u64| ns.saturating_sub(outcome.measured_from_ns);
    let end_ns = outcome.measured_ns + outcome.drained_ns;
    let began_ns = since(began_ns).min(end_ns);
    let ended_ns = caused.ended_ns.map(since).filter(|ns| *ns <= end_ns);
    let until_ns = next_ns.map_or(u64::MAX, since);
    let view = outcome.trace.around(began_ns, ended_ns, until_ns);
    FaultSeen {
        began_ns,
        lasted_ns: ended_ns.map(|ended_ns| ended_ns.saturating_sub(began_ns)),
        first_failure_ns: view.first_failure_ns,
        recovery_ns: view.recovery_ns.filter(|_| ended_ns.is_some()),
        during: outcomes(|kind| view.during.count(kind)),
        after: outcomes(|kind| view.after.count(kind)),
        ..none
    }
}
