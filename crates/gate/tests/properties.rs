//! What must hold of any pairs.

use authbench_gate::{
    CONFIDENCE, CellSpec, JudgeSettings, Pair, SampledMetric, SignFlip, confirm, judge,
    visible_percent,
};
use authbench_results::{LaunchedArm, PairedBlock, Round, Segment, Verdict};
use proptest::prelude::*;

fn pairs() -> impl Strategy<Value = Vec<Pair>> {
    let pair = (-0.5..0.5, prop_oneof![Just(0.0), -0.3..0.3])
        .prop_map(|(effect, control)| Pair { effect, control });
    prop::collection::vec(pair, 1..10)
}

/// To exchange the arms turns both signs.
fn exchanged(pairs: &[Pair]) -> Vec<Pair> {
    let turn = |pair: &Pair| Pair {
        effect: -pair.effect,
        control: -pair.control,
    };
    pairs.iter().map(turn).collect()
}

fn shifted(pairs: &[Pair], by: f64) -> Vec<Pair> {
    let shift = |pair: &Pair| Pair {
        effect: pair.effect + by,
        ..*pair
    };
    pairs.iter().map(shift).collect()
}

/// The residuals if the true effect is `effect`, as the definition says it.
fn residuals(pairs: &[Pair], effect: f64) -> Vec<f64> {
    let product: f64 = pairs
        .iter()
        .map(|it| (it.effect - effect) * it.control)
        .sum();
    let square: f64 = pairs.iter().map(|it| it.control * it.control).sum();
    let slope = if square > 0.0 {
        (product / square).clamp(0.0, 1.0)
    } else {
        0.0
    };
    let residual = |it: &Pair| it.effect - effect - slope * it.control;
    pairs.iter().map(residual).collect()
}

/// The exact p of "the effect is `effect`", flip by flip.
fn exact(pairs: &[Pair], effect: f64) -> f64 {
    let residuals = residuals(pairs, effect);
    let seen: f64 = residuals.iter().sum();
    let patterns = 1_u32 << pairs.len();
    let reached = (0..patterns).filter(|pattern| {
        let sign = |index: usize| if pattern >> index & 1 == 1 { -1.0 } else { 1.0 };
        let flipped: f64 = residuals
            .iter()
            .enumerate()
            .map(|(index, it)| sign(index) * it)
            .sum();
        flipped >= seen - 1e-9
    });
    reached.count() as f64 / f64::from(patterns)
}

fn close(one: f64, other: f64) -> bool {
    one == other || (one - other).abs() < 1e-7
}

proptest! {
    #[test]
    fn p_is_that_of_the_worst_effect_within(pairs in pairs(), effect in -0.5..0.5) {
        let test = SignFlip::new(&pairs).unwrap();
        let (most, least) = (test.p_at_most(effect), test.p_at_least(effect));
        for by in [0.0, 1e-3, 0.01, 0.1, 1.0, 10.0] {
            prop_assert!(most >= exact(&pairs, effect - by));
            prop_assert!(least >= exact(&exchanged(&pairs), -effect - by));
        }
    }

    #[test]
    fn without_a_control_p_is_the_exact_one(effects in prop::collection::vec(-3_i8..4, 1..10)) {
        let pair = |it: &i8| Pair { effect: f64::from(*it) / 10.0, control: 0.0 };
        let pairs: Vec<Pair> = effects.iter().map(pair).collect();
        let test = SignFlip::new(&pairs).unwrap();
        for effect in [-0.1, 0.0, 0.05] {
            prop_assert_eq!(test.p_at_most(effect), exact(&pairs, effect));
            prop_assert_eq!(test.p_at_least(effect), exact(&exchanged(&pairs), -effect));
        }
    }

    #[test]
    fn the_order_of_blocks_does_not_matter(pairs in pairs(), by in 0_usize..10) {
        let mut turned = pairs.clone();
        turned.rotate_left(by % pairs.len());
        turned.swap(0, pairs.len() / 2);
        let (one, other) = (SignFlip::new(&pairs).unwrap(), SignFlip::new(&turned).unwrap());
        prop_assert_eq!(one.p_at_most(0.04), other.p_at_most(0.04));
        let (one, other) = (one.interval(CONFIDENCE), other.interval(CONFIDENCE));
        prop_assert!(close(one.0, other.0) && close(one.1, other.1));
    }

    #[test]
    fn to_exchange_the_arms_mirrors_the_effect(pairs in pairs()) {
        let one = SignFlip::new(&pairs).unwrap();
        let other = SignFlip::new(&exchanged(&pairs)).unwrap();
        prop_assert!(close(one.estimate(), -other.estimate()));
        prop_assert_eq!(one.p_at_most(0.04), other.p_at_least(-0.04));
        let (ours, theirs) = (one.interval(CONFIDENCE), other.interval(CONFIDENCE));
        prop_assert!(close(ours.0, -theirs.1) && close(ours.1, -theirs.0));
    }

    #[test]
    fn the_interval_holds_the_estimate_and_what_is_not_rejected(pairs in pairs()) {
        let test = SignFlip::new(&pairs).unwrap();
        let (low, high) = test.interval(CONFIDENCE);
        prop_assert!(low <= test.estimate() + 1e-9 && test.estimate() <= high + 1e-9);
        if low.is_finite() {
            prop_assert!(test.p_at_most(low) > 0.025);
            prop_assert!(test.p_at_most(low - 1e-6) <= 0.025);
            prop_assert!(test.p_at_least(high) > 0.025);
            prop_assert!(test.p_at_least(high + 1e-6) <= 0.025);
        } else {
            prop_assert!(pairs.len() < 6 && high.is_infinite());
        }
    }

    #[test]
    fn p_falls_as_the_effect_grows(pairs in pairs(), by in 0.0..0.3) {
        let (here, there) = (SignFlip::new(&pairs).unwrap(), SignFlip::new(&shifted(&pairs, by)).unwrap());
        prop_assert!(there.p_at_most(0.05) <= here.p_at_most(0.05));
        prop_assert!(there.p_at_least(0.05) >= here.p_at_least(0.05));
        prop_assert!(here.p_at_most(0.05) <= here.p_at_most(0.05 + by));
        prop_assert!(close(there.estimate(), here.estimate() + by));
    }

    #[test]
    fn nothing_panics(
        values in prop::collection::vec((any::<f64>(), any::<f64>()), 0..8),
        effect in any::<f64>(), level in any::<f64>(), power in any::<f64>(),
    ) {
        let pair = |it: &(f64, f64)| Pair { effect: it.0, control: it.1 };
        let pairs: Vec<Pair> = values.iter().map(pair).collect();
        if let Some(test) = SignFlip::new(&pairs) {
            prop_assert!((0.0..=1.0).contains(&test.p_at_most(effect)));
            let _ = test.interval(level);
            let _ = visible_percent(&test, &pairs, effect, level, power);
        }
    }

    #[test]
    fn no_block_is_too_odd_to_be_judged(
        blocks in prop::collection::vec(odd_block(), 0..10),
        budget_percent in any::<f64>(), alpha in any::<f64>(), power in any::<f64>(),
    ) {
        let settings = JudgeSettings { alpha, power };
        let mut cells = judge(&settings, &blocks, 1, &what(budget_percent));
        prop_assert_eq!(cells.len(), 3);
        let fresh: Vec<PairedBlock> = blocks.into_iter().map(|block| PairedBlock {
            round: Round::Confirm, ..block
        }).collect();
        for cell in &mut cells {
            cell.verdict = Verdict::Regressed;
        }
        confirm(&settings, &mut cells, &fresh, 1);
    }

    #[test]
    fn to_scale_both_arms_does_not_matter(blocks in prop::collection::vec(block(), 6..9)) {
        let scaled: Vec<PairedBlock> = blocks.iter().cloned().map(|mut block| {
            for segment in &mut block.segments {
                segment.server_cpu_ns *= 7;
                segment.control_cpu_ns *= 3;
                segment.response_ns_p50 *= 5;
                segment.response_ns_p99 *= 11;
            }
            block
        }).collect();
        let settings = JudgeSettings::default();
        let (one, other) = (judge(&settings, &blocks, 1, &what(5.0)), judge(&settings, &scaled, 1, &what(5.0)));
        for (one, other) in one.iter().zip(&other) {
            prop_assert_eq!(one.verdict, other.verdict);
            prop_assert_eq!(one.p_worse_holm, other.p_worse_holm);
            prop_assert!(close(one.effect_percent.unwrap(), other.effect_percent.unwrap()));
            prop_assert!(other.base.unwrap() > 2.9 * one.base.unwrap());
        }
    }
}

fn what(budget_percent: f64) -> Vec<CellSpec> {
    let spec = |metric| CellSpec {
        strategy: "s".to_owned(),
        metric,
        budget_percent,
        binding: true,
        note: None,
    };
    SampledMetric::ALL.map(spec).to_vec()
}

prop_compose! {
    fn block()(figures in prop::array::uniform4((90_000_u64..110_000, 95_000_u64..105_000))) -> PairedBlock {
        let segment = |(arm, (figure, control)): (u32, (u64, u64))| Segment {
            arm,
            completed: 1000,
            failures: 0,
            accepted_dead: 0,
            server_cpu_ns: figure * 1000,
            control_cpu_ns: control * 1000,
            control_units: 1000,
            response_ns_p50: figure * 3,
            response_ns_p99: figure * 10,
            lag_ns_p99: 0,
        };
        PairedBlock {
            strategy: "s".to_owned(),
            round: Round::Find,
            index: 0,
            arms: vec![LaunchedArm { padding_bytes: 0 }; 2],
            segments: [0, 1, 1, 0].into_iter().zip(figures).map(segment).collect(),
            rejected: None,
        }
    }
}

prop_compose! {
    fn odd_block()(
        mut block in block(),
        odd in prop::array::uniform4(prop_oneof![Just(0), Just(1), Just(u64::MAX), any::<u64>()]),
        arm in 0..4_u32, failures in prop_oneof![9 => Just(0), 1 => Just(u64::MAX)],
        place in 0..4_usize,
    ) -> PairedBlock {
        let segment = &mut block.segments[place];
        segment.arm = arm;
        segment.failures = failures;
        [segment.completed, segment.server_cpu_ns, segment.control_units, segment.response_ns_p50] = odd;
        block
    }
}
