//! What a driver tells its caller while it works, and asks of it.

use std::sync::atomic::{AtomicU64, Ordering};

/// Reads the CPU time that the server has used; implemented by whoever
/// started the server.
pub trait Probe {
    /// Nanoseconds of user and system time of the server process so far;
    /// `None` where they cannot be read, because the server is gone, say.
    fn read(&mut self) -> Option<u64>;
}

/// No server process to look at.
impl Probe for () {
    fn read(&mut self) -> Option<u64> {
        None
    }
}

impl<F: FnMut() -> Option<u64>> Probe for F {
    fn read(&mut self) -> Option<u64> {
        self()
    }
}

/// Is told a few times a second how a load point is going.
pub trait Progress {
    /// Called on the driver's own thread between two requests: it must return
    /// within microseconds, or the driver is late.
    fn update(&mut self, now: &Snapshot);

    /// Called once, when the measured time of a load point begins: `from_ns`
    /// on the monotonic clock of this process
    /// ([`authbench_core::system::monotonic_ns`]). Faults are timed from it.
    fn measuring(&mut self, from_ns: u64) {
        let _ = from_ns;
    }
}

/// Nobody looks.
impl Progress for () {
    fn update(&mut self, _: &Snapshot) {}
}

/// How a load point is going. Until measuring begins, `achieved_per_s` and the
/// percentiles are 0. With several lanes counts are sums, and percentiles
/// those of the lane in which they are highest.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// The part of the time that has passed, warm-up included, 0 to 1. Of a
    /// warm-up that ends when it is steady the longest is taken.
    pub done_fraction: f64,
    /// Requests per second that are meant to be sent, on average over the
    /// measured time; 0 in a closed loop.
    pub offered_per_s: f64,
    /// Answers per second so far.
    pub achieved_per_s: f64,
    /// Median response time of reads in the present block, nanoseconds.
    pub response_ns_p50: u64,
    /// 99th percentile of it, nanoseconds.
    pub response_ns_p99: u64,
    /// The longest so far, nanoseconds.
    pub response_ns_max: u64,
    /// Requests that failed so far, warm-up left out.
    pub failures: u64,
    /// 99th percentile of the send lag so far, nanoseconds.
    pub send_lag_ns_p99: u64,
    /// Arrivals that wait for a free connection or user.
    pub backlog: u64,
    /// Milliseconds until the last arrival.
    pub remaining_ms: u64,
}

/// How one lane is going, or several.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct SoFar {
    /// Answers since measuring began.
    pub(crate) completed: u64,
    pub(crate) failures: u64,
    pub(crate) backlog: u64,
    pub(crate) response_ns_p50: u64,
    pub(crate) response_ns_p99: u64,
    pub(crate) response_ns_max: u64,
    pub(crate) send_lag_ns_p99: u64,
}

impl SoFar {
    /// This and another lane.
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            completed: self.completed + other.completed,
            failures: self.failures + other.failures,
            backlog: self.backlog + other.backlog,
            response_ns_p50: self.response_ns_p50.max(other.response_ns_p50),
            response_ns_p99: self.response_ns_p99.max(other.response_ns_p99),
            response_ns_max: self.response_ns_max.max(other.response_ns_max),
            send_lag_ns_p99: self.send_lag_ns_p99.max(other.send_lag_ns_p99),
        }
    }
}

/// Where a lane writes now and then how it is going, for the first lane to
/// read. What is read may be of two writings: it is only looked at.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct Post([AtomicU64; 7]);

impl Post {
    pub(crate) fn write(&self, so_far: &SoFar) {
        let values = [
            so_far.completed,
            so_far.failures,
            so_far.backlog,
            so_far.response_ns_p50,
            so_far.response_ns_p99,
            so_far.response_ns_max,
            so_far.send_lag_ns_p99,
        ];
        for (place, value) in self.0.iter().zip(values) {
            place.store(value, Ordering::Relaxed);
        }
    }

    pub(crate) fn read(&self) -> SoFar {
        let [
            completed,
            failures,
            backlog,
            response_ns_p50,
            response_ns_p99,
            response_ns_max,
            send_lag_ns_p99,
        ] = self.0.each_ref().map(|place| place.load(Ordering::Relaxed));
        SoFar {
            completed,
            failures,
            backlog,
            response_ns_p50,
            response_ns_p99,
            response_ns_max,
            send_lag_ns_p99,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_posted_is_read_and_lanes_are_summed() {
        let post = Post::default();
        assert_eq!(post.read(), SoFar::default());
        let one = SoFar {
            completed: 1,
            failures: 2,
            backlog: 3,
            response_ns_p50: 4,
            response_ns_p99: 5,
            response_ns_max: 6,
            send_lag_ns_p99: 7,
        };
        post.write(&one);
        assert_eq!(post.read(), one);
        let both = one.and(SoFar {
            completed: 10,
            response_ns_max: 60,
            ..SoFar::default()
        });
        assert_eq!(
            (both.completed, both.failures, both.response_ns_max),
            (11, 2, 60)
        );
        assert_eq!(both.send_lag_ns_p99, 7);
    }
}
