//! Introspection: the token says nothing by itself, and whoever gets one asks
//! the authorization server that made it (RFC 7662). The contrast to tokens
//! that each resource server checks alone: a revocation is seen at once, and
//! each request pays for the question.
//!
//! Answers may be kept for `cache_ms`. That is the whole bargain: what was
//! revoked elsewhere may pass for that long, and is promised so. A kept answer
//! is looked up by the digest of the whole token, its expiry is compared again
//! on each use, a refusal is never kept, and what this node itself ends it
//! forgets at once.

mod cache;
mod port;
mod settings;

use authbench_core::{
    AuthStrategy, Decision, Digest, Guarantees, Identity, Issued, Logins, OutageBehaviour,
    Presented, Receipt, RefreshOffer, Refreshed, Refusal, Scope, Staleness, StrategyError, Subject,
    SubjectId, UnixMs,
};

use self::cache::Cache;
pub use self::port::{AuthorizationServer, Ended};
pub use self::settings::{MAX_CACHE_ENTRIES, MAX_CACHE_MS, Settings, SettingsError};

/// The longest token that the server is asked about.
pub const MAX_TOKEN_OCTETS: usize = 16 * 1024;

/// A resource server that asks `A`.
#[derive(Debug)]
pub struct Introspection<A> {
    authority: A,
    promised: Guarantees,
    cache: Option<Cache>,
}

impl<A: AuthorizationServer> Introspection<A> {
    /// Asks `authority`, and keeps its answers as the settings say.
    ///
    /// # Errors
    /// [`SettingsError`] when a setting is out of its bounds, or answers are to
    /// be kept although tokens end by disuse: uses that are not reported would
    /// not count.
    pub fn new(settings: &Settings, authority: A) -> Result<Self, SettingsError> {
        settings.check()?;
        let behind = authority.guarantees();
        if settings.cache_ms > 0 && behind.idle.is_some() {
            return Err(SettingsError::CacheWithIdle);
        }
        let cache = (settings.cache_ms > 0).then(|| Cache::new(settings));
        Ok(Self {
            promised: promise(behind, settings.cache_ms),
            authority,
            cache,
        })
    }

    /// The authorization server.
    pub const fn authority(&self) -> &A {
        &self.authority
    }

    /// What an acknowledgement of the authority means here: other nodes may
    /// keep what it has just changed.
    fn receipt(&self, from: Receipt) -> Receipt {
        let keeps_ms = self.cache.as_ref().map_or(0, Cache::keeps_ms);
        Receipt {
            effective_from: from.effective_from.plus_ms(keeps_ms),
        }
    }

    async fn judge(&self, token: &str, at: UnixMs) -> Result<Option<Identity>, StrategyError> {
        let Some(cache) = &self.cache else {
            return self.authority.introspect(token, at).await;
        };
        let key = Digest::of(token);
        if let Some(kept) = cache.get(&key, at) {
            return Ok(Some(kept));
        }
        let asked = cache.ask();
        let answer = self.authority.introspect(token, at).await?;
        match &answer {
            Some(identity) => cache.keep(asked, key, identity, at),
            None => cache.remove(&key),
        }
        Ok(answer)
    }
}

/// The authority's promises, seen past a cache. Its own staleness and the
/// cache's add up: the oldest answer of the one may be kept by the other.
fn promise(behind: Guarantees, keeps_ms: u64) -> Guarantees {
    let Guarantees {
        revoke_one,
        revoke_all,
        role_change,
        lifetime_ms,
        expiry_slack_ms,
        refresh: _,
        idle,
        login_limit,
        listing,
        outage,
        durability,
    } = behind;
    let later = |staleness| match staleness {
        staleness if keeps_ms == 0 => staleness,
        Staleness::Immediate => Staleness::WithinMs(keeps_ms),
        Staleness::WithinMs(ms) => Staleness::WithinMs(keeps_ms.saturating_add(ms)),
        Staleness::UntilExpiry => Staleness::UntilExpiry,
    };
    // Whoever has to ask cannot go on alone.
    let asks = if keeps_ms == 0 {
        OutageBehaviour::FailsClosed
    } else {
        OutageBehaviour::Coasts
    };
    Guarantees {
        revoke_one: later(revoke_one),
        revoke_all: later(revoke_all),
        role_change: later(role_change),
        lifetime_ms,
        expiry_slack_ms,
        // RFC 7662 and RFC 7009 know no renewal.
        refresh: RefreshOffer::None,
        idle,
        login_limit,
        listing,
        outage: outage.max(asks),
        durability,
    }
}

/// The token, if it can be one: visible ASCII and blanks (RFC 6749 A.12).
fn token_of<'a>(presented: &Presented<'a>) -> Result<&'a str, Refusal> {
    let token = presented.access.ok_or(Refusal::Missing)?;
    let visible = token.bytes().all(|octet| (b' '..=b'~').contains(&octet));
    if visible && (1..=MAX_TOKEN_OCTETS).contains(&token.len()) {
        Ok(token)
    } else {
        Err(Refusal::Malformed)
    }
}

impl<A: AuthorizationServer> AuthStrategy for Introspection<A> {
    fn guarantees(&self) -> Guarantees {
        self.promised
    }

    async fn issue(&self, subject: &Subject, at: UnixMs) -> Result<Issued, StrategyError> {
        self.authority.issue(subject, at).await
    }

    async fn authenticate(
        &self,
        presented: &Presented<'_>,
        at: UnixMs,
    ) -> Result<Decision, StrategyError> {
        let token = match token_of(presented) {
            Ok(token) => token,
            Err(refusal) => return Ok(Decision::Refused(refusal)),
        };
        Ok(match self.judge(token, at).await? {
            // Compared here as well (RFC 7662 4): the answer may be a kept one.
            Some(identity) if at < identity.expires_at => Decision::Accepted(identity),
            Some(_) => Decision::Refused(Refusal::Expired),
            // The server says no more than that (RFC 7662 2.2).
            None => Decision::Refused(Refusal::Unknown),
        })
    }

    async fn refresh(&self, _: &Presented<'_>, _: UnixMs) -> Result<Refreshed, StrategyError> {
        Ok(Refreshed::NotOffered)
    }

    async fn revoke(&self, scope: &Scope<'_>, at: UnixMs) -> Result<Receipt, StrategyError> {
        let ended = match *scope {
            Scope::Presented(presented) => match token_of(&presented) {
                Ok(token) => Ended::Token(token),
                // Nothing is named, so nothing has to be asked.
                Err(_) => return Ok(Receipt { effective_from: at }),
            },
            Scope::Login { subject, login } => Ended::Login { subject, login },
            Scope::Subject(subject) => Ended::Subject(subject),
            Scope::Others { subject, keep } => Ended::Others { subject, keep },
        };
        let receipt = self.authority.revoke(&ended, at).await;
        // Also when it failed: it may have taken effect.
        if let Some(cache) = &self.cache {
            match ended {
                Ended::Token(token) => cache.forget(&Digest::of(token)),
                Ended::Login { subject, .. }
                | Ended::Subject(subject)
                | Ended::Others { subject, .. } => cache.forget_subject(subject),
            }
        }
        receipt.map(|receipt| self.receipt(receipt))
    }

    async fn logins(&self, subject: &SubjectId, at: UnixMs) -> Result<Logins, StrategyError> {
        self.authority.logins(subject, at).await
    }

    async fn change_roles(&self, subject: &Subject, at: UnixMs) -> Result<Receipt, StrategyError> {
        let receipt = self.authority.change_roles(subject, at).await;
        if let Some(cache) = &self.cache {
            cache.forget_subject(&subject.id);
        }
        receipt.map(|receipt| self.receipt(receipt))
    }
}
