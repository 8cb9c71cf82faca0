use super::*;

fn crashed(durability: Durability) -> (Ledger, CredentialNo, CredentialNo) {
    let mut ledger = Ledger::new(Guarantees {
        durability,
        ..promises(Staleness::Immediate, 0)
    });
    let (subject, roles) = (SubjectId::new("a"), Roles::default());
    let good = ledger.issued(&subject, &roles, span(10, 10), UnixMs(1_000));
    let dead = ledger.issued(&subject, &roles, span(11, 11), UnixMs(1_000));
    ledger.revoked_one(dead, acknowledged(20, 20));
    ledger.crashed();
    (ledger, good, dead)
}

fn seen(ledger: &Ledger, no: CredentialNo, accepted: bool) -> Judgement {
    let observed = if accepted {
        Observed::Accepted {
            subject: SubjectId::new("a"),
            roles: None,
        }
    } else {
        Observed::Refused
    };
    ledger.judge(no, span(30, 30), &observed)
}

#[test]
fn what_is_durable_survives_a_crash() {
    for durability in [
        Durability::Stateless,
        Durability::Disk,
        Durability::ProcessCrash,
    ] {
        let (ledger, good, dead) = crashed(durability);
        assert_eq!(seen(&ledger, good, false), Judgement::RefusedGood);
        assert_eq!(seen(&ledger, dead, true), Judgement::AcceptedDead);
        assert_eq!(ledger.standing(good, span(30, 30)), Standing::Lives);
    }
}

#[test]
fn without_durability_all_may_be_lost_and_the_loss_is_told() {
    let (mut ledger, good, dead) = crashed(Durability::None);
    let lost = Judgement::Upheld(Some(Window::Crash));
    assert_eq!(seen(&ledger, good, false), lost);
    assert_eq!(seen(&ledger, dead, true), lost);
    // What is as without the crash shows no loss.
    assert_eq!(seen(&ledger, good, true), Judgement::Upheld(None));
    assert_eq!(seen(&ledger, dead, false), Judgement::Upheld(None));
    // No crash moves an expiry, and none takes what comes after it.
    assert_eq!(
        ledger.expectation(good, span(1_000, 1_000)),
        Expectation::MustRefuse
    );
    assert_eq!(ledger.standing(good, span(30, 30)), Standing::Either);
    let (subject, roles) = (SubjectId::new("a"), Roles::default());
    let later = ledger.issued(&subject, &roles, span(40, 40), UnixMs(1_000));
    assert_eq!(
        ledger.expectation(later, span(50, 50)),
        Expectation::MustAccept
    );
    // Neither does a crash take what comes after it.
    ledger.revoked_one(good, acknowledged(60, 60));
    assert_eq!(
        ledger.expectation(good, span(70, 70)),
        Expectation::MustRefuse
    );
    assert_eq!(ledger.standing(good, span(70, 70)), Standing::Ended);
}
