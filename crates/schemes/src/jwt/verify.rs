//! From the text of a token to the login that it proves.

use authbench_core::Refusal;

use super::compact::{self, Compact, MAX_SIGNATURE_OCTETS, SignatureForm};
use super::verifying_key::VerifyingKey;
use crate::token::claims::Claims;
use crate::token::policy::{Policy, Verified};

/// What `text` proves at some time or other.
///
/// `find` gives the key whose whole header segment is the token's, octet by
/// octet. So the token chooses among the keys we hold and has no other say:
/// algorithm, type, `crit`, embedded and linked keys (`jwk`, `x5c`, `jku`,
/// `x5u`) stand or fall with the comparison, before any cryptography (RFC 8725
/// 3.1, 3.10, 3.11; ASVS 5.0 9.1.2, 9.1.3).
pub(super) fn open<'k>(
    policy: &Policy,
    text: &str,
    find: impl FnOnce(&str) -> Option<&'k VerifyingKey>,
) -> Result<Verified, Refusal> {
    let payload = payload(text, find)?;
    let claims = Claims::<u64>::read(&payload).ok_or(Refusal::BadClaims)?;
    policy.check_claims(claims)
}

/// The payload of `text`, signed by the key that `find` gives.
pub(super) fn payload<'k>(
    text: &str,
    find: impl FnOnce(&str) -> Option<&'k VerifyingKey>,
) -> Result<Vec<u8>, Refusal> {
    let token = Compact::cut(text).ok_or(Refusal::Malformed)?;
    let key = find(token.header).ok_or(Refusal::WrongKind)?;
    check_signature(&token, key)?;
    compact::decode(token.payload).ok_or(Refusal::Malformed)
}

fn check_signature(token: &Compact<'_>, key: &VerifyingKey) -> Result<(), Refusal> {
    let mut buffer = [0; MAX_SIGNATURE_OCTETS];
    let signature = compact::decode_signature(token.signature, key.signature_octets(), &mut buffer)
        .map_err(|form| match form {
            SignatureForm::NotBase64Url => Refusal::Malformed,
            SignatureForm::WrongLength => Refusal::BadSignature,
        })?;
    if key.accepts(token.signed.as_bytes(), signature) {
        Ok(())
    } else {
        Err(Refusal::BadSignature)
    }
}
