//! Compact tokens (RFC 7515, RFC 7519), taken apart and put together again in
//! ways in which no library would.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

mod key;

pub use key::{KeyError, SignKey};

/// A compact JWS, taken apart without looking at its signature.
#[derive(Clone, Debug)]
pub struct Token {
    /// The three segments as they stand.
    pub segments: [String; 3],
    /// The header's members.
    pub header: Map<String, Value>,
    /// The claims.
    pub claims: Map<String, Value>,
}

impl Token {
    /// Takes a token apart; `None` if it is no compact JWS with JSON claims.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let segments: Vec<_> = text.split('.').map(str::to_owned).collect();
        let segments: [String; 3] = segments.try_into().ok()?;
        let object = |segment: &str| match serde_json::from_slice(&decode(segment)?).ok()? {
            Value::Object(object) => Some(object),
            _ => None,
        };
        let (header, claims) = (object(&segments[0])?, object(&segments[1])?);
        Some(Self {
            segments,
            header,
            claims,
        })
    }

    /// The `alg` of the header.
    #[must_use]
    pub fn alg(&self) -> Option<&str> {
        self.header.get("alg")?.as_str()
    }

    /// What the signature is over: the first two segments with their dot.
    #[must_use]
    pub fn signed_part(&self) -> String {
        format!("{}.{}", self.segments[0], self.segments[1])
    }

    /// The signature's octets.
    #[must_use]
    pub fn signature(&self) -> Vec<u8> {
        decode(&self.segments[2]).unwrap_or_default()
    }

    /// The token with another signature.
    #[must_use]
    pub fn with_signature(&self, signature: &[u8]) -> String {
        format!("{}.{}", self.signed_part(), encode(signature))
    }
}

/// base64url without padding (RFC 7515 2).
#[must_use]
pub fn encode(octets: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(octets)
}

/// The octets of a base64url segment; `None` if it is not canonical.
#[must_use]
pub fn decode(segment: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(segment).ok()
}

/// The first two segments with their dot, of header and claims as JSON text,
/// which need not even be JSON.
#[must_use]
pub fn signing_input(header: &str, claims: &str) -> String {
    format!("{}.{}", encode(header), encode(claims))
}

/// A JSON object as text, members in their order.
#[must_use]
pub fn text_of(object: &Map<String, Value>) -> String {
    serde_json::to_string(object).unwrap_or_default()
}
