//! A credential that nobody issued, in the form of one that somebody did.

use crate::cookies;
use crate::target::CompiledCarrier;

/// Writes to `out`, in place of what is there, the spelling of a credential
/// that nobody issued, in the form of `issued`, a spelling of `carrier`'s.
/// Only for one that is split over several cookies memory is allocated.
pub(crate) fn forge(carrier: &CompiledCarrier, issued: &[u8], out: &mut Vec<u8>) {
    if let CompiledCarrier::Cookie(name) = carrier
        && issued.starts_with(b".")
        && let Some(credential) = cookies::unspell(name, issued)
    {
        let mut whole = credential.into_bytes();
        exchange(&mut whole);
        let spelling = String::from_utf8(whole)
            .ok()
            .and_then(|whole| cookies::spell(name, &whole));
        *out = spelling.unwrap_or_else(|| issued.to_vec());
        return;
    }
    forge_text(issued, out);
}

/// The same for a credential that is not spelled in any way.
pub(crate) fn forge_text(issued: &[u8], out: &mut Vec<u8>) {
    out.clear();
    out.extend_from_slice(issued);
    exchange(out);
}

/// Exchanges one letter or digit for another of its class, one that occurs
/// beside it where there is one: the credential is to be refused for what it
/// says, not for how it is written.
///
/// It is the one in the middle of the last part between dots, which of a
/// signed token is the signature (RFC 7515 section 7.1). The last one would
/// not do: where it carries fewer bits than it could, most others in its place
/// are not canonical (RFC 4648 section 3.5), and the store is never asked.
fn exchange(credential: &mut Vec<u8>) {
    let Some(last) = credential.iter().rposition(u8::is_ascii_alphanumeric) else {
        // No credential looks so; different it must be in any case.
        credential.push(b'A');
        return;
    };
    let dot = credential[..last].iter().rposition(|byte| *byte == b'.');
    let part = dot.map_or(0, |dot| dot + 1)..=last;
    let places = || {
        part.clone()
            .filter(|at| credential[*at].is_ascii_alphanumeric())
    };
    // `last` is one of them at least.
    let middle = places().nth((places().count() - 1) / 2).unwrap_or(last);
    let old = credential[middle];
    let new = places()
        .map(|at| credential[at])
        .find(|new| *new != old && class(*new) == class(old))
        .unwrap_or_else(|| other(old));
    credential[middle] = new;
}

/// The first of the class of a letter or digit.
fn class(byte: u8) -> u8 {
    match byte {
        b'0'..=b'9' => b'0',
        b'a'..=b'z' => b'a',
        _ => b'A',
    }
}

/// Another of the same class: its first, or second.
fn other(byte: u8) -> u8 {
    let first = class(byte);
    if byte == first { first + 1 } else { first }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::pointer::Pointer;

    fn forged(issued: &[u8]) -> Vec<u8> {
        let mut forged = b"old".to_vec();
        let carrier = CompiledCarrier::Body(Pointer::parse("/t").unwrap());
        forge(&carrier, issued, &mut forged);
        forged
    }

    fn changed(issued: &[u8], forged: &[u8]) -> Vec<usize> {
        assert_eq!(issued.len(), forged.len());
        let places = 0..issued.len();
        places.filter(|at| issued[*at] != forged[*at]).collect()
    }

    #[test]
    fn the_middle_of_an_id_or_of_a_signature_is_changed() {
        let id = [b'A'; 43];
        assert_eq!(changed(&id, &forged(&id)), [21]);
        let token = b"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl";
        let signature = token.len() - 12;
        assert_eq!(changed(token, &forged(token)), [signature + 5]);
        let hex = b"0f0f0f0f";
        assert_eq!(forged(hex), b"0f0a0f0f", "still hexadecimal");
    }

    #[test]
    fn what_is_split_over_cookies_is_forged_as_a_whole() {
        let name = "__Host-auth";
        let issued = format!("{}.{}", "ab".repeat(3_000), "cd".repeat(500));
        let spelling = cookies::spell(name, &issued).unwrap();
        let mut forged = Vec::new();
        let carrier = CompiledCarrier::Cookie(name.to_owned());
        forge(&carrier, &spelling, &mut forged);
        let forged = cookies::unspell(name, &forged).unwrap();
        assert_eq!(changed(issued.as_bytes(), forged.as_bytes()).len(), 1);
        let mut plain = Vec::new();
        forge(&carrier, b"=abab", &mut plain);
        assert_eq!(plain, b"=aaab");
    }

    proptest! {
        #[test]
        fn one_character_changes_within_its_class(issued in "[!-~]{0,80}[A-Za-z0-9][!-~]{0,80}") {
            let issued = issued.as_bytes();
            let forged = forged(issued);
            let changed = changed(issued, &forged);
            prop_assert_eq!(changed.len(), 1);
            let (old, new) = (issued[changed[0]], forged[changed[0]]);
            prop_assert!(old.is_ascii_alphanumeric() && new.is_ascii_alphanumeric());
            prop_assert_eq!(class(old), class(new));
        }

        #[test]
        fn the_original_never_comes_out(issued in "[!-~]{0,80}") {
            prop_assert_ne!(forged(issued.as_bytes()), issued.into_bytes());
        }
    }
}
