use proptest::prelude::*;

use super::*;

fn first(spacing: Spacing, shape: &Shape, duration_ns: u64, seed: u64, n: usize) -> Vec<u64> {
    let mut schedule = Schedule::new(spacing, shape, duration_ns, seed);
    std::iter::from_fn(|| schedule.next_ns()).take(n).collect()
}

const fn steady(rate_per_s: f64) -> Shape {
    Shape::Steady { rate_per_s }
}

#[test]
fn even_spacing_is_exact_for_ever() {
    let at = first(Spacing::Even, &steady(3.0), 1, 1, 3_000_001);
    assert_eq!(at[..4], [0, 333_333_333, 666_666_666, 1_000_000_000]);
    assert_eq!(at[3_000_000], 1_000_000_000_000_000);
}

#[test]
fn poisson_has_the_rate_and_the_spread_of_independent_users() {
    let n = 200_000;
    let at = first(Spacing::Poisson, &steady(5_000.0), 1_000, 42, n);
    let gaps: Vec<f64> = at
        .windows(2)
        .map(|pair| (pair[1] - pair[0]) as f64)
        .collect();
    let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
    let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
    // Five standard errors of each; the coefficient of variation is 1.
    assert!(
        (mean - 200_000.0).abs() < 200_000.0 * 5.0 / (n as f64).sqrt(),
        "{mean}"
    );
    assert!((variance.sqrt() / mean - 1.0).abs() < 0.02, "{variance}");
}

/// Arrivals in each tenth of two seconds.
fn tenths(shape: &Shape) -> Vec<usize> {
    let at = first(Spacing::Even, shape, 2_000_000_000, 0, 1_000_000);
    (0..10_u64)
        .map(|tenth| {
            let within = tenth * 200_000_000..(tenth + 1) * 200_000_000;
            at.iter().filter(|at| within.contains(*at)).count()
        })
        .collect()
}

#[test]
fn a_ramp_grows_evenly_and_may_begin_or_end_at_nothing() {
    let ramp = |from_per_s, to_per_s| Shape::Ramp {
        from_per_s,
        to_per_s,
    };
    let up = tenths(&ramp(0.0, 10_000.0));
    let expected = |tenth: usize| 10_000 * (2 * tenth + 1) / 100;
    for (tenth, seen) in up.iter().enumerate() {
        assert!(seen.abs_diff(expected(tenth)) <= 1, "{tenth}: {seen}");
    }
    let down = tenths(&ramp(10_000.0, 0.0));
    for (tenth, seen) in down.iter().rev().enumerate() {
        assert!(seen.abs_diff(expected(tenth)) <= 1, "{tenth}: {seen}");
    }
    // Nothing comes after a ramp to nothing.
    let all = first(
        Spacing::Even,
        &ramp(10_000.0, 0.0),
        2_000_000_000,
        0,
        1_000_000,
    );
    assert!((9_999..=10_001).contains(&all.len()), "{}", all.len());
}

#[test]
fn steps_and_bursts_keep_to_their_times() {
    let steps = tenths(&Shape::Steps {
        rates_per_s: vec![1_000.0, 0.0, 3_000.0, 0.0, 2_000.0],
    });
    assert_eq!(steps, [200, 200, 0, 0, 600, 600, 0, 0, 400, 400]);
    let bursts = tenths(&Shape::Bursts {
        base_per_s: 100.0,
        burst_per_s: 5_000.0,
        every_ms: 800,
        burst_ms: 200,
    });
    assert_eq!(bursts, [1_000, 20, 20, 20, 1_000, 20, 20, 20, 1_000, 20]);
}

fn shapes() -> impl Strategy<Value = Shape> {
    let rate = || (0_u32..50_000).prop_map(f64::from);
    prop_oneof![
        (1_u32..50_000).prop_map(|rate| steady(f64::from(rate))),
        (rate(), 1.0..50_000.0).prop_map(|(from_per_s, to_per_s)| Shape::Ramp {
            from_per_s,
            to_per_s
        }),
        prop::collection::vec(rate(), 1..6).prop_map(|rates_per_s| Shape::Steps { rates_per_s }),
        (rate(), 1.0..50_000.0, 1_u64..500, 1_u64..500).prop_map(
            |(base_per_s, burst_per_s, pause_ms, burst_ms)| Shape::Bursts {
                base_per_s,
                burst_per_s,
                every_ms: burst_ms + pause_ms,
                burst_ms
            }
        ),
    ]
}

proptest! {
    #[test]
    fn same_seed_same_instants(seed: u64, shape in shapes()) {
        let take = |seed| first(Spacing::Poisson, &shape, 1_000_000_000, seed, 100);
        let once = take(seed);
        prop_assert_eq!(&once, &take(seed));
        prop_assert!(once.is_sorted());
        prop_assert!(once.is_empty() || once != take(seed.wrapping_add(1)));
    }

    #[test]
    fn as_many_come_as_the_shape_says(shape in shapes()) {
        let within = first(Spacing::Even, &shape, 1_000_000_000, 0, 200_000)
            .iter()
            .filter(|at| **at < 1_000_000_000)
            .count();
        let expected = shape.mean_per_s(1_000);
        prop_assert!((within as f64 - expected).abs() <= 2.0, "{} {}", within, expected);
    }
}
