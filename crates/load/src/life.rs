//! The life of one login, as its user knows it: the oracle's history of the
//! access credential, and what bears on renewing it. Flat.

use authbench_core::oracle::{Change, Expectation, LoginHistory, Ns, Span, Window};
use authbench_core::{Guarantees, RefreshOffer, Staleness, UnixMs};

/// One login.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Life {
    /// The call that began it.
    began: Span,
    /// Its newest access credential.
    access: LoginHistory,
    /// It was used at the start of this or later, and not after its end.
    used: Span,
}

impl Life {
    /// A login that `history.issued` began.
    pub(crate) const fn new(history: LoginHistory) -> Self {
        Self {
            began: history.issued,
            access: history,
            used: history.issued,
        }
    }

    /// Whether its access credential was issued before `call`.
    pub(crate) fn began_before(&self, call: Span) -> bool {
        self.access.issued.before(&call)
    }

    /// The history of its access credential.
    pub(crate) const fn history(&self) -> &LoginHistory {
        &self.access
    }

    /// When the access credential ends by itself.
    pub(crate) fn expiry(&self) -> Ns {
        self.access.expires_at.into()
    }

    /// From when on its user renews the access credential rather than show it:
    /// where tokens renew it, a twentieth of its life before its expiry, a
    /// second at most; else not before it.
    pub(crate) fn renew_from(&self, promises: &Guarantees) -> Ns {
        let expiry = self.expiry();
        match promises.refresh {
            RefreshOffer::RotatingKillsFamily { .. } => {
                let life_ns = expiry.0.saturating_sub(self.access.issued.start.0);
                Ns(expiry.0.saturating_sub((life_ns / 20).min(1_000_000_000)))
            }
            RefreshOffer::None | RefreshOffer::SwapsAccess => expiry,
        }
    }

    /// Whether a token may renew it at `now`.
    pub(crate) fn is_renewable(&self, promises: &Guarantees, now: Ns) -> bool {
        match promises.refresh {
            RefreshOffer::RotatingKillsFamily { chain_ms, .. } => {
                now < after_ms(self.began.start, chain_ms)
            }
            RefreshOffer::None | RefreshOffer::SwapsAccess => false,
        }
    }

    /// What must happen to a call that shows the access credential.
    pub(crate) fn of_access(&self, promises: &Guarantees, call: Span) -> Expectation {
        let expected = self.access.expectation(promises.expiry_slack_ms, call);
        if promises.idle.is_none() {
            return expected;
        }
        both(expected, self.of_disuse(promises, call))
    }

    /// What must happen to a call that renews it. Whoever renews asks the
    /// store itself, so an acknowledged revocation binds at once, however
    /// stale access credentials may be.
    pub(crate) fn of_renewal(&self, promises: &Guarantees, call: Span) -> Expectation {
        let RefreshOffer::RotatingKillsFamily { chain_ms, .. } = promises.refresh else {
            return self.of_access(promises, call);
        };
        let revoked =
            self.access
                .revoked
                .map_or(Expectation::MustAccept, |(change, _)| {
                    match change.acknowledged {
                        true if change.span.before(&call) => Expectation::MustRefuse,
                        _ if call.end > change.span.start => Expectation::Either(Window::Overlap),
                        _ => Expectation::MustAccept,
                    }
                });
        let age = if call.start >= after_ms(self.began.end, chain_ms) {
            Expectation::MustRefuse
        } else if call.end >= after_ms(self.began.start, chain_ms) || !self.began.before(&call) {
            Expectation::Either(Window::Overlap)
        } else {
            Expectation::MustAccept
        };
        both(both(revoked, age), self.of_disuse(promises, call))
    }

    /// A call showed its credentials; with `certain`, it was accepted.
    pub(crate) fn use_in(&mut self, call: Span, certain: bool) {
        self.used.end = self.used.end.max(call.end);
        if certain {
            self.used.start = self.used.start.max(call.start);
        }
    }

    /// It has another access credential since `call`. What ended the login
    /// ends this one, too.
    pub(crate) fn renew(&mut self, call: Span, expires_at: UnixMs) {
        let revoked = self.access.revoked;
        self.access = LoginHistory {
            revoked,
            ..LoginHistory::new(call, expires_at)
        };
        self.use_in(call, true);
    }

    /// Its access credential was to be ended.
    pub(crate) fn revoke(&mut self, change: Change, promise: Staleness) {
        self.access.revoke(change, promise);
    }

    /// Somebody has asked at `from` to end every login of the account, and has
    /// no answer: it may be over at any time from then on.
    pub(crate) fn doubt(&mut self, from: Ns, promise: Staleness) {
        self.access.revoke(doubt(from), promise);
    }

    /// The answer to what made it doubtful at `change.span.start` has come:
    /// it ended what had begun before, and may have ended what began
    /// meanwhile.
    pub(crate) fn sweep(&mut self, change: Change, promise: Staleness) {
        let before = self.began.before(&change.span);
        if !before && self.began.start >= change.span.end {
            return;
        }
        let acknowledged = change.acknowledged && before;
        let is_doubtful = self
            .access
            .revoked
            .is_some_and(|(earlier, _)| !earlier.acknowledged);
        if acknowledged && is_doubtful {
            self.access.revoked = None;
        }
        self.access.revoke(
            Change {
                acknowledged,
                ..change
            },
            promise,
        );
    }

    /// What made it doubtful at `from` was refused: it did not happen.
    pub(crate) fn trust(&mut self, from: Ns) {
        if self.access.revoked.map(|(change, _)| change) == Some(doubt(from)) {
            self.access.revoked = None;
        }
    }

    /// From when on its access credential is dead for certain.
    pub(crate) fn dead_from(&self, promises: &Guarantees) -> Ns {
        let dead = after_ms(self.expiry(), promises.expiry_slack_ms);
        match self.access.revoked {
            Some((change, promise)) if change.acknowledged => match promise {
                Staleness::Immediate => change.span.end.min(dead),
                Staleness::WithinMs(ms) => after_ms(change.span.end, ms).min(dead),
                Staleness::UntilExpiry => dead,
            },
            _ => dead,
        }
    }

    /// Until when it was seen at work, at the latest.
    pub(crate) const fn seen_until(&self) -> Ns {
        self.used.end
    }

    /// What disuse says of a call (ASVS 5.0 7.3.1).
    fn of_disuse(&self, promises: &Guarantees, call: Span) -> Expectation {
        let Some(idle) = promises.idle else {
            return Expectation::MustAccept;
        };
        let early_ms = idle.timeout_ms.saturating_sub(idle.early_ms);
        if call.start >= after_ms(self.used.end, idle.timeout_ms) {
            Expectation::MustRefuse
        } else if call.end >= after_ms(self.used.start, early_ms) {
            Expectation::Either(Window::Idle)
        } else {
            Expectation::MustAccept
        }
    }
}

/// A change without an answer so far.
const fn doubt(from: Ns) -> Change {
    Change {
        span: Span {
            start: from,
            end: Ns(u64::MAX),
        },
        acknowledged: false,
    }
}

fn after_ms(at: Ns, ms: u64) -> Ns {
    Ns(at.0.saturating_add(ms.saturating_mul(1_000_000)))
}

/// What must happen where both of two things must be so.
fn both(one: Expectation, other: Expectation) -> Expectation {
    match (one, other) {
        (Expectation::MustRefuse, _) | (_, Expectation::MustRefuse) => Expectation::MustRefuse,
        (Expectation::MustAccept, other) => other,
        (either, _) => either,
    }
}

#[cfg(test)]
mod tests {
    use authbench_core::guarantee::IdlePromise;
    use proptest::prelude::*;

    use super::*;
    use crate::judge::tests::promises;

    fn at(start_ms: u64, end_ms: u64) -> Span {
        Span {
            start: UnixMs(start_ms).into(),
            end: UnixMs(end_ms).into(),
        }
    }

    fn rotating(chain_ms: u64) -> Guarantees {
        Guarantees {
            refresh: RefreshOffer::RotatingKillsFamily {
                grace_ms: 0,
                chain_ms,
            },
            revoke_all: Staleness::UntilExpiry,
            ..promises()
        }
    }

    fn change(start_ms: u64, end_ms: u64) -> Change {
        Change {
            span: at(start_ms, end_ms),
            acknowledged: true,
        }
    }

    fn life() -> Life {
        Life::new(LoginHistory::new(at(100, 110), UnixMs(1_100)))
    }

    #[test]
    fn a_login_is_renewed_shortly_before_its_credential_expires() {
        let (life, rotating) = (life(), rotating(10_000));
        assert_eq!(life.renew_from(&promises()), Ns::from(UnixMs(1_100)));
        assert_eq!(life.renew_from(&rotating), Ns::from(UnixMs(1_050)));
        assert!(life.is_renewable(&rotating, UnixMs(10_099).into()));
        assert!(!life.is_renewable(&rotating, UnixMs(10_100).into()));
        assert!(!life.is_renewable(&promises(), UnixMs(101).into()));
    }

    #[test]
    fn renewal_ends_at_once_where_access_lingers() {
        let (mut life, rotating) = (life(), rotating(10_000));
        assert_eq!(
            life.of_renewal(&rotating, at(200, 201)),
            Expectation::MustAccept
        );
        life.sweep(change(300, 310), Staleness::UntilExpiry);
        let either = Expectation::Either(Window::Overlap);
        assert_eq!(life.of_renewal(&rotating, at(305, 306)), either);
        assert_eq!(
            life.of_renewal(&rotating, at(310, 311)),
            Expectation::MustRefuse
        );
        let lingering = life.of_access(&rotating, at(310, 311));
        assert_eq!(lingering, Expectation::Either(Window::Revocation));
        // A renewal in flight meanwhile ends with it.
        life.renew(at(305, 309), UnixMs(1_305));
        assert_eq!(
            life.of_renewal(&rotating, at(400, 401)),
            Expectation::MustRefuse
        );
    }

    #[test]
    fn nothing_is_renewed_after_the_end_of_the_chain() {
        let (mut life, rotating) = (life(), rotating(2_000));
        life.renew(at(1_000, 1_001), UnixMs(9_000));
        assert_eq!(
            life.of_renewal(&rotating, at(2_098, 2_099)),
            Expectation::MustAccept
        );
        let either = Expectation::Either(Window::Overlap);
        assert_eq!(life.of_renewal(&rotating, at(2_105, 2_106)), either);
        assert_eq!(
            life.of_renewal(&rotating, at(2_110, 2_111)),
            Expectation::MustRefuse
        );
    }

    #[test]
    fn a_doubt_is_settled_by_the_answer() {
        let promise = Staleness::Immediate;
        let judged = |life: &Life, ms| life.of_access(&promises(), at(ms, ms + 1));
        let mut asked = life();
        asked.doubt(at(300, 0).start, promise);
        assert_eq!(judged(&asked, 200), Expectation::MustAccept);
        let unsure = Expectation::Either(Window::Unacknowledged);
        assert_eq!(judged(&asked, 350), unsure);
        let mut refused = asked;
        refused.trust(at(300, 0).start);
        assert_eq!(judged(&refused, 350), Expectation::MustAccept);
        for promise in [promise, Staleness::UntilExpiry] {
            let mut done = asked;
            done.sweep(change(300, 310), promise);
            let dead = done.of_renewal(&rotating(9_000), at(310, 311));
            assert_eq!(dead, Expectation::MustRefuse, "{promise:?}");
            done.trust(at(300, 0).start);
            let still = done.of_renewal(&rotating(9_000), at(310, 311));
            assert_eq!(still, Expectation::MustRefuse, "{promise:?}");
        }
        // Begun meanwhile: perhaps; begun later: not.
        let mut meanwhile = Life::new(LoginHistory::new(at(305, 306), UnixMs(1_100)));
        meanwhile.sweep(change(300, 310), promise);
        assert_eq!(judged(&meanwhile, 400), unsure);
        let mut later = Life::new(LoginHistory::new(at(310, 311), UnixMs(1_100)));
        later.sweep(change(300, 310), promise);
        assert_eq!(judged(&later, 400), Expectation::MustAccept);
    }

    #[test]
    fn disuse_ends_a_login() {
        let mut idle = promises();
        idle.idle = Some(IdlePromise {
            timeout_ms: 100,
            early_ms: 20,
        });
        let mut life = life();
        assert_eq!(life.of_access(&idle, at(150, 151)), Expectation::MustAccept);
        assert_eq!(
            life.of_access(&idle, at(181, 182)),
            Expectation::Either(Window::Idle)
        );
        assert_eq!(life.of_access(&idle, at(210, 211)), Expectation::MustRefuse);
        life.use_in(at(150, 151), true);
        assert_eq!(life.of_access(&idle, at(210, 211)), Expectation::MustAccept);
    }

    proptest! {
        /// Where it is dead for certain, no call that begins then may pass.
        #[test]
        fn dead_is_dead(
            revoked in proptest::option::of((100_u64..2_000, 0_u64..20, any::<bool>())),
            within_ms in 0_u64..2_000, slack_ms in 0_u64..50,
        ) {
            let (mut life, mut promises) = (life(), promises());
            promises.expiry_slack_ms = slack_ms;
            if let Some((start, length, acknowledged)) = revoked {
                let span = at(start, start + length);
                life.revoke(Change { span, acknowledged }, Staleness::WithinMs(within_ms));
            }
            let dead = life.dead_from(&promises);
            let call = Span { start: dead, end: Ns(dead.0 + 1) };
            prop_assert_eq!(life.of_access(&promises, call), Expectation::MustRefuse);
            let before = Span { start: Ns(dead.0 - 1), end: dead };
            prop_assert_ne!(life.of_access(&promises, before), Expectation::MustRefuse);
        }
    }
}
