//! The name that somebody probably meant.

/// The candidate closest to `name`, or `None` when none is close enough to suggest.
///
/// Close means: at most a third of the longer name differs (at least one character may), counted
/// as insertions, deletions, replacements and swaps of neighbours. Case does not count, and `-`
/// equals `_`. Of equally close candidates the first wins.
#[must_use]
pub fn nearest<'c>(
    name: &str,
    candidates: impl IntoIterator<Item = &'c (impl AsRef<str> + ?Sized + 'c)>,
) -> Option<&'c str> {
    let wanted = normalised(name);
    let wanted_chars = wanted.chars().count();
    candidates
        .into_iter()
        .filter_map(|candidate| {
            let candidate = candidate.as_ref();
            let other = normalised(candidate);
            let other_chars = other.chars().count();
            let limit = (wanted_chars.max(other_chars) / 3).max(1);
            // A length so different cannot be close: this also bounds the work on long input.
            if wanted_chars.abs_diff(other_chars) > limit || wanted_chars.min(other_chars) == 0 {
                return None;
            }
            let distance = strsim::osa_distance(&wanted, &other);
            (distance <= limit && distance < wanted_chars.max(other_chars))
                .then_some((distance, candidate))
        })
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, candidate)| candidate)
}

fn normalised(name: &str) -> String {
    name.to_lowercase().replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggests_a_slip_and_nothing_far() {
        let keys = ["arrival", "rate_per_s", "mix", "seed"];
        assert_eq!(nearest("arival", &keys), Some("arrival"));
        assert_eq!(nearest("rate-per-s", &keys), Some("rate_per_s"));
        assert_eq!(nearest("Sede", &keys), Some("seed"));
        assert_eq!(nearest("banana", &keys), None);
        assert_eq!(nearest("", &keys), None);
        assert_eq!(nearest("x", &["y"]), None);
        assert_eq!(nearest("x", &[] as &[&str]), None);
        assert_eq!(
            nearest("ab", &[String::from("ac"), String::from("ab")]),
            Some("ab")
        );
    }
}
