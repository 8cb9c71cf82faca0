use super::*;
use crate::guarantee::{LimitPolicy, LoginLimit};

struct Limited {
    ledger: Ledger,
    subject: SubjectId,
}

impl Limited {
    fn new(logins_max: u32, policy: LimitPolicy) -> Self {
        let ledger = Ledger::new(Guarantees {
            login_limit: Some(LoginLimit { logins_max, policy }),
            ..promises(Staleness::Immediate, 0)
        });
        let subject = SubjectId::new("a");
        Self { ledger, subject }
    }

    fn issue(&mut self, span: Span) -> CredentialNo {
        self.ledger
            .issued(&self.subject, &Roles::default(), span, UnixMs(1_000))
    }

    fn may_issue(&self, ms: u64) -> Expectation {
        let call = span(ms, ms);
        self.ledger.issue_expectation(&self.subject, 0, call)
    }

    fn at(&self, no: CredentialNo, ms: u64) -> Expectation {
        self.ledger.expectation(no, span(ms, ms))
    }
}

#[test]
fn a_login_over_the_limit_is_refused_exactly_when_that_many_live() {
    let mut logins = Limited::new(2, LimitPolicy::Reject);
    let first = logins.issue(span(10, 10));
    assert_eq!(logins.may_issue(15), Expectation::MustAccept);
    logins.issue(span(20, 20));
    assert_eq!(logins.may_issue(30), Expectation::MustRefuse);
    let rivals = logins
        .ledger
        .issue_expectation(&SubjectId::new("b"), 2, span(30, 30));
    assert_eq!(rivals, Expectation::Either(Window::Overlap));
    logins.ledger.revoked_one(
        first,
        Change {
            span: span(40, 40),
            acknowledged: false,
        },
    );
    assert_eq!(
        logins.may_issue(50),
        Expectation::Either(Window::Overlap),
        "it may live or not"
    );
    logins.ledger.revoked_one(first, acknowledged(60, 60));
    assert_eq!(logins.may_issue(70), Expectation::MustAccept);
    assert_eq!(logins.may_issue(1_000), Expectation::MustAccept);
}

#[test]
fn a_login_without_answer_may_count() {
    let mut logins = Limited::new(1, LimitPolicy::Reject);
    let subject = logins.subject.clone();
    logins.ledger.maybe_issued(&subject, span(10, 10));
    assert_eq!(logins.may_issue(20), Expectation::Either(Window::Overlap));
    logins
        .ledger
        .revoked_all(&subject, None, acknowledged(30, 30));
    assert_eq!(logins.may_issue(40), Expectation::MustAccept);
}

#[test]
fn the_oldest_is_evicted_and_nobody_else() {
    let mut logins = Limited::new(2, LimitPolicy::Evict);
    let stranger = logins.ledger.issued(
        &SubjectId::new("b"),
        &Roles::default(),
        span(5, 5),
        UnixMs(1_000),
    );
    let [a, b, c] = [10, 20, 30].map(|ms| logins.issue(span(ms, ms)));
    assert_eq!(logins.may_issue(40), Expectation::MustAccept);
    assert_eq!(
        [a, b, c, stranger].map(|no| logins.at(no, 40)),
        [
            Expectation::MustRefuse,
            Expectation::MustAccept,
            Expectation::MustAccept,
            Expectation::MustAccept,
        ]
    );
    let ended = logins.ledger.ending(a);
    assert_eq!(ended, Some((Ending::Evicted, acknowledged(30, 30))));
    assert!(!logins.ledger.is_over_limit(&logins.subject, span(40, 40)));
}

#[test]
fn who_has_ended_leaves_room() {
    let mut logins = Limited::new(2, LimitPolicy::Evict);
    let [a, b] = [10, 20].map(|ms| logins.issue(span(ms, ms)));
    logins.ledger.revoked_one(b, acknowledged(25, 25));
    let c = logins.issue(span(30, 30));
    assert_eq!(logins.at(a, 40), Expectation::MustAccept);
    assert_eq!(logins.at(c, 40), Expectation::MustAccept);
}

#[test]
fn of_logins_of_one_millisecond_either_may_be_the_oldest() {
    let mut logins = Limited::new(2, LimitPolicy::Evict);
    let [a, b] = [10, 10].map(|ms| logins.issue(span(ms, ms)));
    let c = logins.issue(span(30, 30));
    let either = Expectation::Either(Window::Unacknowledged);
    assert_eq!([a, b].map(|no| logins.at(no, 40)), [either; 2]);
    assert_eq!(logins.at(c, 40), Expectation::MustAccept);
}

#[test]
fn of_logins_that_overlap_either_may_evict_the_other() {
    let mut logins = Limited::new(1, LimitPolicy::Evict);
    let old = logins.issue(span(5, 5));
    let [a, b] = [span(10, 12), span(11, 13)].map(|span| logins.issue(span));
    let either = Expectation::Either(Window::Unacknowledged);
    assert_eq!(logins.at(old, 40), Expectation::MustRefuse);
    assert_eq!([a, b].map(|no| logins.at(no, 40)), [either; 2]);
}

#[test]
fn more_than_the_limit_at_once_is_seen() {
    let mut logins = Limited::new(1, LimitPolicy::Reject);
    logins.issue(span(10, 12));
    let subject = logins.subject.clone();
    assert!(!logins.ledger.is_over_limit(&subject, span(20, 20)));
    logins.issue(span(10, 12));
    assert!(logins.ledger.is_over_limit(&subject, span(20, 20)));
}

#[test]
fn a_login_that_overlaps_may_lose_to_one_of_its_own_millisecond() {
    let mut logins = Limited::new(2, LimitPolicy::Evict);
    let ms = UnixMs(10).into();
    let Ns(start) = ms;
    let at = |from, to| Span {
        start: Ns(start + from),
        end: Ns(start + to),
    };
    let a = logins.issue(at(1, 1));
    let b = logins.issue(at(2, 4));
    let c = logins.issue(at(3, 5));
    let either = Expectation::Either(Window::Unacknowledged);
    assert_eq!([a, b, c].map(|no| logins.at(no, 40)), [either; 3]);
}
