//! Numbers of several parts as one.

use crate::cell::Metric;
use crate::histogram::Histogram;

use super::MergeError;

/// The distribution of what all parts recorded.
pub(super) fn histogram<'p>(
    parts: impl IntoIterator<Item = Option<&'p Histogram>>,
    place: impl FnOnce() -> String,
) -> Result<Option<Histogram>, MergeError> {
    Histogram::merged(parts.into_iter().flatten()).map_err(|source| MergeError::Histogram {
        place: place(),
        source,
    })
}

/// The mean of a number of each part, weighted. A part of weight 0 has no say;
/// of the others all must know the number, and it is as good as the worst.
pub(super) fn mean<'p>(parts: impl IntoIterator<Item = (&'p Metric, f64)>) -> Metric {
    let parts: Vec<(&Metric, f64)> = parts.into_iter().collect();
    let heard: Vec<(usize, &Metric, f64)> = parts
        .iter()
        .enumerate()
        .filter(|(_, (_, weight))| *weight > 0.0)
        .map(|(at, (metric, weight))| (at, *metric, *weight))
        .collect();
    if heard.is_empty() {
        let first = parts.first().map(|(metric, _)| (*metric).clone());
        return first.unwrap_or_else(|| Metric::missing("no part measured it"));
    }
    let reasons = |is_bad: fn(&Metric) -> bool| {
        of_parts((0..parts.len()).map(|at| {
            let (_, metric, _) = heard.iter().find(|(part, ..)| *part == at)?;
            is_bad(metric).then(|| metric.reason.as_deref().unwrap_or("no reason was noted"))
        }))
    };
    if let Some(reason) = reasons(|metric| metric.value.is_none()) {
        return Metric::missing(reason);
    }
    let sum = |of: fn(f64, f64) -> f64| -> f64 {
        let values = heard.iter();
        values
            .map(|(_, metric, weight)| of(metric.value.unwrap_or(0.0), *weight))
            .sum()
    };
    let value = sum(|value, weight| value * weight) / sum(|_, weight| weight);
    match reasons(|metric| !metric.valid) {
        Some(reason) => Metric::doubtful(value, reason),
        None => Metric::of(value),
    }
}

/// The greatest of a number of each part: the first that is missing or
/// doubtful makes it so.
pub(super) fn greatest<'p>(parts: impl IntoIterator<Item = &'p Metric>) -> Metric {
    let parts: Vec<&Metric> = parts.into_iter().collect();
    let worst = parts.iter().find(|metric| !metric.valid);
    let value = parts
        .iter()
        .filter_map(|metric| metric.value)
        .max_by(f64::total_cmp);
    match (worst, value) {
        (Some(worst), _) => Metric {
            value,
            ..(*worst).clone()
        },
        (None, Some(value)) => Metric::of(value),
        (None, None) => Metric::missing("no part measured it"),
    }
}

/// Sums that no file can overflow.
pub(super) fn sum(parts: impl IntoIterator<Item = u64>) -> u64 {
    parts.into_iter().fold(0, u64::saturating_add)
}

/// The same for smaller counts.
pub(super) fn sum_u32(parts: impl IntoIterator<Item = u32>) -> u32 {
    parts.into_iter().fold(0, u32::saturating_add)
}

/// What the parts say, in the order of the parts, each text once with the
/// numbers of the parts that say it, or alone if all do. None if none says
/// anything.
pub(super) fn of_parts<'t>(said: impl IntoIterator<Item = Option<&'t str>>) -> Option<String> {
    let said: Vec<Option<&str>> = said.into_iter().collect();
    let mut texts: Vec<(&str, Vec<usize>)> = Vec::new();
    for (at, text) in said.iter().enumerate() {
        let Some(text) = text else { continue };
        match texts.iter_mut().find(|(known, _)| known == text) {
            Some((_, by)) => by.push(at),
            None => texts.push((text, vec![at])),
        }
    }
    if let [(text, by)] = &texts[..]
        && by.len() == said.len()
    {
        return Some((*text).to_owned());
    }
    let lines: Vec<String> = texts
        .iter()
        .map(|(text, by)| format!("{}: {text}", parts(by)))
        .collect();
    (!lines.is_empty()).then(|| lines.join("; "))
}

/// `part 0`, `parts 0, 2`.
pub(super) fn parts(numbers: &[usize]) -> String {
    let list: Vec<String> = numbers.iter().map(usize::to_string).collect();
    let plural = if numbers.len() == 1 { "" } else { "s" };
    format!("part{plural} {}", list.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_are_weighted_and_as_good_as_the_worst() {
        let (one, four) = (Metric::of(1.0), Metric::of(4.0));
        assert_eq!(mean([(&one, 2.0), (&four, 1.0)]), Metric::of(2.0));
        assert_eq!(mean([(&one, 0.0), (&four, 1.0)]), Metric::of(4.0));
        let doubtful = Metric::doubtful(4.0, "late");
        assert_eq!(
            mean([(&one, 2.0), (&doubtful, 1.0)]),
            Metric::doubtful(2.0, "part 1: late")
        );
        let missing = Metric::missing("not counted");
        assert_eq!(
            mean([(&one, 2.0), (&missing, 1.0)]),
            Metric::missing("part 1: not counted")
        );
        assert_eq!(mean([(&missing, 1.0), (&missing, 1.0)]), missing);
        assert_eq!(greatest([&one, &four]), four);
        assert_eq!(greatest([&one, &doubtful]), doubtful);
    }

    #[test]
    fn what_all_say_is_said_once() {
        assert_eq!(of_parts([None, None]), None);
        assert_eq!(of_parts([Some("a"), Some("a")]).as_deref(), Some("a"));
        assert_eq!(
            of_parts([Some("a"), Some("b"), Some("a")]).as_deref(),
            Some("parts 0, 2: a; part 1: b")
        );
        assert_eq!(of_parts([None, Some("a")]).as_deref(), Some("part 1: a"));
    }
}
