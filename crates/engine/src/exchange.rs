//! Requests on their way, and how they end.

use crate::broken::Broken;
use crate::http1::Answer;

/// A request on its way. `T` is whatever the caller wants back with the answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct InFlight<T> {
    /// What the caller gave along.
    pub ticket: T,
    /// The instant before its first octet was handed to the system, nanoseconds
    /// on the monotonic clock.
    pub sent_ns: u64,
    /// Its octets.
    pub sent_bytes: u64,
}

/// An exchange that is over. [`Engine::release`](crate::Engine::release) must
/// follow, once [`Done::answer`] has been looked at.
#[derive(Debug)]
pub struct Done<T> {
    /// Which connection it ran on.
    pub conn: usize,
    /// The request.
    pub request: InFlight<T>,
    /// When its last octet was there, nanoseconds on the monotonic clock.
    pub done_ns: u64,
    /// What came back.
    pub answer: Result<Answer, Broken>,
}
