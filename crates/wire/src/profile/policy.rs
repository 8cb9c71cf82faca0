//! The numbers and rules that a target's makers declare, and that the
//! conformance checks hold it to.

use serde::{Deserialize, Serialize};

/// What the target is held to. A check whose number is missing measures, and
/// leaves the verdict open.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// Milliseconds without use after which a login ends (ASVS 5.0 7.3.1).
    pub idle_ms: Option<u64>,
    /// Milliseconds from login to its end, whatever happens (ASVS 5.0 7.3.2).
    pub absolute_ms: Option<u64>,
    /// Milliseconds for which one access credential is good.
    pub access_ttl_ms: Option<u64>,
    /// Milliseconds from login to the end of all renewal (ASVS 5.0 10.4.8).
    pub refresh_ttl_ms: Option<u64>,
    /// Milliseconds after which a refresh token that nobody used is dead.
    pub refresh_idle_ms: Option<u64>,
    /// Milliseconds by which clocks may differ (RFC 7519 4.1.4).
    pub skew_ms: Option<u64>,
    /// Milliseconds from an acknowledged revocation to the last acceptance.
    pub revoke_max_ms: Option<u64>,
    /// Milliseconds from a demotion to the last use of the old roles
    /// (ASVS 5.0 8.3.2).
    pub priv_max_ms: Option<u64>,
    /// Milliseconds for which a spent refresh token is still answered.
    pub grace_ms: Option<u64>,
    /// What such an answer is.
    pub grace_mode: Option<GraceMode>,
    /// How often one spent refresh token may be answered within its grace.
    pub grace_replays_max: Option<u32>,
    /// Whether refresh tokens change at each use (RFC 9700 4.14.2).
    pub rotation: Option<bool>,
    /// What happens while the store is out of reach.
    pub fail_mode: Option<FailMode>,
    /// Milliseconds within which a request ends while the store is broken.
    pub outage_answer_ms: Option<u64>,
    /// The most logins of one account at once (ASVS 5.0 7.1.2).
    pub sessions_max: Option<u32>,
    /// What becomes of one more.
    pub overflow: Option<Overflow>,
    /// What keeps other sites from riding on an ambient credential; any of
    /// them may be missing from a request unless it is listed.
    pub csrf: Vec<CsrfDefence>,
    /// The origins whose pages may read answers with credentials (CORS).
    pub allowed_origins: Vec<String>,
    /// Whether hosts of the same site are trusted.
    pub trusted_siblings: bool,
    /// Whether other sites are meant to send the cookie (`SameSite=None`).
    pub cross_site: bool,
    /// Whether cookies are meant to outlive the browser ("remember me").
    pub persistent: bool,
    /// The `iss` of access tokens (RFC 7519 4.1.1).
    pub issuer: Option<String>,
    /// The `aud` of access tokens (RFC 7519 4.1.3).
    pub audience: Option<String>,
    /// Whether an `iat` in the future is refused; RFC 7519 leaves it open.
    pub future_iat_refused: bool,
    /// Milliseconds for which a proof of identity within a login counts
    /// (ASVS 5.0 7.5.3).
    pub step_up_ttl_ms: Option<u64>,
    /// Milliseconds for which the old identifier of a rotated login is still
    /// accepted.
    pub renewal_grace_ms: Option<u64>,
    /// Milliseconds for which fetched keys may be used.
    pub keys_cache_ms: Option<u64>,
    /// Milliseconds between two fetches of keys, at least.
    pub keys_fetch_interval_ms: Option<u64>,
    /// Wrong passwords after which guessing is slowed (ASVS 5.0 6.3.1).
    pub guesses_max: Option<u32>,
    /// Milliseconds after which an expired record has left the store.
    pub purge_ms: Option<u64>,
    /// Whether an acknowledged logout outlives a crash of server and store.
    pub durable: Option<bool>,
    /// Weaknesses that the makers know and declare, each under the check that
    /// finds fault with it. The check is made all the same; a breach then does
    /// not count as a failure, and never as a pass: it is reported as declared,
    /// with what was seen.
    pub declared: std::collections::BTreeMap<String, String>,
}

/// What a spent refresh token is answered within its grace.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum GraceMode {
    /// It counts as reuse at once.
    None,
    /// It is refused, and the family lives.
    Strict,
    /// The same successor again.
    ReplaySuccessor,
}

/// What happens while the store is out of reach.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailMode {
    /// Nobody is accepted.
    Closed,
    /// Whom a cache knows is accepted for `revoke_max_ms` more.
    Coasts,
    /// Revoked credentials may pass.
    Open,
    /// No store is asked.
    Unaffected,
}

/// What becomes of a login over the limit.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Overflow {
    /// The oldest one ends.
    Evict,
    /// It is refused.
    Reject,
}

/// What keeps other sites from riding on an ambient credential.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CsrfDefence {
    /// `Sec-Fetch-Site` is judged.
    FetchMetadata,
    /// A custom header is demanded, which other sites cannot send without a
    /// preflight.
    Header,
    /// `Origin` is judged.
    Origin,
    /// Only the cookie's `SameSite` attribute; nothing that a server could
    /// refuse.
    SameSite,
    /// A token of its own, bound to the login.
    Token,
}

/// A kind of strategy, as the catalogue of checks has them.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// A session on the server, under a random identifier.
    Session,
    /// Self-contained tokens, and no state.
    Jwt,
    /// Self-contained tokens with a denylist or a version check.
    Denylist,
    /// Short access tokens and refresh tokens that rotate.
    Refresh,
    /// Self-contained or refresh tokens in `HttpOnly` cookies.
    Hybrid,
    /// The state itself, sealed in a cookie.
    Sealed,
}

impl Family {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Session,
        Self::Jwt,
        Self::Denylist,
        Self::Refresh,
        Self::Hybrid,
        Self::Sealed,
    ];

    /// The name in profiles.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Jwt => "jwt",
            Self::Denylist => "denylist",
            Self::Refresh => "refresh",
            Self::Hybrid => "hybrid",
            Self::Sealed => "sealed",
        }
    }
}
