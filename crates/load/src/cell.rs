//! One load point, in one lane or several.

mod feed;
mod steady;
mod times;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use authbench_core::system::monotonic_ns;

use crate::callers::{Callers, Over};
use crate::crowd::Crowd;
use crate::driver::Driver;
use crate::edge::Edge;
use crate::error::LoadError;
use crate::lanes::{self, Together};
use crate::outcome::{Action, Kind};
use crate::point::LoadPoint;
use crate::progress::{Post, Probe, Progress, Snapshot};
use crate::record::{CellOutcome, Recorder, Sample, per_second};
use crate::share::Share;
use crate::stream;
use feed::Feed;
use steady::Steady;
use times::{Times, UNKNOWN_NS};

/// Between two reports of progress.
const TICK_NS: u64 = 250_000_000;
/// How far ahead the first lane says when the warm-up ends, and how often the
/// others look.
const AGREED_AHEAD_NS: u64 = 10_000_000;
const LOOK_NS: u64 = 5_000_000;

impl Driver {
    /// Puts the target under `point`'s load with the population that
    /// [`Driver::log_in`] prepared. Runs on the calling thread, which is the
    /// first lane: `probe` is read and `progress` told there.
    ///
    /// When `stop` becomes true, arrivals end at once, stragglers are still
    /// awaited, and the outcome says that it was interrupted.
    ///
    /// # Errors
    /// [`LoadError`] when there is no population, the mix asks for what the
    /// target lacks, the connections cannot be made, or a lane panics. What
    /// goes wrong with requests later is counted, not raised.
    pub fn cell(
        &mut self,
        point: &LoadPoint,
        probe: &mut dyn Probe,
        progress: &mut dyn Progress,
        stop: &AtomicBool,
    ) -> Result<CellOutcome, LoadError> {
        let lanes = self.lanes(point.connections, point.timeout_ms.max(1_000))?;
        let all = lanes.first().map_or(0, |(_, lane)| lane.population.users);
        let seats = lanes.into_iter().map(|(core, lane)| Seat {
            core,
            share: lane.share,
            users: lane.users.len() as u32,
            who: lane,
        });
        let gather = |lane| Crowd::gather(lane, &point.mix, point.routing, point.seed);
        run(point, all, seats.collect(), gather, probe, progress, stop)
    }
}

/// A lane, and who calls in it.
pub(crate) struct Seat<L> {
    /// The core that it is pinned to, if to any.
    pub(crate) core: Option<usize>,
    /// Which users are its own.
    pub(crate) share: Share,
    /// How many those are.
    pub(crate) users: u32,
    /// What the callers are made of, on the lane's thread.
    pub(crate) who: L,
}

/// Runs `point` with `users` users in all, some of them in each of `seats`.
///
/// # Errors
/// The first error of a lane.
pub(crate) fn run<L: Send, C: Callers>(
    point: &LoadPoint,
    users: u32,
    seats: Vec<Seat<L>>,
    gather: impl Fn(L) -> Result<C, LoadError> + Sync,
    probe: &mut dyn Probe,
    progress: &mut dyn Progress,
    stop: &AtomicBool,
) -> Result<CellOutcome, LoadError> {
    let stage = Stage {
        point,
        order: stream::order(users, point.seed),
        posts: seats.iter().map(|_| Post::default()).collect(),
    };
    let lanes = seats.into_iter().enumerate();
    let lanes = lanes.map(|(number, seat)| (seat.core, (number, seat)));
    let work = |(number, seat): (usize, Seat<L>),
                together: &Together<'_>,
                probe: &mut dyn Probe,
                progress: &mut dyn Progress| {
        let recorder = Recorder::new(point, seat.users, stage.posts.len() > 1);
        let callers = gather(seat.who)?;
        let places = callers.places();
        let feed = Feed::new(point, &stage.order, seat.share, seat.users, places);
        let times = Times::new(point, together.start_ns()?);
        Cell::new(&stage, number, together, callers, feed, recorder, times).run(probe, progress)
    };
    let recorders = lanes::run(
        lanes.collect(),
        stop,
        |seat, together| work(seat, together, probe, progress),
        |seat, together| work(seat, together, &mut (), &mut ()),
    )?;
    Recorder::join(recorders).ok_or(LoadError::NoPopulation)
}

/// What the lanes of a load point share: nothing that is written on the way,
/// but for the posts.
struct Stage<'p> {
    point: &'p LoadPoint,
    order: Arc<[u32]>,
    posts: Box<[Post]>,
}

/// A load point in one lane.
struct Cell<'p, C> {
    stage: &'p Stage<'p>,
    /// The lane's number.
    number: usize,
    together: &'p Together<'p>,
    callers: C,
    feed: Feed,
    recorder: Recorder,
    times: Times,
    /// In the first lane of a warm-up that ends when it is steady.
    steady: Option<Steady>,
    is_closed: bool,
    /// Whether what is to be sent next to each place has found no connection
    /// or no user.
    starved: Box<[Option<u64>]>,
    last_release_ns: u64,
}

impl<'p, C: Callers> Cell<'p, C> {
    fn new(
        stage: &'p Stage<'p>,
        number: usize,
        together: &'p Together<'p>,
        callers: C,
        mut feed: Feed,
        recorder: Recorder,
        times: Times,
    ) -> Self {
        feed.start(times.start_ns);
        let steady = Steady::new(&stage.point.warmup, times.start_ns);
        Self {
            stage,
            number,
            together,
            callers,
            is_closed: matches!(feed, Feed::Closed(_)),
            starved: vec![None; feed.places()].into(),
            feed,
            recorder,
            times,
            steady: steady.filter(|_| number == 0),
            last_release_ns: 0,
        }
    }

    fn run(
        mut self,
        probe: &mut dyn Probe,
        progress: &mut dyn Progress,
    ) -> Result<Recorder, LoadError> {
        let mut next_edge_ns = None;
        let mut next_tick_ns = self.times.start_ns + TICK_NS;
        loop {
            self.together.check()?;
            let now_ns = monotonic_ns();
            self.settle_warmup(now_ns);
            self.admit(now_ns);
            self.dispatch(now_ns);
            if self.together.is_stopped() && now_ns < self.times.end_ns {
                self.times.end_ns = now_ns;
                self.recorder.outcome.interrupted = true;
            }
            let edge_ns = next_edge_ns.unwrap_or(self.times.measured_from_ns);
            if edge_ns <= now_ns && now_ns < self.times.end_ns {
                self.edge(now_ns, probe);
                if next_edge_ns.is_none() {
                    progress.measuring(self.times.measured_from_ns);
                }
                next_edge_ns = Some(self.times.edge_after(now_ns));
            }
            if next_tick_ns <= now_ns {
                self.report(now_ns, progress);
                next_tick_ns = now_ns + TICK_NS;
            }
            if self.is_over(now_ns) {
                self.finish(now_ns);
                self.edge(now_ns, probe);
                self.report(now_ns, progress);
                return Ok(self.recorder);
            }
            let edge_ns = next_edge_ns.unwrap_or(self.times.measured_from_ns);
            let until_ns = self.wake_ns(now_ns).min(edge_ns).min(next_tick_ns);
            self.callers.wait(until_ns)?;
            while let Some(over) = self.callers.next_over() {
                self.over(&over);
                // What has come due meanwhile goes out before the next answer
                // is looked at.
                self.admit(over.done_ns);
                self.dispatch(over.done_ns);
            }
        }
    }

    /// Ends the warm-up once it is steady, or has been long enough.
    fn settle_warmup(&mut self, now_ns: u64) {
        let Some(steady) = self.steady.as_mut().filter(|_| self.times.is_open()) else {
            return;
        };
        let is_due = steady.next_ns() <= now_ns;
        let is_steady = is_due && steady.is_steady(self.recorder.warmup_ns_p50());
        if !is_steady && now_ns < self.times.warmup_limit_ns() {
            return;
        }
        self.recorder.outcome.warmup_steady = Some(is_steady);
        let ahead_ns = if self.stage.posts.len() > 1 {
            AGREED_AHEAD_NS
        } else {
            0
        };
        self.times.measure_from(now_ns + ahead_ns);
        self.together.agree(self.times.measured_from_ns);
    }

    /// Takes the arrivals that are due into the backlog.
    fn admit(&mut self, now_ns: u64) {
        if self.times.is_open() && self.number > 0 {
            // After the clock was read: so nothing is taken for warm-up that
            // lies behind its end.
            let agreed_ns = self.together.agreed_ns();
            if agreed_ns != UNKNOWN_NS {
                self.times.measure_from(agreed_ns);
            }
        }
        let callers = &self.callers;
        self.feed
            .admit(now_ns, &self.times, |arrival| callers.place(arrival));
    }

    /// Sends what waits as far as connections and users are free.
    fn dispatch(&mut self, now_ns: u64) {
        for place in 0..self.starved.len() {
            self.dispatch_to(place, now_ns);
        }
    }

    fn dispatch_to(&mut self, place: usize, now_ns: u64) {
        while let Some(arrival) = self.feed.front(place, now_ns, &self.times) {
            if !self.callers.can_send(&arrival) {
                self.starved[place] = Some(now_ns);
                self.recorder.backlog(self.feed.backlog());
                return;
            }
            self.feed.pop(place);
            let intended_ns = arrival.intended_ns;
            let ready_ns = match self.starved[place] {
                None => intended_ns,
                // A request that ended made room.
                Some(since_ns) if self.last_release_ns >= since_ns => {
                    intended_ns.max(self.last_release_ns)
                }
                // A new connection did, which is seen now.
                Some(_) => intended_ns.max(now_ns),
            };
            let Some(sent_ns) = self.callers.send(arrival) else {
                return;
            };
            if !self.is_measured(intended_ns) {
                continue;
            }
            if self.is_closed {
                self.recorder.sent_unplanned();
            } else {
                self.recorder
                    .sent(sent_ns.saturating_sub(ready_ns), ready_ns - intended_ns);
            }
        }
        self.starved[place] = None;
    }

    /// Records.
    fn over(&mut self, over: &Over) {
        let service_ns = over.done_ns.saturating_sub(over.sent_ns);
        let response_ns = if self.is_closed {
            service_ns
        } else {
            over.done_ns.saturating_sub(over.intended_ns)
        };
        let kind = match over.kind {
            Kind::Right if response_ns > self.times.timeout_ns => Kind::Timeout,
            kind => kind,
        };
        self.recorder.over(&Sample {
            action: over.action,
            kind,
            measured: self.is_measured(over.intended_ns),
            at_ns: over.done_ns.saturating_sub(self.times.measured_from_ns),
            response_ns,
            service_ns,
            sent_bytes: over.sent_bytes,
            received_bytes: over.received_bytes,
        });
        self.feed.over(over.user, over.done_ns);
        self.last_release_ns = over.done_ns;
    }

    /// Counts what has not been answered, at its length so far.
    fn finish(&mut self, now_ns: u64) {
        for (action, intended_ns) in self.callers.abandon() {
            self.unfinished(action, intended_ns, now_ns);
        }
        for arrival in self.feed.give_up() {
            self.unfinished(Action::Read, arrival.intended_ns, now_ns);
        }
        let times = &self.times;
        let outcome = &mut self.recorder.outcome;
        outcome.measured_ns = times.measured_ns();
        outcome.drained_ns = now_ns.saturating_sub(times.end_ns);
        let warmup_end_ns = times.measured_from_ns.min(times.end_ns);
        outcome.warmed_ms = warmup_end_ns.saturating_sub(times.start_ns) / 1_000_000;
        if outcome.measured_ns > 0 {
            outcome.measured_from_ns = times.measured_from_ns;
        }
        outcome.reconnects = self.callers.reconnects();
        outcome.arrivals = outcome.tally.total();
    }

    fn unfinished(&mut self, action: Action, intended_ns: u64, now_ns: u64) {
        self.recorder.over(&Sample {
            action,
            kind: Kind::Unfinished,
            measured: self.is_measured(intended_ns),
            at_ns: now_ns.saturating_sub(self.times.measured_from_ns),
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
        let all_in = now_ns >= self.times.end_ns;
        let all_done = self.feed.backlog() == 0 && self.callers.in_flight() == 0;
        all_in && (all_done || now_ns >= self.times.drained_ns())
    }

    /// When there is something to do even if no socket stirs.
    fn wake_ns(&self, now_ns: u64) -> u64 {
        if now_ns >= self.times.end_ns {
            return self.times.drained_ns();
        }
        let next_ns = self.feed.next_ns(&self.times, self.starved[0].is_some());
        let look_ns = match &self.steady {
            _ if !self.times.is_open() => u64::MAX,
            Some(steady) => steady.next_ns().min(self.times.warmup_limit_ns()),
            None => now_ns + LOOK_NS,
        };
        next_ns.min(self.times.end_ns).min(look_ns)
    }

    /// Posts how this lane is going; the first tells how all are.
    fn report(&self, now_ns: u64, progress: &mut dyn Progress) {
        let Self { times, stage, .. } = self;
        let mut so_far = self.recorder.so_far();
        so_far.backlog = self.feed.backlog() as u64;
        if self.number > 0 {
            stage.posts[self.number].write(&so_far);
            return;
        }
        let posts = stage.posts.iter().skip(1).map(Post::read);
        let all = posts.fold(so_far, |sum, lane| sum.and(lane));
        let end_ns = times.expected_end_ns();
        let passed_ns = now_ns.min(end_ns).saturating_sub(times.start_ns);
        let measured_ns = now_ns.saturating_sub(times.measured_from_ns);
        let offered_per_s = stage.point.arrivals.mean_per_s(stage.point.measure_ms);
        progress.update(&Snapshot {
            done_fraction: passed_ns as f64 / end_ns.saturating_sub(times.start_ns).max(1) as f64,
            offered_per_s: offered_per_s.unwrap_or(0.0),
            achieved_per_s: per_second(all.completed, measured_ns),
            response_ns_p50: all.response_ns_p50,
            response_ns_p99: all.response_ns_p99,
            response_ns_max: all.response_ns_max,
            failures: all.failures,
            send_lag_ns_p99: all.send_lag_ns_p99,
            backlog: all.backlog,
            remaining_ms: end_ns.saturating_sub(now_ns) / 1_000_000,
        });
    }
}
