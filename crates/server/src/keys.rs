//! The public keys that verifiers elsewhere read, and the lab's way to change
//! them.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use authbench_core::UnixMs;
use bytes::Bytes;
use http::HeaderValue;
use serde_json::Value;

/// Puts a new signing key in the place of the present one, at the instant that
/// is passed in. It may take as long as making a key takes.
pub type RotateKeys = Arc<dyn Fn(UnixMs) -> Result<(), Box<dyn Error + Send + Sync>> + Send + Sync>;

/// The key that signs at an instant, as a JWK with its private members
/// (RFC 7517): for tests that forge what is correctly signed but wrong.
pub type SigningKey =
    Arc<dyn Fn(UnixMs) -> Result<Value, Box<dyn Error + Send + Sync>> + Send + Sync>;

/// The public keys that `GET /.well-known/jwks.json` shows.
#[derive(Clone)]
pub struct PublishedKeys {
    at: Arc<dyn Fn(UnixMs) -> Option<Value> + Send + Sync>,
    fresh_ms: u64,
}

/// The document is none that may be published.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the JWKS document is no set of public keys: {fault}")]
pub struct KeySetError {
    /// What is wrong with it.
    pub fault: &'static str,
}

impl PublishedKeys {
    /// Keys that change: `at` gives the set (RFC 7517 5) at an instant, none
    /// if there is none. Verifiers may use what they read for `fresh_ms`
    /// milliseconds (rounded down to seconds), so a key must be shown for at
    /// least that long before it signs. With less than a second they ask each
    /// time.
    pub fn new(
        at: impl Fn(UnixMs) -> Option<Value> + Send + Sync + 'static,
        fresh_ms: u64,
    ) -> Self {
        let at = Arc::new(at);
        Self { at, fresh_ms }
    }

    /// Keys that stay as long as the process, after which a verifier sees the
    /// new ones within five minutes.
    #[must_use]
    pub fn fixed(document: Value) -> Self {
        Self::new(move |_| Some(document.clone()), 300_000)
    }

    /// The set at `at` as text; none if it has no keys.
    pub(crate) fn document(&self, at: UnixMs) -> Result<Option<Bytes>, KeySetError> {
        let document = (self.at)(at);
        document.as_ref().map_or(Ok(None), public_text)
    }

    /// What caches are told (RFC 9111 5.2.2).
    pub(crate) fn cache(&self) -> HeaderValue {
        let seconds = self.fresh_ms / 1000;
        let told = HeaderValue::try_from(format!("public, max-age={seconds}"));
        told.ok()
            .filter(|_| seconds > 0)
            .unwrap_or(HeaderValue::from_static("no-cache"))
    }
}

impl fmt::Debug for PublishedKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublishedKeys")
            .field("fresh_ms", &self.fresh_ms)
            .finish_non_exhaustive()
    }
}

/// The set as text, if it has keys and all of them are public: `d` and the
/// primes open RSA, EC and OKP keys, `k` is a symmetric one (RFC 7518 6).
fn public_text(document: &Value) -> Result<Option<Bytes>, KeySetError> {
    let wrong = |fault| KeySetError { fault };
    let keys = document.get("keys").and_then(Value::as_array);
    let keys = keys.ok_or(wrong("it has no array `keys`"))?;
    let secrets = ["d", "k", "p", "q", "dp", "dq", "qi", "oth"];
    if keys
        .iter()
        .any(|key| secrets.iter().any(|name| key.get(name).is_some()))
    {
        return Err(wrong("it has a private or symmetric key"));
    }
    Ok((!keys.is_empty()).then(|| document.to_string().into()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn caches_keep_no_key_past_its_announcement() {
        let cache = |fresh_ms| PublishedKeys::new(|_| None, fresh_ms).cache();
        assert_eq!(cache(0), "no-cache");
        assert_eq!(cache(999), "no-cache");
        assert_eq!(cache(1_999), "public, max-age=1");
        assert_eq!(
            PublishedKeys::fixed(json!({})).cache(),
            "public, max-age=300"
        );
    }
}
