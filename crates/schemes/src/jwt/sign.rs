//! From a login to the text of its token.

use aws_lc_rs::error::Unspecified;

use super::compact::{self, MAX_TOKEN_OCTETS};
use super::keys::SigningKey;
use crate::token::claims::Issued;

/// A token could not be made.
#[derive(Debug, thiserror::Error)]
pub(super) enum SealError {
    /// The claims could not be written as JSON.
    #[error("the claims cannot be written as JSON")]
    Claims(#[source] serde_json::Error),
    /// The signing itself failed.
    #[error("the signing failed")]
    Signing(#[source] Unspecified),
    /// No verifier would read the token.
    #[error("the token has {octets} octets, more than the {MAX_TOKEN_OCTETS} that are accepted")]
    TooLong {
        /// How long it would have been.
        octets: usize,
    },
}

/// The token of `claims`, signed by `key`.
pub(super) fn seal(key: &SigningKey, claims: &Issued<'_, u64>) -> Result<String, SealError> {
    let payload = serde_json::to_vec(claims).map_err(SealError::Claims)?;
    let header = key.verifying_key().header_segment();
    let octets = header.len()
        + compact::encoded_octets(payload.len())
        + compact::encoded_octets(key.verifying_key().signature_octets())
        + 2;
    if octets > MAX_TOKEN_OCTETS {
        return Err(SealError::TooLong { octets });
    }
    let mut token = String::with_capacity(octets);
    token.push_str(header);
    token.push('.');
    compact::encode_onto(&mut token, &payload);
    key.sign_onto(&mut token).map_err(SealError::Signing)?;
    Ok(token)
}
