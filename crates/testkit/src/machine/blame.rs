//! Which law says so: a credential may be dead, or good, for several reasons.

use authbench_core::oracle::{CredentialNo, Ending, Ns, Span};
use authbench_core::{Durability, LimitPolicy};

use super::backing::Backing;
use super::law::Law;
use super::world::World;

/// The law that an ending is about.
pub(super) const fn law_of(ending: Ending) -> Law {
    match ending {
        Ending::One => Law::RevokeOne,
        Ending::All => Law::RevokeAll,
        Ending::Swapped => Law::Swap,
        Ending::Evicted => Law::LoginLimit,
        Ending::Reused => Law::Reuse,
    }
}

impl<B: Backing> World<'_, B> {
    /// Which law says that a dead credential is dead.
    pub(super) fn law_of_death(&self, held: usize, span: Span) -> Law {
        let held = &self.held[held];
        let expires_at = held.credentials.expires_at;
        let expired_at = expires_at.plus_ms(self.promises.expiry_slack_ms);
        if Ns::from(expired_at) <= span.start {
            Law::Expiry
        } else {
            self.law_of_end(held.no, span)
        }
    }

    /// Which law says that a login has ended.
    pub(super) fn law_of_end(&self, no: CredentialNo, span: Span) -> Law {
        let ends_at = self.ledger.login_ends_at(no).map(Ns::from);
        let expired = ends_at.is_some_and(|ends_at| ends_at <= span.start);
        match self.ledger.ending(no) {
            Some((ending, change)) if change.acknowledged => {
                if self.outlasts(change.span, span) {
                    Law::Durability
                } else {
                    law_of(ending)
                }
            }
            _ if expired => Law::Expiry,
            _ if self.promises.idle.is_some() => Law::Idle,
            Some((ending, _)) => law_of(ending),
            None => Law::Expiry,
        }
    }

    /// Which law says that a good credential is good; `otherwise` if nothing
    /// happened that another one speaks of.
    pub(super) fn law_of_refusal(&self, held: usize, span: Span, otherwise: Law) -> Law {
        let made = self.held[held].made;
        if self.outlasts(made, span) {
            return Law::Durability;
        }
        if self.blames_keys {
            return Law::Keys;
        }
        let account = self.account_of(held);
        let issued = self.logins.iter().filter(|login| login.account == account);
        if self.promises.login_limit.is_some_and(|limit| {
            limit.policy == LimitPolicy::Evict && issued.count() as u64 > limit.logins_max.into()
        }) {
            return Law::LoginLimit;
        }
        let used_at = self.ledger.used_at(self.held[held].no);
        let unused_ms = used_at.map_or(0, |at| span.start.whole_ms() - at.whole_ms());
        match self.promises.idle {
            Some(idle) if unused_ms >= idle.timeout_ms / 2 => Law::Idle,
            _ => otherwise,
        }
    }

    /// Which law says that an account has the roles that it has.
    pub(super) fn law_of_roles(&self, account: usize) -> Law {
        let since = Ns::from(self.accounts[account].roles_since);
        let crash = self.crashed.filter(|crash| since <= crash.start);
        match (crash, self.promises.durability) {
            (None, _) | (_, Durability::None) => Law::RoleChange,
            (Some(_), _) => Law::Durability,
        }
    }

    /// Whether what happened in `before` has outlasted a crash by `span`, as
    /// promised.
    fn outlasts(&self, before: Span, span: Span) -> bool {
        let crash = self
            .crashed
            .filter(|crash| before.before(crash) && crash.before(&span));
        crash.is_some() && self.promises.durability != Durability::None
    }
}
