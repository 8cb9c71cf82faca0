//! The closed loop of reads: what a server does when it is never without
//! work.
//!
//! Each connection sends its next request as soon as the last is answered, so
//! the server sets the pace. That shows what a request costs when the server
//! has no time to be idle; it does not show how long users wait, since a
//! server that stalls is simply asked less (which is why load points are open
//! loops). Whether the server's core was really busy is for the caller to see
//! from the probe: CPU time over duration. Too few connections, or a driver
//! that is itself the bottleneck (see [`SaturationOutcome::busy_ns`]), leave
//! it idle.

use std::sync::atomic::AtomicBool;

use authbench_core::system::monotonic_ns;
use hdrhistogram::Histogram;

use crate::callers::{Arrival, Callers, Over};
use crate::cell::Seat;
use crate::crowd::Crowd;
use crate::driver::{Driver, Lane};
use crate::edge::Edge;
use crate::error::LoadError;
use crate::lanes::{self, Together};
use crate::outcome::{Action, Kind, Tally};
use crate::progress::Probe;
use crate::record::{add, histogram};
use crate::scenario::{Mix, Routing};
use crate::stream::{self, Users};

/// How often the stop flag is looked at while nothing happens.
const LOOK_NS: u64 = 10_000_000;

/// How many answers the driver takes at once: the server has work enough
/// meanwhile.
const GATHER: u32 = 16;

/// A server to be kept busy.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SaturationPlan {
    /// Keep-alive connections over all lanes, each with a request under way; at
    /// least 1 in each lane. No more are opened than there are users: nobody
    /// asks twice at once.
    pub connections: u32,
    /// Milliseconds of the same load before measuring begins.
    pub warmup_ms: u64,
    /// Milliseconds that are measured.
    pub measure_ms: u64,
    /// Milliseconds from the send after which an answer comes too late; also
    /// the longest wait for the last answers. A connection whose answer never
    /// comes stays out of the loop.
    pub timeout_ms: u64,
    /// Decides the order of users.
    pub seed: u64,
}

/// What a busy server has shown.
#[derive(Clone, Debug)]
pub struct SaturationOutcome {
    /// Connections that were used.
    pub connections: u32,
    /// Whether it was stopped before its time; what stands here was measured
    /// nevertheless.
    pub interrupted: bool,
    /// Nanoseconds that were measured; 0 if it was stopped in the warm-up.
    pub duration_ns: u64,
    /// Reads that were answered rightly and in time, within the measured
    /// time: what `probe_before` to `probe_after` was spent on.
    pub completed: u64,
    /// What came of all requests whose end lies after the warm-up: within the
    /// measured time, and of those still under way at its end (one for each
    /// connection at most), which are in no other figure. Users who were
    /// refused log in again; such logins stand here and nowhere else.
    pub tally: Tally,
    /// What came of the requests that ended in the warm-up.
    pub warmup: Tally,
    /// What the probe read at the beginning of the measured time: CPU time of
    /// the server, nanoseconds. `None` if it could not be read, or measuring
    /// never began.
    pub probe_before: Option<u64>,
    /// What the probe read at its end.
    pub probe_after: Option<u64>,
    /// CPU time of the driver's threads in the measured time, nanoseconds.
    pub driver_cpu_ns: u64,
    /// Nanoseconds of the measured time in which the driver was not idle, as
    /// in [`CellOutcome::busy_ns`](crate::CellOutcome::busy_ns). Near
    /// `duration_ns` it was the driver that set the pace. Of several lanes it
    /// is the busiest one's.
    pub busy_ns: u64,
    /// Closed-loop service time of reads: from the send to the last octet, of
    /// right and late answers within the measured time. It grows with the
    /// number of connections and must not be compared with the times of an
    /// open loop.
    pub closed_loop_service_ns: Histogram<u64>,
}

impl SaturationOutcome {
    /// CPU time of the server in the measured time, nanoseconds; `None` if the
    /// probe could not be read at either end.
    #[must_use]
    pub fn server_cpu_ns(&self) -> Option<u64> {
        self.probe_after?.checked_sub(self.probe_before?)
    }
}

impl Driver {
    /// Keeps the target busy with reads by the population that
    /// [`Driver::log_in`] prepared. Runs on the calling thread, which is the
    /// first lane: `probe` is read there.
    ///
    /// When `stop` becomes true, no further request is sent, the last answers
    /// are still awaited, and the outcome says that it was interrupted.
    ///
    /// # Errors
    /// [`LoadError`] when there is no population, the connections cannot be
    /// made, or a lane panics. What goes wrong later is counted, not raised.
    pub fn saturate(
        &mut self,
        plan: &SaturationPlan,
        probe: &mut dyn Probe,
        stop: &AtomicBool,
    ) -> Result<SaturationOutcome, LoadError> {
        let lanes = self.lanes(plan.connections, plan.timeout_ms.max(1_000))?;
        let seats = lanes.into_iter().map(|(core, mut lane)| {
            let users = lane.users.len() as u32;
            let replicas = lane.engine.addresses.len() as u32;
            lane.engine.connections = lane.engine.connections.min(users).max(replicas);
            lane.engine.gather = GATHER;
            Seat {
                core,
                share: lane.share,
                users,
                who: lane,
            }
        });
        let gather = |lane| readers(lane, plan.seed);
        run(plan, seats.collect(), gather, probe, stop)
    }
}

/// A lane's users as readers, and how many connections they have.
fn readers(lane: Lane<'_>, seed: u64) -> Result<(Crowd<'_>, u32), LoadError> {
    let connections = lane.engine.connections;
    Ok((
        Crowd::gather(lane, &Mix::reads(), Routing::Sticky, seed)?,
        connections,
    ))
}

/// Keeps a target busy from each of `seats`; `gather` makes the callers, and
/// says how many connections they have.
///
/// # Errors
/// The first error of a lane.
pub(crate) fn run<L: Send, C: Callers>(
    plan: &SaturationPlan,
    seats: Vec<Seat<L>>,
    gather: impl Fn(L) -> Result<(C, u32), LoadError> + Sync,
    probe: &mut dyn Probe,
    stop: &AtomicBool,
) -> Result<SaturationOutcome, LoadError> {
    let work = |seat: Seat<L>, together: &Together<'_>, probe: &mut dyn Probe| {
        let order = stream::order(seat.users, plan.seed);
        let mut turns = Users::new(&order, None, plan.seed);
        let (callers, connections) = gather(seat.who)?;
        let mut saturation = Saturation {
            callers,
            together,
            turn: turns.next(),
            turns,
            timeout_ns: plan.timeout_ms.saturating_mul(1_000_000),
            phase: Phase::Warmup,
            outcome: SaturationOutcome::new(connections),
        };
        saturation.run(plan, probe)?;
        Ok(saturation.outcome)
    };
    let ended = lanes::run(
        seats.into_iter().map(|seat| (seat.core, seat)).collect(),
        stop,
        |seat, together| work(seat, together, probe),
        |seat, together| work(seat, together, &mut ()),
    )?;
    let mut ended = ended.into_iter();
    let mut outcome = ended.next().ok_or(LoadError::NoPopulation)?;
    ended.for_each(|lane| outcome.merge(&lane));
    Ok(outcome)
}

impl SaturationOutcome {
    fn new(connections: u32) -> Self {
        Self {
            connections,
            interrupted: false,
            duration_ns: 0,
            completed: 0,
            tally: Tally::default(),
            warmup: Tally::default(),
            probe_before: None,
            probe_after: None,
            driver_cpu_ns: 0,
            busy_ns: 0,
            closed_loop_service_ns: histogram(),
        }
    }

    /// Adds what another lane did meanwhile; the time and the probe are the
    /// first one's.
    fn merge(&mut self, other: &Self) {
        self.connections += other.connections;
        self.interrupted |= other.interrupted;
        self.completed += other.completed;
        self.tally.merge(&other.tally);
        self.warmup.merge(&other.warmup);
        self.driver_cpu_ns += other.driver_cpu_ns;
        self.busy_ns = self.busy_ns.max(other.busy_ns).min(self.duration_ns);
        add(
            &mut self.closed_loop_service_ns,
            &other.closed_loop_service_ns,
        );
    }
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    Warmup,
    /// Since this edge.
    Measured(Edge),
    /// Nothing more is sent.
    Drain,
}

struct Saturation<'t, C> {
    callers: C,
    together: &'t Together<'t>,
    turns: Users,
    /// Whose turn it is.
    turn: u32,
    timeout_ns: u64,
    phase: Phase,
    outcome: SaturationOutcome,
}

impl<C: Callers> Saturation<'_, C> {
    fn run(&mut self, plan: &SaturationPlan, probe: &mut dyn Probe) -> Result<(), LoadError> {
        let ns = |ms: u64| ms.saturating_mul(1_000_000);
        let start_ns = self.together.start_ns()?;
        while monotonic_ns() < start_ns {
            self.callers.wait(start_ns)?;
            while self.callers.next_over().is_some() {}
        }
        let mut phase_end_ns = start_ns.saturating_add(ns(plan.warmup_ms));
        loop {
            self.together.check()?;
            let now_ns = monotonic_ns();
            let is_stopped = self.together.is_stopped();
            match self.phase {
                Phase::Warmup if is_stopped => {
                    self.outcome.interrupted = true;
                    self.phase = Phase::Drain;
                    phase_end_ns = now_ns.saturating_add(self.timeout_ns);
                }
                Phase::Warmup if now_ns >= phase_end_ns => {
                    self.phase = Phase::Measured(self.edge(now_ns, probe));
                    phase_end_ns = now_ns.saturating_add(ns(plan.measure_ms));
                }
                Phase::Measured(start) if is_stopped || now_ns >= phase_end_ns => {
                    self.outcome.interrupted = now_ns < phase_end_ns;
                    self.measured(&start, now_ns, probe);
                    self.phase = Phase::Drain;
                    phase_end_ns = now_ns.saturating_add(self.timeout_ns);
                }
                Phase::Drain if self.callers.in_flight() == 0 || now_ns >= phase_end_ns => {
                    self.finish();
                    return Ok(());
                }
                _ => {}
            }
            self.fill(now_ns);
            self.callers.wait(phase_end_ns.min(now_ns + LOOK_NS))?;
            while let Some(over) = self.callers.next_over() {
                self.over(&over);
                self.fill(over.done_ns);
            }
        }
    }

    /// Gives each free connection something to do.
    fn fill(&mut self, now_ns: u64) {
        if matches!(self.phase, Phase::Drain) {
            return;
        }
        loop {
            let arrival = Arrival {
                intended_ns: now_ns,
                user: self.turn,
            };
            if !self.callers.can_send(&arrival) || self.callers.send(arrival).is_none() {
                return;
            }
            self.turn = self.turns.next();
        }
    }

    fn over(&mut self, over: &Over) {
        let action = over.action;
        let service_ns = over.done_ns.saturating_sub(over.sent_ns);
        let mut kind = over.kind;
        if kind == Kind::Right && service_ns > self.timeout_ns {
            kind = Kind::Timeout;
        }
        let outcome = &mut self.outcome;
        match self.phase {
            Phase::Warmup => outcome.warmup.add(action, kind),
            Phase::Drain => outcome.tally.add(action, kind),
            Phase::Measured(_) => {
                outcome.tally.add(action, kind);
                if action == Action::Read && kind.is_answered() && kind.is_timed() {
                    outcome.completed += u64::from(kind == Kind::Right);
                    outcome.closed_loop_service_ns.saturating_record(service_ns);
                }
            }
        }
    }

    fn edge(&self, now_ns: u64, probe: &mut dyn Probe) -> Edge {
        Edge::read(now_ns, self.callers.idle_ns(), probe)
    }

    fn measured(&mut self, start: &Edge, now_ns: u64, probe: &mut dyn Probe) {
        let end = self.edge(now_ns, probe);
        let stretch = end.since(start);
        let outcome = &mut self.outcome;
        outcome.duration_ns = stretch.duration_ns;
        outcome.busy_ns = stretch.busy_ns;
        outcome.driver_cpu_ns = stretch.driver_cpu_ns;
        outcome.probe_before = start.probe_ns;
        outcome.probe_after = end.probe_ns;
    }

    /// Counts what has not been answered.
    fn finish(&mut self) {
        for (action, _) in self.callers.abandon() {
            self.outcome.tally.add(action, Kind::Unfinished);
        }
    }
}
