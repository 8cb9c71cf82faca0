//! What the judge promises, over simulated runs with a fixed seed: false
//! alarms, power, and what the control is good for. Each test prints its
//! figures (`--nocapture`).

mod world;

use std::ops::Range;

use authbench_gate::{JudgeSettings, confirm, judge};
use authbench_results::{GateCell, Round, Verdict};

use world::{Control, Drift, Machine, Shape, World, cpu};

const BLOCKS: u32 = 12;
const BUDGET_PERCENT: f64 = 5.0;

/// The machines over which errors are counted.
fn worlds() -> Vec<(&'static str, World)> {
    let world = |shape, drift, control| World {
        shape,
        drift,
        control,
        ..World::CALM
    };
    let (steady, walk) = (Drift::Linear(0.01), Drift::Walk(0.03));
    vec![
        ("normal", world(Shape::Normal, Drift::None, Control::Quiet)),
        (
            "normal, no control",
            world(Shape::Normal, Drift::None, Control::Missing),
        ),
        (
            "exponential",
            world(Shape::Exponential, Drift::None, Control::Quiet),
        ),
        (
            "log-normal",
            world(Shape::LogNormal, Drift::None, Control::Quiet),
        ),
        (
            "steady drift, shared",
            world(Shape::Normal, steady, Control::Shares),
        ),
        (
            "steady drift, unseen",
            world(Shape::Normal, steady, Control::Quiet),
        ),
        (
            "random walk, shared",
            world(Shape::Normal, walk, Control::Shares),
        ),
        (
            "random walk, unseen",
            world(Shape::Normal, walk, Control::Quiet),
        ),
        (
            "random walk, misleading",
            world(Shape::Exponential, walk, Control::Own),
        ),
    ]
}

/// Gates of one cell each, one for each seed, with a candidate that is slower by `effect_percent`.
fn gates(
    settings: &JudgeSettings,
    world: World,
    seeds: Range<u64>,
    effect_percent: f64,
) -> impl Iterator<Item = GateCell> {
    seeds.flat_map(move |seed| {
        let mut machine = Machine::new(world, seed);
        let blocks = machine.blocks("s", Round::Find, BLOCKS, effect_percent);
        judge(settings, &blocks, 1, &[cpu("s", BUDGET_PERCENT)])
    })
}

fn share(cells: &[GateCell], verdict: Verdict) -> f64 {
    let hits = cells.iter().filter(|cell| cell.verdict == verdict).count();
    hits as f64 / cells.len() as f64
}

/// Fails if a share of `count` cannot well come from a probability of at most
/// `bound`: if it is more by three standard errors.
fn assert_at_most(share: f64, bound: f64, count: u64, what: &str) {
    let error = (bound * (1.0 - bound) / count as f64).sqrt();
    assert!(share <= bound + 3.0 * error, "{what}: {share} > {bound}");
}

#[test]
fn false_alarms_are_at_most_alpha_at_the_budget_and_at_zero() {
    let settings = JudgeSettings::default();
    let count = 250;
    for (place, (name, world)) in (0_u64..).zip(worlds()) {
        // Machines that share their random numbers would share their luck.
        let seeds = |count| place << 32..(place << 32) + count;
        let at_budget: Vec<GateCell> =
            gates(&settings, world, seeds(count), BUDGET_PERCENT).collect();
        let (red, pass) = (
            share(&at_budget, Verdict::Regressed),
            share(&at_budget, Verdict::Pass),
        );
        let at_gain: Vec<GateCell> =
            gates(&settings, world, seeds(count), -BUDGET_PERCENT).collect();
        let improved = share(&at_gain, Verdict::Improved);
        println!("{name}: at the budget {red} red, {pass} pass; at minus that {improved} improved");
        assert_at_most(red, settings.alpha, count, name);
        assert_at_most(pass, settings.alpha, count, name);
        assert_at_most(improved, settings.alpha, count, name);
        let same: Vec<GateCell> = gates(&settings, world, seeds(count / 4), 0.0).collect();
        assert_at_most(
            share(&same, Verdict::Regressed),
            settings.alpha,
            count / 4,
            name,
        );
    }
}

/// So the test above does not hold merely because nothing is ever rejected.
#[test]
fn the_level_is_used_up_where_the_noise_is_normal() {
    let settings = JudgeSettings::default();
    let count = 1200;
    let cells: Vec<GateCell> = gates(&settings, World::CALM, 0..count, BUDGET_PERCENT).collect();
    let (red, pass) = (
        share(&cells, Verdict::Regressed),
        share(&cells, Verdict::Pass),
    );
    println!("of {count} at the budget {red} red, {pass} pass");
    assert_at_most(red, settings.alpha, count, "red");
    assert_at_most(pass, settings.alpha, count, "pass");
    assert!(red > 0.03 && pass > 0.03);
    let covered = cells
        .iter()
        .filter(|cell| {
            cell.low_percent.unwrap() <= BUDGET_PERCENT
                && BUDGET_PERCENT <= cell.high_percent.unwrap()
        })
        .count() as f64;
    println!("{} of the intervals hold the truth", covered / count as f64);
    assert_at_most(
        1.0 - covered / count as f64,
        0.05,
        count,
        "misses of the interval",
    );
}

#[test]
fn over_fifteen_cells_a_false_alarm_is_as_rare_as_over_one() {
    let settings = JudgeSettings::default();
    let names: Vec<String> = (0..15).map(|index| format!("s{index}")).collect();
    let what: Vec<_> = names.iter().map(|name| cpu(name, BUDGET_PERCENT)).collect();
    let count = 120;
    let mut alarms = 0_u32;
    for seed in 0..count {
        let mut machine = Machine::new(World::CALM, seed);
        let blocks: Vec<_> = names
            .iter()
            .flat_map(|name| machine.blocks(name, Round::Find, BLOCKS, BUDGET_PERCENT))
            .collect();
        let cells = judge(&settings, &blocks, 1, &what);
        alarms += u32::from(cells.iter().any(|cell| cell.verdict == Verdict::Regressed));
    }
    let share = f64::from(alarms) / count as f64;
    println!("of {count} gates of 15 cells at their budgets {share} red");
    assert_at_most(share, settings.alpha, count, "gates with a false alarm");
}

#[test]
fn a_red_result_that_must_recur_is_a_rarer_false_alarm_and_a_true_one_recurs() {
    let settings = JudgeSettings::default();
    let run = |effect_percent: f64, count: u64| {
        let (mut first, mut last) = (0_u32, 0_u32);
        for seed in 0..count {
            let mut machine = Machine::new(World::CALM, seed);
            let mut blocks = machine.blocks("s", Round::Find, BLOCKS, effect_percent);
            let mut cells = judge(&settings, &blocks, 1, &[cpu("s", BUDGET_PERCENT)]);
            if cells[0].verdict != Verdict::Regressed {
                continue;
            }
            first += 1;
            blocks.extend(machine.blocks("s", Round::Confirm, 8, effect_percent));
            confirm(&settings, &mut cells, &blocks, 1);
            last += u32::from(cells[0].verdict == Verdict::Regressed);
        }
        (first, last)
    };
    let count = 1000;
    let (first, last) = run(BUDGET_PERCENT, count);
    println!("of {count} at the budget {first} red at first, {last} in the end");
    assert!(first > 0);
    assert_at_most(
        f64::from(last) / count as f64,
        settings.alpha.powi(2),
        count,
        "recurred",
    );
    let count = 300;
    let (first, last) = run(10.0, count);
    println!("of {count} at 10 % {first} red at first, {last} in the end");
    assert!(f64::from(last) > 0.9 * count as f64);
}

/// The mean smallest visible effect, and how often just that effect is found.
fn power(settings: &JudgeSettings, world: World, count: u64) -> (f64, f64) {
    let visible = visible(settings, world, count / 2);
    let cells: Vec<GateCell> = gates(settings, world, 0..count, visible).collect();
    (visible, share(&cells, Verdict::Regressed))
}

fn visible(settings: &JudgeSettings, world: World, count: u64) -> f64 {
    // The noise does not depend on the effect.
    let sum: f64 = gates(settings, world, 0..count, 0.0)
        .map(|cell| cell.visible_percent.expect("12 pairs suffice"))
        .sum();
    sum / count as f64
}

#[test]
fn the_smallest_visible_effect_is_found_four_times_in_five() {
    for (cells, alpha) in [(1, 0.05), (15, 0.05 / 15.0)] {
        let settings = JudgeSettings {
            alpha,
            ..JudgeSettings::default()
        };
        let drifting = World {
            drift: Drift::Walk(0.02),
            control: Control::Shares,
            ..World::CALM
        };
        for (name, world) in [("normal", World::CALM), ("random walk, shared", drifting)] {
            let (visible, found) = power(&settings, world, 500);
            println!("{name}, first of {cells}: {visible:.2} % is found in {found}");
            assert!(
                (found - settings.power).abs() <= 0.05,
                "{name}, {cells}: {found}"
            );
        }
    }
}

#[test]
fn the_control_helps_where_it_sees_what_disturbs_and_hardly_hurts_where_not() {
    let settings = JudgeSettings::default();
    let mean = |control, drift| {
        let world = World {
            control,
            drift,
            ..World::CALM
        };
        visible(&settings, world, 100)
    };
    let walk = Drift::Walk(0.06);
    let (without, with) = (mean(Control::Missing, walk), mean(Control::Shares, walk));
    println!("a shared drift: visible {without:.2} % without control, {with:.2} % with");
    assert!(with - BUDGET_PERCENT < 0.7 * (without - BUDGET_PERCENT));
    for (name, control, drift) in [
        ("no drift", Control::Quiet, Drift::None),
        ("a drift of its own", Control::Own, walk),
    ] {
        let (without, with) = (mean(Control::Missing, drift), mean(control, drift));
        println!("{name}: visible {without:.2} % without control, {with:.2} % with");
        assert!(with - BUDGET_PERCENT < 1.15 * (without - BUDGET_PERCENT));
    }
}
