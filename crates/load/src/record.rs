//! What a load point leaves behind.

mod recorder;

use std::sync::LazyLock;

use hdrhistogram::Histogram;

use crate::outcome::{Action, Tally};
use crate::point::{Arrivals, LoadPoint};
use crate::trace::Trace;

pub(crate) use recorder::{Recorder, Sample};

/// The longest time that histograms tell apart, nanoseconds: an hour and a
/// bit; longer ones count as this.
const LONGEST_NS: u64 = 4_000_000_000_000;
/// Histograms are good to three digits.
const DIGITS: u8 = 3;

/// What one load point has shown.
///
/// Unless stated otherwise, a request counts when its *intended* instant lies
/// in the measured time, whenever its answer came.
#[derive(Clone, Debug)]
pub struct CellOutcome {
    /// The load that it was.
    pub point: LoadPoint,
    /// Virtual users that took part.
    pub users: u32,
    /// Whether it was stopped before its time; what stands here was measured
    /// nevertheless.
    pub interrupted: bool,
    /// Nanoseconds that were measured: from the end of the warm-up to the end
    /// of the arrivals.
    pub measured_ns: u64,
    /// Nanoseconds that were then waited for stragglers, `point.timeout_ms` at
    /// most. Next to nothing where the target keeps up.
    pub drained_ns: u64,
    /// Requests that the schedule asked for, sent or not. Always the total of
    /// `tally`.
    pub arrivals: u64,
    /// Requests among them that were sent, at whatever time. What is missing
    /// to `arrivals` found no free connection or user until the end of the
    /// drain: the target was overloaded. It counts as [`Kind::Unfinished`].
    pub sent: u64,
    /// Requests among them that were answered, rightly or wrongly, by the end
    /// of the drain. What is missing to `sent` is [`Kind::ConnectionError`] or
    /// [`Kind::Unfinished`].
    pub completed: u64,
    /// What came of them. An arrival that was never sent counts as a read.
    pub tally: Tally,
    /// What came of the requests of the warm-up, which count nowhere else.
    pub warmup: Tally,
    /// Response time of reads: from the intended instant to the last octet.
    /// It holds right answers, late ones at their true length, and what was
    /// unfinished at its length so far; wrong answers are left out.
    pub response_ns: Histogram<u64>,
    /// Service time of reads: from the actual send to the last octet; right
    /// and late answers.
    pub service_ns: Histogram<u64>,
    /// How late the driver was with any request that was sent: from the
    /// instant at which it was meant and able to be sent (intended, and a
    /// connection and a user were free) to the actual send. A server that
    /// keeps all connections busy does not show here but in
    /// [`CellOutcome::wait_ns`].
    pub send_lag_ns: Histogram<u64>,
    /// Only those requests among the sent that found every connection or user
    /// busy (its length is how many): from the intended instant until one was
    /// free. Part of the response time.
    pub wait_ns: Histogram<u64>,
    /// Connections made anew, warm-up and drain included.
    pub reconnects: u64,
    /// CPU time of the driver's threads, from the start of the measured time to
    /// the end of the drain, nanoseconds. It includes the CPU time that the
    /// driver burns while it watches the sockets without sleeping, so it does
    /// not tell how much more the driver could do: `busy_ns` does.
    pub driver_cpu_ns: u64,
    /// Nanoseconds of the same time in which the driver was not idle. It is
    /// idle from the start of a look at the sockets that finds nothing to the
    /// end of the look that finds something, or to the instant for which the
    /// next step is planned; asleep or spinning makes no difference. Time in
    /// which the driver's thread had work but was not run (another thread, the
    /// hypervisor) is busy time; time in which it was kept from waking up is
    /// not. Of several lanes it is the busiest one's.
    pub busy_ns: u64,
    /// Equal parts of the measured time, the last with the drain.
    pub blocks: Vec<BlockSample>,
    /// The most arrivals that waited at once for a free connection or user;
    /// 0 in a closed loop.
    pub backlog_max: u64,
    /// Milliseconds of warm-up.
    pub warmed_ms: u64,
    /// Whether the response times were steady when the warm-up ended; `None`
    /// if that was not asked for.
    pub warmup_steady: Option<bool>,
    /// When measuring began, nanoseconds on the monotonic clock of this
    /// process; 0 if it never did.
    pub measured_from_ns: u64,
    /// When requests ended, and how.
    pub trace: Trace,
    actions: [Option<Histogram<u64>>; Action::COUNT],
    wire: [Wire; Action::COUNT],
}

/// Octets of exchanges that were judged right (or right but late): heads and
/// bodies, without TCP/IP headers.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Wire {
    /// How many exchanges.
    pub exchanges: u64,
    /// Octets sent.
    pub sent_bytes: u64,
    /// Octets received.
    pub received_bytes: u64,
}

impl Wire {
    pub(crate) fn merge(&mut self, other: &Self) {
        self.exchanges += other.exchanges;
        self.sent_bytes += other.sent_bytes;
        self.received_bytes += other.received_bytes;
    }
}

/// One part of the measured time. Unlike the sums of the whole, it counts what
/// was answered *within* it, so that CPU time and answers belong together.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct BlockSample {
    /// Its place, from 0.
    pub index: u32,
    /// How long it was, nanoseconds.
    pub duration_ns: u64,
    /// Requests answered in it.
    pub completed: u64,
    /// Median response time of reads that were meant to be sent in the
    /// measured time, nanoseconds; `None` without one.
    pub response_ns_p50: Option<u64>,
    /// 99th percentile of it, nanoseconds.
    pub response_ns_p99: Option<u64>,
    /// CPU time of the driver's threads, spinning included, nanoseconds; see
    /// [`CellOutcome::driver_cpu_ns`].
    pub driver_cpu_ns: u64,
    /// Nanoseconds in which the driver was not idle, `duration_ns` at most; see
    /// [`CellOutcome::busy_ns`].
    pub busy_ns: u64,
    /// What the probe read at its beginning: CPU time of the server,
    /// nanoseconds; `None` if it could not be read.
    pub probe_before: Option<u64>,
    /// What the probe read at its end.
    pub probe_after: Option<u64>,
}

impl BlockSample {
    /// CPU time of the server in it, nanoseconds; `None` if the probe could
    /// not be read at either end.
    #[must_use]
    pub fn server_cpu_ns(&self) -> Option<u64> {
        self.probe_after?.checked_sub(self.probe_before?)
    }
}

impl CellOutcome {
    /// Response time of the `action`s, as [`CellOutcome::response_ns`] is that
    /// of reads. Empty where there were none.
    #[must_use]
    pub fn response_of(&self, action: Action) -> &Histogram<u64> {
        static EMPTY: LazyLock<Histogram<u64>> = LazyLock::new(histogram);
        if action == Action::Read {
            return &self.response_ns;
        }
        self.actions[action as usize].as_ref().unwrap_or(&EMPTY)
    }

    /// Whether users waited for answers before they asked again: response
    /// times then count from the send, there is no send lag, and nothing here
    /// may be compared with an open loop.
    #[must_use]
    pub fn is_closed_loop(&self) -> bool {
        matches!(self.point.arrivals, Arrivals::Closed { .. })
    }

    /// Octets of the right `action`s.
    #[must_use]
    pub fn wire(&self, action: Action) -> Wire {
        self.wire[action as usize]
    }

    /// Answers, right or wrong, per second of measured time, drain included.
    /// Below the offered rate where the target is overloaded.
    #[must_use]
    pub fn completed_per_s(&self) -> f64 {
        per_second(self.completed, self.measured_ns + self.drained_ns)
    }

    /// CPU time of the server, nanoseconds, and the answers that it went into,
    /// over all blocks at both ends of which the probe could be read; `None`
    /// if there is no such block.
    #[must_use]
    pub fn server_cpu(&self) -> Option<(u64, u64)> {
        self.blocks
            .iter()
            .filter_map(|block| Some((block.server_cpu_ns()?, block.completed)))
            .reduce(|sum, block| (sum.0 + block.0, sum.1 + block.1))
    }

    /// Adds another part of the same load point, for runs whose blocks are
    /// interleaved with those of other strategies. `point`, `trace` and
    /// `measured_from_ns` stay as they are: times of another part mean
    /// nothing in them.
    pub fn merge(&mut self, other: &Self) {
        self.measured_ns += other.measured_ns;
        self.drained_ns += other.drained_ns;
        self.warmed_ms += other.warmed_ms;
        self.busy_ns += other.busy_ns;
        self.add_counts(other);
        let first = self.blocks.len() as u32;
        self.blocks
            .extend(other.blocks.iter().map(|block| BlockSample {
                index: first + block.index,
                ..*block
            }));
        self.warmup_steady = match (self.warmup_steady, other.warmup_steady) {
            (Some(own), Some(other)) => Some(own && other),
            (own, other) => own.or(other),
        };
        self.backlog_max = self.backlog_max.max(other.backlog_max);
    }

    /// What counts alike, whether the other part came later or ran beside.
    fn add_counts(&mut self, other: &Self) {
        self.interrupted |= other.interrupted;
        self.arrivals += other.arrivals;
        self.sent += other.sent;
        self.completed += other.completed;
        self.tally.merge(&other.tally);
        self.warmup.merge(&other.warmup);
        add(&mut self.response_ns, &other.response_ns);
        add(&mut self.service_ns, &other.service_ns);
        add(&mut self.send_lag_ns, &other.send_lag_ns);
        add(&mut self.wait_ns, &other.wait_ns);
        self.reconnects += other.reconnects;
        self.driver_cpu_ns += other.driver_cpu_ns;
        for (own, other) in self.actions.iter_mut().zip(&other.actions) {
            match (own, other) {
                (Some(own), Some(other)) => add(own, other),
                (own, other) => *own = own.take().or_else(|| other.clone()),
            }
        }
        for (own, other) in self.wire.iter_mut().zip(&other.wire) {
            own.merge(other);
        }
    }
}

/// An empty histogram of nanoseconds, good to three digits up to an hour.
pub(crate) fn histogram() -> Histogram<u64> {
    match Histogram::new_with_bounds(1, LONGEST_NS, DIGITS) {
        Ok(histogram) => histogram,
        Err(error) => unreachable!("the bounds are constants that suit: {error}"),
    }
}

/// Adds a histogram that [`histogram`] made to another one.
pub(crate) fn add(own: &mut Histogram<u64>, other: &Histogram<u64>) {
    let added = own.add(other);
    debug_assert!(added.is_ok(), "all histograms have the same bounds");
}

/// How many that is in a second; 0 in no time.
pub(crate) fn per_second(count: u64, ns: u64) -> f64 {
    if ns == 0 {
        0.0
    } else {
        count as f64 * 1e9 / ns as f64
    }
}
