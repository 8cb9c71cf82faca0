//! The compact form: `header.payload.signature`, each in base64url without
//! padding (RFC 7515 3.1, 2). One token has exactly one spelling: padding,
//! `+` and `/`, whitespace, stray bits in a last character and a fourth
//! segment are refused, so a token cannot be re-spelt to slip past a list of
//! ended ones (RFC 4648 3.5, 12).

use base64_simd::{AsOut as _, URL_SAFE_NO_PAD};

pub(super) use crate::token::MAX_TOKEN_OCTETS;

/// The longest signature: RSA with 4096 bits.
pub(super) const MAX_SIGNATURE_OCTETS: usize = 512;

/// A token cut into its segments; nothing is decoded yet.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Compact<'a> {
    pub(super) header: &'a str,
    pub(super) payload: &'a str,
    pub(super) signature: &'a str,
    /// What the signature covers: header, point, payload (RFC 7515 5.1).
    pub(super) signed: &'a str,
}

impl<'a> Compact<'a> {
    /// Cuts `text`, unless it is too long or has not exactly three segments.
    pub(super) fn cut(text: &'a str) -> Option<Self> {
        if text.len() > MAX_TOKEN_OCTETS {
            return None;
        }
        let (signed, signature) = text.rsplit_once('.')?;
        let (header, payload) = signed.split_once('.')?;
        if memchr::memchr(b'.', payload.as_bytes()).is_some() {
            return None;
        }
        Some(Self {
            header,
            payload,
            signature,
            signed,
        })
    }
}

/// How long `octets` octets are in base64url.
pub(super) fn encoded_octets(octets: usize) -> usize {
    URL_SAFE_NO_PAD.encoded_length(octets)
}

/// Appends `octets` to `text` in base64url.
pub(super) fn encode_onto(text: &mut String, octets: &[u8]) {
    URL_SAFE_NO_PAD.encode_append(octets, text);
}

/// `octets` in base64url.
pub(super) fn encode(octets: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode_to_string(octets)
}

/// The octets that `text` spells, unless it is not canonical base64url.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode_to_vec(text.as_bytes()).ok()
}

/// Decodes a signature of exactly `octets` octets into `buffer`. `Err` says
/// whether the text is base64url at all.
pub(super) fn decode_signature<'b>(
    text: &str,
    octets: usize,
    buffer: &'b mut [u8; MAX_SIGNATURE_OCTETS],
) -> Result<&'b [u8], SignatureForm> {
    if text.len() != encoded_octets(octets) || octets > buffer.len() {
        return Err(match URL_SAFE_NO_PAD.check(text.as_bytes()) {
            Ok(()) => SignatureForm::WrongLength,
            Err(_) => SignatureForm::NotBase64Url,
        });
    }
    match URL_SAFE_NO_PAD.decode(text.as_bytes(), buffer[..].as_out()) {
        Ok(signature) => Ok(signature),
        Err(_) => Err(SignatureForm::NotBase64Url),
    }
}

/// What is wrong with the text of a signature.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum SignatureForm {
    /// Not canonical base64url.
    NotBase64Url,
    /// Not as long as this key's signatures are.
    WrongLength,
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD as PLAIN;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn exactly_three_segments() {
        let token = Compact::cut("a.b.c");
        let expected = Compact {
            header: "a",
            payload: "b",
            signature: "c",
            signed: "a.b",
        };
        assert_eq!(token, Some(expected));
        for wrong in [
            "",
            "a",
            "a.b",
            "a.b.c.d",
            ".a.b.c",
            "a.b.c.",
            "...",
            "a.b.c.d.e",
        ] {
            assert_eq!(Compact::cut(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn the_length_bound_is_exact() {
        let longest = format!("a.{}.c", "b".repeat(MAX_TOKEN_OCTETS - 4));
        assert!(Compact::cut(&longest).is_some());
        assert_eq!(Compact::cut(&format!("{longest}c")), None);
    }

    /// Every text of two and of three characters, alone and behind enough
    /// text for the vector path: the decoders agree on which are canonical.
    #[test]
    fn strict_like_the_plain_decoder_on_every_last_group() {
        for prefix in ["", "AbC-", &"aZ_9".repeat(12)] {
            for first in 0..=0x7f_u8 {
                for second in 0..=0x7f_u8 {
                    let pair = format!("{prefix}{}{}", first as char, second as char);
                    assert_eq!(decode(&pair), PLAIN.decode(&pair).ok(), "{pair:?}");
                    let triple = format!("{prefix}A{}{}", first as char, second as char);
                    assert_eq!(decode(&triple), PLAIN.decode(&triple).ok(), "{triple:?}");
                }
            }
        }
    }

    proptest! {
        /// The vector decoder is as strict as the plain one, on near misses
        /// as on noise.
        #[test]
        fn decodes_what_the_plain_decoder_decodes(
            octets in prop::collection::vec(any::<u8>(), 0..200),
            at in any::<prop::sample::Index>(),
            other in any::<char>(),
        ) {
            let text = encode(&octets);
            prop_assert_eq!(&text, &PLAIN.encode(&octets));
            prop_assert_eq!(decode(&text), Some(octets));
            let mut changed: Vec<char> = text.chars().collect();
            if !changed.is_empty() {
                let at = at.index(changed.len());
                changed[at] = other;
            }
            let changed: String = changed.into_iter().collect();
            prop_assert_eq!(decode(&changed), PLAIN.decode(&changed).ok());
        }

        #[test]
        fn decodes_no_noise_that_the_plain_decoder_refuses(text in "[A-Za-z0-9_=+/. \\n-]{0,90}") {
            prop_assert_eq!(decode(&text), PLAIN.decode(&text).ok());
        }

        #[test]
        fn a_signature_has_its_length(octets in prop::collection::vec(any::<u8>(), 0..100)) {
            let text = encode(&octets);
            let mut buffer = [0; MAX_SIGNATURE_OCTETS];
            let expected = if octets.len() == 64 { Ok(&octets[..]) } else { Err(SignatureForm::WrongLength) };
            prop_assert_eq!(decode_signature(&text, 64, &mut buffer), expected);
            prop_assert_eq!(decode_signature(&text, octets.len(), &mut buffer), Ok(&octets[..]));
            let padded = format!("{text}=");
            let refused = decode_signature(&padded, octets.len(), &mut buffer);
            prop_assert_eq!(refused, Err(SignatureForm::NotBase64Url));
        }
    }
}
