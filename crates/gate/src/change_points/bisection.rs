//! The clearest place to cut a stretch of values in two.

/// A stretch between two change points.
pub(super) struct Segment {
    /// Its first value's place in the whole series.
    start: usize,
    /// Its values.
    pub(super) values: Vec<f64>,
    /// Its clearest split; None if it is too short for one.
    pub(super) best: Option<Split>,
}

/// A place to cut.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Split {
    /// The first value after the cut.
    pub(super) at: usize,
    /// The scaled energy distance between the values on both sides; see
    /// [`best_split`].
    pub(super) statistic: f64,
}

impl Segment {
    /// The stretch that begins at `start`; None without values.
    pub(super) fn of(start: usize, values: &[f64], least: usize) -> Option<Self> {
        (!values.is_empty()).then(|| Self {
            start,
            values: values.to_vec(),
            best: best_split(values, least).map(|split| Split {
                at: start + split.at,
                ..split
            }),
        })
    }

    /// Both parts of it, cut before the value at `at` in the whole series.
    pub(super) fn split(self, at: usize, least: usize) -> impl Iterator<Item = Self> + use<> {
        let (before, after) = self.values.split_at(at - self.start);
        let parts = [
            Self::of(self.start, before, least),
            Self::of(at, after, least),
        ];
        parts.into_iter().flatten()
    }
}

/// The place where `values` are cut most clearly, with at least `least` of
/// them on each side; of several the first. None if there are too few.
///
/// The statistic is that of Matteson and James, section 2.3: for the `n`
/// values X before the cut and the `m` values Y from it to some end (the end
/// is varied as well, or a rise and a fall would hide each other),
/// `nm / (n + m)` times the energy distance
/// `2 E|X - Y| - E|X - X'| - E|Y - Y'|`, over pairs of different values.
pub(super) fn best_split(values: &[f64], least: usize) -> Option<Split> {
    let mut sums = Sums::new(values.len());
    let mut best: Option<Split> = None;
    for (end, value) in values.iter().enumerate() {
        sums.append(values, end, *value);
        let length = end + 1;
        for at in least..(length + 1).saturating_sub(least) {
            let statistic = sums.statistic(at, length);
            if best.is_none_or(|best| statistic > best.statistic) {
                best = Some(Split { at, statistic });
            }
        }
    }
    best
}

/// Sums of the distances |x - y| within and between the parts on both sides of
/// every cut, kept while values are appended one after another.
struct Sums {
    /// Over the pairs before each cut; these never change.
    before: Vec<f64>,
    /// Over the pairs from each cut to the end so far.
    after: Vec<f64>,
    /// Over the pairs across each cut, to the end so far.
    across: Vec<f64>,
}

impl Sums {
    fn new(values: usize) -> Self {
        Self {
            before: vec![0.0; values + 1],
            after: vec![0.0; values],
            across: vec![0.0; values],
        }
    }

    /// Takes up `values[end]`, which is `value`.
    fn append(&mut self, values: &[f64], end: usize, value: f64) {
        let total: f64 = values[..end].iter().map(|x| (x - value).abs()).sum();
        let mut from_left = 0.0;
        let sums = self.across.iter_mut().zip(&mut self.after);
        for (x, (across, after)) in values[..end].iter().zip(sums) {
            *across += from_left;
            *after += total - from_left;
            from_left += (x - value).abs();
        }
        self.across[end] = total;
        self.before[end + 1] = self.before[end] + total;
    }

    /// Of the cut before the value `at`, taken to `length` values.
    fn statistic(&self, at: usize, length: usize) -> f64 {
        let (n, m) = (at as f64, (length - at) as f64);
        // The mean over pairs of different values; there are none of one value.
        let mean = |sum: f64, n: f64| {
            if n > 1.0 {
                2.0 * sum / (n * (n - 1.0))
            } else {
                0.0
            }
        };
        let across = 2.0 * self.across[at] / (n * m);
        let distance = across - mean(self.before[at], n) - mean(self.after[at], m);
        n * m / (n + m) * distance
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The definition, word for word.
    fn by_definition(values: &[f64], least: usize) -> Option<Split> {
        let mut best: Option<Split> = None;
        for end in 1..=values.len() {
            for at in 1..end {
                let (x, y) = (&values[..at], &values[at..end]);
                if x.len() < least || y.len() < least {
                    continue;
                }
                let (n, m) = (x.len() as f64, y.len() as f64);
                let between: f64 = x
                    .iter()
                    .flat_map(|x| y.iter().map(move |y| (x - y).abs()))
                    .sum();
                let within = |part: &[f64]| {
                    let pairs = part
                        .iter()
                        .flat_map(|a| part.iter().map(move |b| (a - b).abs()));
                    let count = (part.len() * (part.len() - 1)).max(1);
                    pairs.sum::<f64>() / count as f64
                };
                let distance = 2.0 * between / (n * m) - within(x) - within(y);
                let statistic = n * m / (n + m) * distance;
                if best.is_none_or(|best| statistic > best.statistic) {
                    best = Some(Split { at, statistic });
                }
            }
        }
        best
    }

    proptest! {
        #[test]
        fn sums_give_what_the_definition_says(
            values in proptest::collection::vec(-1e3..1e3_f64, 0..24),
            least in 1_usize..5,
        ) {
            let (found, defined) = (best_split(&values, least), by_definition(&values, least));
            prop_assert_eq!(found.is_some(), defined.is_some());
            if let (Some(found), Some(defined)) = (found, defined) {
                prop_assert!((found.statistic - defined.statistic).abs() < 1e-6);
            }
        }
    }

    #[test]
    fn a_clean_step_by_hand() {
        // Between the parts 2 * 4, within them nothing; 3 * 3 / 6 of that.
        let split = best_split(&[1.0, 1.0, 1.0, 5.0, 5.0, 5.0], 3);
        assert_eq!(
            split,
            Some(Split {
                at: 3,
                statistic: 12.0
            })
        );
        assert_eq!(best_split(&[1.0, 5.0, 5.0, 5.0, 5.0], 3), None);
    }
}
