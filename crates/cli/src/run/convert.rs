//! From what was measured to the result file's form.

use std::collections::BTreeMap;

use authbench_core::Guarantees;
use authbench_load::{Action, CellOutcome, ClockKind, Histogram, Kind, Process, RevocationOutcome};
use authbench_results as results;
use authbench_results::{Cell, Health, Metric, OutcomeKind, Outcomes, Skipped, StrategyFacts};

use crate::run::cells::CellHealth;
use crate::run::contender::Contender;
use crate::run::facts::{Facts, Growth, Logins};

/// The driver was late when 1 % of its sends came later than this: as much as
/// the median answer of the fastest server takes.
pub(crate) const LAG_BUDGET_NS: u64 = 100_000;
/// A driver that used more of its core than this had no time to be punctual.
const UTILISATION_BUDGET: f64 = 0.9;
/// A process that does nothing else grows or shrinks by as much over some
/// thousand requests.
const MEMORY_NOISE_BYTES: f64 = 262_144.0;
/// Others used more of all cores than this.
pub(crate) const FOREIGN_BUDGET: f64 = 0.15;

/// The file form of everything that is known of `contender`; or why nothing
/// is.
pub(crate) fn contender(contender: Contender) -> (Result<StrategyFacts, Skipped>, Vec<Cell>) {
    let strategy = contender.recipe.name.clone();
    let cells: Vec<Cell> = contender
        .cells
        .iter()
        .flatten()
        .map(|(outcome, health)| cell(&strategy, &contender.facts, outcome, health))
        .collect();
    if contender.facts.token_bytes.is_none() {
        let reason = contender
            .failure
            .unwrap_or_else(|| "the run was stopped".to_owned());
        return (Err(Skipped { strategy, reason }), Vec::new());
    }
    (Ok(facts(&contender)), cells)
}

fn facts(contender: &Contender) -> StrategyFacts {
    let own = &contender.facts;
    let none = || Metric::missing("not measured: the run was stopped");
    let saturated = own.saturated_cpu_ns.map_or_else(none, Metric::of);
    StrategyFacts {
        strategy: contender.recipe.name.clone(),
        recipe: contender.recipe.text.clone(),
        guarantees: guarantees(&contender.guarantees),
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
        lookups_per_request: lookups(own),
        requests_per_core_s: match saturated.usable() {
            Some(ns) if ns > 0.0 => Metric::of(1e9 / ns),
            _ => none(),
        },
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
            authbench_core::RefreshOffer::RotatingKillsFamily { grace_ms } => {
                results::RefreshOffer::RotatingKillsFamily { grace_ms }
            }
        },
        listing: match listing {
            authbench_core::Listing::Exact => results::Listing::Exact,
            authbench_core::Listing::NotKept => results::Listing::NotKept,
        },
        outage: match outage {
            authbench_core::OutageBehaviour::Unaffected => results::OutageBehaviour::Unaffected,
            authbench_core::OutageBehaviour::FailsClosed => results::OutageBehaviour::FailsClosed,
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

fn cell(strategy: &str, facts: &Facts, seen: &CellOutcome, health: &CellHealth) -> Cell {
    let summed = summed_health(seen, health);
    let reason = doubts(&summed);
    Cell {
        strategy: strategy.to_owned(),
        load: results::Load {
            model: results::LoadModel::OpenLoop,
            process: match seen.point.process {
                Process::Constant => results::ArrivalProcess::Constant,
                Process::Poisson => results::ArrivalProcess::Poisson,
            },
            offered_per_s: f64::from(seen.point.rate_per_s),
            warmup_ms: seen.point.warmup_ms,
            measured_ms: seen.measured_ns / 1_000_000,
            connections: seen.point.connections,
            users: seen.users,
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
        blocks: blocks(seen, health),
        health: summed,
        valid: reason.is_none(),
        reason,
    }
}

/// Why load and latencies are not to be believed, if they are not.
fn doubts(health: &Health) -> Option<String> {
    if let Some(lag_ns) = health.lag_ns_p99.filter(|lag_ns| *lag_ns > LAG_BUDGET_NS) {
        return Some(format!(
            "the driver was late: 1 % of its sends by more than {:.0} us",
            lag_ns as f64 / 1000.0
        ));
    }
    if let Some(used) = health
        .driver_utilisation_fraction
        .filter(|f| *f > UTILISATION_BUDGET)
    {
        return Some(format!("the driver used {:.0} % of its core", used * 100.0));
    }
    let foreign = health
        .foreign_cpu_fraction
        .filter(|fraction| *fraction > FOREIGN_BUDGET)?;
    Some(format!(
        "other programs used {:.0} % of the machine",
        foreign * 100.0
    ))
}

fn summed_health(seen: &CellOutcome, health: &CellHealth) -> Health {
    let blocks = &health.blocks;
    let sum = |field: fn(&Health) -> Option<u64>| -> Option<u64> {
        blocks.iter().map(field).sum::<Option<u64>>()
    };
    let foreign: Option<Vec<f64>> = blocks
        .iter()
        .map(|block| block.foreign_cpu_fraction)
        .collect();
    let duration_ns: u64 = seen.blocks.iter().map(|block| block.duration_ns).sum();
    Health {
        steal_ms: sum(|block| block.steal_ms),
        cpu_pressure_some_ms: sum(|block| block.cpu_pressure_some_ms),
        // Blocks of a cell are equally long, so their mean is that of the whole.
        foreign_cpu_fraction: foreign
            .filter(|fractions| !fractions.is_empty())
            .map(|fractions| fractions.iter().sum::<f64>() / fractions.len() as f64),
        lag_ns_p99: (!seen.send_lag_ns.is_empty())
            .then(|| seen.send_lag_ns.value_at_quantile(0.99)),
        driver_utilisation_fraction: (duration_ns > 0)
            .then(|| seen.driver_cpu_ns as f64 / duration_ns as f64),
        control_drift_fraction: None,
    }
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
    let (server_cpu_ns, answered) = seen.server_cpu();
    let server_cpu = if server_cpu_ns == 0 {
        Metric::missing("the server's CPU time could not be read")
    } else {
        per(server_cpu_ns, answered, "request was answered")
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
        driver_utilisation_fraction: per(seen.driver_cpu_ns, duration_ns, "time was measured"),
    }
}

fn blocks(seen: &CellOutcome, health: &CellHealth) -> Vec<results::Block> {
    seen.blocks
        .iter()
        .zip(&health.places)
        .map(|(block, place)| results::Block {
            index: *place,
            completed: block.completed,
            server_cpu_ns: Some(block.probe_after.saturating_sub(block.probe_before))
                .filter(|ns| *ns > 0),
            driver_cpu_ns: Some(block.driver_cpu_ns),
            response_ns_p50: block.response_ns_p50,
            response_ns_p99: block.response_ns_p99,
        })
        .collect()
}
