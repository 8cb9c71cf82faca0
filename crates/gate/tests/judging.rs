//! Cells by hand: each verdict, and each reason to give none.

use authbench_gate::{CellSpec, JudgeSettings, Pair, PairedEffects, SampledMetric, confirm, judge};
use authbench_results::{GateCell, LaunchedArm, MetricClass, PairedBlock, Round, Segment, Verdict};

/// A segment of 1000 requests, of `cpu_ns` each.
fn segment(arm: u32, cpu_ns: u64) -> Segment {
    Segment {
        arm,
        completed: 1000,
        failures: 0,
        accepted_dead: 0,
        server_cpu_ns: cpu_ns * 1000,
        control_cpu_ns: 50_000_000,
        control_units: 1000,
        response_ns_p50: cpu_ns * 4,
        response_ns_p99: cpu_ns * 20,
        lag_ns_p99: 0,
    }
}

fn block(strategy: &str, round: Round, base_ns: u64, candidate_ns: u64) -> PairedBlock {
    PairedBlock {
        strategy: strategy.to_owned(),
        round,
        index: 0,
        arms: vec![LaunchedArm { padding_bytes: 0 }; 2],
        segments: vec![
            segment(0, base_ns),
            segment(1, candidate_ns),
            segment(1, candidate_ns),
            segment(0, base_ns),
        ],
        rejected: None,
    }
}

/// Blocks with a little noise, the candidate slower by `percent`.
fn blocks(strategy: &str, round: Round, count: u64, percent: i64) -> Vec<PairedBlock> {
    let one = |index: u64| {
        let noise = [0, 70, 30, 90, 10, 50][index as usize % 6];
        let candidate = 100_000_i64 + 1000 * percent;
        block(
            strategy,
            round,
            100_000 + noise,
            candidate.unsigned_abs() + noise / 2,
        )
    };
    (0..count).map(one).collect()
}

fn spec(strategy: &str, metric: SampledMetric) -> CellSpec {
    CellSpec {
        strategy: strategy.to_owned(),
        metric,
        budget_percent: 5.0,
        binding: true,
        note: Some("Said before.".to_owned()),
    }
}

fn cpu(strategy: &str) -> CellSpec {
    spec(strategy, SampledMetric::ServerCpu)
}

fn judged(blocks: &[PairedBlock]) -> GateCell {
    judge(&JudgeSettings::default(), blocks, 1, &[cpu("s")]).remove(0)
}

fn assert_not_measured(cell: &GateCell, why: &str) {
    assert_eq!(cell.verdict, Verdict::NotMeasured);
    let note = cell.note.as_deref().expect("a reason");
    assert!(
        note.starts_with("Said before. ") && note.contains(why),
        "{note}"
    );
    assert_eq!(
        (cell.p_worse, cell.p_worse_holm, cell.effect_percent),
        (None, None, None)
    );
}

#[test]
fn each_verdict_has_its_effect() {
    for (percent, verdict) in [
        (10, Verdict::Regressed),
        (3, Verdict::Pass),
        (0, Verdict::Pass),
        (-3, Verdict::Pass),
        (-10, Verdict::Improved),
    ] {
        let cell = judged(&blocks("s", Round::Find, 12, percent));
        assert_eq!(cell.verdict, verdict, "{percent}");
        let effect = cell.effect_percent.unwrap();
        assert!((effect - percent as f64).abs() < 0.1, "{effect}");
        assert!(cell.low_percent.unwrap() <= effect && effect <= cell.high_percent.unwrap());
        assert!((cell.base.unwrap() - 100_040.0).abs() < 1.0);
        assert_eq!(
            (cell.pairs, cell.note.as_deref()),
            (12, Some("Said before."))
        );
        assert!(cell.visible_percent.unwrap() > 5.0);
    }
    let cell = judged(
        &[
            blocks("s", Round::Find, 6, 2),
            blocks("s", Round::Find, 6, 8),
        ]
        .concat(),
    );
    assert_eq!(cell.verdict, Verdict::Inconclusive);
}

#[test]
fn another_arm_another_strategy_and_another_round_do_not_count() {
    let mut all = blocks("s", Round::Find, 12, 0);
    all.extend(blocks("other", Round::Find, 12, 50));
    all.extend(blocks("s", Round::Confirm, 12, 50));
    for block in &mut all {
        block.arms.push(LaunchedArm { padding_bytes: 0 });
        block.segments.insert(2, segment(2, 150_000));
        block.segments.insert(2, segment(2, 150_000));
        block.segments[2].failures = 7;
    }
    assert_eq!(judged(&all).verdict, Verdict::Pass);
    let second = judge(&JudgeSettings::default(), &all, 2, &[cpu("s")]).remove(0);
    assert_not_measured(&second, "84 requests were not answered rightly");
}

#[test]
fn who_errs_is_not_judged_by_speed() {
    let mut blocks = blocks("s", Round::Find, 12, 0);
    blocks[3].segments[1].failures = 2;
    blocks[3].segments[1].accepted_dead = 1;
    let cell = judged(&blocks);
    assert_not_measured(
        &cell,
        "2 requests were not answered rightly, of which 1 accepted",
    );
    blocks[3].rejected = Some("The machine was suspended.".to_owned());
    assert_eq!(judged(&blocks).verdict, Verdict::Pass);
}

#[test]
fn too_few_pairs_are_none() {
    let mut blocks = blocks("s", Round::Find, 8, 20);
    blocks[0].segments[0].completed = 0;
    blocks[1].segments[3].server_cpu_ns = 0;
    assert_eq!(judged(&blocks).verdict, Verdict::Regressed);
    blocks[2].rejected = Some("Too much of the core was stolen.".to_owned());
    let cell = judged(&blocks);
    assert_not_measured(&cell, "5 pairs are whole and at least 6 are needed");
    assert!(
        cell.note
            .unwrap()
            .contains("2 blocks lack a figure and 1 were rejected")
    );
    assert_not_measured(&judged(&[]), "0 pairs are whole");
}

#[test]
fn a_budget_that_is_no_number_is_none() {
    for budget_percent in [f64::NAN, -1.0, f64::INFINITY] {
        let what = CellSpec {
            budget_percent,
            ..cpu("s")
        };
        let blocks = blocks("s", Round::Find, 12, 20);
        let cell = judge(&JudgeSettings::default(), &blocks, 1, &[what]).remove(0);
        assert_not_measured(&cell, "The budget is not");
    }
}

#[test]
fn classes_are_corrected_apart_and_what_was_not_measured_does_not_count() {
    let what = [
        cpu("s"),
        cpu("missing"),
        spec("s", SampledMetric::ResponseP50),
        spec("s", SampledMetric::ResponseP99),
    ];
    let blocks = blocks("s", Round::Find, 12, 10);
    let cells = judge(&JudgeSettings::default(), &blocks, 1, &what);
    let p: Vec<_> = cells.iter().map(|cell| cell.p_worse_holm).collect();
    let least = 1.0 / 4096.0;
    assert_eq!(p, [Some(least), None, Some(2.0 * least), Some(2.0 * least)]);
    assert_eq!(cells[0].class, MetricClass::Cpu);
    assert_eq!(cells[3].class, MetricClass::Wall);
}

#[test]
fn a_control_that_was_not_counted_is_told() {
    let mut blocks = blocks("s", Round::Find, 12, 0);
    blocks[5].segments[2].control_units = 0;
    let cell = judged(&blocks);
    assert_eq!(cell.verdict, Verdict::Pass);
    assert!(cell.note.unwrap().contains("not counted in 1 of 12 pairs"));
}

#[test]
fn too_few_pairs_for_so_many_cells_are_told() {
    let names: Vec<String> = (0..13).map(|index| format!("s{index}")).collect();
    let what: Vec<CellSpec> = names.iter().map(|name| cpu(name)).collect();
    let blocks = names
        .iter()
        .flat_map(|name| blocks(name, Round::Find, 8, 20));
    let cells = judge(
        &JudgeSettings::default(),
        &blocks.collect::<Vec<_>>(),
        1,
        &what,
    );
    for cell in cells {
        assert_eq!(
            (cell.verdict, cell.visible_percent),
            (Verdict::Inconclusive, None)
        );
        assert!(
            cell.note
                .unwrap()
                .contains("with 13 cells of its class 9 pairs are needed")
        );
    }
}

/// What comes over the machine in one palindrome does not decide over the others.
#[test]
fn a_block_says_the_median_of_its_palindromes() {
    let mut one = block("s", Round::Find, 100_000, 110_000);
    let other = |candidate_ns| block("s", Round::Find, 100_000, candidate_ns).segments;
    one.segments.extend(other(300_000));
    one.segments.extend(other(111_000));
    one.segments.extend(other(50_000));
    one.segments.extend(other(112_000));
    let effect = |block: &PairedBlock| {
        let blocks = [block.clone()];
        let effects = PairedEffects::of(&blocks, Round::Find, "s", 1, SampledMetric::ServerCpu);
        effects.pairs.first().map(|pair| pair.effect)
    };
    assert!((effect(&one).unwrap() - 1.11_f64.ln()).abs() < 1e-12);
    // Half of the palindromes and more without a figure are too few.
    for palindrome in 0..3 {
        one.segments[4 * palindrome].completed = 0;
    }
    assert_eq!(effect(&one), None);
}

/// Drift that is steady over the block is in neither arm's mean.
#[test]
fn the_mirrored_order_cancels_steady_drift() {
    let mut block = block("s", Round::Find, 1, 1);
    for (index, segment) in block.segments.iter_mut().enumerate() {
        segment.server_cpu_ns = 1_000_000_000 << index;
        segment.control_cpu_ns = 3_000_000_000 >> index;
        segment.control_cpu_ns -= segment.control_cpu_ns % 3;
    }
    let effects = PairedEffects::of(&[block], Round::Find, "s", 1, SampledMetric::ServerCpu);
    let Pair { effect, control } = effects.pairs[0];
    assert!(
        effect.abs() < 1e-12 && control.abs() < 1e-6,
        "{effect} {control}"
    );
}

#[test]
fn a_red_cell_stays_red_if_it_recurs() {
    let settings = JudgeSettings::default();
    let red = judged(&blocks("s", Round::Find, 12, 10));
    let look = |fresh: &[PairedBlock]| {
        let mut cells = [red.clone()];
        confirm(&settings, &mut cells, fresh, 1);
        let [cell] = cells;
        cell
    };
    let again = look(&blocks("s", Round::Confirm, 8, 10));
    assert!(again.is_red());
    let found = again.confirmation.unwrap();
    assert!(found.recurred && found.low_percent > 5.0 && found.p_worse_holm == 1.0 / 256.0);
    assert_eq!(again.p_worse, red.p_worse);

    let gone = look(&blocks("s", Round::Confirm, 8, 0));
    assert_eq!(gone.verdict, Verdict::Inconclusive);
    assert!(!gone.confirmation.unwrap().recurred);
    assert!(
        gone.note
            .unwrap()
            .contains("did not recur in 8 fresh pairs")
    );

    let unseen = look(&blocks("s", Round::Find, 8, 10));
    assert_eq!(
        (unseen.verdict, unseen.confirmation),
        (Verdict::NotMeasured, None)
    );
    assert!(
        unseen
            .note
            .unwrap()
            .contains("fresh blocks cannot tell: 0 pairs")
    );
}

#[test]
fn what_was_not_red_is_not_looked_at_again() {
    let settings = JudgeSettings::default();
    let mut cells = [judged(&blocks("s", Round::Find, 12, 0))];
    let before = cells.clone();
    confirm(
        &settings,
        &mut cells,
        &blocks("s", Round::Confirm, 8, 20),
        1,
    );
    assert_eq!(cells, before);
}

/// A slow-down of everything must not come out green because the fresh blocks
/// are too few for so many red cells.
#[test]
fn many_red_cells_need_many_fresh_blocks() {
    let settings = JudgeSettings::default();
    let names: Vec<String> = (0..13).map(|index| format!("s{index}")).collect();
    let what: Vec<CellSpec> = names.iter().map(|name| cpu(name)).collect();
    let all = |round, count| -> Vec<PairedBlock> {
        names
            .iter()
            .flat_map(|name| blocks(name, round, count, 20))
            .collect()
    };
    for (count, verdict) in [(8, Verdict::NotMeasured), (9, Verdict::Regressed)] {
        let mut cells = judge(&settings, &all(Round::Find, 12), 1, &what);
        assert!(cells.iter().all(GateCell::is_red));
        confirm(&settings, &mut cells, &all(Round::Confirm, count), 1);
        assert!(cells.iter().all(|cell| cell.verdict == verdict));
    }
}
