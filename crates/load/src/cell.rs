//! The open loop: one load point.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};

use authbench_core::system::monotonic_ns;

use crate::callers::{Arrival, Callers, Over};
use crate::crowd::Crowd;
use crate::driver::Driver;
use crate::edge::Edge;
use crate::error::LoadError;
use crate::outcome::{Action, Kind};
use crate::point::{Arrivals, LoadPoint};
use crate::progress::{Probe, Progress, Snapshot};
use crate::record::{CellOutcome, Recorder, Sample};
use crate::schedule::Schedule;
use crate::stream::Users;

/// From the call to the first arrival, so that all is set up by then.
const LEAD_NS: u64 = 2_000_000;
/// Between two reports of progress.
const TICK_NS: u64 = 250_000_000;

impl Driver {
    /// Puts the target under `point`'s load with the population that
    /// [`Driver::log_in`] prepared. Runs on the calling thread, which the
    /// caller has pinned to a core of its own.
    ///
    /// When `stop` becomes true, arrivals end at once, stragglers are still
    /// awaited, and the outcome says that it was interrupted.
    ///
    /// # Errors
    /// [`LoadError`] when there is no population, the mix asks for what the
    /// target lacks, or the connections cannot be made. What goes wrong later
    /// is counted, not raised.
    pub fn cell(
        &mut self,
        point: &LoadPoint,
        probe: &mut dyn Probe,
        progress: &mut dyn Progress,
        stop: &AtomicBool,
    ) -> Result<CellOutcome, LoadError> {
        let users = u32::try_from(self.users.len()).unwrap_or(u32::MAX);
        let (connections, timeout_ms) = (point.connections.max(1), point.timeout_ms.max(1_000));
        let lane = self.lane(connections, timeout_ms)?;
        let callers = Crowd::gather(lane, &point.mix, point.seed)?;
        let Arrivals::Open { spacing, shape } = &point.arrivals else {
            return Err(LoadError::NoPopulation);
        };
        let all_ms = point.warmup.at_least_ms + point.measure_ms;
        let schedule = Schedule::new(
            *spacing,
            shape,
            all_ms.saturating_mul(1_000_000),
            point.seed,
        );
        let mut cell = Cell {
            point,
            callers,
            schedule,
            arrivals_of: Users::new(users, point.zipf, point.seed),
            backlog: VecDeque::with_capacity(4096),
            recorder: Recorder::new(point, users),
            times: Times::new(point, monotonic_ns() + LEAD_NS),
            next_arrival_ns: 0,
            starved: false,
            last_release_ns: 0,
        };
        cell.next_arrival_ns = cell
            .times
            .start_ns
            .saturating_add(cell.schedule.next_ns().unwrap_or(u64::MAX));
        cell.run(probe, progress, stop)?;
        Ok(cell.into_outcome())
    }
}

/// The instants of a load point on the monotonic clock.
struct Times {
    start_ns: u64,
    measured_from_ns: u64,
    end_ns: u64,
    block_ns: u64,
    timeout_ns: u64,
}

impl Times {
    fn new(point: &LoadPoint, start_ns: u64) -> Self {
        let ns = |ms: u64| ms.saturating_mul(1_000_000);
        let measured_from_ns = start_ns.saturating_add(ns(point.warmup.at_least_ms));
        Self {
            start_ns,
            measured_from_ns,
            end_ns: measured_from_ns.saturating_add(ns(point.measure_ms)),
            block_ns: ns(point.measure_ms) / u64::from(point.blocks.max(1)),
            timeout_ns: ns(point.timeout_ms),
        }
    }
}

struct Cell<'d, C> {
    point: &'d LoadPoint,
    callers: C,
    schedule: Schedule,
    arrivals_of: Users,
    /// Arrivals whose requests have not been sent.
    backlog: VecDeque<Arrival>,
    recorder: Recorder,
    times: Times,
    next_arrival_ns: u64,
    /// Whether the head of the backlog has found no connection or no user.
    starved: bool,
    last_release_ns: u64,
}

impl<C: Callers> Cell<'_, C> {
    fn run(
        &mut self,
        probe: &mut dyn Probe,
        progress: &mut dyn Progress,
        stop: &AtomicBool,
    ) -> Result<(), LoadError> {
        let mut next_edge_ns = Some(self.times.measured_from_ns);
        let mut next_tick_ns = self.times.start_ns + TICK_NS;
        loop {
            let now_ns = monotonic_ns();
            self.admit(now_ns);
            self.dispatch();
            if stop.load(Ordering::Relaxed) && now_ns < self.times.end_ns {
                self.times.end_ns = now_ns;
                self.recorder.outcome.interrupted = true;
            }
            if next_edge_ns.is_some_and(|edge_ns| edge_ns <= now_ns) && now_ns < self.times.end_ns {
                self.edge(now_ns, probe);
                next_edge_ns = self.edge_after(now_ns);
            }
            if next_tick_ns <= now_ns {
                progress.update(&self.snapshot(now_ns));
                next_tick_ns = now_ns + TICK_NS;
            }
            if self.is_over(now_ns) {
                self.finish(now_ns);
                self.edge(now_ns, probe);
                progress.update(&self.snapshot(now_ns));
                return Ok(());
            }
            let until_ns = self
                .wake_ns(now_ns)
                .min(next_edge_ns.unwrap_or(u64::MAX))
                .min(next_tick_ns);
            self.callers.wait(until_ns)?;
            while let Some(over) = self.callers.next_over() {
                self.over(&over);
                // What has come due meanwhile goes out before the next answer
                // is looked at.
                self.admit(over.done_ns);
                self.dispatch();
            }
        }
    }

    /// Takes the arrivals that are due into the backlog.
    fn admit(&mut self, now_ns: u64) {
        while self.next_arrival_ns <= now_ns && self.next_arrival_ns < self.times.end_ns {
            self.backlog.push_back(Arrival {
                intended_ns: self.next_arrival_ns,
                user: self.arrivals_of.next(),
            });
            self.next_arrival_ns = self
                .times
                .start_ns
                .saturating_add(self.schedule.next_ns().unwrap_or(u64::MAX));
        }
    }

    /// Sends what waits as far as connections and users are free.
    fn dispatch(&mut self) {
        while let Some(arrival) = self.backlog.front().copied() {
            let intended_ns = arrival.intended_ns;
            if !self.callers.can_send(&arrival) {
                self.starved = true;
                return;
            }
            self.backlog.pop_front();
            let ready_ns = if self.starved {
                intended_ns.max(self.last_release_ns)
            } else {
                intended_ns
            };
            let Some(sent_ns) = self.callers.send(arrival) else {
                return;
            };
            if self.is_measured(intended_ns) {
                self.recorder
                    .sent(sent_ns.saturating_sub(ready_ns), ready_ns - intended_ns);
            }
        }
        self.starved = false;
    }

    /// Records.
    fn over(&mut self, over: &Over) {
        let response_ns = over.done_ns.saturating_sub(over.intended_ns);
        let kind = match over.kind {
            Kind::Right if response_ns > self.times.timeout_ns => Kind::Timeout,
            kind => kind,
        };
        self.recorder.over(&Sample {
            action: over.action,
            kind,
            measured: self.is_measured(over.intended_ns),
            response_ns,
            service_ns: over.done_ns.saturating_sub(over.sent_ns),
            sent_bytes: over.sent_bytes,
            received_bytes: over.received_bytes,
        });
        self.last_release_ns = over.done_ns;
    }

    /// Counts what has not been answered, at its length so far.
    fn finish(&mut self, now_ns: u64) {
        for (action, intended_ns) in self.callers.abandon() {
            self.unfinished(action, intended_ns, now_ns);
        }
        for arrival in std::mem::take(&mut self.backlog) {
            self.unfinished(Action::Read, arrival.intended_ns, now_ns);
        }
        let outcome = &mut self.recorder.outcome;
        outcome.measured_ns = self
            .times
            .end_ns
            .saturating_sub(self.times.measured_from_ns);
        outcome.drained_ns = now_ns.saturating_sub(self.times.end_ns);
        outcome.reconnects = self.callers.reconnects();
        outcome.arrivals = outcome.tally.total();
    }

    fn unfinished(&mut self, action: Action, intended_ns: u64, now_ns: u64) {
        self.recorder.over(&Sample {
            action,
            kind: Kind::Unfinished,
            measured: self.is_measured(intended_ns),
            response_ns: now_ns.saturating_sub(intended_ns),
            service_ns: 0,
            sent_bytes: 0,
            received_bytes: 0,
        });
    }

    fn edge(&mut self, now_ns: u64, probe: &mut dyn Probe) {
        let edge = Edge::read(now_ns, self.callers.idle_ns(), probe);
        self.recorder.edge(edge);
    }

    fn is_measured(&self, intended_ns: u64) -> bool {
        intended_ns >= self.times.measured_from_ns
    }

    fn is_over(&self, now_ns: u64) -> bool {
        let all_in = self.next_arrival_ns >= self.times.end_ns && now_ns >= self.times.end_ns;
        let all_done = self.backlog.is_empty() && self.callers.in_flight() == 0;
        all_in && (all_done || now_ns >= self.times.end_ns.saturating_add(self.times.timeout_ns))
    }

    /// When there is something to do even if no socket stirs.
    fn wake_ns(&self, now_ns: u64) -> u64 {
        if self.next_arrival_ns < self.times.end_ns {
            self.next_arrival_ns
        } else if now_ns < self.times.end_ns {
            self.times.end_ns
        } else {
            self.times.end_ns.saturating_add(self.times.timeout_ns)
        }
    }

    /// The edge after the one that has just passed; the last is the end.
    fn edge_after(&self, now_ns: u64) -> Option<u64> {
        let from_ns = self.times.measured_from_ns;
        let passed = (now_ns - from_ns) / self.times.block_ns.max(1);
        (passed + 1 < u64::from(self.point.blocks.max(1)))
            .then(|| from_ns + (passed + 1) * self.times.block_ns)
    }

    fn snapshot(&self, now_ns: u64) -> Snapshot {
        let Times {
            start_ns,
            measured_from_ns,
            end_ns,
            ..
        } = self.times;
        let passed_ns = now_ns.min(end_ns).saturating_sub(start_ns);
        let (achieved_per_s, response_ns_p50, response_ns_p99) = self
            .recorder
            .so_far(now_ns.saturating_sub(measured_from_ns));
        Snapshot {
            done_fraction: passed_ns as f64 / end_ns.saturating_sub(start_ns).max(1) as f64,
            offered_per_s: self
                .point
                .arrivals
                .mean_per_s(self.point.measure_ms)
                .unwrap_or(0.0),
            achieved_per_s,
            response_ns_p50,
            response_ns_p99,
            response_ns_max: self.recorder.outcome.response_ns.max(),
            failures: self.recorder.outcome.tally.failures(),
            send_lag_ns_p99: self.recorder.outcome.send_lag_ns.value_at_quantile(0.99),
            backlog: self.backlog.len() as u64,
            remaining_ms: end_ns.saturating_sub(now_ns) / 1_000_000,
        }
    }

    fn into_outcome(self) -> CellOutcome {
        self.recorder.outcome
    }
}
