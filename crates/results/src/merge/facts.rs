//! What is found out once per strategy.

use crate::cell::Metric;
use crate::facts::{ClockKind, Conformance, Login, Memory, Revocation, StrategyFacts};
use crate::histogram::Histogram;
use crate::run::{RunResult, Skipped};

use super::{Difference, MergeError, Notes, left_out, number};

/// The strategies that all parts measured, in the order of part 0; and all
/// others.
pub(super) fn merged(
    parts: &[RunResult],
    notes: &mut Notes,
) -> Result<(Vec<StrategyFacts>, Vec<Skipped>), MergeError> {
    let mut names: Vec<&str> = Vec::new();
    for part in parts {
        let measured = part.strategies.iter().map(|facts| &facts.strategy);
        for name in measured.chain(part.skipped.iter().map(|s| &s.strategy)) {
            if !names.contains(&name.as_str()) {
                names.push(name);
            }
        }
    }
    let (mut whole, mut others) = (Vec::new(), Vec::new());
    for name in names {
        let known: Option<Vec<&StrategyFacts>> = parts
            .iter()
            .map(|part| part.strategies.iter().find(|facts| facts.strategy == name))
            .collect();
        match known {
            Some(known) => whole.push(one(parts, &known, notes)?),
            None => others.push(left_out(parts, name)),
        }
    }
    Ok((whole, others))
}

/// The facts `i` of `known` are those of part `i`.
fn one(
    parts: &[RunResult],
    known: &[&StrategyFacts],
    notes: &mut Notes,
) -> Result<StrategyFacts, MergeError> {
    let first = known[0];
    for (part, facts) in parts.iter().zip(known) {
        if (&facts.recipe, &facts.guarantees) != (&first.recipe, &first.guarantees) {
            return Err(Difference::Strategy(first.strategy.clone()).between(&parts[0], part));
        }
    }
    if known.iter().any(|facts| facts.knee.is_some()) {
        notes.add(format!(
            "The parts each sought a knee of {} while the others offered load too: none is given.",
            first.strategy
        ));
    }
    let mut saturation: Vec<_> = known.iter().flat_map(|f| f.saturation.clone()).collect();
    saturation.sort_by_key(|block| block.index);
    let saturated = number::mean(known.iter().map(|f| {
        (
            &f.saturated_server_cpu_ns_per_request,
            saturated_requests(f),
        )
    }));
    Ok(StrategyFacts {
        strategy: first.strategy.clone(),
        recipe: first.recipe.clone(),
        guarantees: first.guarantees.clone(),
        incomplete: number::of_parts(known.iter().map(|f| f.incomplete.as_deref())),
        conformance: conformance(known),
        token_bytes: known.iter().find_map(|f| f.token_bytes),
        login: login(known)?,
        memory: memory(known),
        revocation: revocation(known, |f| f.revocation.as_ref())?,
        revocation_elsewhere: revocation(known, |f| f.revocation_elsewhere.as_ref())?,
        knee: None,
        lookups_per_request: number::mean(known.iter().map(|f| (&f.lookups_per_request, 1.0))),
        saturation,
        requests_per_core_s: match saturated.usable() {
            Some(ns) if ns > 0.0 => Metric::of(1e9 / ns),
            _ => Metric::missing("follows from the CPU time at saturation, which is not known"),
        },
        saturated_server_cpu_ns_per_request: saturated,
    })
}

/// The requests over which the CPU time at saturation is a mean: those of the
/// blocks that count, or of all if none does.
fn saturated_requests(facts: &StrategyFacts) -> f64 {
    let blocks = || facts.saturation.iter();
    let quiet = || blocks().filter(|block| block.disturbed.is_none());
    if quiet().next().is_some() {
        number::sum(quiet().map(|block| block.completed)) as f64
    } else {
        number::sum(blocks().map(|block| block.completed)) as f64
    }
}

/// The worst verdict: what failed anywhere has failed.
fn conformance(known: &[&StrategyFacts]) -> Option<Conformance> {
    let verdicts = || known.iter().filter_map(|f| f.conformance.as_ref());
    let mut failed: Vec<String> = verdicts().flat_map(|v| v.failed.clone()).collect();
    failed.sort_unstable();
    failed.dedup();
    Some(Conformance {
        passed: verdicts().map(|v| v.passed).min()?,
        failed,
        not_applicable: verdicts().map(|v| v.not_applicable).max()?,
    })
}

fn login(known: &[&StrategyFacts]) -> Result<Login, MergeError> {
    let place = || format!("{}, login", known[0].strategy);
    let times = |of: fn(&Login) -> Option<&Histogram>| {
        number::histogram(known.iter().map(|f| of(&f.login)), place)
    };
    let cpu = |metric: fn(&Login) -> &Metric, timed: fn(&Login) -> Option<&Histogram>| {
        number::mean(known.iter().map(|facts| {
            let logins = timed(&facts.login).map_or(0, |histogram| histogram.count);
            (metric(&facts.login), logins as f64)
        }))
    };
    Ok(Login {
        password_hash: known[0].login.password_hash.clone(),
        hashed: times(|login| login.hashed.as_ref())?,
        unhashed: times(|login| login.unhashed.as_ref())?,
        hashed_server_cpu_ns: cpu(|l| &l.hashed_server_cpu_ns, |l| l.hashed.as_ref()),
        unhashed_server_cpu_ns: cpu(|l| &l.unhashed_server_cpu_ns, |l| l.unhashed.as_ref()),
    })
}

fn memory(known: &[&StrategyFacts]) -> Memory {
    let all = || known.iter().map(|facts| &facts.memory);
    let logins = number::sum(all().map(|memory| memory.logins));
    let mean = |of: fn(&Memory) -> &Metric| {
        number::mean(all().map(|memory| (of(memory), memory.logins as f64)))
    };
    let noise: f64 = all()
        .map(|memory| memory.resolution_bytes_per_login * memory.logins as f64)
        .sum();
    Memory {
        server_bytes_per_login: mean(|memory| &memory.server_bytes_per_login),
        store_bytes_per_login: mean(|memory| &memory.store_bytes_per_login),
        resolution_bytes_per_login: if logins == 0 {
            known[0].memory.resolution_bytes_per_login
        } else {
            noise / logins as f64
        },
        logins,
        method: known[0].memory.method.clone(),
    }
}

/// The samples of all parts that tried. A control that failed in one of them
/// has failed.
fn revocation(
    known: &[&StrategyFacts],
    of: fn(&StrategyFacts) -> Option<&Revocation>,
) -> Result<Option<Revocation>, MergeError> {
    let tried: Vec<&Revocation> = known.iter().filter_map(|facts| of(facts)).collect();
    let Some(first) = tried.first() else {
        return Ok(None);
    };
    let sum = |count: fn(&Revocation) -> u64| number::sum(tried.iter().map(|r| count(r)));
    let control = |held: fn(&Revocation) -> Option<bool>| {
        tried.iter().filter_map(|r| held(r)).reduce(|a, b| a && b)
    };
    let is_stepped = tried.iter().any(|r| r.clock == ClockKind::Stepped);
    Ok(Some(Revocation {
        samples: sum(|r| r.samples),
        never_accepted: sum(|r| r.never_accepted),
        last_acceptance: number::histogram(
            tried.iter().map(|r| r.last_acceptance.as_ref()),
            || format!("{}, revocation", known[0].strategy),
        )?,
        still_accepted_at_end: sum(|r| r.still_accepted_at_end),
        accepted_after_deadline: sum(|r| r.accepted_after_deadline),
        wrong_user: sum(|r| r.wrong_user),
        failed_tries: sum(|r| r.failed_tries),
        control_live_accepted: control(|r| r.control_live_accepted),
        control_forged_refused: control(|r| r.control_forged_refused),
        clock: if is_stepped {
            ClockKind::Stepped
        } else {
            ClockKind::Real
        },
        schedule_ms: first.schedule_ms.clone(),
    }))
}
