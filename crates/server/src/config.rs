//! What a server is made of, and its bounds.

use std::error::Error;
use std::pin::Pin;
use std::sync::Arc;

use authbench_core::system::{OsEntropy, SystemClock};
use authbench_core::{Clock, DynStrategy, Entropy, RefreshOffer, SteppedClock, StoreError};
use authbench_wire::Transport;
use authbench_wire::bodies::{StatsResponse, StorePeekResponse, StoreRequest};
use authbench_wire::cookie::COOKIE_OCTETS_MAX;

use crate::accounts::Accounts;
use crate::burn::Burn;
use crate::keys::{PublishedKeys, RotateKeys, SigningKey};
use crate::next::NextService;
use crate::tls::TlsConfig;

/// Tells the counts for `GET /lab/stats`, at the moment of the call.
pub type StatsSource = Arc<dyn Fn() -> StatsResponse + Send + Sync>;

/// Breaks, slows and mends the strategy's store.
pub type SetStore =
    Arc<dyn Fn(StoreRequest) -> Result<(), Box<dyn Error + Send + Sync>> + Send + Sync>;

/// What the strategy's store holds: looked at, and lost.
pub trait StoreContents: Send + Sync {
    /// Everything that it holds.
    fn peek(&self) -> ContentsFuture<'_, StorePeekResponse>;

    /// Loses all of it.
    fn wipe(&self) -> ContentsFuture<'_, ()>;
}

/// What a store's contents answer.
pub type ContentsFuture<'c, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'c>>;

/// The view of the time that the lab may step.
pub type ServerClock = SteppedClock<Arc<dyn Clock>>;

/// What a server is made of.
#[derive(Clone)]
pub struct ServerConfig {
    /// Decides who is calling.
    pub strategy: Arc<dyn DynStrategy>,
    /// How its credentials travel.
    pub transport: Transport,
    /// Who can log in; replicas in one process share them.
    pub accounts: Arc<Accounts>,
    /// Tells the time. In the lab the server steps it forwards, for itself and
    /// for whatever else in the process must follow (a cache, say); the clock
    /// inside is never touched.
    pub clock: Arc<ServerClock>,
    /// Gives salts for new passwords.
    pub entropy: Arc<dyn Entropy>,
    /// The public keys; no route if absent, or if the set is empty when the
    /// server is bound.
    pub jwks: Option<PublishedKeys>,
    /// Changes the signing key; in the lab only, and only if given.
    pub rotate_keys: Option<RotateKeys>,
    /// The counts; none are reported if absent.
    pub stats: Option<StatsSource>,
    /// Breaks and mends the store; in the lab only, and only if given.
    pub set_store: Option<SetStore>,
    /// Looks into the store, and empties it; in the lab only, and only if given.
    pub store_contents: Option<Arc<dyn StoreContents>>,
    /// Gives the signing key away; in the lab only, and only if given.
    pub signing_key: Option<SigningKey>,
    /// The service behind this one, for `GET /lab/chain`; the last of its
    /// chain if absent.
    pub next: Option<NextService>,
    /// The bounds.
    pub limits: Limits,
    /// Speaks TLS if given.
    pub tls: Option<TlsConfig>,
    /// Speaks HTTP/2 beside HTTP/1.1: over TLS if the client chooses it, and
    /// without TLS if it begins so (RFC 9113 3.3).
    pub http2: bool,
    /// Opens the lab's routes. Refused on an address that others can reach.
    pub lab: bool,
    /// Slows the server down on purpose. Refused outside the lab.
    pub burn: Option<Burn>,
}

impl ServerConfig {
    /// A server on the system's clock and entropy, with the default bounds (but
    /// with heads as large as its credentials need them), without keys, counts,
    /// TLS and lab.
    #[must_use]
    pub fn new(
        strategy: Arc<dyn DynStrategy>,
        transport: Transport,
        accounts: Arc<Accounts>,
    ) -> Self {
        let mut limits = Limits::default();
        let needed = head_octets_min(&transport, strategy.guarantees().refresh);
        limits.head_octets_max = limits.head_octets_max.max(needed);
        Self {
            strategy,
            transport,
            accounts,
            clock: Arc::new(ServerClock::new(Arc::new(SystemClock))),
            entropy: Arc::new(OsEntropy),
            jwks: None,
            rotate_keys: None,
            stats: None,
            set_store: None,
            store_contents: None,
            signing_key: None,
            next: None,
            limits,
            tls: None,
            http2: false,
            lab: false,
            burn: None,
        }
    }
}

/// The bounds on what strangers may ask for (ASVS 5.0 15.2.2, 4.2.5).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// Connections at a time; more wait to be accepted.
    pub connections_max: usize,
    /// Octets of a request's line and headers; more are answered 431. All
    /// cookies of a credential (4096 octets each) must fit, and as much again
    /// as one of them for the rest. With less than a few dozen KiB, whoever
    /// can set cookies from a neighbouring host locks users out for good: every
    /// request of theirs is refused, the login included (RFC 6265bis 6.1).
    pub head_octets_max: usize,
    /// Milliseconds from the end of one answer to the end of the next
    /// request's headers; then the connection is closed. So it also is the
    /// time for which an idle connection is kept.
    pub head_timeout_ms: u64,
    /// Octets of a request's body; more are answered 413.
    pub body_octets_max: usize,
    /// Milliseconds in which a body must have come; then the answer is 408.
    pub body_timeout_ms: u64,
    /// Milliseconds for a TLS handshake.
    pub handshake_timeout_ms: u64,
    /// Milliseconds that requests in flight get when the server shuts down.
    pub drain_ms: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 65_536,
            head_octets_max: 64 * 1024,
            head_timeout_ms: 60_000,
            body_octets_max: 64 * 1024,
            body_timeout_ms: 10_000,
            handshake_timeout_ms: 10_000,
            drain_ms: 5_000,
        }
    }
}

/// Octets that a request's head has at most because of its credentials, and as
/// much as one cookie for the rest.
pub(crate) fn head_octets_min(transport: &Transport, offer: RefreshOffer) -> usize {
    let access = match transport {
        Transport::Cookie(settings) => settings.chunks_max().unwrap_or(1),
        Transport::Bearer => 1,
    };
    let rotates = matches!(offer, RefreshOffer::RotatingKillsFamily { .. });
    let refresh = transport.is_ambient() && rotates;
    COOKIE_OCTETS_MAX * (1 + usize::from(access) + usize::from(refresh))
}
