//! Fills what a load point leaves behind, lane by lane, and puts the lanes
//! together.

use hdrhistogram::Histogram;

use super::{BlockSample, CellOutcome, add, histogram};
use crate::edge::Edge;
use crate::outcome::{Action, Kind, Tally};
use crate::point::LoadPoint;
use crate::progress::SoFar;
use crate::trace::Trace;

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::point::Arrivals;
    use crate::record::Wire;
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
