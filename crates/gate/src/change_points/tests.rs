use proptest::prelude::*;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution as _, StandardNormal};

use super::*;

/// `levels` with normal noise of this share of each.
fn noisy(levels: impl IntoIterator<Item = f64>, noise: f64, seed: u64) -> Vec<f64> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    levels
        .into_iter()
        .map(|level| {
            let z: f64 = StandardNormal.sample(&mut rng);
            level * (1.0 + noise * z)
        })
        .collect()
}

fn steps(parts: &[(usize, f64)]) -> impl Iterator<Item = f64> {
    parts
        .iter()
        .flat_map(|(count, level)| std::iter::repeat_n(*level, *count))
}

fn found(values: &[f64]) -> Vec<ChangePoint> {
    change_points(values, &ChangePointSettings::default())
}

/// In how many of `series` seeded series `is_right`.
fn share(series: u64, is_right: impl Fn(u64) -> bool) -> f64 {
    (0..series).filter(|seed| is_right(*seed)).count() as f64 / series as f64
}

#[test]
fn noise_alone_shows_a_point_no_more_often_than_the_level_says() {
    let series = 400;
    let quiet = share(series, |seed| {
        found(&noisy(steps(&[(30, 100.0)]), 0.03, seed)).is_empty()
    });
    println!("no point in {quiet} of the series with normal noise");
    // Two standard errors are granted; a search that never finds anything would be at 1.
    let error = (0.05 * 0.95 / series as f64).sqrt();
    assert!((0.95 - 2.0 * error..0.99).contains(&quiet), "{quiet}");
    let skewed = share(series, |seed| {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let values: Vec<f64> = (0..30)
            .map(|_| -(1.0 - rng.random_range(0.0..1.0_f64)).ln())
            .collect();
        found(&values).is_empty()
    });
    println!("no point in {skewed} of the series with exponential noise");
    assert!((0.95 - 2.0 * error..0.99).contains(&skewed), "{skewed}");
}

#[test]
fn a_tenth_in_three_percent_of_noise_is_found_where_it_is() {
    let right = share(100, |seed| {
        let points = found(&noisy(steps(&[(20, 100.0), (20, 110.0)]), 0.03, seed));
        points
            .first()
            .is_some_and(|point| point.index.abs_diff(20) <= 1 && point.p <= 0.05)
    });
    println!("a step of 10 % in 3 % of noise found within one place: {right}");
    assert!(right >= 0.85, "{right}");
    let late = share(100, |seed| {
        let points = found(&noisy(steps(&[(30, 100.0), (5, 110.0)]), 0.03, seed));
        points.iter().any(|point| point.index.abs_diff(30) <= 1)
    });
    println!("the same, five values before the end: {late}");
    assert!(late >= 0.7, "{late}");
}

#[test]
fn two_steps_and_a_bump_are_found() {
    for (parts, name) in [
        ([(15, 100.0), (15, 112.0), (15, 125.0)], "up and up"),
        ([(15, 100.0), (15, 112.0), (15, 100.0)], "up and down"),
    ] {
        let right = share(60, |seed| {
            let points = found(&noisy(steps(&parts), 0.02, seed));
            let near = |at: usize| points.iter().any(|point| point.index.abs_diff(at) <= 1);
            near(15) && near(30) && points.len() == 2
        });
        println!("{name}: both found and nothing else: {right}");
        assert!(right >= 0.8, "{name}: {right}");
    }
}

#[test]
fn a_drift_is_cut_into_steps() {
    // Not a fault of the test but what the method is: it knows levels, not
    // slopes. A steady drift is a change, told as one or more steps.
    let values = noisy((0..40).map(|n| 100.0 + 0.5 * f64::from(n)), 0.01, 3);
    let points = found(&values);
    println!("a drift of 20 % over 40 values: {points:?}");
    assert!(points.len() >= 2, "{points:?}");
    assert!(points.iter().all(|point| point.after > point.before));
}

#[test]
fn what_never_changes_has_no_point() {
    assert_eq!(found(&[7.0; 50]), []);
    assert_eq!(found(&[0.0; 50]), []);
    assert_eq!(found(&[]), []);
    assert_eq!(found(&[1.0, 2.0]), []);
    assert_eq!(found(&[f64::NAN; 20]), []);
}

#[test]
fn medians_are_those_of_the_stretches_around() {
    let values: Vec<f64> = steps(&[(8, 10.0), (8, 30.0), (8, 20.0)]).collect();
    let points = found(&values);
    let told: Vec<_> = points
        .iter()
        .map(|point| (point.index, point.before, point.after))
        .collect();
    assert_eq!(told, [(8, 10.0, 30.0), (16, 30.0, 20.0)]);
}

#[test]
fn what_is_no_number_is_passed_over_and_keeps_its_place() {
    let mut values: Vec<f64> = steps(&[(10, 1.0), (10, 2.0)]).collect();
    values.insert(4, f64::NAN);
    values.insert(0, f64::INFINITY);
    let points = found(&values);
    assert_eq!(points.len(), 1, "{points:?}");
    assert_eq!(
        (points[0].index, points[0].before, points[0].after),
        (12, 1.0, 2.0)
    );
}

#[test]
fn a_clean_step_needs_eight_values() {
    let is_found =
        |half: usize| !found(&steps(&[(half, 1.0), (half, 2.0)]).collect::<Vec<_>>()).is_empty();
    let least = (3..10).find(|half| is_found(*half));
    println!("a step without noise is found from twice {least:?} values on");
    assert!(
        least.is_some_and(|half| (4..=5).contains(&half)),
        "{least:?}"
    );
}

#[test]
fn every_change_of_a_count_is_one() {
    let points = counted_changes(&[43.0, 43.0, f64::NAN, 43.0, 44.0, 43.0]);
    let told: Vec<_> = points
        .iter()
        .map(|point| (point.index, point.before, point.after, point.p))
        .collect();
    assert_eq!(told, [(4, 43.0, 44.0, 0.0), (5, 44.0, 43.0, 0.0)]);
    assert_eq!(counted_changes(&[]), []);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_series_gives_ordered_points_and_the_same_ones_again(
        values in proptest::collection::vec(any::<f64>(), 0..40),
        least_segment in 0_usize..6,
    ) {
        let settings = ChangePointSettings { least_segment, ..ChangePointSettings::default() };
        let points = change_points(&values, &settings);
        prop_assert!(points.windows(2).all(|pair| pair[0].index < pair[1].index));
        prop_assert!(points.iter().all(|point| values[point.index].is_finite() && point.index > 0));
        prop_assert_eq!(&points, &change_points(&values, &settings));
    }
}
