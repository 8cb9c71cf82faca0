use super::mutants::{MUTANTS, Sketch, Variant};
use super::*;

fn campaign(variant: Variant, cuttable: bool) -> Outcome {
    let campaign = Campaign {
        seed: 7,
        cases: 64,
        steps_max: 80,
    };
    campaign
        .run(async |seed| Ok(Sketch::new(variant, seed, cuttable)))
        .unwrap()
}

#[test]
fn the_honest_are_upheld_and_use_the_room_that_they_ask_for() {
    for variant in Variant::HONEST {
        let outcome = campaign(variant, true);
        assert_eq!(outcome.refuted().count(), 0, "{variant:?}: {outcome}");
        let unwitnessed: Vec<_> = outcome.unwitnessed().collect();
        assert_eq!(unwitnessed, [], "{variant:?}: {outcome}");
        assert_eq!(outcome.verdicts.len(), Law::ALL.len());
    }
}

/// Exactly these laws are broken, and a weaker or stronger one is not blamed.
#[test]
fn each_mutant_is_caught_by_the_law_that_names_it() {
    let mut wrong = Vec::new();
    for (variant, laws) in MUTANTS {
        let outcome = campaign(variant, true);
        let refuted: Vec<_> = outcome.refuted().map(|found| found.law).collect();
        if refuted != laws {
            wrong.push(format!("{variant:?}, not {laws:?}: {outcome}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn each_law_has_its_mutant() {
    let named: Vec<Law> = MUTANTS
        .iter()
        .flat_map(|(_, laws)| *laws)
        .copied()
        .collect();
    let unnamed = Law::ALL.into_iter().filter(|law| !named.contains(law));
    // The one that needs a campaign of its own, see below.
    assert_eq!(unnamed.collect::<Vec<_>>(), [Law::Revival]);
}

#[test]
fn a_change_of_roles_that_revives_is_caught_as_such() {
    // Without outages: a change that happened without an answer revives too,
    // and is then found as a revocation that does not hold.
    let outcome = campaign(Variant::ChangeOfRolesRevives, false);
    let refuted: Vec<_> = outcome.refuted().map(|found| found.law).collect();
    assert_eq!(refuted, [Law::Revival], "{outcome}");
}

#[test]
fn a_claim_weaker_than_the_truth_is_unwitnessed() {
    let outcome = campaign(Variant::ClaimsUntilExpiry, true);
    assert_eq!(outcome.refuted().count(), 0, "{outcome}");
    assert_eq!(
        outcome.unwitnessed().collect::<Vec<_>>(),
        [Law::RevokeOne],
        "{outcome}"
    );
}

#[test]
fn what_cannot_be_cut_says_nothing_about_outages() {
    let outcome = campaign(Variant::Session, false);
    assert_eq!(
        outcome.unwitnessed().collect::<Vec<_>>(),
        [Law::Outage],
        "{outcome}"
    );
}

#[test]
fn the_shortest_history_is_short_and_replays() {
    let outcome = campaign(Variant::IgnoresLogout, true);
    let found = outcome.refuted().next().unwrap();
    // Issue, log out, present; or the last two at the same time and once more.
    assert!(found.history.len() <= 5, "{found}");
    let again = Campaign {
        seed: found.seed,
        cases: 1,
        steps_max: 80,
    };
    let again = again
        .run(async |seed| Ok(Sketch::new(Variant::IgnoresLogout, seed, true)))
        .unwrap();
    assert_eq!(again.refuted().next().unwrap().history, found.history);
    let text = outcome.to_string();
    assert!(
        text.contains(&format!("AUTHBENCH_SEED={}", found.seed)),
        "{text}"
    );
}

#[test]
fn no_history_no_verdict() {
    let campaign = Campaign {
        seed: 1,
        cases: 0,
        steps_max: 80,
    };
    let outcome = campaign.run(async |seed| Ok(Sketch::new(Variant::Session, seed, true)));
    assert!(matches!(outcome, Err(CampaignError::Empty)));
}

#[test]
fn every_mutation_changes_the_text() {
    let text = "aZ09-_.~";
    let flips = (0..u16::try_from(text.len() * 7).unwrap()).map(Mutation::Flip);
    for mutation in flips.chain([Mutation::DropLast, Mutation::DropFirst, Mutation::Append]) {
        let changed = mutate(text, mutation).unwrap();
        assert!(
            changed != text && changed.is_ascii(),
            "{mutation:?}: {changed:?}"
        );
    }
    assert_eq!(mutate("", Mutation::Append), None);
}

#[test]
fn the_summary_says_what_the_outcome_says() {
    let outcome = campaign(Variant::IgnoresLogout, true);
    let summary = outcome.summary();
    assert_eq!((summary.histories, summary.steps), (64, outcome.steps));
    let laws: Vec<_> = summary.laws.iter().map(|entry| entry.law).collect();
    assert_eq!(laws, Law::ALL);
    let entry = |law| {
        let place = summary.laws.iter().position(|entry| entry.law == law);
        &summary.laws[place.unwrap()]
    };
    let refuted = entry(Law::RevokeOne);
    let found = outcome.refuted().next().unwrap();
    assert_eq!(
        (refuted.verdict, refuted.seed),
        ("refuted", Some(found.seed))
    );
    assert_eq!(entry(Law::Idle).verdict, "not-promised");
    let durability = entry(Law::Durability);
    assert!(durability.leaves_room && durability.tally.witnessed > 0);
    let json = serde_json::to_value(&summary).unwrap();
    let first = &json["laws"][0];
    assert_eq!(first["law"], "revoke-one");
    assert_eq!(first["witnessed"], 0, "the tally stands beside the verdict");
}
