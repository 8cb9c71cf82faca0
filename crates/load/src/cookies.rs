//! A credential in a cookie, or split over several.
//!
//! What a user holds is the *spelling* of the access credential: what stands
//! in its requests behind `Authorization: Bearer ` or behind the cookie's
//! name. For one cookie that is `=VALUE`, and for pieces (see
//! [`authbench_wire::chunk`]) `.0=FIRST; NAME.1=SECOND` and so on, so that a
//! request is filled by copying, whatever the credential's size.

use authbench_engine::{SetCookie, SetCookies};
use authbench_wire::chunk::{self, CHUNKS_MAX};

/// What an answer makes of the cookie `NAME`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Change {
    /// Nothing.
    None,
    /// It has another value, spelled so.
    New(Vec<u8>),
    /// It is taken away.
    Gone,
    /// It is there whole and in pieces, or in pieces that make nothing, or
    /// holds what no request can carry.
    Broken,
}

/// What whoever holds `spelling` as the cookie `name`, and nothing if that is
/// empty, holds after an answer (RFC 6265 5.3): values that are set replace
/// those that were there, and an empty one, or one whose time is over, takes
/// its cookie away.
pub(crate) fn change(name: &str, spelling: &[u8], set: SetCookies<'_>) -> Change {
    let mut jar: Option<Jar<'_>> = None;
    for cookie in set {
        if let Some(place) = place(name, cookie.name) {
            let jar = jar.get_or_insert_with(|| Jar::of(name, spelling));
            jar.0[place] = value(&cookie);
        }
    }
    jar.map_or(Change::None, |jar| jar.change(name))
}

/// The value that an answer gives the cookie `name`, which is never split;
/// `None` if it says nothing of it, empty if it takes it away.
pub(crate) fn single<'b>(name: &str, set: SetCookies<'b>) -> Option<&'b [u8]> {
    let set = set.filter(|cookie| cookie.name == name.as_bytes());
    set.last().map(|cookie| value(&cookie).unwrap_or_default())
}

/// How the cookie `name` presents this credential; `None` if it cannot.
pub(crate) fn spell(name: &str, credential: &str) -> Option<Vec<u8>> {
    if chunk::fits(name, credential) {
        return Some([b"=", credential.as_bytes()].concat());
    }
    let mut spelling = Vec::new();
    for (index, piece) in chunk::split(name, credential)?.iter().enumerate() {
        if index > 0 {
            spelling.extend_from_slice(b"; ");
            spelling.extend_from_slice(name.as_bytes());
        }
        spelling.extend_from_slice(format!(".{index}={piece}").as_bytes());
    }
    Some(spelling)
}

/// The credential that the cookie `name` presents so; `None` of nothing.
pub(crate) fn unspell(name: &str, spelling: &[u8]) -> Option<String> {
    Jar::of(name, spelling).credential(name)?
}

/// Whether a header field can carry it in its place: printable ASCII without
/// what ends a cookie or a field (RFC 6265 4.1.1, RFC 9110 5.5).
pub(crate) fn is_credential(bytes: &[u8]) -> bool {
    !bytes.is_empty()
        && bytes
            .iter()
            .all(|byte| (0x21..=0x7e).contains(byte) && *byte != b';')
}

/// The values of the whole cookie and of each piece.
struct Jar<'b>([Option<&'b [u8]>; 1 + CHUNKS_MAX as usize]);

impl<'b> Jar<'b> {
    fn of(name: &str, spelling: &'b [u8]) -> Self {
        let mut jar = Self(Default::default());
        for (index, pair) in split(spelling, b"; ").enumerate() {
            let pair = match index {
                0 => pair,
                _ => pair.strip_prefix(name.as_bytes()).unwrap_or_default(),
            };
            let mut parts = pair.splitn(2, |byte| *byte == b'=');
            if let (Some(suffix), Some(value)) = (parts.next(), parts.next())
                && let Some(place) = suffix_place(suffix)
            {
                jar.0[place] = Some(value);
            }
        }
        jar
    }

    fn change(&self, name: &str) -> Change {
        match self.credential(name) {
            None => Change::Gone,
            Some(Some(credential)) if is_credential(credential.as_bytes()) => {
                spell(name, &credential).map_or(Change::Broken, Change::New)
            }
            Some(_) => Change::Broken,
        }
    }

    /// `None` if there is nothing, `Some(None)` if it makes no credential.
    fn credential(&self, name: &str) -> Option<Option<String>> {
        let text = |bytes: &'b [u8]| std::str::from_utf8(bytes).ok();
        let (whole, pieces) = self.0.split_first()?;
        let there: Vec<_> = pieces.iter().map_while(|piece| *piece).collect();
        let count = pieces.iter().flatten().count();
        match whole {
            None if count == 0 => None,
            Some(whole) if count == 0 => Some(text(whole).map(str::to_owned)),
            None if count == there.len() => {
                let texts: Option<Vec<_>> = there.into_iter().map(text).collect();
                let whole = texts.and_then(|texts| chunk::join(name, &texts));
                Some(whole.map(|whole| whole.expose().to_owned()))
            }
            _ => Some(None),
        }
    }
}

/// Which place in a jar the cookie `found` has: 0 for the cookie `name`
/// itself, then its pieces.
fn place(name: &str, found: &[u8]) -> Option<usize> {
    suffix_place(found.strip_prefix(name.as_bytes())?)
}

fn suffix_place(suffix: &[u8]) -> Option<usize> {
    match suffix {
        [] => Some(0),
        [b'.', digit] => {
            let index = digit.checked_sub(b'0')?;
            (index < CHUNKS_MAX).then(|| 1 + usize::from(index))
        }
        _ => None,
    }
}

/// Its value, unless it is taken away: emptied, or given no time to live
/// (RFC 6265 5.2.2).
fn value<'b>(cookie: &SetCookie<'b>) -> Option<&'b [u8]> {
    let over = cookie
        .attributes
        .split(|byte| *byte == b';')
        .any(|attribute| {
            let mut parts = attribute.splitn(2, |byte| *byte == b'=');
            let (key, age) = (parts.next(), parts.next());
            key.is_some_and(|key| key.trim_ascii().eq_ignore_ascii_case(b"max-age"))
                && age.is_some_and(|age| is_no_age(age.trim_ascii()))
        });
    (!over && !cookie.value.is_empty()).then_some(cookie.value)
}

fn is_no_age(age: &[u8]) -> bool {
    match age {
        [b'-', digits @ ..] => !digits.is_empty() && digits.iter().all(u8::is_ascii_digit),
        digits => !digits.is_empty() && digits.iter().all(|digit| *digit == b'0'),
    }
}

/// The parts between each `at`.
fn split<'b>(bytes: &'b [u8], at: &'static [u8]) -> impl Iterator<Item = &'b [u8]> {
    let mut rest = Some(bytes);
    std::iter::from_fn(move || {
        let bytes = rest?;
        match bytes.windows(at.len()).position(|window| window == at) {
            Some(place) => {
                rest = Some(&bytes[place + at.len()..]);
                Some(&bytes[..place])
            }
            None => rest.take(),
        }
    })
}

#[cfg(test)]
mod tests {
    use authbench_engine::View;
    use proptest::prelude::*;

    use super::*;

    const NAME: &str = "__Host-auth";

    fn after(spelling: &[u8], head: &str) -> Change {
        change(
            NAME,
            spelling,
            View::new(200, b"", head.as_bytes()).set_cookies(),
        )
    }

    fn sets(pairs: &[(&str, &str)]) -> String {
        pairs
            .iter()
            .map(|(name, rest)| format!("Set-Cookie: {NAME}{name}={rest}\r\n"))
            .collect()
    }

    #[test]
    fn one_cookie_is_set_replaced_and_taken_away() {
        assert_eq!(after(b"=old", ""), Change::None);
        assert_eq!(after(b"=old", &sets(&[("x", "new")])), Change::None);
        let new = Change::New(b"=new".to_vec());
        assert_eq!(
            after(b"", &sets(&[("", "first"), ("", "new; Path=/")])),
            new
        );
        assert_eq!(after(b"=old", &sets(&[("", "new; Max-Age=60")])), new);
        for gone in ["", "; Max-Age=0", "x; Path=/; max-age = 0", "x; Max-Age=-5"] {
            assert_eq!(after(b"=old", &sets(&[("", gone)])), Change::Gone, "{gone}");
        }
        assert_eq!(after(b"", &sets(&[("", "a b")])), Change::Broken);
    }

    #[test]
    fn pieces_are_joined_and_split() {
        let long = "ab".repeat(4_000);
        let pieces = chunk::split(NAME, &long).unwrap();
        let suffixes: Vec<_> = (0..pieces.len()).map(|n| format!(".{n}")).collect();
        let pairs: Vec<_> = suffixes
            .iter()
            .zip(&pieces)
            .map(|(suffix, piece)| (suffix.as_str(), piece.as_str()))
            .collect();
        let spelling = spell(NAME, &long).unwrap();
        let sent = format!("{NAME}{}", String::from_utf8(spelling.clone()).unwrap());
        let expected: Vec<_> = pairs
            .iter()
            .map(|(n, v)| format!("{NAME}{n}={v}"))
            .collect();
        assert_eq!(sent, expected.join("; "));
        assert_eq!(after(b"", &sets(&pairs)), Change::New(spelling.clone()));
        // From one cookie to pieces, and back: what is left must be taken away.
        assert_eq!(after(b"=old", &sets(&pairs)), Change::Broken);
        let mut cleared = pairs.clone();
        cleared.push(("", ""));
        assert_eq!(
            after(b"=old", &sets(&cleared)),
            Change::New(spelling.clone())
        );
        assert_eq!(after(&spelling, &sets(&[("", "new")])), Change::Broken);
        let back = sets(&[("", "new"), (".0", ""), (".1", "x; Max-Age=0")]);
        assert_eq!(after(&spelling, &back), Change::New(b"=new".to_vec()));
        assert_eq!(
            after(&spelling, &sets(&[(".0", ""), (".1", "")])),
            Change::Gone
        );
        assert_eq!(after(&spelling, &sets(&[(".1", "")])), Change::Broken);
        assert_eq!(after(b"", &sets(&pairs[1..])), Change::Broken);
    }

    #[test]
    fn a_cookie_that_is_never_split() {
        let single = |head: &str| {
            let set = View::new(200, b"", head.as_bytes()).set_cookies();
            single(NAME, set).map(<[u8]>::to_vec)
        };
        assert_eq!(single(""), None);
        assert_eq!(single(&sets(&[("", "a"), ("", "b")])), Some(b"b".to_vec()));
        assert_eq!(single(&sets(&[("", "b; Max-Age=0")])), Some(Vec::new()));
    }

    proptest! {
        #[test]
        fn what_is_spelled_is_read(credential in "[!-:<-~]{1,40}", times in 1_usize..300) {
            let credential = credential.repeat(times);
            if let Some(spelling) = spell(NAME, &credential) {
                prop_assert_eq!(unspell(NAME, &spelling), Some(credential));
            }
        }

        #[test]
        fn arbitrary_fields_never_panic(head in "[ -~\r\n]{0,200}", spelling in "[ -~]{0,40}") {
            let _ = after(spelling.as_bytes(), &head);
            let _ = unspell(NAME, spelling.as_bytes());
        }
    }
}
