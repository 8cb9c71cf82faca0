use super::*;
use crate::guarantee::IdlePromise;

/// A login at 100 that may idle for 1 000 ms, or end up to 30 ms early.
fn idle_ledger(early_ms: u64) -> (Ledger, CredentialNo) {
    let mut ledger = Ledger::new(Guarantees {
        idle: Some(IdlePromise {
            timeout_ms: 1_000,
            early_ms,
        }),
        lifetime_ms: 100_000,
        ..promises(Staleness::Immediate, 0)
    });
    let (subject, roles) = (SubjectId::new("a"), Roles::default());
    let no = ledger.issued(&subject, &roles, span(100, 100), UnixMs(100_100));
    (ledger, no)
}

fn accepted() -> Observed {
    Observed::Accepted {
        subject: SubjectId::new("a"),
        roles: None,
    }
}

#[test]
fn a_login_lives_until_the_timeout_and_no_longer() {
    let (ledger, no) = idle_ledger(0);
    let at = |ms| ledger.expectation(no, span(ms, ms));
    assert_eq!(at(1_099), Expectation::MustAccept);
    assert_eq!(at(1_100), Expectation::MustRefuse);
    assert_eq!(
        ledger.expectation(no, span(1_050, 1_150)),
        Expectation::Either(Window::Overlap)
    );
}

#[test]
fn it_may_end_early_as_far_as_promised() {
    let (mut ledger, no) = idle_ledger(30);
    let early = |ledger: &Ledger, ms| ledger.expectation(no, span(ms, ms));
    assert_eq!(early(&ledger, 1_069), Expectation::MustAccept);
    assert_eq!(early(&ledger, 1_070), Expectation::Either(Window::Idle));
    assert_eq!(early(&ledger, 1_100), Expectation::MustRefuse);
    // A refusal there uses the room, an acceptance does not.
    let call = span(1_080, 1_080);
    assert_eq!(ledger.judge(no, call, &accepted()), Judgement::Upheld(None));
    assert_eq!(
        ledger.observe(no, call, &Observed::Refused),
        Judgement::Upheld(Some(Window::Idle))
    );
    // And what was refused as idle is refused for good.
    assert_eq!(early(&ledger, 1_081), Expectation::MustRefuse);
}

#[test]
fn a_use_counts_once_it_was_seen_and_may_count_without_an_answer() {
    let (mut ledger, no) = idle_ledger(0);
    ledger.observe(no, span(600, 600), &Observed::NoJudgement);
    let at = |ledger: &Ledger, ms| ledger.expectation(no, span(ms, ms));
    assert_eq!(at(&ledger, 1_099), Expectation::MustAccept);
    assert_eq!(at(&ledger, 1_100), Expectation::Either(Window::Overlap));
    assert_eq!(at(&ledger, 1_600), Expectation::MustRefuse);
    ledger.observe(no, span(700, 700), &accepted());
    assert_eq!(at(&ledger, 1_699), Expectation::MustAccept);
    assert_eq!(at(&ledger, 1_700), Expectation::MustRefuse);
    // A refusal is no use.
    ledger.observe(no, span(1_700, 1_700), &Observed::Refused);
    assert_eq!(at(&ledger, 1_701), Expectation::MustRefuse);
}

#[test]
fn renewal_is_a_use_and_use_is_no_renewal() {
    let (mut ledger, no) = idle_ledger(0);
    let newer = ledger
        .renewed(no, None, span(900, 900), UnixMs(1_500))
        .unwrap();
    let at = |ms| ledger.expectation(no, span(ms, ms));
    assert_eq!(at(1_899), Expectation::MustAccept);
    assert_eq!(at(1_900), Expectation::MustRefuse);
    assert_eq!(
        ledger.expectation(newer, span(1_500, 1_500)),
        Expectation::MustRefuse,
        "its own expiry"
    );
}
