//! Compact tokens (RFC 7515, RFC 7519), taken apart and put together again in
//! ways in which no library would.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

pub mod jwe;
mod key;
mod public;

pub use key::{KeyError, SignKey};
pub use public::{disguises, private_members};

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

    /// The token with another header, and the signature of the old one.
    #[must_use]
    pub fn with_header(&self, header: &str) -> String {
        format!(
            "{}.{}.{}",
            encode(header),
            self.segments[1],
            self.segments[2]
        )
    }

    /// The header with one member more, or another value for it.
    #[must_use]
    pub fn header_with(&self, name: &str, value: impl Into<Value>) -> Map<String, Value> {
        with(&self.header, name, value)
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
    Value::Object(object.clone()).to_string()
}

/// `object` with one member more, or another value for it.
#[must_use]
pub fn with(
    object: &Map<String, Value>,
    name: &str,
    value: impl Into<Value>,
) -> Map<String, Value> {
    let mut changed = object.clone();
    changed.insert(name.to_owned(), value.into());
    changed
}

/// `object` without a member.
#[must_use]
pub fn without(object: &Map<String, Value>, name: &str) -> Map<String, Value> {
    let mut changed = object.clone();
    changed.shift_remove(name);
    changed
}

/// A JSON object as text with `raw` for the value of `name`: it may be a number
/// that fits no type, or no JSON at all.
#[must_use]
pub fn text_with_raw(object: &Map<String, Value>, name: &str, raw: &str) -> String {
    let marker = "\u{1}authbench\u{1}";
    let text = text_of(&with(object, name, marker));
    text.replace(&Value::from(marker).to_string(), raw)
}

/// A JSON object as text in which `name` stands twice: with `raw` before all
/// other members, or behind them.
#[must_use]
pub fn text_with_second(
    object: &Map<String, Value>,
    name: &str,
    raw: &str,
    place: Place,
) -> String {
    let text = text_of(object);
    let inner = &text[1..text.len() - 1];
    let second = format!("{}:{raw}", Value::from(name));
    match place {
        Place::First => format!("{{{second},{inner}}}"),
        Place::Last => format!("{{{inner},{second}}}"),
    }
}

/// Where a second member of the same name stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Place {
    /// Before all others.
    First,
    /// Behind all others.
    Last,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: Value) -> Map<String, Value> {
        match value {
            Value::Object(object) => object,
            other => panic!("{other}"),
        }
    }

    #[test]
    fn values_that_no_library_writes_are_written() {
        let claims = object(json!({ "exp": 1, "sub": "a" }));
        let text = text_with_raw(&claims, "exp", "1e400");
        assert_eq!(text, r#"{"exp":1e400,"sub":"a"}"#);
        let text = text_with_raw(&claims, "nbf", "[");
        assert_eq!(text, r#"{"exp":1,"sub":"a","nbf":[}"#);
        let first = text_with_second(&claims, "sub", "\"b\"", Place::First);
        assert_eq!(first, r#"{"sub":"b","exp":1,"sub":"a"}"#);
        let last = text_with_second(&claims, "sub", "\"b\"", Place::Last);
        assert_eq!(last, r#"{"exp":1,"sub":"a","sub":"b"}"#);
    }

    #[test]
    fn keys_know_what_they_made() {
        for alg in [
            "HS256", "HS512", "ES256", "ES384", "EdDSA", "RS256", "PS256",
        ] {
            let (key, other) = (
                SignKey::generate(alg).unwrap(),
                SignKey::generate(alg).unwrap(),
            );
            let made = key.sign(alg, b"input").unwrap();
            assert!(key.made(alg, b"input", &made), "{alg}");
            assert!(!key.made(alg, b"other", &made), "{alg}");
            assert!(!other.made(alg, b"input", &made), "{alg}");
        }
    }

    #[test]
    fn a_token_is_taken_apart_and_changed() {
        let key = SignKey::secret("HS256", b"secret");
        let text = key.token("HS256", r#"{"alg":"HS256"}"#, r#"{"sub":"a"}"#);
        let token = Token::parse(&text.unwrap()).unwrap();
        assert_eq!(token.alg(), Some("HS256"));
        let other = Token::parse(&token.with_header(r#"{"alg":"none"}"#)).unwrap();
        assert_eq!((other.alg(), &other.claims), (Some("none"), &token.claims));
        assert_eq!(other.signature(), token.signature());
        assert!(Token::parse("v4.public.AAAA").is_none());
    }
}
