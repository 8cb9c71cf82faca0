//! From what was measured to the result file's form.

use std::collections::BTreeMap;

use authbench_core::Guarantees;
use authbench_load::{
    Action, Arrivals, BlockSample, CellOutcome, ClockKind, Histogram, Kind, RevocationOutcome,
    SaturationOutcome, Spacing,
};
use authbench_results as results;
use authbench_results::{Cell, Health, Metric, OutcomeKind, Outcomes, Skipped, StrategyFacts};

use crate::run::contender::{CellRecord, Contender};
use crate::run::facts::{Facts, Growth, Logins};

/// The driver was late when 1 % of its sends came later than this: as much as
/// the median answer of the fastest server takes.
const LAG_BUDGET_NS: u64 = 100_000;
/// A driver that used more of its core than this had no time to be punctual.
const UTILISATION_BUDGET: f64 = 0.9;
/// A process that does nothing else grows or shrinks by as much over some
/// thousand requests.
const MEMORY_NOISE_BYTES: f64 = 262_144.0;
/// A core that is used less than this has not been saturated.
const SATURATED: f64 = 0.9;
/// The hypervisor gave more of the time to other machines than this.
const STEAL_BUDGET: f64 = 0.05;
/// Others used more of the server's or the driver's core than this.
const FOREIGN_BUDGET: f64 = 0.1;

/// The file form of everything that is known of `contender`; or why nothing
/// is.
pub(crate) fn contender(mut contender: Contender) -> (Result<StrategyFacts, Skipped>, Vec<Cell>) {
    let strategy = contender.recipe.name.clone();
    let records = std::mem::take(&mut contender.cells);
    let cells: Vec<Cell> = records
        .into_iter()
        .flatten()
        .map(|record| cell(&strategy, &contender.facts, record))
        .collect();
    if contender.facts.token_bytes.is_none() {
        let reason = contender
            .failure
            .unwrap_or_else(|| "the run was stopped".to_owned());
        return (
            Err(Skipped {
                strategy,
                reason,
                optional: false,
            }),
            Vec::new(),
        );
    }
    (Ok(facts(&contender)), cells)
}

fn facts(contender: &Contender) -> StrategyFacts {
    let own = &contender.facts;
    let none = || Metric::missing("not measured: the run was stopped");
    let saturation: Vec<_> = contender.saturation.iter().map(saturation_block).collect();
    let saturated = saturated_cpu(&saturation);
    StrategyFacts {
        strategy: contender.recipe.name.clone(),
        recipe: contender.recipe.resolved(),
        guarantees: guarantees(&contender.guarantees),
        incomplete: contender.failure.clone(),
        conformance: None,
        token_bytes: own.token_bytes.map(|mean| mean.round() as u64),
        login: results::Login {
            password_hash: "Argon2id, m = 19456 KiB, t = 2, p = 1".to_owned(),
            hashed: own
                .hashed
                .as_ref()
                .and_then(|logins| histogram(&logins.service_ns)),
            unhashed: own
                .unhashed
                .as_ref()
                .and_then(|logins| histogram(&logins.service_ns)),
            hashed_server_cpu_ns: own.hashed.as_ref().map_or_else(none, cpu_per_login),
            unhashed_server_cpu_ns: own.unhashed.as_ref().map_or_else(none, cpu_per_login),
        },
        memory: memory(own.memory.as_ref()),
        revocation: contender
            .revocation
            .as_ref()
            .map(|(seen, schedule_ms)| revocation(seen, schedule_ms)),
        revocation_elsewhere: None,
        knee: None,
        lookups_per_request: lookups(own),
        requests_per_core_s: match saturated.usable() {
            Some(ns) if ns > 0.0 => Metric::of(1e9 / ns),
            _ => Metric::missing("follows from the CPU time at saturation, which is not known"),
        },
        saturation,
        saturated_server_cpu_ns_per_request: saturated,
    }
}

fn guarantees(own: &Guarantees) -> results::Guarantees {
    let Guarantees {
        revoke_one,
        revoke_all,
        role_change,
        lifetime_ms,
        expiry_slack_ms,
        refresh,
        idle,
        login_limit,
        listing,
        outage,
        durability,
    } = *own;
    results::Guarantees {
        revoke_one: staleness(revoke_one),
        revoke_all: staleness(revoke_all),
        role_change: staleness(role_change),
        lifetime_ms,
        expiry_slack_ms,
        refresh: match refresh {
            authbench_core::RefreshOffer::None => results::RefreshOffer::None,
            authbench_core::RefreshOffer::RotatingKillsFamily { grace_ms, chain_ms } => {
                results::RefreshOffer::RotatingKillsFamily { grace_ms, chain_ms }
            }
            authbench_core::RefreshOffer::SwapsAccess => results::RefreshOffer::SwapsAccess,
        },
        idle: idle.map(|idle| results::IdlePromise {
            timeout_ms: idle.timeout_ms,
            early_ms: idle.early_ms,
        }),
        login_limit: login_limit.map(|limit| results::LoginLimit {
            logins_max: limit.logins_max,
            policy: match limit.policy {
                authbench_core::LimitPolicy::Reject => results::LimitPolicy::Reject,
                authbench_core::LimitPolicy::Evict => results::LimitPolicy::Evict,
            },
        }),
        listing: match listing {
            authbench_core::Listing::Exact => results::Listing::Exact,
            authbench_core::Listing::NotKept => results::Listing::NotKept,
        },
        outage: match outage {
            authbench_core::OutageBehaviour::Unaffected => results::OutageBehaviour::Unaffected,
            authbench_core::OutageBehaviour::FailsClosed => results::OutageBehaviour::FailsClosed,
            authbench_core::OutageBehaviour::Coasts => results::OutageBehaviour::Coasts,
            authbench_core::OutageBehaviour::FailsOpen => results::OutageBehaviour::FailsOpen,
        },
        durability: match durability {
            authbench_core::Durability::Stateless => results::Durability::Stateless,
            authbench_core::Durability::Disk => results::Durability::Disk,
            authbench_core::Durability::ProcessCrash => results::Durability::ProcessCrash,
            authbench_core::Durability::None => results::Durability::None,
        },
    }
}

fn staleness(own: authbench_core::Staleness) -> results::Staleness {
    match own {
        authbench_core::Staleness::Immediate => results::Staleness::Immediate,
        authbench_core::Staleness::WithinMs(ms) => results::Staleness::WithinMs(ms),
        authbench_core::Staleness::UntilExpiry => results::Staleness::UntilExpiry,
    }
}

/// In the resolution of result files.
fn histogram(recorded: &Histogram<u64>) -> Option<results::Histogram> {
    let mut coarse = results::recorder();
    for value in recorded.iter_recorded() {
        coarse.saturating_record_n(
            value.value_iterated_to(),
            value.count_since_last_iteration(),
        );
    }
    results::Histogram::of(&coarse)
}

fn cpu_per_login(logins: &Logins) -> Metric {
    Metric::of(logins.server_cpu_ns as f64 / logins.count as f64)
}

fn memory(growth: Option<&Growth>) -> results::Memory {
    let method = "growth of a fresh server's resident set, and of its store's files, over logins \
                  that it must remember, each of another account";
    let per_login = |bytes: fn(&Growth) -> i64| match growth {
        None => Metric::missing("not measured"),
        // A process that shrank meanwhile remembers nothing of the logins.
        Some(growth) => Metric::of(bytes(growth).max(0) as f64 / growth.logins as f64),
    };
    results::Memory {
        server_bytes_per_login: per_login(|growth| growth.server_bytes),
        store_bytes_per_login: per_login(|growth| growth.store_bytes),
        resolution_bytes_per_login: growth
            .map_or(0.0, |growth| MEMORY_NOISE_BYTES / growth.logins as f64),
        logins: growth.map_or(0, |growth| growth.logins),
        method: method.to_owned(),
    }
}

fn lookups(facts: &Facts) -> Metric {
    if facts.counted_reads == 0 {
        return Metric::missing("no reads were counted");
    }
    let operations: u64 = facts.read_operations.iter().map(|(_, count)| count).sum();
    Metric::of(operations as f64 / facts.counted_reads as f64)
}

fn revocation(seen: &RevocationOutcome, schedule_ms: &[u64]) -> results::Revocation {
    let mut accepted = results::recorder();
    for value in seen.last_accepted_ns.iter_recorded() {
        // 0 stands for "never"; those are counted apart.
        if value.value_iterated_to() > 0 {
            accepted.saturating_record_n(
                value.value_iterated_to(),
                value.count_since_last_iteration(),
            );
        }
    }
    results::Revocation {
        samples: seen.logins,
        never_accepted: seen.never_accepted,
        last_acceptance: results::Histogram::of(&accepted),
        still_accepted_at_end: seen.still_accepted_at_end,
        accepted_after_deadline: seen.accepted_after_deadline,
        wrong_user: seen.wrong_user,
        failed_tries: seen.failed_replays,
        control_live_accepted: seen.controls.live_accepted,
        control_forged_refused: seen.controls.forged_refused,
        clock: match seen.clock {
            ClockKind::Real => results::ClockKind::Real,
            ClockKind::Stepped => results::ClockKind::Stepped,
        },
        schedule_ms: schedule_ms.to_vec(),
    }
}

fn cell(strategy: &str, facts: &Facts, record: CellRecord) -> Cell {
    let health = cell_health(&record);
    let reason = doubts(&health);
    let seen = &record.outcome;
    Cell {
        strategy: strategy.to_owned(),
        phase: None,
        actions: Vec::new(),
        faults: Vec::new(),
        load: results::Load {
            model: results::LoadModel::OpenLoop,
            process: process(&seen.point.arrivals),
            shape: results::Shape::Steady,
            offered_per_s: seen
                .point
                .arrivals
                .mean_per_s(seen.point.measure_ms)
                .unwrap_or(0.0),
            warmup_ms: seen.point.warmup.at_least_ms,
            measured_ms: seen.measured_ns / 1_000_000,
            connections: seen.point.connections,
            users: seen.users,
            think_ms: 0.0,
            threads: 1,
            engine: None,
            topology: results::Topology::default(),
            reconnects: seen.reconnects,
            backlog_max: 0,
            drained_ms: seen.drained_ns / 1_000_000,
            arrivals: seen.arrivals,
            sent: seen.sent,
            completed: seen.completed,
        },
        outcomes: outcomes(seen),
        latency: results::Latency {
            response: histogram(&seen.response_ns),
            service: histogram(&seen.service_ns),
            send_lag: histogram(&seen.send_lag_ns),
        },
        costs: costs(facts, seen),
        blocks: blocks(&record),
        health,
        rejected_blocks: record.rejected,
        valid: reason.is_none(),
        reason,
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

/// Why load and latencies are not to be believed, if they are not.
pub(crate) fn doubts(health: &Health) -> Option<String> {
    if let Some(lag_ns) = health.lag_ns_p99.filter(|lag_ns| *lag_ns > LAG_BUDGET_NS) {
        let lag_us = lag_ns as f64 / 1000.0;
        return Some(format!(
            "the driver was late: 1 % of its sends by more than {lag_us:.0} us"
        ));
    }
    let over = |fraction: Option<f64>, budget| fraction.filter(|fraction| *fraction > budget);
    if let Some(used) = over(health.driver_utilisation_fraction, UTILISATION_BUDGET) {
        return Some(format!(
            "the driver was busy for {:.0} % of the time",
            used * 100.0
        ));
    }
    if let Some(stolen) = over(health.steal_fraction, STEAL_BUDGET) {
        return Some(format!(
            "the hypervisor took {:.0} % of the time away",
            stolen * 100.0
        ));
    }
    let foreign = over(health.foreign_cpu_fraction, FOREIGN_BUDGET)?;
    Some(format!(
        "other programs used {:.0} % of a core that was measured",
        foreign * 100.0
    ))
}

/// The health of one block: what the machine says and what the driver says.
pub(crate) fn block_health(seen: &CellOutcome, machine: Health) -> Health {
    let duration_ns: u64 = seen.blocks.iter().map(|block| block.duration_ns).sum();
    Health {
        lag_ns_p99: (!seen.send_lag_ns.is_empty())
            .then(|| seen.send_lag_ns.value_at_quantile(0.99)),
        driver_utilisation_fraction: (duration_ns > 0)
            .then(|| seen.busy_ns as f64 / duration_ns as f64),
        ..machine
    }
}

/// The health of a cell from that of its blocks, which are equally long.
fn cell_health(cell: &CellRecord) -> Health {
    let blocks = &cell.healths;
    let sum = |field: fn(&Health) -> Option<u64>| blocks.iter().map(field).sum::<Option<u64>>();
    let mean = |field: fn(&Health) -> Option<f64>| {
        let sum = blocks.iter().map(field).sum::<Option<f64>>()?;
        (!blocks.is_empty()).then(|| sum / blocks.len() as f64)
    };
    block_health(
        &cell.outcome,
        Health {
            steal_ms: sum(|block| block.steal_ms),
            steal_fraction: mean(|block| block.steal_fraction),
            cpu_pressure_some_ms: sum(|block| block.cpu_pressure_some_ms),
            foreign_cpu_fraction: mean(|block| block.foreign_cpu_fraction),
            ..Health::default()
        },
    )
}

fn outcomes(seen: &CellOutcome) -> Outcomes {
    Outcomes::of(Kind::ALL.into_iter().map(|kind| {
        let name = match kind {
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
        };
        (name, seen.tally.of_kind(kind))
    }))
}

fn costs(facts: &Facts, seen: &CellOutcome) -> results::Costs {
    let per = |sum: u64, count: u64, what: &str| {
        if count == 0 {
            Metric::missing(format!("no {what}"))
        } else {
            Metric::of(sum as f64 / count as f64)
        }
    };
    let answered: u64 = seen.blocks.iter().map(|block| block.completed).sum();
    let server_cpu = match seen.server_cpu() {
        Some((cpu_ns, answered)) => per(cpu_ns, answered, "request was answered"),
        None => Metric::missing("the server's CPU time could not be read"),
    };
    let wire = seen.wire(Action::Read);
    let duration_ns: u64 = seen.blocks.iter().map(|block| block.duration_ns).sum();
    let store_operations_per_request: BTreeMap<String, Metric> = facts
        .read_operations
        .iter()
        .map(|(kind, count)| {
            (
                kind.clone(),
                per(*count, facts.counted_reads, "read was counted"),
            )
        })
        .collect();
    results::Costs {
        server_cpu_ns_per_request: server_cpu,
        driver_cpu_ns_per_request: per(seen.driver_cpu_ns, answered, "request was answered"),
        wire_sent_bytes_per_request: per(wire.sent_bytes, wire.exchanges, "read was answered"),
        wire_received_bytes_per_request: per(
            wire.received_bytes,
            wire.exchanges,
            "read was answered",
        ),
        store_operations_per_request,
        store_round_trips_per_request: Metric::missing("not counted"),
        store_bytes_per_request: Metric::missing("not counted"),
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

fn saturation_block(
    (seen, health, place): &(SaturationOutcome, Health, u32),
) -> results::SaturationBlock {
    results::SaturationBlock {
        index: *place,
        duration_ns: seen.duration_ns,
        completed: seen.completed,
        failures: seen.tally.failures(),
        server_cpu_ns: seen
            .probe_before
            .zip(seen.probe_after)
            .map(|(before, after)| after.saturating_sub(before)),
        disturbed: doubts(health),
    }
}

/// What a request costs a busy core, over the blocks that nobody disturbed;
/// doubtful if there is none, or if the core was not busy.
fn saturated_cpu(blocks: &[results::SaturationBlock]) -> Metric {
    let quiet: Vec<_> = blocks
        .iter()
        .filter(|block| block.disturbed.is_none())
        .collect();
    let disturbed = blocks.iter().find_map(|block| block.disturbed.clone());
    let counted = if quiet.is_empty() {
        blocks.iter().collect()
    } else {
        quiet.clone()
    };
    let completed: u64 = counted.iter().map(|block| block.completed).sum();
    let duration_ns: u64 = counted.iter().map(|block| block.duration_ns).sum();
    let cpu_ns = counted
        .iter()
        .map(|block| block.server_cpu_ns)
        .sum::<Option<u64>>();
    let Some(cpu_ns) = cpu_ns.filter(|_| completed > 0) else {
        return Metric::missing("no request was answered at saturation");
    };
    let per_request = cpu_ns as f64 / completed as f64;
    let busy = cpu_ns as f64 / duration_ns as f64;
    match disturbed.filter(|_| quiet.is_empty()) {
        Some(reason) => Metric::doubtful(per_request, reason),
        None if busy < SATURATED => Metric::doubtful(
            per_request,
            format!(
                "the server's core was busy for only {:.0} % of the time",
                busy * 100.0
            ),
        ),
        None => Metric::of(per_request),
    }
}
