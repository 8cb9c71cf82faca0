//! A credential that nobody issued, in the form of one that somebody did.

/// `issued` with one letter or digit exchanged for another of its class, one
/// that occurs beside it where there is one: it is to be refused for what it
/// says, not for how it is written.
///
/// It is the one in the middle of the last part between dots, which of a
/// signed token is the signature (RFC 7515 section 7.1). The last one would
/// not do: where it carries fewer bits than it could, most others in its place
/// are not canonical (RFC 4648 section 3.5), and the store is never asked.
pub(super) fn forged(issued: &[u8]) -> Vec<u8> {
    let mut forged = issued.to_vec();
    let Some(last) = issued.iter().rposition(u8::is_ascii_alphanumeric) else {
        // No credential looks so; different it must be in any case.
        forged.push(b'A');
        return forged;
    };
    let dot = issued[..last].iter().rposition(|byte| *byte == b'.');
    let places: Vec<usize> = (dot.map_or(0, |dot| dot + 1)..=last)
        .filter(|at| issued[*at].is_ascii_alphanumeric())
        .collect();
    // `places` holds `last` at least.
    let middle = places[(places.len() - 1) / 2];
    let old = issued[middle];
    let mut beside = places.iter().map(|at| issued[*at]);
    forged[middle] = beside
        .find(|new| *new != old && class(*new) == class(old))
        .unwrap_or_else(|| other(old));
    forged
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
