//! What a load point leaves behind.

use hdrhistogram::Histogram;

use crate::edge::Edge;
use crate::outcome::{Action, Kind, Tally};
use crate::point::LoadPoint;

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
    /// CPU time of the driver's thread, from the start of the measured time to
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
    /// not.
    pub busy_ns: u64,
    /// Equal parts of the measured time, the last with the drain.
    pub blocks: Vec<BlockSample>,
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
    /// Median response time of reads, nanoseconds; `None` without a read.
    pub response_ns_p50: Option<u64>,
    /// 99th percentile of it, nanoseconds.
    pub response_ns_p99: Option<u64>,
    /// CPU time of the driver's thread, spinning included, nanoseconds; see
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
    /// interleaved with those of other strategies. `point` stays as it is.
    pub fn merge(&mut self, other: &Self) {
        self.interrupted |= other.interrupted;
        self.measured_ns += other.measured_ns;
        self.drained_ns += other.drained_ns;
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
        self.busy_ns += other.busy_ns;
        let first = self.blocks.len() as u32;
        self.blocks
            .extend(other.blocks.iter().map(|block| BlockSample {
                index: first + block.index,
                ..*block
            }));
        for (own, other) in self.wire.iter_mut().zip(&other.wire) {
            own.exchanges += other.exchanges;
            own.sent_bytes += other.sent_bytes;
            own.received_bytes += other.received_bytes;
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
    pub(crate) response_ns: u64,
    pub(crate) service_ns: u64,
    pub(crate) sent_bytes: u64,
    pub(crate) received_bytes: u64,
}

/// Fills a [`CellOutcome`] as the load point goes on.
pub(crate) struct Recorder {
    pub(crate) outcome: CellOutcome,
    block: Histogram<u64>,
    block_completed: u64,
    block_start: Option<Edge>,
    completed: u64,
}

impl Recorder {
    pub(crate) fn new(point: &LoadPoint, users: u32) -> Self {
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
            wire: Default::default(),
        };
        Self {
            outcome,
            block: histogram(),
            block_completed: 0,
            block_start: None,
            completed: 0,
        }
    }

    /// A block ends here (if one has begun) and the next begins.
    pub(crate) fn edge(&mut self, edge: Edge) {
        if let Some(start) = self.block_start.replace(edge) {
            let quantile = |q| (!self.block.is_empty()).then(|| self.block.value_at_quantile(q));
            let stretch = edge.since(&start);
            self.outcome.driver_cpu_ns += stretch.driver_cpu_ns;
            self.outcome.busy_ns += stretch.busy_ns;
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
        }
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

    /// A request is over.
    pub(crate) fn over(&mut self, sample: &Sample) {
        let Sample { action, kind, .. } = *sample;
        if kind.is_answered() && self.block_start.is_some() {
            self.block_completed += 1;
            self.completed += 1;
        }
        let timed = action == Action::Read && kind.is_timed();
        if timed && self.block_start.is_some() {
            self.block.saturating_record(sample.response_ns);
        }
        if !sample.measured {
            self.outcome.warmup.add(action, kind);
            return;
        }
        self.outcome.tally.add(action, kind);
        if timed {
            self.outcome
                .response_ns
                .saturating_record(sample.response_ns);
        }
        if kind.is_answered() {
            self.outcome.completed += 1;
            if timed {
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

    /// Answers per second since measuring began, and median and 99th
    /// percentile of the present block.
    pub(crate) fn so_far(&self, measured_ns: u64) -> (f64, u64, u64) {
        if self.block.is_empty() {
            return (per_second(self.completed, measured_ns), 0, 0);
        }
        (
            per_second(self.completed, measured_ns),
            self.block.value_at_quantile(0.5),
            self.block.value_at_quantile(0.99),
        )
    }
}

/// An empty histogram of nanoseconds, good to three digits up to an hour.
pub(crate) fn histogram() -> Histogram<u64> {
    match Histogram::new_with_bounds(1, LONGEST_NS, DIGITS) {
        Ok(histogram) => histogram,
        Err(error) => unreachable!("the bounds are constants that suit: {error}"),
    }
}

fn add(own: &mut Histogram<u64>, other: &Histogram<u64>) {
    let added = own.add(other);
    debug_assert!(added.is_ok(), "all histograms have the same bounds");
}

fn per_second(count: u64, ns: u64) -> f64 {
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
            response_ns,
            service_ns: response_ns / 2,
            sent_bytes: 10,
            received_bytes: 100,
        }
    }

    #[test]
    fn only_right_reads_are_timed_and_weighed() {
        let mut recorder = Recorder::new(&point(), 1);
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
        let mut recorder = Recorder::new(&point(), 1);
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
        let mut recorder = Recorder::new(&point(), 1);
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
