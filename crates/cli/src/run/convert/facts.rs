//! What is measured once per strategy, in the result file's form.

use authbench_load::{ClockKind, Mix, RevocationOutcome, SaturationOutcome};
use authbench_results as results;
use authbench_results::{Health, Metric};

use super::health::doubts;
use crate::run::carrier::Carrier;
use crate::run::facts::{Facts, Growth, Logins};

/// A process that does nothing else grows or shrinks by as much over some
/// thousand requests.
const MEMORY_NOISE_BYTES: f64 = 262_144.0;
/// A core that is used less than this has not been saturated.
const SATURATED: f64 = 0.9;

pub(super) fn cpu_per_login(logins: &Logins, carrier: Carrier) -> Metric {
    match logins.server_cpu_ns {
        None => Metric::missing(carrier.no_server_cpu()),
        Some(cpu_ns) => Metric::of(cpu_ns as f64 / logins.count as f64),
    }
}

pub(super) fn memory(growth: Option<&Growth>, carrier: Carrier) -> results::Memory {
    let method = "growth of a fresh server's resident set, and of its store's files, over logins \
                  that it must remember, each of another account";
    let per_login = |bytes: fn(&Growth) -> Option<i64>| match growth {
        None => Metric::missing(carrier.no_memory()),
        Some(growth) if bytes(growth).is_none() => {
            Metric::missing("the store's server does not tell what it holds")
        }
        // A process that shrank meanwhile remembers nothing of the logins.
        Some(growth) => {
            let bytes = bytes(growth).unwrap_or(0).max(0);
            Metric::of(bytes as f64 / growth.logins as f64)
        }
    };
    results::Memory {
        server_bytes_per_login: per_login(|growth| Some(growth.server_bytes)),
        store_bytes_per_login: per_login(|growth| growth.store_bytes),
        resolution_bytes_per_login: growth
            .map_or(0.0, |growth| MEMORY_NOISE_BYTES / growth.logins as f64),
        logins: growth.map_or(0, |growth| growth.logins),
        method: method.to_owned(),
    }
}

pub(super) fn lookups(facts: &Facts) -> Metric {
    match facts.counted(&Mix::reads(), 1) {
        Some(reads) if reads.requests > 0 => {
            let operations: u64 = reads.operations.iter().map(|(_, count)| count).sum();
            Metric::of(operations as f64 / reads.requests as f64)
        }
        _ => Metric::missing("no reads were counted"),
    }
}

pub(super) fn revocation(
    (seen, schedule_ms): &(RevocationOutcome, Vec<u64>),
) -> results::Revocation {
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
        schedule_ms: schedule_ms.clone(),
    }
}

/// The file form of a stretch at saturation.
pub(super) fn saturation_block(
    (seen, health, place): &(SaturationOutcome, Health, u32),
    lag_budget_ns: u64,
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
        disturbed: doubts(health, lag_budget_ns),
    }
}

/// What a request costs a busy core, over the blocks that nobody disturbed;
/// doubtful if there is none, or if the core was not busy.
pub(super) fn saturated_cpu(blocks: &[results::SaturationBlock], carrier: Carrier) -> Metric {
    if !carrier.has_servers() {
        return Metric::missing(carrier.no_server_cpu());
    }
    if blocks.is_empty() {
        return Metric::missing(
            "not measured: between phases nothing else is done, or the run was stopped",
        );
    }
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
