//! Rules that all documents have.

use std::collections::HashSet;
use std::hash::Hash;

use jiff::Timestamp;

use super::Inconsistency;
use crate::qualification::Standing;
use crate::run::{Invalid, Scenario, sha256_hex};

/// What a sum of roundings may amount to, relative.
const HAIR: f64 = 1e-9;

/// Holds `rule` at `place`.
pub(super) fn hold(
    holds: bool,
    place: impl FnOnce() -> String,
    rule: &'static str,
) -> Result<(), Inconsistency> {
    if holds {
        Ok(())
    } else {
        Err(Inconsistency::Rule {
            place: place(),
            rule,
        })
    }
}

/// Numbers that are there are finite.
pub(super) fn finite(
    numbers: impl IntoIterator<Item = Option<f64>>,
    place: impl FnOnce() -> String,
) -> Result<(), Inconsistency> {
    let mut numbers = numbers.into_iter().flatten();
    hold(numbers.all(f64::is_finite), place, "a number is not finite")
}

/// Ends of an interval that are there are in order, and what it is of lies
/// between them. An interval may be open at an end.
pub(super) fn interval(
    low: Option<f64>,
    value: Option<f64>,
    high: Option<f64>,
    place: impl FnOnce() -> String,
) -> Result<(), Inconsistency> {
    let ordered = |a: Option<f64>, b: Option<f64>| match (a, b) {
        (Some(a), Some(b)) => a <= b + HAIR * (1.0 + a.abs().max(b.abs())),
        _ => true,
    };
    hold(
        ordered(low, value) && ordered(value, high) && ordered(low, high),
        place,
        "the interval is out of order, or its figure lies outside of it",
    )
}

/// A probability, if it is there.
pub(super) fn probability(
    p: Option<f64>,
    place: impl FnOnce() -> String,
) -> Result<(), Inconsistency> {
    hold(
        p.is_none_or(|p| (0.0..=1.0 + HAIR).contains(&p)),
        place,
        "a probability is not between 0 and 1",
    )
}

/// Texts that are there say something.
pub(super) fn said<'t>(
    texts: impl IntoIterator<Item = Option<&'t str>>,
    place: impl FnOnce() -> String,
) -> Result<(), Inconsistency> {
    let mut texts = texts.into_iter().flatten();
    hold(
        texts.all(|text| !text.trim().is_empty()),
        place,
        "a text that must say something is empty",
    )
}

/// An instant that can be read.
pub(super) fn instant(text: &str, place: &str) -> Result<Timestamp, Inconsistency> {
    text.parse().map_err(|_| Inconsistency::Rule {
        place: place.to_owned(),
        rule: "this is no instant of RFC 3339",
    })
}

/// A run that began before it ended.
pub(super) fn span(started_at: &str, ended_at: &str, within: &str) -> Result<(), Inconsistency> {
    let began = instant(started_at, &format!("{within}started_at"))?;
    let ended = instant(ended_at, &format!("{within}ended_at"))?;
    hold(
        began <= ended,
        || format!("{within}ended_at"),
        "it ended before it began",
    )
}

/// A retraction says why.
pub(super) fn retraction(
    invalid: Option<&Invalid>,
    place: impl FnOnce() -> String,
) -> Result<(), Inconsistency> {
    said([invalid.map(|invalid| invalid.reason.as_str())], place)
}

/// All of `keys` differ.
pub(super) fn unique<K: Eq + Hash>(
    keys: impl IntoIterator<Item = K>,
    place: &str,
    rule: &'static str,
) -> Result<(), Inconsistency> {
    let mut seen = HashSet::new();
    for (index, key) in keys.into_iter().enumerate() {
        hold(seen.insert(key), || format!("{place}[{index}]"), rule)?;
    }
    Ok(())
}

/// The digest of a scenario is that of its text.
pub(super) fn scenario(scenario: &Scenario) -> Result<(), Inconsistency> {
    hold(
        sha256_hex(scenario.text.as_bytes()) == scenario.sha256,
        || "scenario.sha256".to_owned(),
        "this is not the digest of `text`",
    )
}

/// What is shown of a qualification adds up.
pub(super) fn standing(standing: &Standing) -> Result<(), Inconsistency> {
    let place = |member: &str| format!("qualification.{member}");
    hold(
        standing.id.is_some() == standing.at.is_some(),
        || place("at"),
        "either both `id` and `at` are null, or neither is",
    )?;
    if let Some(at) = &standing.at {
        instant(at, &place("at"))?;
    }
    hold(
        standing.aa_red <= standing.aa_gates,
        || place("aa_red"),
        "there are more red gates than gates",
    )?;
    for (index, injected) in standing.injected.iter().enumerate() {
        let place = || place(&format!("injected[{index}]"));
        finite([Some(injected.percent)], place)?;
        let counted = u64::from(injected.found) + u64::from(injected.improved);
        hold(
            counted <= u64::from(injected.gates),
            place,
            "there are more gates that said something than gates",
        )?;
    }
    let mut pairs = standing.injected.windows(2);
    hold(
        pairs.all(|pair| pair[0].percent <= pair[1].percent),
        || place("injected"),
        "the smallest slow-down comes first",
    )?;
    let listed = || standing.qualified.iter().chain(&standing.unqualified);
    for name in listed() {
        hold(
            name.split_once('/')
                .is_some_and(|(strategy, metric)| !strategy.is_empty() && !metric.is_empty()),
            || place(name),
            "a name is a strategy, a slash and a metric",
        )?;
    }
    unique(
        listed(),
        &place("qualified and unqualified"),
        "a metric is listed twice",
    )?;
    hold(
        standing.is_known() || (standing.aa_gates == 0 && listed().next().is_none()),
        || place("id"),
        "something follows from a qualification that is not named",
    )
}
