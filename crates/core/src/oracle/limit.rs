//! The limit of logins (ASVS 5.0 7.1.2): whether one more is granted, and whom
//! it ends.

use super::ledger::{Ending, Ledger, Login};
use super::standing::Standing;
use super::{Change, Expectation, Span, Window};
use crate::guarantee::{LimitPolicy, LoginLimit};
use crate::subject::SubjectId;

impl Ledger {
    /// Whether a login of `subject` in `call` must be granted: it must be
    /// refused where as many live as may, and may be where as many may live.
    /// `rivals` more are under way: overlapping logins may refuse each other.
    #[must_use]
    pub fn issue_expectation(&self, subject: &SubjectId, rivals: usize, call: Span) -> Expectation {
        let Some(LoginLimit {
            logins_max,
            policy: LimitPolicy::Reject,
        }) = self.promises.login_limit
        else {
            return Expectation::MustAccept;
        };
        let logins_max = usize::try_from(logins_max).unwrap_or(usize::MAX);
        let standings = self
            .of_subject(subject)
            .map(|(_, login)| self.standing_of(login, call));
        let (mut lives, mut may) = (0, rivals);
        for standing in standings {
            lives += usize::from(standing == Standing::Lives);
            may += usize::from(standing != Standing::Ended);
        }
        if lives >= logins_max {
            Expectation::MustRefuse
        } else if may >= logins_max {
            Expectation::Either(Window::Overlap)
        } else {
            Expectation::MustAccept
        }
    }

    /// A login of `subject` begins in `change`: where the policy is to evict,
    /// those before the newest `logins_max` end. Logins of one millisecond, or
    /// whose calls overlap, have no order; says whether the new one itself may
    /// be among the oldest.
    pub(super) fn evict(&mut self, subject: &SubjectId, change: Change) -> bool {
        let Some(LoginLimit {
            logins_max,
            policy: LimitPolicy::Evict,
        }) = self.promises.login_limit
        else {
            return false;
        };
        let logins_max = usize::try_from(logins_max).unwrap_or(usize::MAX);
        let standings: Vec<(usize, Standing)> = self
            .of_subject(subject)
            .map(|(no, login)| (no, self.standing_of(login, change.span)))
            .collect();
        let mut ends = Vec::new();
        for (no, standing) in &standings {
            if *standing == Standing::Ended {
                continue;
            }
            // One counts as newer in any case: the login that begins.
            let overlaps = !self.logins[*no].history.issued.before(&change.span);
            let (mut newer, mut maybe_newer) = (usize::from(!overlaps), 1);
            for (other, standing) in standings.iter().filter(|(other, _)| other != no) {
                let (own, others) = (&self.logins[*no], &self.logins[*other]);
                let sure = *standing == Standing::Lives && is_newer(others, own);
                newer += usize::from(sure);
                let maybe = *standing != Standing::Ended && !is_newer(own, others);
                maybe_newer += usize::from(maybe);
            }
            let sure = newer >= logins_max && change.acknowledged;
            if sure || maybe_newer >= logins_max {
                ends.push((*no, sure));
            }
        }
        for (no, acknowledged) in ends {
            let change = Change {
                acknowledged,
                ..change
            };
            self.end(no, Ending::Evicted, change, self.promises.revoke_one);
        }
        let mut not_older = 0;
        let mut rivalled = false;
        for (no, standing) in &standings {
            let issued = self.logins[*no].history.issued;
            let lives = *standing != Standing::Ended;
            not_older +=
                usize::from(lives && issued.end.whole_ms() >= change.span.start.whole_ms());
            rivalled |= lives && !issued.before(&change.span);
        }
        rivalled && not_older >= logins_max
    }

    fn of_subject<'a>(
        &'a self,
        subject: &'a SubjectId,
    ) -> impl Iterator<Item = (usize, &'a Login)> {
        let logins = self.logins.iter().enumerate();
        logins.filter(move |(_, login)| login.subject == *subject)
    }
}

/// Whether `login` began in a later millisecond than `other`, for sure.
fn is_newer(login: &Login, other: &Login) -> bool {
    let began = |login: &Login| login.history.issued;
    began(login).start.whole_ms() > began(other).end.whole_ms()
}
