//! The kinds of server that the specimen can be, and what each declares.

use authbench_wire::profile::Family;

/// Milliseconds by which clocks may differ (RFC 7519 4.1.4).
pub const SKEW_MS: u64 = 30_000;
/// Milliseconds without use after which a login ends.
pub const IDLE_MS: u64 = 30 * 60_000;
/// Milliseconds from login to its end, whatever happens.
pub const ABSOLUTE_MS: u64 = 8 * 3_600_000;
/// Milliseconds for which a step-up counts.
pub const STEP_UP_MS: u64 = 5 * 60_000;
/// Milliseconds for which a spent refresh token is not yet taken for theft.
pub const GRACE_MS: u64 = 2_000;
/// How often one spent refresh token is answered with its successor.
pub const GRACE_REPLAYS_MAX: u32 = 32;
/// The most logins of one account at once.
pub const SESSIONS_MAX: usize = 20;
/// Wrong passwords after which guessing is slowed.
pub const GUESSES_MAX: u32 = 10;
/// Milliseconds within which requests end while the store is broken.
pub const OUTAGE_ANSWER_MS: u64 = 3_000;
/// Milliseconds after which an expired record has left the store.
pub const PURGE_MS: u64 = 60_000;
/// Milliseconds for which a fetched key set is used.
pub const KEYS_CACHE_MS: u64 = 10 * 60_000;
/// Milliseconds between two fetches of it, at least.
pub const KEYS_FETCH_INTERVAL_MS: u64 = 5_000;
/// `iss` of access tokens.
pub const ISSUER: &str = "https://specimen.example";
/// `iss` of a second issuer, which speaks for its own subjects only.
pub const PARTNER: &str = "https://partner.example";
/// `aud` of access tokens.
pub const AUDIENCE: &str = "https://api.specimen.example";
/// The one origin whose pages may read answers (CORS).
pub const APP_ORIGIN: &str = "https://app.example";

/// A kind of server.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Kind {
    /// A session on the server; its identifier in a cookie.
    SessionCookie,
    /// A session on the server; its identifier as a bearer token, over TLS.
    SessionBearer,
    /// A JWT under ES256, and no state.
    JwtEs256,
    /// A JWT under HS256, and no state.
    JwtHs256,
    /// A JWT under RS256, and no state.
    JwtRs256,
    /// A JWT with a denylist and a cut-off per subject.
    Denylist,
    /// A short JWT and a refresh token, both in bodies.
    Refresh,
    /// A short JWT and a refresh token, both in `HttpOnly` cookies.
    Hybrid,
    /// The state sealed in a cookie, with a record beside it that ends it.
    Sealed,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::SessionCookie,
        Self::SessionBearer,
        Self::JwtEs256,
        Self::JwtHs256,
        Self::JwtRs256,
        Self::Denylist,
        Self::Refresh,
        Self::Hybrid,
        Self::Sealed,
    ];

    /// Its name.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::SessionCookie => "session-cookie",
            Self::SessionBearer => "session-bearer",
            Self::JwtEs256 => "jwt-es256",
            Self::JwtHs256 => "jwt-hs256",
            Self::JwtRs256 => "jwt-rs256",
            Self::Denylist => "denylist",
            Self::Refresh => "refresh",
            Self::Hybrid => "hybrid",
            Self::Sealed => "sealed",
        }
    }

    /// The families whose checks apply.
    #[must_use]
    pub const fn families(self) -> &'static [Family] {
        match self {
            Self::SessionCookie | Self::SessionBearer => &[Family::Session],
            Self::JwtEs256 | Self::JwtHs256 | Self::JwtRs256 => &[Family::Jwt],
            Self::Denylist => &[Family::Denylist],
            Self::Refresh => &[Family::Refresh],
            Self::Hybrid => &[Family::Hybrid],
            Self::Sealed => &[Family::Sealed],
        }
    }

    /// Whether the credential travels in a cookie.
    #[must_use]
    pub const fn in_cookie(self) -> bool {
        matches!(self, Self::SessionCookie | Self::Hybrid | Self::Sealed)
    }

    /// Whether it is spoken to over TLS; beside it, then, a port without TLS
    /// refuses everything.
    #[must_use]
    pub const fn speaks_tls(self) -> bool {
        matches!(self, Self::SessionBearer)
    }

    /// Whether the access credential is a JWT.
    #[must_use]
    pub const fn is_jwt(self) -> bool {
        !matches!(
            self,
            Self::SessionCookie | Self::SessionBearer | Self::Sealed
        )
    }

    /// Whether the keys that verify are fetched from elsewhere.
    #[must_use]
    pub const fn fetches_keys(self) -> bool {
        matches!(self, Self::JwtEs256)
    }

    /// Whether no store is asked about logins.
    #[must_use]
    pub const fn is_stateless(self) -> bool {
        matches!(self, Self::JwtEs256 | Self::JwtHs256 | Self::JwtRs256)
    }

    /// Whether a record of each login is kept.
    #[must_use]
    pub const fn keeps_logins(self) -> bool {
        !(self.is_stateless() || matches!(self, Self::Denylist))
    }

    /// Whether there are refresh tokens.
    #[must_use]
    pub const fn refreshes(self) -> bool {
        matches!(self, Self::Refresh | Self::Hybrid)
    }

    /// Whether a spent refresh token is answered with its successor again,
    /// instead of being refused, within the grace.
    #[must_use]
    pub const fn replays_successor(self) -> bool {
        matches!(self, Self::Hybrid)
    }

    /// Milliseconds for which one access credential is good.
    #[must_use]
    pub const fn access_ttl_ms(self) -> u64 {
        match self {
            Self::SessionCookie | Self::SessionBearer | Self::Sealed => ABSOLUTE_MS,
            Self::JwtEs256 | Self::JwtHs256 | Self::JwtRs256 | Self::Denylist => 15 * 60_000,
            Self::Refresh | Self::Hybrid => 5 * 60_000,
        }
    }

    /// The cookie of the access credential.
    #[must_use]
    pub const fn access_cookie(self) -> &'static str {
        match self {
            Self::Hybrid => "__Host-access",
            Self::Sealed => "__Host-sealed",
            _ => "__Host-session",
        }
    }
}
