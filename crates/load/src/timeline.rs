//! One time line for the oracle: the driver's monotonic clock laid onto the
//! wall clock by which the target dates its credentials.

use authbench_core::oracle::{Ns, Span};
use authbench_core::system::{SystemClock, monotonic_ns};
use authbench_core::time::{Clock, UnixMs};

/// Ticks of the wall clock that are awaited, at least and at most.
const TICKS_MIN: u32 = 4;
const TICKS_MAX: u32 = 100;
/// Clocks lined up so closely are close enough.
const CLOSE_NS: u64 = 20_000;

/// Readings of the monotonic clock to nanoseconds since 1970 as the target
/// sees them. It holds where driver and target share a clock (one machine).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timeline {
    unix_ns_at_zero: u64,
    ahead_ns: u64,
}

impl Timeline {
    /// Lines the clocks up. The wall clock is read in milliseconds, so its
    /// next tick is awaited: that takes some milliseconds, on a
    /// busy machine up to a tenth of a second.
    pub(crate) fn aligned() -> Self {
        // The tick lies between two readings; the closest of a few pairs wins,
        // since the thread may be held up within one. On a busy machine a few
        // are not enough: then it goes on until one is close.
        let mut best: Option<Tick> = None;
        for count in 1..=TICKS_MAX {
            let tick = next_tick();
            let is_closer = |best: &Tick| tick.uncertainty_ns < best.uncertainty_ns;
            if best.as_ref().is_none_or(is_closer) {
                best = Some(tick);
            }
            let is_close = best
                .as_ref()
                .is_some_and(|best| best.uncertainty_ns <= CLOSE_NS);
            if count >= TICKS_MIN && is_close {
                break;
            }
        }
        let unix_ns_at_zero = best.map_or(0, |tick| tick.unix_ns.saturating_sub(tick.monotonic_ns));
        Self {
            unix_ns_at_zero,
            ahead_ns: 0,
        }
    }

    /// Lines the clocks up again; they may have drifted apart.
    pub(crate) fn realign(&mut self) {
        self.unix_ns_at_zero = Self::aligned().unix_ns_at_zero;
    }

    /// Takes note that the target's clock has been stepped, by this much in
    /// all.
    pub(crate) fn set_ahead_ms(&mut self, ahead_ms: u64) {
        self.ahead_ns = ahead_ms.saturating_mul(1_000_000);
    }

    /// The instant of a reading of the monotonic clock.
    pub(crate) fn at(&self, monotonic_ns: u64) -> Ns {
        Ns(self
            .unix_ns_at_zero
            .saturating_add(monotonic_ns)
            .saturating_add(self.ahead_ns))
    }

    /// The reading of the monotonic clock at an instant since the last step.
    pub(crate) fn real_ns(&self, at: Ns) -> u64 {
        at.0.saturating_sub(self.unix_ns_at_zero)
            .saturating_sub(self.ahead_ns)
    }

    /// The span between two readings.
    pub(crate) fn span(&self, start_ns: u64, end_ns: u64) -> Span {
        Span {
            start: self.at(start_ns),
            end: self.at(end_ns),
        }
    }
}

struct Tick {
    unix_ns: u64,
    monotonic_ns: u64,
    uncertainty_ns: u64,
}

fn next_tick() -> Tick {
    let first = SystemClock.now();
    let mut earlier_ns = monotonic_ns();
    loop {
        let before_ns = monotonic_ns();
        let UnixMs(now_ms) = SystemClock.now();
        let after_ns = monotonic_ns();
        if UnixMs(now_ms) != first {
            return Tick {
                unix_ns: now_ms.saturating_mul(1_000_000),
                monotonic_ns: before_ns,
                uncertainty_ns: after_ns - earlier_ns,
            };
        }
        earlier_ns = before_ns;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_wall_clock() {
        let line = Timeline::aligned();
        // However long the thread is held up here, the readings in the middle
        // lie between the outer ones; a tick may be off by its uncertainty.
        let earlier = SystemClock.now();
        let here = line.at(monotonic_ns());
        let later = SystemClock.now();
        assert!(
            here.0 + 1_000_000 >= Ns::from(earlier).0,
            "{here:?} {earlier:?}"
        );
        assert!(here.0 <= Ns::from(later.plus_ms(2)).0, "{here:?} {later:?}");
    }

    #[test]
    fn a_stepped_target_is_followed() {
        let mut line = Timeline {
            unix_ns_at_zero: 5,
            ahead_ns: 0,
        };
        assert_eq!(line.at(1), Ns(6));
        line.set_ahead_ms(2);
        assert_eq!(line.real_ns(line.at(9)), 9);
        assert_eq!(
            line.span(1, 2),
            Span {
                start: Ns(2_000_006),
                end: Ns(2_000_007)
            }
        );
    }
}
