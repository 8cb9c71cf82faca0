//! What a driver tells its caller while it works, and asks of it.

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
}

/// Nobody looks.
impl Progress for () {
    fn update(&mut self, _: &Snapshot) {}
}

/// How a load point is going. Until measuring begins, `achieved_per_s` and the
/// percentiles are 0.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// The part of the time that has passed, warm-up included, 0 to 1.
    pub done_fraction: f64,
    /// Requests per second that are meant to be sent.
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
