//! Parts of one run, merged: exact, in any order, and refused when they do
//! not belong together.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod fixture;

use std::sync::LazyLock;

use authbench_results::{
    ActionFigures, Cell, Difference, Histogram, MergeError, Metric, OutcomeKind, Outcomes,
    RunResult, Shape, Shard, Skipped, merge, recorder, store,
};
use proptest::prelude::*;

static WHOLE: LazyLock<RunResult> = LazyLock::new(|| {
    let mut result = fixture::phased::result();
    result
        .strategies
        .iter_mut()
        .for_each(|facts| facts.knee = None);
    result
});

/// `result` as part `index` of `of`.
fn part_of(mut result: RunResult, index: u32, of: u32) -> RunResult {
    result.run.id = format!("run-{index}");
    result.run.shard = Some(Shard {
        index,
        of,
        start_at: "2025-11-24T16:00:00Z".to_owned(),
        late_ms: u64::from(index) * 7,
        program_sha256: "ab".repeat(32),
    });
    result
}

fn part(index: u32, of: u32) -> RunResult {
    part_of(WHOLE.clone(), index, of)
}

#[test]
fn three_parts_of_equal_size_make_three_times_the_load() {
    let merged = merge(vec![part(2, 3), part(0, 3), part(1, 3)]).unwrap();
    merged.check().unwrap();
    let from = merged.run.merged_from.as_ref().unwrap();
    assert_eq!(from.runs, ["run-0", "run-1", "run-2"]);
    assert_eq!(from.start_skew_ms, 14);
    assert_eq!(merged.run.warnings, WHOLE.run.warnings, "said by all: once");
    assert_eq!(merged.environment, WHOLE.environment);
    assert_eq!(merged.cells.len(), WHOLE.cells.len());
    for (cell, own) in merged.cells.iter().zip(&WHOLE.cells) {
        assert_eq!((&cell.strategy, &cell.phase), (&own.strategy, &own.phase));
        assert_eq!(cell.load.offered_per_s, own.load.offered_per_s * 3.0);
        assert_eq!(cell.load.completed, own.load.completed * 3);
        assert_eq!(cell.load.users, own.load.users * 3);
        assert_eq!(cell.load.measured_ms, own.load.measured_ms);
        assert_eq!(cell.load.think_ms, own.load.think_ms);
        assert_eq!(cell.costs, own.costs);
        assert_eq!(cell.outcomes.total(), own.outcomes.total() * 3);
        let p99 = |c: &Cell| c.latency.response.as_ref().unwrap().p99_ns;
        assert_eq!(p99(cell), p99(own));
    }
    let outage = &merged.cells[3];
    let bursts = Shape::Bursts {
        base_per_s: 4_500.0,
        burst_per_s: 10_500.0,
        every_ms: 1_000,
        burst_ms: 250,
    };
    assert_eq!(outage.load.shape, bursts);
    let (fault, own) = (&outage.faults[0], &WHOLE.cells[3].faults[0]);
    assert_eq!(fault.recovery_ns, own.recovery_ns);
    assert_eq!(fault.lasted_ns, own.lasted_ns);
    assert_eq!(fault.during.total(), own.during.total() * 3);
    let (facts, own) = (&merged.strategies[1], &WHOLE.strategies[1]);
    assert_eq!(
        facts.memory.server_bytes_per_login,
        own.memory.server_bytes_per_login
    );
    assert_eq!(facts.memory.logins, own.memory.logins * 3);
    assert_eq!(facts.saturation.len(), own.saturation.len() * 3);
    assert_eq!(
        facts.revocation_elsewhere.as_ref().unwrap().samples,
        own.revocation_elsewhere.as_ref().unwrap().samples * 3
    );
}

#[test]
fn a_merged_run_is_a_file_like_any_other_and_no_part() {
    let merged = merge(vec![part(0, 2), part(1, 2)]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let saved = store::write(folder.path(), &merged).unwrap();
    assert_eq!(store::read(&saved.path).unwrap(), merged);
    let again = merge(vec![merged]).unwrap_err();
    assert!(matches!(again, MergeError::NoShard { .. }), "{again}");
}

#[test]
fn what_does_not_belong_together_is_refused_by_name() {
    let refused = |change: &dyn Fn(&mut RunResult)| {
        let mut other = part(1, 2);
        change(&mut other);
        merge(vec![part(0, 2), other]).unwrap_err().to_string()
    };
    let shard = |r: &mut RunResult, change: &dyn Fn(&mut Shard)| {
        change(r.run.shard.as_mut().unwrap());
    };
    for (error, expected) in [
        (
            refused(&|r| r.scenario.sha256 = "0".repeat(64)),
            "their scenarios differ",
        ),
        (
            refused(&|r| shard(r, &|s| s.program_sha256.clear())),
            "different programs",
        ),
        (refused(&|r| r.run.seed += 1), "their seeds differ"),
        (
            refused(&|r| r.run.tool_version.push('x')),
            "different versions",
        ),
        (
            refused(&|r| shard(r, &|s| s.of = 3)),
            "different numbers of parts",
        ),
        (refused(&|r| r.run.shard = None), "the run run-1 is no part"),
        (
            refused(&|r| shard(r, &|s| s.index = 2)),
            "calls itself part 2 of 2",
        ),
        (
            refused(&|r| shard(r, &|s| s.index = 0)),
            "run-0 and run-1 are both part 0",
        ),
        (
            refused(&|r| shard(r, &|s| s.start_at.clear())),
            "does not say when",
        ),
        (
            refused(&|r| r.strategies[0].recipe.push('x')),
            "recipes or promises of `session.redis",
        ),
        (
            refused(&|r| r.cells[3].load.shape = Shape::Steady),
            "their loads differ",
        ),
    ] {
        assert!(error.contains(expected), "{error}");
        assert!(error.contains("run-1"), "{error}");
    }
}

#[test]
fn a_set_of_parts_has_each_once_and_is_whole() {
    let seed = merge(vec![part(0, 2), {
        let mut other = part(1, 2);
        other.run.seed += 1;
        other
    }]);
    assert!(matches!(
        seed,
        Err(MergeError::Differ {
            difference: Difference::Seed,
            ..
        })
    ));
    assert!(matches!(merge(Vec::new()), Err(MergeError::Nothing)));
    let missing = merge(vec![part(1, 4), part(3, 4)]).unwrap_err().to_string();
    assert!(
        missing.contains("of 4 parts these are missing: 0, 2"),
        "{missing}"
    );
    let endless = part(0, u32::MAX);
    let Err(MergeError::Missing { missing, .. }) = merge(vec![endless]) else {
        panic!("not missing")
    };
    assert_eq!(missing.len(), 10);
}

#[test]
fn cells_without_phases_belong_together_by_their_order() {
    let mut quick = fixture::result();
    quick.strategies.truncate(2);
    let kept = |cell: &Cell| quick.strategies.iter().any(|f| f.strategy == cell.strategy);
    quick.cells.retain(kept);
    let merged = merge(vec![
        part_of(quick.clone(), 0, 2),
        part_of(quick.clone(), 1, 2),
    ])
    .unwrap();
    let loads = |result: &RunResult| -> Vec<(String, f64)> {
        let cells = result.cells.iter();
        cells
            .map(|c| (c.strategy.clone(), c.load.offered_per_s))
            .collect()
    };
    let doubled: Vec<(String, f64)> = loads(&quick)
        .into_iter()
        .map(|(name, rate)| (name, rate * 2.0))
        .collect();
    assert_eq!(loads(&merged), doubled);
    assert_eq!(
        merged.cells[0].blocks.len(),
        2 * quick.cells[0].blocks.len()
    );
    assert!(merged.cells[0].blocks.is_sorted_by_key(|block| block.index));
    assert_eq!(merged.skipped, quick.skipped);
}

#[test]
fn what_is_strange_is_said() {
    let mut other = part(1, 2);
    other.run.shard.as_mut().unwrap().late_ms = 250;
    other.run.interrupted = true;
    other.run.warnings.push("it rained".to_owned());
    other.environment.fingerprint = "another".to_owned();
    other.environment.cpu_model = Some("Other EPYC".to_owned());
    other.cells[0].valid = false;
    other.cells[0].reason = Some("the driver was late".to_owned());
    other.cells[1].costs.server_cpu_ns_per_request = Metric::missing("not on this machine");
    other.cells[3].faults.clear();
    other.health.steal_fraction = Some(0.3);
    let gone = other.strategies.remove(2).strategy;
    other.cells.retain(|cell| cell.strategy != gone);
    other.skipped.push(Skipped {
        strategy: gone.clone(),
        reason: "no Redis".to_owned(),
        optional: false,
    });
    let merged = merge(vec![part(0, 2), other]).unwrap();
    merged.check().unwrap();
    let warnings = merged.run.warnings.join("\n");
    for text in [
        "The parts began 250 ms apart",
        "machines of different kinds",
        "part 1: it rained",
        "Only part 0 saw the fault store-refuse of session.redis.cookie in the phase outage",
    ] {
        assert!(warnings.contains(text), "{text}: {warnings}");
    }
    assert!(merged.run.interrupted);
    assert_eq!(merged.health.steal_fraction, Some(0.3));
    assert_ne!(
        merged.environment.fingerprint,
        WHOLE.environment.fingerprint
    );
    let model = merged.environment.cpu_model.as_deref();
    assert_eq!(model, Some("Example EPYC; Other EPYC"));
    assert!(!merged.cells[0].valid);
    assert_eq!(
        merged.cells[0].reason.as_deref(),
        Some("part 1: the driver was late")
    );
    assert_eq!(
        merged.cells[1].costs.server_cpu_ns_per_request,
        Metric::missing("part 1: not on this machine")
    );
    assert_eq!(merged.skipped[0].strategy, gone);
    assert_eq!(merged.skipped[0].reason, "part 1: no Redis");
    assert!(merged.cells.iter().all(|cell| cell.strategy != gone));
}

#[test]
fn measurements_that_not_all_parts_have_are_left_out_and_said() {
    let mut other = part(1, 2);
    other.cells.remove(0);
    let merged = merge(vec![part(0, 2), other]).unwrap();
    assert_eq!(merged.cells.len(), WHOLE.cells.len() - 1);
    let said = merged.run.warnings.iter().filter(|w| {
        w.contains("different numbers of measurements of session.redis.cookie in the phase calm")
    });
    assert_eq!(said.count(), 1);
}

#[test]
fn knees_of_parts_are_no_knee_of_the_whole() {
    let knees = |index| part_of(fixture::phased::result(), index, 2);
    let merged = merge(vec![knees(0), knees(1)]).unwrap();
    assert!(merged.strategies.iter().all(|facts| facts.knee.is_none()));
    let said = |w: &&String| w.contains("each sought a knee");
    assert_eq!(merged.run.warnings.iter().filter(said).count(), 3);
}

/// One request: its action, what became of it and how long it took.
type Sample = (bool, OutcomeKind, u64);

fn sample() -> impl Strategy<Value = Sample> {
    let kinds = prop_oneof![
        8 => Just(OutcomeKind::Right),
        1 => Just(OutcomeKind::Timeout),
        1 => Just(OutcomeKind::NoJudgement),
    ];
    (any::<bool>(), kinds, 1..4_000_000_000_u64)
}

fn times<'s>(samples: impl IntoIterator<Item = &'s Sample>) -> Option<Histogram> {
    let mut recorded = recorder();
    for (_, _, ns) in samples {
        recorded.saturating_record(*ns);
    }
    Histogram::of(&recorded)
}

/// A run in which exactly these requests were made.
fn run_of(samples: &[Sample]) -> RunResult {
    static ONE: LazyLock<RunResult> = LazyLock::new(|| {
        let mut result = WHOLE.clone();
        result.strategies.truncate(1);
        result.cells.truncate(1);
        result
    });
    let mut result = ONE.clone();
    let cell = &mut result.cells[0];
    let count = samples.len() as u64;
    (cell.load.arrivals, cell.load.sent, cell.load.completed) = (count, count, count);
    cell.load.offered_per_s = count as f64 / 2.0;
    let outcomes = |own: &[&Sample]| Outcomes::of(own.iter().map(|(_, kind, _)| (*kind, 1)));
    cell.outcomes = outcomes(&samples.iter().collect::<Vec<_>>());
    cell.latency.response = times(samples);
    cell.actions = [true, false]
        .into_iter()
        .filter_map(|is_read| {
            let own: Vec<&Sample> = samples.iter().filter(|s| s.0 == is_read).collect();
            Some(ActionFigures {
                action: if is_read { "read" } else { "login" }.to_owned(),
                outcomes: outcomes(&own),
                response: Some(times(own)?),
                sent_bytes: Metric::of(131.0),
                received_bytes: Metric::of(171.0),
            })
        })
        .collect();
    result
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn merged_parts_equal_the_whole_in_any_order(
        samples in prop::collection::vec((sample(), 0..4_usize), 1..300),
        order in Just(vec![0_usize, 1, 2, 3]).prop_shuffle(),
    ) {
        let all: Vec<Sample> = samples.iter().map(|(sample, _)| *sample).collect();
        let whole = run_of(&all);
        let parts = order
            .iter()
            .map(|at| {
                let own = samples.iter().filter(|(_, part)| part == at);
                let own: Vec<Sample> = own.map(|(sample, _)| *sample).collect();
                part_of(run_of(&own), u32::try_from(*at).unwrap(), 4)
            })
            .collect();
        let merged = merge(parts).unwrap();
        merged.check().unwrap();
        let (one, other) = (&merged.cells[0], &whole.cells[0]);
        prop_assert_eq!(&one.latency.response, &other.latency.response);
        prop_assert_eq!(&one.outcomes, &other.outcomes);
        prop_assert_eq!(one.load.completed, other.load.completed);
        prop_assert!((one.load.offered_per_s - other.load.offered_per_s).abs() < 1e-9);
        for figures in &other.actions {
            let same = one.actions.iter().find(|f| f.action == figures.action).unwrap();
            prop_assert_eq!(&same.response, &figures.response);
            prop_assert_eq!(&same.outcomes, &figures.outcomes);
        }
        prop_assert_eq!(one.actions.len(), other.actions.len());
    }
}
