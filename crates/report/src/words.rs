//! Loads and outcomes in words.

use authbench_results::{
    ArrivalProcess, Cell, Load, LoadModel, OutcomeKind, Outcomes, Routing, Shape, Topology,
};

use crate::units;

/// A rate in a phase: `2,000/s in the phase calm`.
pub(crate) fn rate_in(per_s: f64, phase: Option<&str>) -> String {
    let rate = units::per_s(per_s);
    phase.map_or_else(
        || rate.clone(),
        |phase| format!("{rate} in the phase {phase}"),
    )
}

/// What a cell was put under, and in which phase.
pub(crate) fn place(cell: &Cell) -> String {
    match (cell.load.model, cell.phase.as_deref()) {
        (LoadModel::OpenLoop, phase) => rate_in(cell.load.offered_per_s, phase),
        (LoadModel::ClosedLoop, None) => offered(&cell.load),
        (LoadModel::ClosedLoop, Some(phase)) => {
            format!("{} in the phase {phase}", offered(&cell.load))
        }
    }
}

/// What was offered; nobody offers anything in a closed loop.
pub(crate) fn offered(load: &Load) -> String {
    match load.model {
        LoadModel::OpenLoop => units::per_s(load.offered_per_s),
        LoadModel::ClosedLoop => {
            format!("closed loop, {} users", units::count(f64::from(load.users)))
        }
    }
}

/// How the sending of requests was spaced.
pub(crate) fn spacing(process: ArrivalProcess) -> &'static str {
    match process {
        ArrivalProcess::Constant => "evenly spaced",
        ArrivalProcess::Poisson => "Poisson arrivals, as from independent users",
        ArrivalProcess::Replay => "arrivals replayed from a recording",
        ArrivalProcess::Closed => "a closed loop, in which users wait for answers",
    }
}

/// How the rate changed.
pub(crate) fn shape(shape: &Shape) -> String {
    match shape {
        Shape::Steady => "steady".to_owned(),
        Shape::Ramp {
            from_per_s,
            to_per_s,
        } => format!(
            "from {} to {}",
            units::per_s(*from_per_s),
            units::per_s(*to_per_s)
        ),
        Shape::Steps { rates_per_s } => {
            let rates: Vec<String> = rates_per_s.iter().map(|rate| units::per_s(*rate)).collect();
            format!("in steps: {}", rates.join(", "))
        }
        Shape::Bursts {
            base_per_s,
            burst_per_s,
            every_ms,
            burst_ms,
        } => format!(
            "{}, and {} for {} every {}",
            units::per_s(*base_per_s),
            units::per_s(*burst_per_s),
            units::setting_ms(*burst_ms),
            units::setting_ms(*every_ms)
        ),
    }
}

/// What stood behind the address.
pub(crate) fn topology(topology: &Topology) -> String {
    let mut words = if topology.replicas <= 1 {
        "one replica".to_owned()
    } else {
        let routing = match topology.routing {
            Routing::Sticky => "a login keeps to its own",
            Routing::RoundRobin => "each request goes to the next",
        };
        format!("{} replicas, {routing}", topology.replicas)
    };
    if topology.hops > 1 {
        words.push_str(&format!("; a chain of {} services", topology.hops));
    }
    if topology.store_round_trip_us > 0 {
        let delay = units::tick_ns(topology.store_round_trip_us as f64 * 1e3);
        words.push_str(&format!("; store {delay} further away"));
    }
    words
}

/// Failures by kind: `none`, or `12 connection broke, 3 too late`.
pub(crate) fn failures(outcomes: &Outcomes) -> String {
    if outcomes.failures_total == 0 {
        return "none".to_owned();
    }
    let kinds: Vec<String> = outcomes
        .by_kind
        .iter()
        .filter(|(kind, count)| **kind != OutcomeKind::Right && **count > 0)
        .map(|(kind, count)| format!("{} {}", units::count(*count as f64), kind.label()))
        .collect();
    if kinds.is_empty() {
        return units::count(outcomes.failures_total as f64);
    }
    kinds.join(", ")
}
