//! Biscuit version 2, by the crate `biscuit-auth`: a token whose first block,
//! signed with a root key, says in Datalog who, with which roles and until
//! when, and carries the check of its own end.
//!
//! What this format leaves aside:
//!
//! - **Attenuation.** A holder may append blocks that narrow what a token can
//!   do, or seal it. Here a login presents what it was given: a token with
//!   other blocks, or sealed, is refused. Rules of strangers would be run for
//!   each request; the crate bounds the time between the rounds of its engine
//!   but not within one, where a join over many facts can take as long as it
//!   likes. And a token would have as many texts as its holder wants.
//! - **Revocation ids.** The id of a block is its signature. Schemes here revoke
//!   by login, which outlives a renewal of the token.
//! - **Spelling.** The crate takes base64 with and without padding, and any
//!   encoding of a message in Protocol Buffers. So the text is decoded
//!   strictly, and what was read is written again and must be what came.
//!
//! Time and the pair of keys of each token are passed in. The crate measures
//! how long its engine runs by the monotonic clock; that bound is set so far
//! away that it judges no token, for the facts and rounds are bounded as well.

mod facts;
mod keys;
mod settings;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use authbench_core::{Entropy, Refusal, Secret, StrategyError, UnixMs};
use base64_simd::URL_SAFE;
use biscuit_auth::builder::{Expression, Op, Policy as Rules, PolicyKind, Term, constrained_rule};
use biscuit_auth::datalog::SymbolTable;
use biscuit_auth::error::{Format, Token};
use biscuit_auth::{
    AuthorizerBuilder, AuthorizerLimits, Biscuit as Text, PublicKey, RootKeyProvider,
    UnverifiedBiscuit,
};

pub use facts::KIND;
pub use keys::Key;
pub use settings::Settings;

use crate::keyring::{KeyRing, Snapshot};
use crate::stateless::Stateless;
pub use crate::token::keys::KeyError;
use crate::token::keys::KeyOctets;
use crate::token::policy::{Policy, not_over};
pub use crate::token::terms::SettingsError;
use crate::token::{MAX_TOKEN_OCTETS, NewToken, Opened, Sealed, TokenFormat, TooLong, Verified};
use facts::Questions;

/// Biscuits that stand by themselves.
pub type Biscuit<E> = Stateless<BiscuitFormat, E>;

/// More facts than a token of [`MAX_TOKEN_OCTETS`] can hold.
const MAX_FACTS: u64 = MAX_TOKEN_OCTETS as u64;

/// The format: settings, root keys, and entropy for each token's own key.
pub struct BiscuitFormat {
    settings: Settings,
    ring: Arc<KeyRing<Key>>,
    policy: Policy,
    entropy: Box<dyn Entropy>,
    authorizer: AuthorizerBuilder,
    questions: Questions,
}

impl BiscuitFormat {
    /// A format whose tokens are signed by the root keys of `ring`, and whose
    /// tokens' own keys come from `entropy`. Replicas share a ring: give each an
    /// `Arc` of it. One [`Key`] makes a ring that does not change.
    ///
    /// # Errors
    /// [`SettingsError`] when a setting is out of range, or the ring is for
    /// other settings.
    pub fn new(
        settings: Settings,
        ring: impl Into<Arc<KeyRing<Key>>>,
        entropy: impl Entropy + 'static,
    ) -> Result<Self, SettingsError> {
        let ring = ring.into();
        settings.check(&ring)?;
        let policy = settings.terms().policy();
        Ok(Self {
            settings,
            ring,
            policy,
            entropy: Box::new(entropy),
            authorizer: AuthorizerBuilder::new().set_limits(limits()),
            questions: Questions::new(),
        })
    }

    /// The settings.
    #[must_use]
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The root keys.
    #[must_use]
    pub const fn ring(&self) -> &Arc<KeyRing<Key>> {
        &self.ring
    }

    /// What `text` proves at `at`, with the instants that it says.
    ///
    /// # Errors
    /// Why it proves nothing.
    pub fn verify(&self, text: &str, at: UnixMs) -> Result<Verified, Refusal> {
        self.policy.in_time(self.proved(text, at)?, at)
    }

    /// What `text` proves until it expires. Past its end, which the token
    /// checks itself, it may also be refused as expired here.
    fn proved(&self, text: &str, at: UnixMs) -> Result<Verified, Refusal> {
        let token = self.read(text, at)?;
        let builder = self.authorizer.clone().fact(facts::time(at));
        let builder = builder.and_then(|builder| builder.policy(allow()));
        let authorizer = builder.and_then(|builder| builder.build(&token));
        let mut authorizer = authorizer.map_err(|_| Refusal::BadClaims)?;
        let verified = self.questions.ask(&mut authorizer, &self.policy)?;
        not_over(verified.clone(), at)?;
        match authorizer.authorize() {
            Ok(_) => Ok(verified),
            Err(_) => Err(Refusal::BadClaims),
        }
    }

    /// The token of `text`, made by one of our root keys and changed by nobody.
    fn read(&self, text: &str, at: UnixMs) -> Result<Text, Refusal> {
        if text.len() > MAX_TOKEN_OCTETS {
            return Err(Refusal::Malformed);
        }
        let octets = URL_SAFE.decode_to_vec(text).ok();
        let octets = octets.ok_or(Refusal::Malformed)?;
        let token = UnverifiedBiscuit::from(&octets).map_err(|error| refusal(&error))?;
        let again = token.to_vec().map_err(|error| refusal(&error))?;
        if again != octets {
            return Err(Refusal::Malformed);
        }
        if token.block_count() != 1 {
            return Err(Refusal::WrongKind);
        }
        let keys = self.ring.keys();
        let roots = Roots { keys: &keys, at };
        let token = token.verify(roots);
        let token = token.map_err(|error| refusal(&Token::Format(error)))?;
        if token.container().proof.is_sealed() {
            return Err(Refusal::WrongKind);
        }
        Ok(token)
    }
}

impl TokenFormat for BiscuitFormat {
    fn label(&self) -> &'static str {
        "biscuit"
    }

    fn ttl_ms(&self) -> u64 {
        self.settings.ttl_ms()
    }

    fn skew_ms(&self) -> u64 {
        self.settings.skew_ms
    }

    /// It expires `ttl_s` seconds after the whole second of `at`. Fails also
    /// when the roles do not fit in a token of 16 KiB.
    fn seal(&self, token: &NewToken<'_>, at: UnixMs) -> Result<Sealed, StrategyError> {
        let failed = |source| StrategyError::Sealing {
            format: "biscuit",
            source,
        };
        let root = self.ring.signer(at).map_err(|error| failed(error.into()))?;
        let life_s = token.life_s(at, self.settings.ttl_s);
        let own = KeyOctets::generate(&*self.entropy).map_err(|error| failed(error.into()))?;
        let own = keys::pair(own.expose()).map_err(|error| failed(error.into()))?;
        let built = facts::write(&self.policy, token, life_s).and_then(|builder| {
            let builder = builder.root_key_id(root.root_key_id());
            builder.build_with_key_pair(root.pair(), SymbolTable::new(), &own)
        });
        let text = built.and_then(|biscuit| biscuit.to_base64());
        let text = text.map_err(|error| failed(error.into()))?;
        let octets = text.len();
        if octets > MAX_TOKEN_OCTETS {
            return Err(failed(TooLong { octets }.into()));
        }
        Ok(Sealed {
            text: Secret::new(text),
            expires_at: UnixMs(life_s.1.saturating_mul(1000)),
        })
    }

    fn open(&self, text: &str, at: UnixMs) -> Result<Opened, Refusal> {
        self.verify(text, at).map(Opened::from)
    }

    fn open_early(&self, text: &str, at: UnixMs) -> Result<Opened, Refusal> {
        self.proved(text, at).map(Opened::from)
    }

    /// The root keys under their thumbprints, without `alg`.
    fn jwks(&self, at: UnixMs) -> Option<serde_json::Value> {
        let keys = self.ring.keys();
        let jwks = keys.verifying(at).map(Key::jwk);
        Some(serde_json::json!({ "keys": Vec::from_iter(jwks) }))
    }
}

impl fmt::Debug for BiscuitFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BiscuitFormat")
            .field("settings", &self.settings)
            .field("ring", &self.ring)
            .finish_non_exhaustive()
    }
}

impl From<Key> for Arc<KeyRing<Key>> {
    fn from(key: Key) -> Self {
        Self::new(KeyRing::fixed(key))
    }
}

/// The root keys that verify at an instant.
struct Roots<'a> {
    keys: &'a Snapshot<Key>,
    at: UnixMs,
}

impl RootKeyProvider for Roots<'_> {
    fn choose(&self, id: Option<u32>) -> Result<PublicKey, Format> {
        let named = |key: &Key| Some(key.root_key_id()) == id;
        let key = self.keys.find(self.at, named);
        key.map(Key::public).ok_or(Format::UnknownPublicKey)
    }
}

fn refusal(error: &Token) -> Refusal {
    match error {
        Token::Format(Format::UnknownPublicKey) => Refusal::WrongKind,
        Token::Format(Format::Signature(_)) => Refusal::BadSignature,
        _ => Refusal::Malformed,
    }
}

/// Whoever passes the checks is let in: what a role may do is no business of a
/// token.
fn allow() -> Rules {
    let nothing: [Term; 0] = [];
    let always = Expression {
        ops: vec![Op::Value(Term::Bool(true))],
    };
    let no_facts: [biscuit_auth::builder::Predicate; 0] = [];
    Rules {
        queries: vec![constrained_rule("allow", &nothing, &no_facts, &[always])],
        kind: PolicyKind::Allow,
    }
}

fn limits() -> AuthorizerLimits {
    AuthorizerLimits {
        max_facts: MAX_FACTS,
        max_iterations: 16,
        max_time: Duration::from_secs(3_600),
    }
}
