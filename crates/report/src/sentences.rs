//! Three sentences that say what the numbers mean.

use authbench_results::{Revocation, RunResult, StrategyFacts};

use crate::reading::{Reading, Strategy};
use crate::units;

/// What the numbers of `result` mean, in plain English: what a request costs
/// the server, how long a revoked login lives on, and what size is traded for
/// memory. Each is a whole sentence, also where data are missing. Strategies
/// that judged wrongly are left out, and a sentence more says so.
#[must_use]
pub fn sentences(result: &RunResult) -> Vec<String> {
    of(&Reading::of(result))
}

pub(crate) fn of(reading: &Reading<'_>) -> Vec<String> {
    let mut sentences = vec![cost(reading), revocation(reading)];
    sentences.extend(elsewhere(reading));
    sentences.push(sizes(reading));
    sentences.extend(left_out(reading));
    sentences
}

/// Strategies with a number, least first.
fn ranked<'s, 'r>(
    reading: &'s Reading<'r>,
    number: impl Fn(&Strategy<'r>) -> Option<f64>,
) -> Vec<(&'s Strategy<'r>, f64)> {
    let mut ranked: Vec<_> = reading
        .sound()
        .filter_map(|s| Some((s, number(s).filter(|n| n.is_finite())?)))
        .collect();
    ranked.sort_by(|a, b| a.1.total_cmp(&b.1));
    ranked
}

fn cost(reading: &Reading<'_>) -> String {
    let ranked = ranked(reading, Strategy::saturated_cpu_ns);
    let [(cheap, least), ..] = ranked[..] else {
        return "What a request costs the server could not be measured.".to_owned();
    };
    let (dear, most) = ranked[ranked.len() - 1];
    let least_text = units::duration_ns(least);
    if ranked.len() == 1 {
        return format!(
            "On a busy core, a request costs the server {least_text} of processor time with {}.",
            cheap.name()
        );
    }
    let factor = most / least;
    if !factor.is_finite() || factor < 1.05 {
        return format!(
            "On a busy core, a request costs the server about {least_text} of processor time with each \
             of {}: they do not differ by more than such a measurement can tell.",
            names(&ranked.iter().map(|(s, _)| s.name()).collect::<Vec<_>>())
        );
    }
    let sound = reading.sound().count();
    let among = if ranked.len() < sound {
        format!(" of the {} of {sound} that could be measured", ranked.len())
    } else {
        String::new()
    };
    format!(
        "On a busy core, a request costs the server {least_text} of processor time with {}, the \
         cheapest{among}, and {} with {}, the dearest: {} as much{}.",
        cheap.name(),
        units::duration_ns(most),
        dear.name(),
        units::times(factor),
        made_of(dear, cheap)
    )
}

/// What the dearer of two spends its time on, as far as look-ups tell.
fn made_of(dear: &Strategy<'_>, cheap: &Strategy<'_>) -> String {
    let lookups = |s: &Strategy<'_>| s.facts.lookups_per_request.usable();
    match (lookups(dear), lookups(cheap)) {
        (Some(dear), Some(cheap)) if dear < 0.005 && cheap < 0.005 => {
            ", though neither asks a store: the difference is the checking of the token".to_owned()
        }
        (Some(dear), Some(cheap)) if dear < 0.005 => format!(
            ", although it asks no store and the other does so {} a request: the checking of its \
             token costs more than a look-up",
            often(cheap)
        ),
        (Some(dear), Some(cheap)) if cheap < 0.005 => {
            format!(
                ", because it asks its store {} a request and the other never does",
                often(dear)
            )
        }
        (Some(dear), Some(cheap)) if (dear - cheap).abs() < 0.05 => {
            format!(
                ", with as many look-ups ({} a request): the difference lies in what they ask and how they answer",
                units::few(dear)
            )
        }
        (Some(dear), Some(cheap)) => {
            format!(
                ", with {} look-ups a request against {}",
                units::few(dear),
                units::few(cheap)
            )
        }
        _ => String::new(),
    }
}

fn often(lookups: f64) -> String {
    if (lookups - 1.0).abs() < 0.05 {
        "once".to_owned()
    } else {
        format!("{} times", units::few(lookups))
    }
}

type Tried<'s, 'r> = (&'s Strategy<'r>, &'r Revocation, u64);

/// The sound strategies with one of their two revocations and its longest
/// time.
fn tried<'s, 'r>(
    reading: &'s Reading<'r>,
    of: fn(&'r StrategyFacts) -> Option<&'r Revocation>,
) -> Vec<Tried<'s, 'r>> {
    reading
        .sound()
        .filter_map(|s| {
            let revocation = of(s.facts)?;
            Some((s, revocation, revocation.max_ns()?))
        })
        .collect()
}

fn at_once<'r>(tried: &[Tried<'_, 'r>]) -> Vec<&'r str> {
    let at_once = tried.iter().filter(|(_, _, ns)| *ns == 0);
    at_once.map(|(s, _, _)| s.name()).collect()
}

/// The same on other replicas, where that was tried.
fn elsewhere(reading: &Reading<'_>) -> Option<String> {
    let tried = tried(reading, |facts| facts.revocation_elsewhere.as_ref());
    let (at_once, lived_on) = (at_once(&tried), lived_on(&tried));
    match (at_once.is_empty(), lived_on.is_empty()) {
        (true, true) => None,
        (false, true) => Some(format!(
            "On every other replica too, {} never accepted it again.",
            names(&at_once)
        )),
        (true, false) => Some(format!(
            "On another replica it was still accepted by {}.",
            names(&lived_on)
        )),
        (false, false) => Some(format!(
            "On another replica, {} never accepted it again either, but it was still accepted by {}.",
            names(&at_once),
            names(&lived_on)
        )),
    }
}

fn revocation(reading: &Reading<'_>) -> String {
    let tried = tried(reading, |facts| facts.revocation.as_ref());
    let at_once = at_once(&tried);
    let lived_on = lived_on(&tried);
    match (at_once.is_empty(), lived_on.is_empty()) {
        (true, true) => "How long a revoked login lives on was not tried.".to_owned(),
        (false, true) => format!(
            "Once a logout was acknowledged, {} never accepted its credential again.",
            names(&at_once)
        ),
        (true, false) => format!(
            "After a logout was acknowledged, its credential was still accepted by {}.",
            names(&lived_on)
        ),
        (false, false) => format!(
            "Once a logout was acknowledged, {} never accepted its credential again, but it was \
             still accepted by {}.",
            names(&at_once),
            names(&lived_on)
        ),
    }
}

/// Strategies that accepted an ended login, those of equal fate together.
fn lived_on(tried: &[Tried<'_, '_>]) -> Vec<String> {
    let mut by_fate: Vec<(String, Vec<&str>)> = Vec::new();
    for (strategy, revocation, ns) in tried.iter().filter(|(_, _, ns)| *ns > 0) {
        let least = if revocation.still_accepted_at_end > 0 {
            "at least"
        } else {
            "up to"
        };
        let time = units::duration_ns(*ns as f64);
        let fate = format!("for {least} {time} (promised: {})", promise(strategy));
        match by_fate.iter_mut().find(|(known, _)| *known == fate) {
            Some((_, names)) => names.push(strategy.name()),
            None => by_fate.push((fate, vec![strategy.name()])),
        }
    }
    by_fate
        .into_iter()
        .map(|(fate, group)| format!("{} {fate}", names(&group)))
        .collect()
}

fn promise(strategy: &Strategy<'_>) -> String {
    use authbench_results::Staleness;
    let guarantees = &strategy.facts.guarantees;
    match guarantees.revoke_one {
        Staleness::Immediate => "refused at once".to_owned(),
        Staleness::WithinMs(ms) => {
            format!("refused within {}", units::setting_ms(ms))
        }
        Staleness::UntilExpiry => format!(
            "refused at its expiry, {} after login",
            units::setting_ms(guarantees.lifetime_ms)
        ),
    }
}

fn sizes(reading: &Reading<'_>) -> String {
    let tokens = ranked(reading, |s| s.facts.token_bytes.map(|octets| octets as f64));
    let memory = ranked(reading, |s| s.facts.memory.bytes_per_login());
    let token = match (tokens.first(), tokens.last()) {
        (Some((small, least)), Some((large, most))) if most > least => Some(format!(
            "the credential of {} takes {}{}, that of {} {}{}",
            small.name(),
            units::bytes(*least),
            wire(small),
            large.name(),
            units::bytes(*most),
            wire(large)
        )),
        (Some((only, size)), Some(_)) => Some(if tokens.len() == 1 {
            format!(
                "the credential of {} takes {}{}",
                only.name(),
                units::bytes(*size),
                wire(only)
            )
        } else {
            format!("every credential takes {}", units::bytes(*size))
        }),
        _ => None,
    };
    let kept = match (memory.first(), memory.last()) {
        (Some((light, least)), Some((heavy, most))) if memory.len() > 1 && most > least => {
            Some(format!(
                "a login occupies {} with {} and {} with {}",
                occupied(light, *least),
                light.name(),
                occupied(heavy, *most),
                heavy.name()
            ))
        }
        (Some((only, size)), Some(_)) => Some(format!(
            "a login occupies {} with {}",
            occupied(only, *size),
            only.name()
        )),
        _ => None,
    };
    match (token, kept) {
        (None, None) => "Neither credentials nor memory could be measured.".to_owned(),
        (Some(token), None) => sentence(&format!(
            "{token}; what a login occupies at the server could not be measured"
        )),
        (None, Some(kept)) => sentence(&format!("on the server's side {kept}")),
        (Some(token), Some(kept)) => sentence(&format!("{token}; on the server's side {kept}")),
    }
}

/// What is below the noise of the whole process is not given as a number.
fn occupied(strategy: &Strategy<'_>, octets: f64) -> String {
    if octets < strategy.facts.memory.resolution_bytes_per_login.max(1.0) {
        "nothing measurable".to_owned()
    } else {
        units::bytes(octets)
    }
}

fn wire(strategy: &Strategy<'_>) -> String {
    strategy
        .common_wire_bytes()
        .map_or_else(String::new, |octets| {
            format!(" (a request and its answer: {})", units::bytes(octets))
        })
}

/// Which strategies the other sentences leave out.
fn left_out(reading: &Reading<'_>) -> Option<String> {
    let failed: Vec<String> = reading
        .strategies
        .iter()
        .filter(|s| !s.failures.is_empty())
        .map(|s| format!("{} ({})", s.name(), s.failures.join("; ")))
        .collect();
    (!failed.is_empty()).then(|| {
        format!(
            "Left out of these sentences, because wrong answers cost nothing: {}.",
            names(&failed)
        )
    })
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters
        .next()
        .map(|letter| letter.to_uppercase().to_string())
        .unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}

/// `a`, `a and b`, `a, b and c`.
fn names<S: AsRef<str>>(names: &[S]) -> String {
    let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    match names.split_last() {
        None => String::new(),
        Some((only, [])) => (*only).to_owned(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
    }
}
