//! Whether a login lives, whoever presents which of its credentials.

use super::ledger::{Ledger, Login};
use super::{CredentialNo, Expectation, Span, Window};
use crate::guarantee::RefreshOffer;
use crate::subject::SubjectId;
use crate::time::UnixMs;

/// Whether a login lives.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Standing {
    /// It works: it counts for a limit and belongs in a list.
    Lives,
    /// It may work or not.
    Either,
    /// It has ended.
    Ended,
}

impl From<Expectation> for Standing {
    fn from(expected: Expectation) -> Self {
        match expected {
            Expectation::MustAccept => Self::Lives,
            Expectation::MustRefuse => Self::Ended,
            Expectation::Either(_) => Self::Either,
        }
    }
}

impl Login {
    /// What age says of the whole login in `call`: where tokens renew it, the
    /// end of the chain counts, and slack does not.
    pub(super) fn age(&self, call: Span) -> Expectation {
        self.history.unrevoked().expectation(self.vague_ms, call)
    }

    /// Whether nothing was to end it (`None`: something may have).
    pub(super) fn is_not_ended(&self, call: Span) -> Option<bool> {
        let mut changes = self.endings.iter().map(|(_, change, _)| change);
        if changes
            .clone()
            .any(|change| change.acknowledged && change.span.before(&call))
        {
            Some(false)
        } else if changes.any(|change| change.span.start <= call.end) {
            None
        } else {
            Some(true)
        }
    }
}

impl Ledger {
    /// Whether more logins of `subject` live in `call` than may at once.
    #[must_use]
    pub fn is_over_limit(&self, subject: &SubjectId, call: Span) -> bool {
        let Some(limit) = self.promises.login_limit else {
            return false;
        };
        let logins = self.logins.iter();
        let theirs = logins.filter(|login| login.subject == *subject);
        let lives = theirs.filter(|login| self.standing_of(login, call) == Standing::Lives);
        lives.count() as u64 > u64::from(limit.logins_max)
    }

    /// Whether the login of `credential` lives in `call`: works with some
    /// credential, or renews (ASVS 5.0 7.5.2).
    #[must_use]
    pub fn standing(&self, credential: CredentialNo, call: Span) -> Standing {
        let login = self.entries.get(credential.0).map(|entry| entry.login);
        match login.and_then(|login| self.logins.get(login)) {
            Some(login) => self.standing_of(login, call),
            None => Standing::Ended,
        }
    }

    /// When the login of `credential` ends by itself: with its credential, or
    /// where tokens renew it, at the end of all renewal.
    #[must_use]
    pub fn login_ends_at(&self, credential: CredentialNo) -> Option<UnixMs> {
        let entry = self.entries.get(credential.0)?;
        Some(self.logins.get(entry.login)?.history.expires_at)
    }

    pub(super) fn standing_of(&self, login: &Login, call: Span) -> Standing {
        let lives = match (self.promises.refresh, &login.family) {
            (RefreshOffer::RotatingKillsFamily { .. }, family) => {
                // What renews asks the store itself, whatever else may lag.
                let lives = match family {
                    Some(family) => family.lives(call),
                    None => login.is_not_ended(call),
                };
                login.age(call).and(match lives {
                    Some(true) => Expectation::MustAccept,
                    Some(false) => Expectation::MustRefuse,
                    None => Expectation::Either(Window::Unacknowledged),
                })
            }
            _ => {
                let slack_ms = self.promises.expiry_slack_ms.max(login.vague_ms);
                login.history.expectation(slack_ms, call)
            }
        };
        let expected = lives.and(login.uses.expectation(self.promises.idle, call));
        match Standing::from(expected) {
            Standing::Lives if login.lost || !login.acknowledged => Standing::Either,
            standing => standing,
        }
    }
}
