//! What a user waits for at a server that is stopped now and then: the truth
//! that a driver's percentiles are held against.

/// A server that stops for the same time once in each period, and answers as
/// fast as it can otherwise, under a load that does not wait for it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stalls {
    /// How long it stops, milliseconds.
    pub stall_ms: f64,
    /// From the beginning of a stop to that of the next, milliseconds.
    pub period_ms: f64,
    /// Arrivals per second, evenly spaced.
    pub offered_per_s: f64,
    /// What the server answers per second when it is never without work.
    pub capacity_per_s: f64,
}

impl Stalls {
    /// The quantile `q` of the time from arrival to answer, milliseconds,
    /// without the service time itself (a fraction of a millisecond).
    ///
    /// With the load factor u = offered / capacity, whoever arrives t after
    /// the beginning of a stop of length S waits for its rest, S - t, and for
    /// the u * t of work that came before: S - t (1 - u) in all. So the backlog
    /// is gone after S / (1 - u), and a wait above w befalls the arrivals of
    /// (S - w) / (1 - u) in each period P. That is the fraction 1 - q of them
    /// for w = S - (1 - q) P (1 - u). Where that is negative, fewer than 1 - q
    /// wait at all: 0.
    ///
    /// None if `q` is not in 0..=1, if the server cannot keep up, or if the
    /// backlog of one stop lasts until the next.
    #[must_use]
    pub fn quantile_ms(&self, q: f64) -> Option<f64> {
        let spare = 1.0 - self.offered_per_s / self.capacity_per_s;
        let keeps_up = spare > 0.0 && self.stall_ms / spare <= self.period_ms;
        (keeps_up && (0.0..=1.0).contains(&q))
            .then(|| (self.stall_ms - (1.0 - q) * self.period_ms * spare).max(0.0))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_example_of_the_anchors() {
        let stalls = |offered_per_s| Stalls {
            stall_ms: 200.0,
            period_ms: 2_000.0,
            offered_per_s,
            capacity_per_s: 100_000.0,
        };
        assert_eq!(stalls(5_000.0).quantile_ms(0.99), Some(181.0));
        assert_eq!(stalls(20_000.0).quantile_ms(0.99), Some(184.0));
        assert_eq!(stalls(5_000.0).quantile_ms(0.5), Some(0.0));
        assert_eq!(stalls(5_000.0).quantile_ms(1.0), Some(200.0));
        assert_eq!(stalls(100_000.0).quantile_ms(0.99), None, "never idle");
        assert_eq!(stalls(95_000.0).quantile_ms(0.99), None, "backlog for 4 s");
        assert_eq!(stalls(5_000.0).quantile_ms(1.1), None);
    }

    /// Waits of one period, by serving arrival after arrival.
    fn served_one_by_one(stalls: &Stalls) -> Vec<f64> {
        let gap_ms = 1e3 / stalls.offered_per_s;
        let service_ms = 1e3 / stalls.capacity_per_s;
        let mut free_at_ms = stalls.stall_ms;
        let mut waits = Vec::new();
        let mut at_ms = 0.0;
        while at_ms < stalls.period_ms {
            free_at_ms = f64::max(free_at_ms, at_ms);
            waits.push(free_at_ms - at_ms);
            free_at_ms += service_ms;
            at_ms += gap_ms;
        }
        waits.sort_by(f64::total_cmp);
        waits
    }

    proptest! {
        #[test]
        fn agrees_with_a_queue_served_one_by_one(
            stall_ms in 20.0..400.0_f64,
            period_ms in 800.0..3_000.0_f64,
            capacity_per_s in 5_000.0..50_000.0_f64,
            load in 0.02..0.9_f64,
            q in 0.5..0.9999_f64,
        ) {
            let stalls = Stalls { stall_ms, period_ms, offered_per_s: capacity_per_s * load, capacity_per_s };
            let Some(truth_ms) = stalls.quantile_ms(q) else { return Ok(()) };
            let waits = served_one_by_one(&stalls);
            let rank = ((q * waits.len() as f64).ceil() as usize).clamp(1, waits.len());
            // Arrivals are single: a rank more or less is a gap more or less.
            let tolerance_ms = 2.0 * 1e3 / stalls.offered_per_s;
            prop_assert!((waits[rank - 1] - truth_ms).abs() <= tolerance_ms, "{} {truth_ms}", waits[rank - 1]);
        }
    }
}
