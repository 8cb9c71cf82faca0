//! What a load point leaves behind.

use std::sync::LazyLock;

use hdrhistogram::Histogram;

use crate::edge::Edge;
use crate::outcome::{Action, Kind, Tally};
use crate::point::{Arrivals, LoadPoint};
use crate::progress::SoFar;
use crate::trace::Trace;

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

/// One finished exchange, or what stands for one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    pub(crate) action: Action,
    pub(crate) kind: Kind,
    /// Whether it was meant to be sent in the measured time.
    pub(crate) measured: bool,
    /// When it ended, since measuring began.
    pub(crate) at_ns: u64,
    pub(crate) response_ns: u64,
    pub(crate) service_ns: u64,
    pub(crate) sent_bytes: u64,
    pub(crate) received_bytes: u64,
}

/// Fills a [`CellOutcome`] as the load point goes on, in one lane.
pub(crate) struct Recorder {
    pub(crate) outcome: CellOutcome,
    block: Histogram<u64>,
    block_completed: u64,
    block_start: Option<Edge>,
    completed: u64,
    /// Reads of the present stretch of a warm-up that ends when they are
    /// steady.
    warmup: Option<Histogram<u64>>,
    /// The reads of each block, if they are to be added to other lanes'.
    kept: Option<Vec<Values>>,
}

/// A histogram without its empty places: values and how often they came.
type Values = Vec<(u64, u64)>;

impl Recorder {
    /// For `users` users; `is_one_of_many` lanes.
    pub(crate) fn new(point: &LoadPoint, users: u32, is_one_of_many: bool) -> Self {
        let longest_ms = point.measure_ms.saturating_add(point.timeout_ms);
        let mut actions = [const { None }; Action::COUNT];
        // Logging in and refreshing follow from the others.
        let follow = [(Action::Login, 1), (Action::Refresh, 1)];
        for (action, weight) in point.mix.weights().into_iter().chain(follow) {
            if weight > 0 && action != Action::Read {
                actions[action as usize] = Some(histogram());
            }
        }
        let outcome = CellOutcome {
            point: point.clone(),
            users,
            interrupted: false,
            measured_ns: 0,
            drained_ns: 0,
            arrivals: 0,
            sent: 0,
            completed: 0,
            tally: Tally::default(),
            warmup: Tally::default(),
            response_ns: histogram(),
            service_ns: histogram(),
            send_lag_ns: histogram(),
            wait_ns: histogram(),
            reconnects: 0,
            driver_cpu_ns: 0,
            busy_ns: 0,
            blocks: Vec::with_capacity(point.blocks as usize),
            backlog_max: 0,
            warmed_ms: 0,
            warmup_steady: None,
            measured_from_ns: 0,
            trace: Trace::new(longest_ms.saturating_mul(1_000_000)),
            actions,
            wire: Default::default(),
        };
        let until_steady = point.warmup.until_steady_percent.is_some();
        Self {
            outcome,
            block: histogram(),
            block_completed: 0,
            block_start: None,
            completed: 0,
            warmup: until_steady.then(histogram),
            kept: is_one_of_many.then(|| Vec::with_capacity(point.blocks as usize)),
        }
    }

    /// Ends the block that began at the last edge, if any, and begins another.
    pub(crate) fn edge(&mut self, edge: Edge) {
        let Some(start) = self.block_start.replace(edge) else {
            return;
        };
        let stretch = edge.since(&start);
        self.outcome.driver_cpu_ns += stretch.driver_cpu_ns;
        self.outcome.busy_ns += stretch.busy_ns;
        let quantile = |at| (!self.block.is_empty()).then(|| self.block.value_at_quantile(at));
        self.outcome.blocks.push(BlockSample {
            index: self.outcome.blocks.len() as u32,
            duration_ns: stretch.duration_ns,
            completed: self.block_completed,
            response_ns_p50: quantile(0.5),
            response_ns_p99: quantile(0.99),
            driver_cpu_ns: stretch.driver_cpu_ns,
            busy_ns: stretch.busy_ns,
            probe_before: start.probe_ns,
            probe_after: edge.probe_ns,
        });
        if let Some(kept) = &mut self.kept {
            let values = self.block.iter_recorded();
            kept.push(
                values
                    .map(|at| (at.value_iterated_to(), at.count_at_value()))
                    .collect(),
            );
        }
        add(&mut self.outcome.response_ns, &self.block);
        self.block.reset();
        self.block_completed = 0;
    }

    /// A request was sent, `lag_ns` after it could be and `wait_ns` after it
    /// was meant to be.
    pub(crate) fn sent(&mut self, lag_ns: u64, wait_ns: u64) {
        self.outcome.sent += 1;
        self.outcome.send_lag_ns.saturating_record(lag_ns);
        if wait_ns > 0 {
            self.outcome.wait_ns.saturating_record(wait_ns);
        }
    }

    /// A request was sent at an instant that nobody had planned.
    pub(crate) fn sent_unplanned(&mut self) {
        self.outcome.sent += 1;
    }

    /// So many arrivals wait.
    pub(crate) fn backlog(&mut self, waiting: usize) {
        if self.block_start.is_some() {
            self.outcome.backlog_max = self.outcome.backlog_max.max(waiting as u64);
        }
    }

    /// A request is over.
    pub(crate) fn over(&mut self, sample: &Sample) {
        let Sample { action, kind, .. } = *sample;
        let is_read = action == Action::Read;
        if self.block_start.is_some() {
            self.outcome.trace.add(sample.at_ns, kind);
            let answered = u64::from(kind.is_answered());
            self.block_completed += answered;
            self.completed += answered;
        }
        if !sample.measured {
            self.outcome.warmup.add(action, kind);
            if let Some(stretch) = self.warmup.as_mut().filter(|_| is_read && kind.is_timed()) {
                stretch.saturating_record(sample.response_ns);
            }
            return;
        }
        self.outcome.tally.add(action, kind);
        if kind.is_timed() {
            // The reads of all blocks are added up at their ends.
            let times = if is_read {
                &mut self.block
            } else {
                self.outcome.actions[action as usize].get_or_insert_with(histogram)
            };
            times.saturating_record(sample.response_ns);
        }
        if kind.is_answered() {
            self.outcome.completed += 1;
            if is_read && kind.is_timed() {
                self.outcome.service_ns.saturating_record(sample.service_ns);
            }
            if kind.is_timed() {
                let wire = &mut self.outcome.wire[action as usize];
                wire.exchanges += 1;
                wire.sent_bytes += sample.sent_bytes;
                wire.received_bytes += sample.received_bytes;
            }
        }
    }

    /// The median response time of the stretch of warm-up that ends now;
    /// `None` without a read.
    pub(crate) fn warmup_ns_p50(&mut self) -> Option<u64> {
        let stretch = self.warmup.as_mut()?;
        let median_ns = (!stretch.is_empty()).then(|| stretch.value_at_quantile(0.5));
        stretch.reset();
        median_ns
    }

    /// How it goes, apart from what only the loop knows.
    pub(crate) fn so_far(&self) -> SoFar {
        let outcome = &self.outcome;
        let quantile = |histogram: &Histogram<u64>, at| {
            if histogram.is_empty() {
                0
            } else {
                histogram.value_at_quantile(at)
            }
        };
        SoFar {
            completed: self.completed,
            failures: outcome.tally.failures(),
            backlog: 0,
            response_ns_p50: quantile(&self.block, 0.5),
            response_ns_p99: quantile(&self.block, 0.99),
            response_ns_max: self.block.max().max(outcome.response_ns.max()),
            send_lag_ns_p99: quantile(&outcome.send_lag_ns, 0.99),
        }
    }

    /// Puts together what the lanes of one load point have recorded, the first
    /// lane first; `None` without a lane.
    pub(crate) fn join(lanes: Vec<Self>) -> Option<CellOutcome> {
        let mut lanes = lanes.into_iter();
        let first = lanes.next()?;
        let (mut joined, mut kept) = (first.outcome, first.kept.unwrap_or_default());
        for lane in lanes {
            joined.add_beside(&lane.outcome);
            for (own, other) in kept.iter_mut().zip(lane.kept.unwrap_or_default()) {
                own.extend(other);
            }
        }
        for (block, values) in joined.blocks.iter_mut().zip(&kept) {
            let mut reads = histogram();
            for (value, count) in values {
                reads.saturating_record_n(*value, *count);
            }
            let quantile = |at| (!reads.is_empty()).then(|| reads.value_at_quantile(at));
            block.response_ns_p50 = quantile(0.5);
            block.response_ns_p99 = quantile(0.99);
        }
        joined.trace.finish();
        for action in &mut joined.actions {
            *action = action.take().filter(|histogram| !histogram.is_empty());
        }
        Some(joined)
    }
}

impl CellOutcome {
    /// Adds what another lane did meanwhile: its blocks to those of the same
    /// time. What the probe read stays the first lane's.
    fn add_beside(&mut self, other: &Self) {
        self.users += other.users;
        self.measured_ns = self.measured_ns.max(other.measured_ns);
        self.drained_ns = self.drained_ns.max(other.drained_ns);
        self.busy_ns = self.busy_ns.max(other.busy_ns);
        self.backlog_max += other.backlog_max;
        self.add_counts(other);
        self.trace.merge(&other.trace);
        for (own, other) in self.blocks.iter_mut().zip(&other.blocks) {
            own.completed += other.completed;
            own.driver_cpu_ns += other.driver_cpu_ns;
            own.busy_ns = own.busy_ns.max(other.busy_ns).min(own.duration_ns);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::point::Arrivals;
    use crate::schedule::Spacing;

    pub(super) fn point() -> LoadPoint {
        LoadPoint {
            blocks: 2,
            timeout_ms: 10,
            ..LoadPoint::reads(Arrivals::steady(Spacing::Even, 10.0))
        }
    }

    fn sample(action: Action, kind: Kind, response_ns: u64) -> Sample {
        Sample {
            action,
            kind,
            measured: true,
            at_ns: 1_000_000,
            response_ns,
            service_ns: response_ns / 2,
            sent_bytes: 10,
            received_bytes: 100,
        }
    }

    #[test]
    fn only_right_reads_are_timed_and_weighed() {
        let mut recorder = Recorder::new(&point(), 1, false);
        recorder.edge(Edge::read(0, 0, &mut || Some(1_000)));
        for kind in Kind::ALL {
            recorder.over(&sample(Action::Read, kind, 1_000));
            recorder.over(&sample(Action::Mutate, kind, 9_000));
            recorder.over(&Sample {
                measured: false,
                ..sample(Action::Read, kind, 5_000)
            });
        }
        recorder.edge(Edge::read(500, 400, &mut || Some(4_000)));
        let outcome = &recorder.outcome;
        assert_eq!(outcome.response_ns.len(), 3, "right, timeout, unfinished");
        assert_eq!(outcome.service_ns.len(), 2, "right, timeout");
        assert!(outcome.response_ns.max() < 1_010);
        assert_eq!((outcome.tally.total(), outcome.warmup.total()), (20, 10));
        assert_eq!(outcome.completed, 16);
        let wire = Wire {
            exchanges: 2,
            sent_bytes: 20,
            received_bytes: 200,
        };
        assert_eq!(outcome.wire(Action::Read), wire);
        // The block saw the warm-up's stragglers too.
        assert_eq!((outcome.blocks.len(), outcome.blocks[0].completed), (1, 24));
        assert_eq!(outcome.server_cpu(), Some((3_000, 24)));
        let block = &outcome.blocks[0];
        assert_eq!((block.duration_ns, block.busy_ns), (500, 100));
        assert_eq!(outcome.busy_ns, 100);
    }

    #[test]
    fn what_the_probe_could_not_read_is_left_out_with_its_answers() {
        let mut recorder = Recorder::new(&point(), 1, false);
        for (at_ns, probe_ns) in [(0, None), (1, Some(10)), (2, Some(15)), (3, Some(2))] {
            recorder.edge(Edge::read(at_ns, 0, &mut || probe_ns));
            assert_eq!(
                recorder.outcome.server_cpu(),
                (at_ns > 1).then_some((5, 1)),
                "gone before, or another process since"
            );
            recorder.over(&sample(Action::Read, Kind::Right, 1_000));
        }
        assert_eq!(recorder.outcome.blocks.len(), 3);
    }

    #[test]
    fn parts_add_up() {
        let mut recorder = Recorder::new(&point(), 1, false);
        recorder.edge(Edge::read(0, 0, &mut ()));
        recorder.outcome.arrivals = 1;
        recorder.sent(7, 0);
        recorder.over(&sample(Action::Read, Kind::Right, 1_000));
        recorder.edge(Edge::read(500, 200, &mut ()));
        let mut twice = recorder.outcome.clone();
        twice.merge(&recorder.outcome);
        assert_eq!((twice.arrivals, twice.sent, twice.completed), (2, 2, 2));
        assert_eq!((twice.response_ns.len(), twice.send_lag_ns.len()), (2, 2));
        assert_eq!((twice.wait_ns.len(), twice.busy_ns), (0, 600));
        assert_eq!(twice.server_cpu(), None);
        assert_eq!(twice.wire(Action::Read).exchanges, 2);
        assert_eq!([twice.blocks[0].index, twice.blocks[1].index], [0, 1]);
    }
}
