//! The half of a key that checks.

use std::fmt;

use aws_lc_rs::hmac;
use aws_lc_rs::signature::ParsedPublicKey;
use jsonwebtoken::Header;
use serde_json::Value;

use super::algorithm::Algorithm;
use super::keys::KeyError;
use super::{compact, jwk};

/// The media type of an access token in the `typ` header, so that a token of
/// another kind is none (RFC 9068 2.1, RFC 8725 3.11).
pub const TOKEN_TYPE: &str = "at+jwt";

/// A key that checks tokens. It knows the one header segment that its tokens
/// have, so that a token finds its key by that text alone.
#[derive(Clone)]
pub struct VerifyingKey {
    algorithm: Algorithm,
    kid: String,
    header: String,
    signature_octets: usize,
    check: Check,
    jwk: Option<Value>,
}

#[derive(Clone)]
enum Check {
    Mac(Box<hmac::Key>),
    Signature(ParsedPublicKey),
}

impl VerifyingKey {
    /// The algorithm of this key.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The name in the `kid` header: the JWK thumbprint of a public key
    /// (RFC 7638), a value derived one-way from an HS256 secret.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The first segment of every token of this key, in base64url.
    #[must_use]
    pub fn header_segment(&self) -> &str {
        &self.header
    }

    /// The public key as a JWK; nothing for HS256, whose key is secret.
    #[must_use]
    pub const fn jwk(&self) -> Option<&Value> {
        self.jwk.as_ref()
    }

    /// How long every signature of this key is.
    pub(super) const fn signature_octets(&self) -> usize {
        self.signature_octets
    }

    /// Whether `signature` is this key's for `message`. A MAC is compared in
    /// constant time (ASVS 5.0 11.2.4).
    pub(super) fn accepts(&self, message: &[u8], signature: &[u8]) -> bool {
        if signature.len() != self.signature_octets {
            return false;
        }
        match &self.check {
            Check::Mac(key) => hmac::verify(key, message, signature).is_ok(),
            Check::Signature(key) => key.verify_sig(message, signature).is_ok(),
        }
    }

    pub(super) fn hs256(kid: String, key: hmac::Key) -> Result<Self, KeyError> {
        Ok(Self {
            algorithm: Algorithm::Hs256,
            header: header_segment(Algorithm::Hs256, &kid)?,
            kid,
            signature_octets: 32,
            check: Check::Mac(Box::new(key)),
            jwk: None,
        })
    }

    /// The key of another issuer, nameless and without a header as yet.
    pub(super) fn foreign(
        algorithm: Algorithm,
        check: ParsedPublicKey,
        signature_octets: usize,
    ) -> Self {
        Self {
            algorithm,
            kid: String::new(),
            header: String::new(),
            signature_octets,
            check: Check::Signature(check),
            jwk: None,
        }
    }

    /// The same key for tokens that begin with another header.
    pub(super) fn beginning_with(self, header: String) -> Self {
        Self { header, ..self }
    }

    pub(super) fn asymmetric(
        algorithm: Algorithm,
        jwk: jsonwebtoken::jwk::Jwk,
        check: ParsedPublicKey,
        signature_octets: usize,
    ) -> Result<Self, KeyError> {
        let (kid, jwk) = jwk::named(jwk, Some(algorithm)).map_err(KeyError::Form)?;
        let header = header_segment(algorithm, &kid)?;
        let check = Check::Signature(check);
        Ok(Self {
            algorithm,
            kid,
            header,
            signature_octets,
            check,
            jwk: Some(jwk),
        })
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifyingKey({}, kid {})", self.algorithm, self.kid)
    }
}

fn header_segment(algorithm: Algorithm, kid: &str) -> Result<String, KeyError> {
    let mut header = Header::new(algorithm.into());
    header.typ = Some(TOKEN_TYPE.to_owned());
    header.kid = Some(kid.to_owned());
    let json = serde_json::to_vec(&header).map_err(|error| KeyError::Form(error.into()))?;
    Ok(compact::encode(&json))
}
