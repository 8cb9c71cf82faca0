//! When a warm-up has become steady.

use crate::point::Warmup;

/// The shortest stretch whose median is looked at.
const STRETCH_NS_MIN: u64 = 100_000_000;

/// Compares the medians of one stretch after the other.
#[derive(Debug)]
pub(super) struct Steady {
    percent: u32,
    stretch_ns: u64,
    /// When the present stretch ends.
    next_ns: u64,
    before_ns: Option<u64>,
}

impl Steady {
    /// Looks from `start_ns` on; `None` if the warm-up is of a fixed length.
    pub(super) fn new(warmup: &Warmup, start_ns: u64) -> Option<Self> {
        let stretch_ns = warmup.at_least_ms.saturating_mul(1_000_000);
        let stretch_ns = stretch_ns.max(STRETCH_NS_MIN);
        Some(Self {
            percent: warmup.until_steady_percent?,
            stretch_ns,
            next_ns: start_ns.saturating_add(stretch_ns),
            before_ns: None,
        })
    }

    /// When there is something to look at.
    pub(super) fn next_ns(&self) -> u64 {
        self.next_ns
    }

    /// A stretch has ended, with this median response time, if there was any.
    /// Whether it is like that of the stretch before.
    pub(super) fn is_steady(&mut self, median_ns: Option<u64>) -> bool {
        self.next_ns = self.next_ns.saturating_add(self.stretch_ns);
        let before_ns = std::mem::replace(&mut self.before_ns, median_ns);
        before_ns.zip(median_ns).is_some_and(|(before, median)| {
            let off = u128::from(before.abs_diff(median));
            off * 100 < u128::from(before) * u128::from(self.percent)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_like_medians_are_steady() {
        let warmup = Warmup {
            at_least_ms: 200,
            until_steady_percent: Some(10),
            at_most_ms: 9_000,
        };
        let mut steady = Steady::new(&warmup, 1_000).unwrap();
        assert_eq!(steady.next_ns(), 200_001_000);
        for (median_ns, is_steady) in [
            (Some(1_000), false),
            (Some(1_100), false),
            (Some(1_000), true),
            (None, false),
            (Some(1_000), false),
            (Some(910), true),
            (Some(800), false),
        ] {
            assert_eq!(steady.is_steady(median_ns), is_steady, "{median_ns:?}");
        }
        assert_eq!(steady.next_ns(), 1_600_001_000);
        let short = Warmup {
            at_least_ms: 0,
            ..warmup
        };
        assert_eq!(Steady::new(&short, 0).unwrap().next_ns(), 100_000_000);
        assert!(Steady::new(&Warmup::fixed(100), 0).is_none());
    }
}
