//! The laws of stores bite: a plain store obeys all of them, and each flaw is
//! caught by the law that is there for it.

mod plain;

use std::sync::Arc;

use authbench_core::StoreError;
use authbench_testkit::laws::store::{self, judge, races};
use authbench_testkit::laws::{Broken, Verdict};
use authbench_testkit::store_laws;

use plain::{Flaw, Plain};

async fn sound() -> Result<Plain, StoreError> {
    flawed(Flaw::None).await
}

async fn flawed(flaw: Flaw) -> Result<Plain, StoreError> {
    Ok(Plain::with(flaw))
}

store_laws!(a_sound_store, super::sound);

fn caught(flaw: Flaw, law: impl AsyncFnOnce(&Arc<Plain>) -> Verdict) {
    assert!(breaks(flaw, law), "{flaw:?}");
}

/// A race is lost at some try or other.
fn caught_at_last(flaw: Flaw, law: &impl AsyncFn(&Arc<Plain>) -> Verdict) {
    let caught = (0..20).any(|_| breaks(flaw, law));
    assert!(caught, "{flaw:?}");
}

fn breaks(flaw: Flaw, law: impl AsyncFnOnce(&Arc<Plain>) -> Verdict) -> bool {
    let verdict = judge(async || flawed(flaw).await, law);
    assert!(
        matches!(verdict, Ok(()) | Err(Broken::Finding(_))),
        "{flaw:?}: {verdict:?}"
    );
    verdict.is_err()
}

/// The names of the laws, out of these, that a flaw breaks.
macro_rules! broken {
    ($flaw:expr; $($group:ident::$law:ident),+ $(,)?) => {{
        let mut names = Vec::new();
        $(if breaks($flaw, store::$group::$law) {
            names.push(stringify!($law));
        })+
        names
    }};
}

#[test]
fn each_law_for_one_caller_catches_its_flaw() {
    caught(Flaw::RevisionOfTheCaller, store::keeps_what_it_is_given);
    caught(Flaw::KeysByPrefix, store::tells_keys_apart);
    caught(Flaw::InsertionOverwrites, store::never_overwrites);
    caught(Flaw::SwapUpserts, store::swaps_only_the_expected_revision);
    caught(Flaw::SwapMovesLogin, store::swap_keeps_subject_and_login);
    caught(Flaw::DeletionAlwaysSaysYes, store::ends::deletes_once);
    caught(
        Flaw::SubjectsByLowerCase,
        store::ends::deletes_one_subject_alone,
    );
    caught(
        Flaw::KeepsNobody,
        store::ends::keeps_the_login_it_is_told_to,
    );
    caught(Flaw::PurgeLate, store::ends::purges_up_to_the_instant);
    caught(Flaw::PurgeForgetsItsLimit, store::ends::purges_in_batches);
}

/// Of the laws of reads, touches and rotations exactly the one that names the
/// flaw.
#[test]
fn exactly_the_law_that_names_a_flaw_catches_it() {
    for (flaw, laws) in [
        (Flaw::None, &[] as &[&str]),
        (Flaw::ManyInOrderOfKeys, &["reads_many_as_it_reads_one"]),
        (Flaw::PayloadCut, &["keeps_payloads"]),
        (Flaw::TouchAlways, &["touches_past_the_threshold_only"]),
        (
            Flaw::TouchCountsAsWrite,
            &["a_touch_shows_and_leaves_all_else"],
        ),
        (
            Flaw::TouchShowsTheNew,
            &["a_touch_shows_and_leaves_all_else"],
        ),
        (Flaw::TouchCreates, &["a_touch_makes_nothing"]),
        (Flaw::TouchOfTheExpired, &["no_touch_past_expiry"]),
        (Flaw::SwapSetsUseBack, &["a_use_never_goes_back"]),
        (Flaw::TouchTooLate, &["too_late_is_for_good"]),
        (Flaw::RotationShowsTheOld, &["a_rotation_moves_one_on"]),
        (
            Flaw::RotationOfAnyGeneration,
            &["a_stale_rotation_shows_the_record"],
        ),
        (Flaw::RotationOfTheExpired, &["no_rotation_past_expiry"]),
        (Flaw::RotationCreates, &["a_rotation_makes_nothing"]),
        (Flaw::RotationSetsUseBack, &["a_rotation_sets_no_use_back"]),
        (
            Flaw::SwapOverlooksRotations,
            &["swap_and_rotation_see_each_other"],
        ),
        // What one law says of the count, another needs it for.
        (
            Flaw::RotationForgetsTheRevision,
            &[
                "a_rotation_moves_one_on",
                "swap_and_rotation_see_each_other",
            ],
        ),
    ] {
        let found = broken!(flaw;
            reads::reads_many_as_it_reads_one,
            reads::keeps_payloads,
            touch::touches_past_the_threshold_only,
            touch::a_touch_shows_and_leaves_all_else,
            touch::a_touch_makes_nothing,
            touch::no_touch_past_expiry,
            touch::a_use_never_goes_back,
            touch::too_late_is_for_good,
            rotate::a_rotation_moves_one_on,
            rotate::a_stale_rotation_shows_the_record,
            rotate::no_rotation_past_expiry,
            rotate::a_rotation_makes_nothing,
            rotate::a_rotation_sets_no_use_back,
            rotate::swap_and_rotation_see_each_other,
        );
        assert_eq!(found, laws, "{flaw:?}");
    }
}

#[test]
fn each_law_for_racing_callers_catches_its_flaw() {
    caught_at_last(Flaw::InsertionInSteps, &races::one_of_many_insertions_wins);
    caught_at_last(Flaw::SwapInSteps, &races::no_swap_is_lost);
    caught_at_last(
        Flaw::PurgeCountsWhatOthersTook,
        &races::each_deletion_counts_once,
    );
    caught_at_last(
        Flaw::DeletionOfASnapshot,
        &races::a_deletion_ends_what_came_before,
    );
    caught_at_last(Flaw::DeletionInSteps, &races::a_deletion_is_seen_whole);
    caught_at_last(Flaw::TouchInSteps, &store::touch::a_touch_undoes_no_write);
    caught_at_last(
        Flaw::RotationInSteps,
        &store::rotate::one_of_many_rotations_wins,
    );
    caught_at_last(
        Flaw::RotationOverwritesSwaps,
        &store::rotate::no_swap_or_rotation_is_lost,
    );
}

/// Each law about revival catches the upsert on its own way, and no other.
#[test]
fn each_way_of_revival_is_caught_by_its_law() {
    use store::revival::{a_rotation_never_revives, a_swap_never_revives, a_touch_never_revives};
    caught_at_last(Flaw::SwapInSteps, &a_swap_never_revives);
    caught_at_last(Flaw::RotationInStepsUpserts, &a_rotation_never_revives);
    caught_at_last(Flaw::TouchInStepsUpserts, &a_touch_never_revives);
    for (flaw, law) in [
        (Flaw::SwapInSteps, "a_swap_never_revives"),
        (Flaw::RotationInStepsUpserts, "a_rotation_never_revives"),
        (Flaw::TouchInStepsUpserts, "a_touch_never_revives"),
    ] {
        let mut found = broken!(flaw;
            revival::a_swap_never_revives,
            revival::a_rotation_never_revives,
            revival::a_touch_never_revives,
        );
        found.retain(|found| *found != law);
        assert_eq!(found, [""; 0], "{flaw:?}");
    }
}

/// The model sees what the laws for one caller see.
#[test]
fn the_model_catches_flaws() {
    for flaw in [
        Flaw::DeletionAlwaysSaysYes,
        Flaw::InsertionOverwrites,
        Flaw::KeepsNobody,
        Flaw::ManyInOrderOfKeys,
        Flaw::PurgeForgetsItsLimit,
        Flaw::PurgeLate,
        Flaw::RotationCreates,
        Flaw::RotationForgetsTheRevision,
        Flaw::RotationOfAnyGeneration,
        Flaw::RotationOfTheExpired,
        Flaw::RotationSetsUseBack,
        Flaw::RotationShowsTheOld,
        Flaw::SwapMovesLogin,
        Flaw::SwapSetsUseBack,
        Flaw::SwapUpserts,
        Flaw::TouchAlways,
        Flaw::TouchCountsAsWrite,
        Flaw::TouchCreates,
        Flaw::TouchOfTheExpired,
        Flaw::TouchShowsTheNew,
        Flaw::TouchTooLate,
    ] {
        let verdict = store::model::agrees(async || flawed(flaw).await);
        assert!(
            matches!(verdict, Err(Broken::Finding(_))),
            "{flaw:?}: {verdict:?}"
        );
    }
}
