//! Statistics that can refute, and never prove: whether identifiers look like
//! what a random generator makes, and whether two samples of times differ.
//!
//! Every test has a bound on its rate of false alarms that holds for the whole
//! of it, over all positions, bits and pairs: [`FALSE_ALARM`].

pub mod bits;
pub mod identifiers;
pub mod times;

/// The chance that a sound generator is found at fault, for one whole judgement
/// (all of its tests together). A thousand million runs see one false alarm.
pub const FALSE_ALARM: f64 = 1e-9;

/// The bound for one of `tests` tests of which none may ring falsely more often
/// than [`FALSE_ALARM`] in all (Bonferroni), as the natural logarithm of one
/// over the chance.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "a count of tests")]
pub(crate) fn nats(tests: usize) -> f64 {
    (tests.max(1) as f64 / FALSE_ALARM).ln()
}

/// How far a chi-square of `degrees` degrees of freedom may go: it exceeds this
/// with a chance of at most `exp(-nats)` (Laurent and Massart 2000, lemma 1).
#[must_use]
pub(crate) fn chi_square_bound(degrees: f64, nats: f64) -> f64 {
    degrees + 2.0 * (degrees * nats).sqrt() + 2.0 * nats
}

/// How far the mean of `count` fair signs may be from 0: it exceeds this with a
/// chance of at most `exp(-nats)` (Hoeffding 1963, both sides).
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "a count of samples")]
pub(crate) fn sign_bound(count: usize, nats: f64) -> f64 {
    (2.0 * (nats + std::f64::consts::LN_2) / count.max(1) as f64).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_hold_against_known_quantiles() {
        // One test at 1e-9: a normal deviate of 6.1; Hoeffding is wider.
        let deviates = sign_bound(10_000, nats(1)) * 100.0;
        assert!(deviates > 6.1 && deviates < 6.8, "{deviates}");
        // 63 degrees at 1e-9: 148.6; the bound is wider, and not by much.
        let bound = chi_square_bound(63.0, nats(1));
        assert!(bound > 148.6 && bound < 185.0, "{bound}");
        assert!(nats(1000) > nats(1));
    }
}
