mod durable;
mod idle;
mod limit;
mod renewal;

use proptest::prelude::*;

use super::*;
use crate::guarantee::{Durability, Guarantees, Listing, OutageBehaviour, RefreshOffer};
use crate::subject::{Roles, SubjectId};

fn promises(staleness: Staleness, expiry_slack_ms: u64) -> Guarantees {
    Guarantees {
        revoke_one: staleness,
        revoke_all: staleness,
        role_change: staleness,
        lifetime_ms: 1_000,
        expiry_slack_ms,
        refresh: RefreshOffer::None,
        idle: None,
        login_limit: None,
        listing: Listing::NotKept,
        outage: OutageBehaviour::Unaffected,
        durability: Durability::Stateless,
    }
}

fn span(start_ms: u64, end_ms: u64) -> Span {
    Span {
        start: UnixMs(start_ms).into(),
        end: UnixMs(end_ms).into(),
    }
}

fn acknowledged(start_ms: u64, end_ms: u64) -> Change {
    Change {
        span: span(start_ms, end_ms),
        acknowledged: true,
    }
}

fn ledger(staleness: Staleness, slack_ms: u64) -> (Ledger, SubjectId, CredentialNo) {
    let mut ledger = Ledger::new(promises(staleness, slack_ms));
    let subject = SubjectId::new("a");
    let no = ledger.issued(&subject, &Roles::default(), span(10, 20), UnixMs(1_000));
    (ledger, subject, no)
}

#[test]
fn a_good_credential_must_pass_until_the_very_millisecond_of_its_expiry() {
    let (ledger, _, no) = ledger(Staleness::Immediate, 0);
    let at = |start, end| ledger.expectation(no, span(start, end));
    assert_eq!(at(0, 9), Expectation::MustRefuse);
    assert_eq!(at(15, 30), Expectation::Either(Window::Overlap));
    assert_eq!(at(20, 30), Expectation::MustAccept);
    assert_eq!(at(900, 999), Expectation::MustAccept);
    assert_eq!(at(900, 1_000), Expectation::Either(Window::Overlap));
    assert_eq!(at(1_000, 1_000), Expectation::MustRefuse);
}

#[test]
fn slack_is_a_window_and_then_an_end() {
    let (ledger, _, no) = ledger(Staleness::Immediate, 50);
    let at = |ms| ledger.expectation(no, span(ms, ms));
    assert_eq!(at(1_000), Expectation::Either(Window::ExpirySlack));
    assert_eq!(at(1_049), Expectation::Either(Window::ExpirySlack));
    assert_eq!(at(1_050), Expectation::MustRefuse);
}

#[test]
fn a_revocation_binds_at_its_deadline() {
    for (promise, dead_at) in [
        (Staleness::Immediate, 210),
        (Staleness::WithinMs(40), 250),
        (Staleness::UntilExpiry, 1_000),
    ] {
        let (mut ledger, _, no) = ledger(promise, 0);
        ledger.revoked_one(no, acknowledged(200, 210));
        assert_eq!(
            ledger.expectation(no, span(100, 150)),
            Expectation::MustAccept
        );
        assert_eq!(
            ledger.expectation(no, span(205, 206)),
            Expectation::Either(Window::Overlap),
            "{promise:?}"
        );
        assert_eq!(
            ledger.expectation(no, span(dead_at, dead_at)),
            Expectation::MustRefuse
        );
        if dead_at > 210 {
            assert_eq!(
                ledger.expectation(no, span(dead_at - 1, dead_at - 1)),
                Expectation::Either(Window::Revocation)
            );
        }
    }
}

#[test]
fn an_unanswered_revocation_binds_nothing_and_excuses_everything() {
    let (mut ledger, _, no) = ledger(Staleness::Immediate, 0);
    ledger.revoked_one(
        no,
        Change {
            span: span(200, 210),
            acknowledged: false,
        },
    );
    assert_eq!(
        ledger.expectation(no, span(500, 500)),
        Expectation::Either(Window::Unacknowledged)
    );
    // A later one that is answered does bind.
    ledger.revoked_one(no, acknowledged(600, 600));
    assert_eq!(
        ledger.expectation(no, span(600, 600)),
        Expectation::MustRefuse
    );
}

#[test]
fn revoke_all_spares_the_kept_the_later_and_the_stranger() {
    let (mut ledger, subject, no) = ledger(Staleness::Immediate, 0);
    let none = Roles::default();
    let kept = ledger.issued(&subject, &none, span(30, 30), UnixMs(1_000));
    let overlapping = ledger.issued(&subject, &none, span(95, 105), UnixMs(1_000));
    let later = ledger.issued(&subject, &none, span(120, 120), UnixMs(1_000));
    let stranger = ledger.issued(&SubjectId::new("b"), &none, span(30, 30), UnixMs(1_000));
    ledger.revoked_all(&subject, Some(kept), acknowledged(100, 110));
    // Whichever of two calls that overlap is recorded first.
    let recorded_later = ledger.issued(&subject, &none, span(105, 115), UnixMs(1_000));
    let at_200 = |no| ledger.expectation(no, span(200, 200));
    assert_eq!(at_200(no), Expectation::MustRefuse);
    assert_eq!(at_200(kept), Expectation::MustAccept);
    for overlapping in [overlapping, recorded_later] {
        assert_eq!(
            at_200(overlapping),
            Expectation::Either(Window::Unacknowledged)
        );
    }
    assert_eq!(at_200(later), Expectation::MustAccept);
    assert_eq!(at_200(stranger), Expectation::MustAccept);
}

#[test]
fn identity_and_roles_are_judged() {
    let (mut ledger, subject, no) = ledger(Staleness::WithinMs(50), 0);
    let admin: Roles = ["admin"].into_iter().collect();
    ledger.roles_changed(&subject, &admin, acknowledged(100, 100));
    let seen = |subject: &SubjectId, roles: &Roles, ms| {
        let observed = Observed::Accepted {
            subject: subject.clone(),
            roles: Some(roles.clone()),
        };
        ledger.judge(no, span(ms, ms), &observed)
    };
    let none = Roles::default();
    assert_eq!(
        seen(&SubjectId::new("b"), &none, 90),
        Judgement::WrongSubject
    );
    assert_eq!(seen(&subject, &admin, 90), Judgement::WrongRoles);
    assert_eq!(seen(&subject, &none, 120), Judgement::UpheldWithOldRoles);
    assert_eq!(seen(&subject, &admin, 120), Judgement::Upheld(None));
    assert_eq!(seen(&subject, &none, 150), Judgement::WrongRoles);
    assert_eq!(
        ledger.judge(no, span(90, 90), &Observed::Refused),
        Judgement::RefusedGood
    );
}

#[test]
fn a_change_of_roles_without_an_answer_binds_nothing() {
    let (mut ledger, subject, no) = ledger(Staleness::Immediate, 50);
    let change = Change {
        span: span(100, 100),
        acknowledged: false,
    };
    let admin: Roles = ["admin"].into_iter().collect();
    ledger.roles_changed(&subject, &admin, change);
    for (roles, ms) in [
        (Roles::default(), 200),
        (admin, 200),
        (Roles::default(), 1_000),
    ] {
        let observed = Observed::Accepted {
            subject: subject.clone(),
            roles: Some(roles.clone()),
        };
        let judgement = ledger.judge(no, span(ms, ms), &observed);
        assert!(judgement.holds(), "{roles:?} at {ms}: {judgement:?}");
    }
}

proptest! {
    /// Under a stronger promise the oracle is never more lenient with an
    /// acceptance, and dead stays dead as time goes on.
    #[test]
    fn stronger_promises_allow_less(
        start in 20_u64..1_200, length in 0_u64..50,
        revoked in 20_u64..1_200, weak_ms in 0_u64..300,
    ) {
        let verdict = |promise| {
            let (mut ledger, _, no) = ledger(promise, 0);
            ledger.revoked_one(no, acknowledged(revoked, revoked));
            ledger.expectation(no, span(start, start + length))
        };
        let weak = verdict(Staleness::WithinMs(weak_ms));
        if weak == Expectation::MustRefuse {
            prop_assert_eq!(verdict(Staleness::Immediate), Expectation::MustRefuse);
        }
        if verdict(Staleness::UntilExpiry) == Expectation::MustRefuse {
            prop_assert_eq!(weak, Expectation::MustRefuse);
        }
    }
}
