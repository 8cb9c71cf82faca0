//! The spelling of a refresh token: which login, which generation, and a MAC
//! over both. So the token itself is stored nowhere, not even as a digest, and
//! the one that succeeds it can be made again.

use authbench_core::{Digest, LoginId, Refusal, Secret};
use base64_simd::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use super::key::RefreshKey;

/// What the MAC is for, and nothing else ever is.
const DOMAIN: &[u8] = b"authbench refresh token 1\0";

const LOGIN_OCTETS: usize = 16;
const NAMED_OCTETS: usize = LOGIN_OCTETS + 4;
const TOKEN_OCTETS: usize = NAMED_OCTETS + 32;

/// Characters of a refresh token.
pub const TOKEN_CHARS: usize = (TOKEN_OCTETS * 8).div_ceil(6);

/// What a refresh token names, once its MAC has been verified.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Named {
    pub(super) login: LoginId,
    pub(super) generation: u32,
}

impl Named {
    /// The token's text.
    pub(super) fn seal(self, key: &RefreshKey) -> Secret {
        let mut octets = Zeroizing::new([0; TOKEN_OCTETS]);
        let named = self.octets();
        octets[..NAMED_OCTETS].copy_from_slice(&named);
        octets[NAMED_OCTETS..].copy_from_slice(key.tag(&message(&named)).as_ref());
        Secret::new(URL_SAFE_NO_PAD.encode_to_string(octets.as_slice()))
    }

    /// What `text` names. It has one spelling: its length is fixed, and
    /// base64url that ends in stray bits is refused.
    pub(super) fn open(text: &str, key: &RefreshKey) -> Result<Self, Refusal> {
        if text.len() != TOKEN_CHARS {
            return Err(Refusal::Malformed);
        }
        let octets = URL_SAFE_NO_PAD
            .decode_to_vec(text)
            .map_err(|_| Refusal::Malformed)?;
        let octets = Zeroizing::new(octets);
        let (named, tag) = octets
            .split_first_chunk::<NAMED_OCTETS>()
            .ok_or(Refusal::Malformed)?;
        if !key.is_tag(&message(named), tag) {
            return Err(Refusal::BadSignature);
        }
        let (login, generation) = named
            .split_first_chunk::<LOGIN_OCTETS>()
            .ok_or(Refusal::Malformed)?;
        let generation = generation.try_into().map_err(|_| Refusal::Malformed)?;
        Ok(Self {
            login: LoginId(*login),
            generation: u32::from_be_bytes(generation),
        })
    }

    fn octets(self) -> [u8; NAMED_OCTETS] {
        let mut octets = [0; NAMED_OCTETS];
        octets[..LOGIN_OCTETS].copy_from_slice(&self.login.0);
        octets[LOGIN_OCTETS..].copy_from_slice(&self.generation.to_be_bytes());
        octets
    }
}

/// Where the family of `login` is kept.
pub(super) fn family_key(login: LoginId) -> Digest {
    Digest::of(&format!("authbench refresh family 1 {login}"))
}

fn message(named: &[u8; NAMED_OCTETS]) -> Vec<u8> {
    [DOMAIN, named].concat()
}

#[cfg(test)]
mod tests {
    use authbench_core::SeededEntropy;
    use proptest::prelude::*;

    use super::*;

    fn key(seed: u64) -> RefreshKey {
        RefreshKey::generate(&SeededEntropy::new(seed)).unwrap()
    }

    proptest! {
        #[test]
        fn a_token_opens_as_what_it_was_made_for(login: [u8; 16], generation: u32, seed in 0..4_u64) {
            let named = Named { login: LoginId(login), generation };
            let text = named.seal(&key(seed));
            prop_assert_eq!(text.expose().len(), TOKEN_CHARS);
            prop_assert_eq!(Named::open(text.expose(), &key(seed)), Ok(named));
            let other = Named::open(text.expose(), &key(seed + 1));
            prop_assert_eq!(other, Err(Refusal::BadSignature));
        }

        #[test]
        fn any_other_text_opens_nothing(login: [u8; 16], place in 0..TOKEN_CHARS, bit in 0..7_u8) {
            let key = key(1);
            let text = Named { login: LoginId(login), generation: 3 }.seal(&key);
            let mut octets = text.expose().as_bytes().to_vec();
            octets[place] ^= 1 << bit;
            let changed = String::from_utf8(octets).unwrap();
            prop_assert!(Named::open(&changed, &key).is_err(), "{}", changed);
        }
    }

    #[test]
    fn lengths_and_stray_bits_are_refused() {
        let key = key(1);
        let text = Named {
            login: LoginId([7; 16]),
            generation: 0,
        }
        .seal(&key);
        let text = text.expose();
        for wrong in [
            "",
            &text[1..],
            &text[..TOKEN_CHARS - 1],
            &format!("{text}A"),
            &format!("{text}="),
        ] {
            assert_eq!(Named::open(wrong, &key), Err(Refusal::Malformed), "{wrong}");
        }
    }
}
