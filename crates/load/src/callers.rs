//! What a loop needs of whoever sends requests and judges answers.

use crate::error::LoadError;
use crate::outcome::{Action, Kind};

/// One intended request: when, and by whom.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Arrival {
    /// When it is meant to be sent, nanoseconds on the monotonic clock.
    pub(crate) intended_ns: u64,
    /// For which user it is meant: the lane's own number, from 0.
    pub(crate) user: u32,
}

/// A request that is over, and judged.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Over {
    /// What was done.
    pub(crate) action: Action,
    /// Who did it: the lane's own number.
    pub(crate) user: u32,
    /// When it was meant to be sent.
    pub(crate) intended_ns: u64,
    /// The instant before its first octet went out.
    pub(crate) sent_ns: u64,
    /// When the last octet of the answer was there.
    pub(crate) done_ns: u64,
    /// What came of it, lateness apart: the loop knows what is late.
    pub(crate) kind: Kind,
    /// Octets of the request.
    pub(crate) sent_bytes: u64,
    /// Octets of a whole answer, else 0.
    pub(crate) received_bytes: u64,
}

/// Whoever sends requests and judges answers, within one thread: virtual users
/// over HTTP, requests without users, users of a strategy in this process.
///
/// A loop calls [`Callers::send`] while [`Callers::can_send`], then
/// [`Callers::wait`], then [`Callers::next_over`] until it gives none.
pub(crate) trait Callers {
    /// How many places requests go to, each with connections of its own: so
    /// what waits for one holds up nobody who wants to another.
    fn places(&self) -> usize {
        1
    }

    /// Where an arrival will probably go, below [`Callers::places`].
    fn place(&self, arrival: &Arrival) -> usize {
        let _ = arrival;
        0
    }

    /// Whether a request could go out at once: a connection is free, to the
    /// right replica, and a user, the one who is meant or one who steps in.
    fn can_send(&self, arrival: &Arrival) -> bool;

    /// Sends a request. If the user who is meant has one under way, the next
    /// idle user steps in. Returns the instant before its first octet went
    /// out; `None` if it could not be sent.
    fn send(&mut self, arrival: Arrival) -> Option<u64>;

    /// Waits until something is over, at most until `until_ns` on the
    /// monotonic clock.
    ///
    /// # Errors
    /// [`LoadError`] when nothing can be waited for any more.
    fn wait(&mut self, until_ns: u64) -> Result<(), LoadError>;

    /// The next request that is over; its user and its connection are free
    /// again.
    fn next_over(&mut self) -> Option<Over>;

    /// Requests under way.
    fn in_flight(&self) -> usize;

    /// Gives up what is still under way, for good: what was meant to be done,
    /// and when.
    fn abandon(&mut self) -> Vec<(Action, u64)>;

    /// Nanoseconds spent in [`Callers::wait`] with nothing to do, so far.
    fn idle_ns(&self) -> u64;

    /// Connections made anew, so far.
    fn reconnects(&self) -> u64;
}
