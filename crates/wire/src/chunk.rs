//! A credential that is too large for one cookie, split over several.
//!
//! `NAME.0`, `NAME.1`, .. hold the pieces in their order. The first piece
//! begins with the number of pieces and a tag of the whole, each followed by a
//! dot; every piece but the last is as full as a browser lets it be, and a
//! credential that fits one cookie is never split. So one credential has one
//! spelling, and what is left of an earlier credential, or was exchanged, or
//! is missing, is noticed before anybody looks at the credential itself.
//!
//! The names begin as the cookie's own does: a `__Host-` prefix protects each
//! piece as it protects the whole (RFC 6265bis 4.1.3.2).

use std::fmt::Write as _;

use authbench_core::{Digest, Secret};

use crate::cookie::COOKIE_OCTETS_MAX;

/// The most pieces that a recipe may allow: 32 KiB of cookies in every
/// request. Servers and proxies bound a request's head, often at 8 or 16 KiB
/// in all; what is in front of a service decides how many get through.
pub const CHUNKS_MAX: u8 = 8;

/// Hex digits of the tag, 64 bits: enough to notice an accident. It is no
/// protection against somebody who makes pieces on purpose; that is what the
/// credential's own cryptography is for.
const TAG_DIGITS: usize = 16;
/// The digit of the count, and the two dots.
const HEADER_OCTETS: usize = TAG_DIGITS + 3;

/// The name of a piece.
#[must_use]
pub fn name(cookie: &str, index: u8) -> String {
    format!("{cookie}.{index}")
}

/// Whether one cookie of this name holds the credential.
#[must_use]
pub const fn fits(cookie: &str, credential: &str) -> bool {
    cookie.len() + credential.len() <= COOKIE_OCTETS_MAX
}

/// The values of the pieces, in their order; none if the credential fits one
/// cookie, is not ASCII, or needs more pieces than there may ever be.
#[must_use]
pub fn split(cookie: &str, credential: &str) -> Option<Vec<String>> {
    if fits(cookie, credential) || !credential.is_ascii() {
        return None;
    }
    let room = room(cookie)?;
    let whole = HEADER_OCTETS + credential.len();
    let count = u8::try_from(whole.div_ceil(room)).ok()?;
    if count > CHUNKS_MAX {
        return None;
    }
    let (first, mut rest) = credential.split_at(room - HEADER_OCTETS);
    let mut values = vec![format!("{count}.{}.{first}", tag(credential))];
    while !rest.is_empty() {
        let (piece, later) = rest.split_at(rest.len().min(room));
        values.push(piece.to_owned());
        rest = later;
    }
    Some(values)
}

/// The credential that the pieces make, `values[n]` being that of `NAME.n`;
/// none unless [`split`] makes exactly these pieces of it.
#[must_use]
pub fn join(cookie: &str, values: &[&str]) -> Option<Secret> {
    let room = room(cookie)?;
    let (last, full) = values.split_last()?;
    let (count, tagged) = values[0].split_once('.')?;
    let (tag_shown, first) = tagged.split_once('.')?;
    let sizes_fit =
        full.iter().all(|piece| piece.len() == room) && (1..=room).contains(&last.len());
    if count.parse() != Ok(values.len()) || count.len() != 1 || !sizes_fit {
        return None;
    }
    let mut whole = String::with_capacity(values.len() * room);
    whole.push_str(first);
    whole.extend(values[1..].iter().copied());
    let whole = Secret::new(whole);
    let text = whole.expose();
    let good = text.is_ascii() && !fits(cookie, text) && tag(text) == tag_shown;
    good.then_some(whole)
}

/// The piece that a cookie is of the cookie `cookie`: `rest` is what follows
/// that name. Some for a canonical number below 100, so that pieces beyond
/// every bound are seen, too.
pub(crate) fn index(rest: &str) -> Option<u8> {
    let digits = rest.strip_prefix('.')?;
    let index: u8 = digits.parse().ok()?;
    let canonical = digits.len() == if index < 10 { 1 } else { 2 };
    (canonical && index < 100).then_some(index)
}

/// Octets of a piece's value, all pieces alike: their names have one length.
fn room(cookie: &str) -> Option<usize> {
    COOKIE_OCTETS_MAX
        .checked_sub(cookie.len() + ".0".len())
        .filter(|room| *room > HEADER_OCTETS)
}

fn tag(credential: &str) -> String {
    let mut digits = String::with_capacity(TAG_DIGITS);
    let digest = Digest::of(credential);
    for octet in &digest.0[..TAG_DIGITS / 2] {
        let written = write!(digits, "{octet:02x}");
        debug_assert!(written.is_ok(), "writing into a string does not fail");
    }
    digits
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NAME: &str = "__Host-auth";

    fn pieces(credential: &str) -> Vec<String> {
        split(NAME, credential).unwrap()
    }

    fn joined(values: &[String]) -> Option<String> {
        let values: Vec<_> = values.iter().map(String::as_str).collect();
        join(NAME, &values).map(|whole| whole.expose().to_owned())
    }

    #[test]
    fn no_piece_is_larger_than_a_cookie_and_all_but_the_last_are_full() {
        let fits = COOKIE_OCTETS_MAX - NAME.len();
        assert_eq!(split(NAME, &"a".repeat(fits)), None);
        let room = fits - 2;
        for (octets, count) in [
            (fits + 1, 2),
            (2 * room - HEADER_OCTETS, 2),
            (2 * room - HEADER_OCTETS + 1, 3),
            (8 * room - HEADER_OCTETS, 8),
        ] {
            let credential = "a".repeat(octets);
            let values = pieces(&credential);
            assert_eq!(values.len(), count, "{octets}");
            for (n, value) in values.iter().enumerate() {
                let octets = name(NAME, n as u8).len() + value.len();
                assert!(
                    octets == COOKIE_OCTETS_MAX || n + 1 == count && octets < COOKIE_OCTETS_MAX
                );
            }
            assert_eq!(joined(&values), Some(credential));
        }
        assert_eq!(split(NAME, &"a".repeat(8 * room - HEADER_OCTETS + 1)), None);
        assert_eq!(split(&"n".repeat(4090), &"a".repeat(5000)), None);
        assert_eq!(split(NAME, &"ä".repeat(5000)), None);
    }

    #[test]
    fn a_second_spelling_is_refused() {
        let values = pieces(&"a".repeat(5000));
        let with = |change: &dyn Fn(&mut Vec<String>)| {
            let mut values = values.clone();
            change(&mut values);
            joined(&values)
        };
        assert!(with(&|_| ()).is_some());
        // Cut elsewhere, counted otherwise, tagged otherwise, or with a rest.
        let moved = |values: &mut Vec<String>| {
            let last = values[0].pop().unwrap();
            values[1].insert(0, last);
        };
        assert_eq!(with(&moved), None);
        assert_eq!(with(&|values| values[0].replace_range(..1, "3")), None);
        assert_eq!(with(&|values| values[0].replace_range(..1, "+2")), None);
        assert_eq!(with(&|values| values[0].replace_range(2..3, "x")), None);
        assert_eq!(with(&|values| values.push(String::new())), None);
        assert_eq!(joined(&[]), None);
        // One that fits a cookie is not to be split.
        let small = format!("1.{}.abc", tag("abc"));
        assert_eq!(joined(&[small]), None);
    }

    #[test]
    fn only_canonical_numbers_are_indices() {
        for (rest, expected) in [(".0", Some(0)), (".7", Some(7)), (".99", Some(99))] {
            assert_eq!(index(rest), expected);
        }
        for wrong in ["", ".", ".00", ".07", ".100", ".+1", ".x", "0", ".1a", "-0"] {
            assert_eq!(index(wrong), None, "{wrong:?}");
        }
    }

    proptest! {
        /// Whatever pieces of two credentials come together, in whatever
        /// order: they make one of the two, whole and in order, or nothing.
        #[test]
        fn pieces_make_what_they_were_made_of_or_nothing(
            (one, other) in (4_200..20_000_usize, 4_200..20_000_usize),
            picks in proptest::collection::vec((any::<bool>(), 0..6_usize), 0..7),
        ) {
            // Differ in every octet, so that no piece is in both.
            let texts = ["ab".repeat(one / 2), "ba".repeat(other / 2)];
            let made = texts.each_ref().map(|text| pieces(text));
            let mixed: Vec<_> = picks
                .iter()
                .map(|(which, n)| {
                    let made = &made[usize::from(*which)];
                    made[n % made.len()].clone()
                })
                .collect();
            match joined(&mixed) {
                Some(whole) => prop_assert!(
                    made.iter().zip(&texts).any(|(made, text)| *made == mixed && *text == whole)
                ),
                None => prop_assert!(made.iter().all(|made| *made != mixed)),
            }
        }

        #[test]
        fn any_octet_that_changes_is_noticed(at in 0..9_000_usize, to in 0x21..0x7F_u8) {
            let credential = "ab".repeat(4_500);
            let mut values = pieces(&credential);
            let before = values.clone();
            let (mut piece, mut at) = (0, at);
            while at >= values[piece].len() {
                at -= values[piece].len();
                piece += 1;
            }
            values[piece].replace_range(at..=at, &char::from(to).to_string());
            prop_assert_eq!(joined(&values).is_some(), values == before);
        }
    }
}
