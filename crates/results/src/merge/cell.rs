//! Cells of the same strategy, phase and place.

use std::collections::BTreeSet;

use crate::cell::{Block, Cell, Costs, Latency, Load, Metric, OutcomeKind, Outcomes};
use crate::fault::FaultSeen;
use crate::run::RunResult;
use crate::traffic::{ActionFigures, Shape};

use super::{Difference, MergeError, Notes, machine, number};

/// The cells that all parts have, in the order of part 0. Cells belong
/// together by strategy, phase and their place among those; where the parts
/// have different numbers of them, none can be told from another and all are
/// left out.
pub(super) fn merged(
    parts: &[RunResult],
    is_whole: impl Fn(&str) -> bool,
    notes: &mut Notes,
) -> Result<Vec<Cell>, MergeError> {
    let alike = |part: &RunResult, cell: &Cell| -> Vec<usize> {
        let same = |other: &Cell| other.strategy == cell.strategy && other.phase == cell.phase;
        let cells = part.cells.iter().enumerate();
        cells
            .filter(|(_, other)| same(other))
            .map(|(at, _)| at)
            .collect()
    };
    let mut merged = Vec::new();
    for (part, cell) in parts
        .iter()
        .flat_map(|p| p.cells.iter().map(move |c| (p, c)))
    {
        if !is_whole(&cell.strategy) {
            continue;
        }
        let places: Vec<Vec<usize>> = parts.iter().map(|p| alike(p, cell)).collect();
        if places.iter().any(|place| place.len() != places[0].len()) {
            notes.add(format!(
                "The parts have different numbers of measurements of {}{}: they are left out.",
                cell.strategy,
                in_phase(cell)
            ));
        } else if std::ptr::eq(part, &parts[0]) {
            let own = |at: &usize| std::ptr::eq(&parts[0].cells[*at], cell);
            let ordinal = places[0].iter().position(own).unwrap_or(0);
            let group: Vec<&Cell> = parts
                .iter()
                .zip(&places)
                .map(|(part, place)| &part.cells[place[ordinal]])
                .collect();
            merged.push(one(parts, &group, notes)?);
        }
    }
    Ok(merged)
}

fn in_phase(cell: &Cell) -> String {
    cell.phase
        .as_ref()
        .map_or_else(String::new, |phase| format!(" in the phase {phase}"))
}

fn place(cell: &Cell) -> String {
    format!("{}{}", cell.strategy, in_phase(cell))
}

/// Cell `i` of `group` is that of part `i`.
fn one(parts: &[RunResult], group: &[&Cell], notes: &mut Notes) -> Result<Cell, MergeError> {
    let first = group[0];
    let load = load(parts, group)?;
    let histogram = |of: fn(&Latency) -> Option<&crate::Histogram>| {
        number::histogram(group.iter().map(|cell| of(&cell.latency)), || place(first))
    };
    let mut blocks: Vec<Block> = group.iter().flat_map(|c| c.blocks.clone()).collect();
    blocks.sort_by_key(|block| block.index);
    let mut rejected_blocks: Vec<_> = group
        .iter()
        .flat_map(|cell| cell.rejected_blocks.clone())
        .collect();
    rejected_blocks.sort_by_key(|rejected| rejected.block.index);
    let reason = number::of_parts(group.iter().map(|cell| {
        (!cell.valid).then(|| cell.reason.as_deref().unwrap_or("no reason was noted"))
    }));
    Ok(Cell {
        strategy: first.strategy.clone(),
        phase: first.phase.clone(),
        load,
        outcomes: Outcomes::together(group.iter().map(|cell| &cell.outcomes)),
        latency: Latency {
            response: histogram(|latency| latency.response.as_ref())?,
            service: histogram(|latency| latency.service.as_ref())?,
            send_lag: histogram(|latency| latency.send_lag.as_ref())?,
        },
        actions: actions(group)?,
        costs: costs(group),
        faults: faults(group, notes),
        blocks,
        rejected_blocks,
        health: machine::worst(group.iter().map(|cell| &cell.health)),
        valid: reason.is_none(),
        reason,
    })
}

fn load(parts: &[RunResult], group: &[&Cell]) -> Result<Load, MergeError> {
    let first = &group[0].load;
    let mut shape = first.shape.clone();
    for (part, cell) in parts.iter().zip(group).skip(1) {
        let same = (cell.load.model, cell.load.process, &cell.load.topology)
            == (first.model, first.process, &first.topology);
        let together = same.then(|| add_shapes(&shape, &cell.load.shape)).flatten();
        shape = together.ok_or_else(|| Difference::Load(place(cell)).between(&parts[0], part))?;
    }
    let loads = || group.iter().map(|cell| &cell.load);
    let sum = |of: fn(&Load) -> u64| number::sum(loads().map(of));
    let sum_u32 = |of: fn(&Load) -> u32| number::sum_u32(loads().map(of));
    let longest = |of: fn(&Load) -> u64| loads().map(of).max().unwrap_or(0);
    let engines: BTreeSet<&str> = loads().filter_map(|load| load.engine.as_deref()).collect();
    let engines: Vec<&str> = engines.into_iter().collect();
    let users = sum_u32(|load| load.users);
    let thought: f64 = loads()
        .map(|load| load.think_ms * f64::from(load.users))
        .sum();
    Ok(Load {
        model: first.model,
        process: first.process,
        shape,
        offered_per_s: loads().map(|load| load.offered_per_s).sum(),
        warmup_ms: longest(|load| load.warmup_ms),
        measured_ms: longest(|load| load.measured_ms),
        connections: sum_u32(|load| load.connections),
        users,
        think_ms: if users == 0 {
            first.think_ms
        } else {
            thought / f64::from(users)
        },
        threads: sum_u32(|load| load.threads),
        engine: (!engines.is_empty()).then(|| engines.join(" and ")),
        topology: first.topology.clone(),
        reconnects: sum(|load| load.reconnects),
        // The parts' worst moments need not coincide: at most so many waited.
        backlog_max: sum(|load| load.backlog_max),
        drained_ms: longest(|load| load.drained_ms),
        arrivals: sum(|load| load.arrivals),
        sent: sum(|load| load.sent),
        completed: sum(|load| load.completed),
    })
}

/// Two schedules at once; None if they do not go together.
fn add_shapes(one: &Shape, other: &Shape) -> Option<Shape> {
    match (one, other) {
        (Shape::Steady, Shape::Steady) => Some(Shape::Steady),
        (
            Shape::Ramp {
                from_per_s,
                to_per_s,
            },
            Shape::Ramp {
                from_per_s: from,
                to_per_s: to,
            },
        ) => Some(Shape::Ramp {
            from_per_s: from_per_s + from,
            to_per_s: to_per_s + to,
        }),
        (Shape::Steps { rates_per_s: one }, Shape::Steps { rates_per_s: other }) => {
            (one.len() == other.len()).then(|| Shape::Steps {
                rates_per_s: one.iter().zip(other).map(|(a, b)| a + b).collect(),
            })
        }
        (
            Shape::Bursts {
                base_per_s,
                burst_per_s,
                every_ms,
                burst_ms,
            },
            Shape::Bursts {
                base_per_s: base,
                burst_per_s: burst,
                every_ms: every,
                burst_ms: lasts,
            },
        ) => ((every_ms, burst_ms) == (every, lasts)).then(|| Shape::Bursts {
            base_per_s: base_per_s + base,
            burst_per_s: burst_per_s + burst,
            every_ms: *every_ms,
            burst_ms: *burst_ms,
        }),
        _ => None,
    }
}

fn actions(group: &[&Cell]) -> Result<Vec<ActionFigures>, MergeError> {
    let mut names: Vec<&str> = Vec::new();
    for figures in group.iter().flat_map(|cell| &cell.actions) {
        if !names.contains(&figures.action.as_str()) {
            names.push(&figures.action);
        }
    }
    let merge = |name: &str| {
        let own: Vec<&ActionFigures> = group
            .iter()
            .flat_map(|cell| cell.actions.iter().filter(|f| f.action == name))
            .collect();
        let right = |figures: &ActionFigures| figures.outcomes.count(OutcomeKind::Right) as f64;
        let octets = |of: fn(&ActionFigures) -> &Metric| {
            number::mean(own.iter().map(|figures| (of(figures), right(figures))))
        };
        Ok(ActionFigures {
            action: name.to_owned(),
            outcomes: Outcomes::together(own.iter().map(|figures| &figures.outcomes)),
            response: number::histogram(own.iter().map(|f| f.response.as_ref()), || {
                format!("{}, {name}", place(group[0]))
            })?,
            sent_bytes: octets(|figures| &figures.sent_bytes),
            received_bytes: octets(|figures| &figures.received_bytes),
        })
    };
    names.into_iter().map(merge).collect()
}

/// Means over the requests that were answered.
fn costs(group: &[&Cell]) -> Costs {
    let mean = |of: &dyn Fn(&Costs) -> Metric| {
        let own: Vec<(Metric, f64)> = group
            .iter()
            .map(|cell| (of(&cell.costs), cell.load.completed as f64))
            .collect();
        number::mean(own.iter().map(|(metric, weight)| (metric, *weight)))
    };
    let kinds: BTreeSet<&String> = group
        .iter()
        .flat_map(|cell| cell.costs.store_operations_per_request.keys())
        .collect();
    let operations = |kind: &String| {
        // A kind that a part does not name did not occur there.
        let of = |costs: &Costs| costs.store_operations_per_request.get(kind).cloned();
        mean(&|costs| of(costs).unwrap_or_else(|| Metric::of(0.0)))
    };
    Costs {
        server_cpu_ns_per_request: mean(&|costs| costs.server_cpu_ns_per_request.clone()),
        driver_cpu_ns_per_request: mean(&|costs| costs.driver_cpu_ns_per_request.clone()),
        wire_sent_bytes_per_request: mean(&|costs| costs.wire_sent_bytes_per_request.clone()),
        wire_received_bytes_per_request: mean(&|costs| {
            costs.wire_received_bytes_per_request.clone()
        }),
        store_operations_per_request: kinds
            .into_iter()
            .map(|kind| (kind.clone(), operations(kind)))
            .collect(),
        store_round_trips_per_request: mean(&|costs| costs.store_round_trips_per_request.clone()),
        store_bytes_per_request: mean(&|costs| costs.store_bytes_per_request.clone()),
        driver_utilisation_fraction: number::greatest(
            group
                .iter()
                .map(|cell| &cell.costs.driver_utilisation_fraction),
        ),
    }
}

/// Faults by kind and planned instant, in the order in which they were planned.
fn faults(group: &[&Cell], notes: &mut Notes) -> Vec<FaultSeen> {
    let mut planned: Vec<(u64, &str)> = Vec::new();
    for fault in group.iter().flat_map(|cell| &cell.faults) {
        let key = (fault.at_ms, fault.kind.as_str());
        if !planned.contains(&key) {
            planned.push(key);
        }
    }
    planned.sort_by_key(|(at_ms, _)| *at_ms);
    planned
        .into_iter()
        .map(|(at_ms, kind)| {
            let seen: Vec<Option<&FaultSeen>> = group
                .iter()
                .map(|cell| {
                    let mut faults = cell.faults.iter();
                    faults.find(|fault| fault.at_ms == at_ms && fault.kind == kind)
                })
                .collect();
            let by: Vec<usize> = (0..seen.len()).filter(|at| seen[*at].is_some()).collect();
            if by.len() < seen.len() {
                notes.add(format!(
                    "Only {} saw the fault {kind} of {}: its counts are of those requests alone.",
                    number::parts(&by),
                    place(group[0])
                ));
            }
            fault(at_ms, kind, &seen)
        })
        .collect()
}

/// The fault began with the first part that saw it, was lifted with the last,
/// and is recovered from when all have recovered.
fn fault(at_ms: u64, kind: &str, seen: &[Option<&FaultSeen>]) -> FaultSeen {
    let own = || seen.iter().copied().flatten();
    let began_ns = own().map(|fault| fault.began_ns).min().unwrap_or(0);
    let lifted = |fault: &FaultSeen| Some(fault.began_ns.saturating_add(fault.lasted_ns?));
    let lifted_ns = own()
        .map(lifted)
        .collect::<Option<Vec<u64>>>()
        .and_then(|all| all.into_iter().max());
    let first_failure_ns = own()
        .filter_map(|fault| Some(fault.began_ns.saturating_add(fault.first_failure_ns?)))
        .min();
    let recovered_ns = own()
        .filter(|fault| fault.first_failure_ns.is_some())
        .map(|fault| Some(lifted(fault)?.saturating_add(fault.recovery_ns?)))
        .collect::<Option<Vec<u64>>>()
        .and_then(|all| all.into_iter().max());
    FaultSeen {
        kind: kind.to_owned(),
        at_ms,
        began_ns,
        lasted_ns: lifted_ns.map(|at| at.saturating_sub(began_ns)),
        first_failure_ns: first_failure_ns.map(|at| at.saturating_sub(began_ns)),
        recovery_ns: lifted_ns
            .zip(recovered_ns)
            .map(|(lifted, recovered)| recovered.saturating_sub(lifted)),
        during: Outcomes::together(own().map(|fault| &fault.during)),
        after: Outcomes::together(own().map(|fault| &fault.after)),
        failed: number::of_parts(seen.iter().map(|fault| (*fault)?.failed.as_deref())),
    }
}
