//! Compact JWE of other issuers: `dir` with A256GCM and nothing else (RFC 7518
//! 4.5 and 5.3).

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::jwk::{self, Purpose};
use crate::app::App;
use crate::strict_json;

/// Octets of a tag, of which none may be missing (RFC 7518 5.3).
const TAG_OCTETS: usize = 16;
const DECRYPTING: Purpose = Purpose {
    used_for: "enc",
    operation: "decrypt",
};

/// The text of `token`, if it is sealed with the key of this JWK.
pub(super) fn decrypt(app: &App, jwk: &Value, token: &str) -> Option<Vec<u8>> {
    let jwk = jwk.as_object()?;
    let secret = jwk::secret(jwk, "dir", DECRYPTING)?;
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &secret).ok()?);
    let segments: Vec<_> = token.split('.').collect();
    let [header_text, "", nonce, text, tag] = segments[..] else {
        return None;
    };
    let octets = |text: &str| URL_SAFE_NO_PAD.decode(text).ok();
    let header = strict_json::object(&octets(header_text)?)?;
    let mut wanted = json!({ "alg": "dir", "enc": "A256GCM" });
    if let Some(kid) = jwk::name(jwk)? {
        wanted["kid"] = kid.into();
    }
    if Value::Object(header) != wanted {
        return None;
    }
    let sealed = Sealed {
        nonce: octets(nonce)?.try_into().ok()?,
        aad: header_text.as_bytes(),
        text: octets(text)?,
        tag: octets(tag)?,
    };
    if app.flaw("M103") && sealed.tag.len() == 12 {
        return sealed.opened_by_part_of_tag(&key);
    }
    sealed.opened(&key)
}

struct Sealed<'t> {
    nonce: [u8; 12],
    aad: &'t [u8],
    text: Vec<u8>,
    tag: Vec<u8>,
}

impl Sealed<'_> {
    /// What is sealed (a mutant of CRYPTO-003 sits at the caller).
    fn opened(self, key: &LessSafeKey) -> Option<Vec<u8>> {
        if self.tag.len() != TAG_OCTETS {
            return None;
        }
        let mut sealed = [self.text, self.tag].concat();
        let nonce = Nonce::assume_unique_for_key(self.nonce);
        let plain = key.open_in_place(nonce, Aad::from(self.aad), &mut sealed);
        Some(plain.ok()?.to_vec())
    }

    /// Flaw M103: what is sealed, if the tag is how the right one begins. To
    /// seal twice gives the text back, since each time the same octets are
    /// added to it; the second time gives the right tag as well.
    fn opened_by_part_of_tag(self, key: &LessSafeKey) -> Option<Vec<u8>> {
        let mut text = self.text;
        let seal = |text: &mut [u8]| {
            let nonce = Nonce::assume_unique_for_key(self.nonce);
            key.seal_in_place_separate_tag(nonce, Aad::from(self.aad), text)
                .ok()
        };
        let _ = seal(&mut text)?;
        let plain = text.clone();
        let tag = seal(&mut text)?;
        let begin = tag.as_ref().get(..self.tag.len())?;
        verify_slices_are_equal(begin, &self.tag).ok()?;
        Some(plain)
    }
}
