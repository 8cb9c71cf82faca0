use super::*;
use crate::ids::Digest;

const CHAIN_MS: u64 = 10_000;

/// A login at 100 whose token `t0` renews until 10 100.
#[derive(Clone)]
struct Renewed {
    ledger: Ledger,
    no: CredentialNo,
}

fn token(n: u8) -> Digest {
    Digest([n; 32])
}

impl Renewed {
    fn new(grace_ms: u64) -> Self {
        let mut ledger = Ledger::new(Guarantees {
            refresh: RefreshOffer::RotatingKillsFamily {
                grace_ms,
                chain_ms: CHAIN_MS,
            },
            ..promises(Staleness::UntilExpiry, 0)
        });
        let (subject, roles) = (SubjectId::new("a"), Roles::default());
        let no = ledger.issued(&subject, &roles, span(100, 100), UnixMs(1_100));
        ledger.granted(no, token(0));
        Self { ledger, no }
    }

    fn call(&mut self, n: u8, ms: u64, answer: RefreshAnswer) -> Result<RefreshUse, RefreshBreach> {
        self.together(&[(n, span(ms, ms), answer)])
            .map(|uses| uses[0])
    }

    fn together(
        &mut self,
        calls: &[(u8, Span, RefreshAnswer)],
    ) -> Result<Vec<RefreshUse>, RefreshBreach> {
        let calls: Vec<_> = calls
            .iter()
            .map(|(n, span, answer)| RefreshCall {
                token: token(*n),
                span: *span,
                answer: *answer,
                barred: false,
            })
            .collect();
        self.ledger.refreshed(self.no, &calls)
    }
}

fn renews(n: u8) -> RefreshAnswer {
    RefreshAnswer::Renewed(token(n))
}

use RefreshAnswer::{Refused, Unanswered};

#[test]
fn the_newest_token_renews_until_the_end_of_the_chain() {
    let mut login = Renewed::new(0);
    assert_eq!(login.call(0, 200, renews(1)), Ok(RefreshUse::Renewed));
    assert_eq!(
        login.call(1, 300, Refused),
        Err(RefreshBreach::RefusedNewest)
    );
    assert_eq!(login.call(1, 10_099, renews(2)), Ok(RefreshUse::Renewed));
    assert_eq!(
        login.clone().call(2, 10_100, renews(3)),
        Err(RefreshBreach::RenewedExpired)
    );
    assert_eq!(login.call(2, 10_100, Refused), Ok(RefreshUse::Ended));
    let ends_at = login.ledger.login_ends_at(login.no);
    assert_eq!(ends_at, Some(UnixMs(10_100)));
}

#[test]
fn a_spent_token_is_refused_and_ends_the_family() {
    let mut login = Renewed::new(0);
    login.call(0, 200, renews(1)).unwrap();
    assert_eq!(
        login.clone().call(0, 200, renews(1)),
        Err(RefreshBreach::RenewedSpent)
    );
    assert_eq!(login.call(0, 200, Refused), Ok(RefreshUse::Reuse));
    assert_eq!(
        login.ledger.standing(login.no, span(201, 201)),
        Standing::Ended
    );
    assert_eq!(
        login.clone().call(1, 300, renews(2)),
        Err(RefreshBreach::RenewedSpent)
    );
    assert_eq!(login.call(1, 300, Refused), Ok(RefreshUse::Reuse));
    // The access credentials may live on until they expire.
    assert!(matches!(
        login.ledger.expectation(login.no, span(300, 300)),
        Expectation::Either(_)
    ));
}

#[test]
fn within_the_grace_the_predecessor_gets_its_successor_again() {
    let mut login = Renewed::new(50);
    login.call(0, 200, renews(1)).unwrap();
    let since = UnixMs(200).into();
    assert_eq!(
        login.call(0, 249, renews(1)),
        Ok(RefreshUse::Replayed { since })
    );
    assert_eq!(
        login.call(0, 249, renews(2)),
        Err(RefreshBreach::AnotherSuccessor)
    );
    assert_eq!(
        login.call(0, 249, Refused),
        Err(RefreshBreach::RefusedInGrace)
    );
    assert_eq!(
        login.clone().call(0, 250, renews(1)),
        Err(RefreshBreach::RenewedSpent),
        "less than the grace"
    );
    // It does not chain: once the successor is spent, its parent is old.
    login.call(1, 249, renews(2)).unwrap();
    assert_eq!(login.call(0, 249, Refused), Ok(RefreshUse::Reuse));
}

#[test]
fn no_grace_outlives_a_revocation() {
    let mut login = Renewed::new(50);
    login.call(0, 200, renews(1)).unwrap();
    login.ledger.revoked_one(login.no, acknowledged(210, 210));
    for n in [0, 1] {
        assert_eq!(
            login.clone().call(n, 220, renews(1 + n)),
            Err(RefreshBreach::RenewedRevoked)
        );
        assert_eq!(login.call(n, 220, Refused), Ok(RefreshUse::Ended));
    }
}

#[test]
fn a_lost_answer_leaves_both_worlds() {
    let mut login = Renewed::new(50);
    assert_eq!(login.call(0, 200, Unanswered), Ok(RefreshUse::Unanswered));
    // Nobody has seen the successor yet, so any text may be it.
    assert_eq!(
        login.clone().call(0, 220, renews(9)),
        Ok(RefreshUse::Renewed)
    );
    let mut late = login.clone();
    assert_eq!(late.call(0, 300, Refused), Ok(RefreshUse::Reuse));
    assert_eq!(
        late.ledger.standing(late.no, span(301, 301)),
        Standing::Ended
    );
    // In the grace it must not be refused, spent or not.
    assert_eq!(
        login.call(0, 220, Refused),
        Err(RefreshBreach::RefusedNewest)
    );
}

#[test]
fn of_two_that_race_one_is_first() {
    let (a, b) = (span(200, 202), span(201, 203));
    let mut strict = Renewed::new(0);
    assert_eq!(
        strict
            .clone()
            .together(&[(0, a, renews(1)), (0, b, renews(2))]),
        Err(RefreshBreach::RenewedSpent)
    );
    let uses = strict.together(&[(0, a, Refused), (0, b, renews(1))]);
    assert_eq!(uses, Ok(vec![RefreshUse::Reuse, RefreshUse::Renewed]));
    assert_eq!(
        strict.call(1, 300, renews(2)),
        Err(RefreshBreach::RenewedSpent),
        "the loser was a reuse"
    );

    let mut lenient = Renewed::new(50);
    let twins = lenient
        .clone()
        .together(&[(0, a, renews(1)), (0, b, renews(2))]);
    assert_eq!(twins, Err(RefreshBreach::AnotherSuccessor));
    let uses = lenient.together(&[(0, a, renews(1)), (0, b, renews(1))]);
    let replayed = RefreshUse::Replayed { since: b.end };
    assert!(
        uses.unwrap()
            .iter()
            .any(|made| *made == RefreshUse::Renewed || *made == replayed)
    );
    assert_eq!(lenient.call(1, 300, renews(2)), Ok(RefreshUse::Renewed));
}

#[test]
fn a_revocation_that_overlaps_ends_what_it_meets() {
    let mut login = Renewed::new(0);
    login.ledger.revoked_one(login.no, acknowledged(200, 210));
    let meets = login.together(&[(0, span(205, 207), renews(1))]);
    assert_eq!(meets, Ok(vec![RefreshUse::Renewed]));
    let roles = Roles::default();
    let newer = login
        .ledger
        .renewed(login.no, Some(&roles), span(205, 207), UnixMs(1_207))
        .unwrap();
    assert_eq!(
        login.call(1, 300, renews(2)),
        Err(RefreshBreach::RenewedRevoked)
    );
    // The promise for access credentials is to end at their expiry.
    assert_eq!(
        login.ledger.expectation(newer, span(300, 300)),
        Expectation::Either(Window::Revocation)
    );
}

#[test]
fn a_revocation_ends_all_credentials_of_a_login() {
    let mut ledger = Ledger::new(promises(Staleness::Immediate, 0));
    let (subject, roles) = (SubjectId::new("a"), Roles::default());
    let first = ledger.issued(&subject, &roles, span(10, 10), UnixMs(1_000));
    let second = ledger
        .renewed(first, None, span(20, 20), UnixMs(1_000))
        .unwrap();
    let kept = ledger.issued(&subject, &roles, span(30, 30), UnixMs(1_000));
    let kept_too = ledger
        .renewed(kept, None, span(40, 40), UnixMs(1_000))
        .unwrap();
    ledger.revoked_all(&subject, Some(kept_too), acknowledged(100, 110));
    let overlapping = ledger
        .renewed(first, None, span(105, 115), UnixMs(1_000))
        .unwrap();
    let at_200 = |no| ledger.expectation(no, span(200, 200));
    for no in [first, second, overlapping] {
        assert_eq!(at_200(no), Expectation::MustRefuse);
    }
    for no in [kept, kept_too] {
        assert_eq!(at_200(no), Expectation::MustAccept);
    }
}

#[test]
fn a_swap_ends_one_credential_and_not_its_login() {
    let (mut ledger, _, old) = ledger(Staleness::WithinMs(40), 0);
    ledger.swapped(old, acknowledged(200, 210));
    let new = ledger
        .renewed(old, None, span(200, 210), UnixMs(1_000))
        .unwrap();
    let at = |no, ms| ledger.expectation(no, span(ms, ms));
    assert_eq!(at(old, 249), Expectation::Either(Window::Revocation));
    assert_eq!(at(old, 250), Expectation::MustRefuse);
    assert_eq!(at(new, 250), Expectation::MustAccept);
    assert_eq!(ledger.standing(old, span(250, 250)), Standing::Lives);
    assert_eq!(
        ledger.ending(old),
        Some((Ending::Swapped, acknowledged(200, 210)))
    );
    assert_eq!(ledger.ending(new), None);
}

#[test]
fn a_barred_account_renews_nothing() {
    let login = Renewed::new(0);
    let call = |answer| RefreshCall {
        token: token(0),
        span: span(200, 200),
        answer,
        barred: true,
    };
    let mut renewed = login.clone();
    assert_eq!(
        renewed.ledger.refreshed(login.no, &[call(renews(1))]),
        Err(RefreshBreach::RenewedBarred)
    );
    let mut refused = login.clone();
    let uses = refused.ledger.refreshed(login.no, &[call(Refused)]);
    assert_eq!(uses, Ok(vec![RefreshUse::Barred]));
    // Whether that ended the login, or spent the token, is not said.
    for answer in [Refused, renews(1)] {
        assert!(refused.clone().call(0, 300, answer).is_ok());
    }
}

#[test]
fn roles_of_a_renewed_credential_are_those_it_was_told() {
    let mut login = Renewed::new(0);
    let (subject, admin) = (
        SubjectId::new("a"),
        ["admin"].into_iter().collect::<Roles>(),
    );
    login
        .ledger
        .roles_changed(&subject, &admin, acknowledged(150, 150));
    let newer = login
        .ledger
        .renewed(login.no, Some(&admin), span(200, 200), UnixMs(1_200))
        .unwrap();
    let seen = |no, roles: Roles| {
        let observed = Observed::Accepted {
            subject: subject.clone(),
            roles: Some(roles),
        };
        login.ledger.judge(no, span(300, 300), &observed)
    };
    let none = Roles::default();
    assert_eq!(seen(login.no, none.clone()), Judgement::UpheldWithOldRoles);
    assert_eq!(seen(newer, none), Judgement::WrongRoles);
    assert_eq!(seen(newer, admin), Judgement::Upheld(None));
}
