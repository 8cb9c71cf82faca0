//! What is to be sent next: an open loop's arrivals, or the users of a closed
//! loop who have thought enough.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::sync::Arc;

use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution as _, Exp1};

use super::times::Times;
use crate::callers::Arrival;
use crate::point::{Arrivals, LoadPoint};
use crate::schedule::{Schedule, Shape};
use crate::seed::{self, Purpose};
use crate::share::Share;
use crate::stream::{Instants, Stream, Users};

/// Arrivals that may wait before the first allocation.
const BACKLOG_ROOM: usize = 4_096;

/// Where requests come from.
#[derive(Debug)]
pub(super) enum Feed {
    Open(Box<Open>),
    Closed(Closed),
}

impl Feed {
    /// For the `users` users of `share`, whose requests go to so many `places`;
    /// `order` is that of all users.
    pub(super) fn new(
        point: &LoadPoint,
        order: &Arc<[u32]>,
        share: Share,
        users: u32,
        places: usize,
    ) -> Self {
        if let Arrivals::Closed { think_ms } = point.arrivals {
            return Self::Closed(Closed::new(think_ms, point.seed, share, users));
        }
        let stream =
            |instants, seed| Stream::new(instants, Users::new(order, point.zipf, seed), share);
        let warmup_seed = seed::for_purpose(point.seed, Purpose::Warmup);
        let [warmup, measured] = instants(point, warmup_seed);
        Self::Open(Box::new(Open {
            warmup: stream(warmup, warmup_seed),
            measured: stream(measured, point.seed),
            backlog: (0..places.max(1))
                .map(|_| VecDeque::with_capacity(BACKLOG_ROOM))
                .collect(),
            waiting: 0,
        }))
    }

    /// All begins at `start_ns`.
    pub(super) fn start(&mut self, start_ns: u64) {
        if let Self::Closed(closed) = self {
            closed.start(start_ns);
        }
    }

    /// How many backlogs there are: in a closed loop there is one line of
    /// users, wherever they want to.
    pub(super) fn places(&self) -> usize {
        match self {
            Self::Open(open) => open.backlog.len(),
            Self::Closed(_) => 1,
        }
    }

    /// Takes what is due into the backlogs, each arrival into that of its
    /// place.
    pub(super) fn admit(&mut self, now_ns: u64, times: &Times, place: impl Fn(&Arrival) -> usize) {
        if let Self::Open(open) = self {
            open.admit(now_ns, times, place);
        }
    }

    /// What is to be sent next to a place, if anything is.
    pub(super) fn front(&self, place: usize, now_ns: u64, times: &Times) -> Option<Arrival> {
        match self {
            Self::Open(open) => open.backlog[place].front().copied(),
            Self::Closed(closed) => closed.front(now_ns).filter(|_| now_ns < times.end_ns),
        }
    }

    /// It has been sent.
    pub(super) fn pop(&mut self, place: usize) {
        match self {
            Self::Open(open) => {
                let sent = open.backlog[place].pop_front();
                open.waiting -= usize::from(sent.is_some());
            }
            Self::Closed(closed) => drop(closed.ready.pop()),
        }
    }

    /// A user has got an answer, or none for good.
    pub(super) fn over(&mut self, user: u32, done_ns: u64) {
        if let Self::Closed(closed) = self {
            closed.think(user, done_ns);
        }
    }

    /// Arrivals that wait.
    pub(super) fn backlog(&self) -> usize {
        match self {
            Self::Open(open) => open.waiting,
            Self::Closed(_) => 0,
        }
    }

    /// Takes the arrivals that wait.
    pub(super) fn give_up(&mut self) -> Vec<Arrival> {
        match self {
            Self::Open(open) => {
                open.waiting = 0;
                let backlogs = open.backlog.iter_mut();
                backlogs.flat_map(|backlog| backlog.drain(..)).collect()
            }
            Self::Closed(_) => Vec::new(),
        }
    }

    /// When there will be something new to send: the next arrival, or (unless
    /// users wait for connections) the next user who has thought enough.
    /// `u64::MAX` when nothing comes any more.
    pub(super) fn next_ns(&self, times: &Times, is_starved: bool) -> u64 {
        let next_ns = match self {
            Self::Open(open) => open.next_ns(times),
            Self::Closed(_) if is_starved => u64::MAX,
            Self::Closed(closed) => closed.next_ns(),
        };
        if next_ns < times.end_ns {
            next_ns
        } else {
            u64::MAX
        }
    }
}

/// The instants of the warm-up and of what is measured, from the start of each.
fn instants(point: &LoadPoint, warmup_seed: u64) -> [Instants; 2] {
    match &point.arrivals {
        Arrivals::Open { spacing, shape } => {
            let first = Shape::Steady {
                rate_per_s: shape.first_per_s(),
            };
            let measure_ns = point.measure_ms.saturating_mul(1_000_000);
            [
                Schedule::new(*spacing, &first, measure_ns, warmup_seed),
                Schedule::new(*spacing, shape, measure_ns, point.seed),
            ]
            .map(Instants::Schedule)
        }
        Arrivals::Replay(recording) => [Instants::replay(recording), Instants::replay(recording)],
        Arrivals::Closed { .. } => unreachable!("a closed loop has no planned instants"),
    }
}

/// Arrivals that nobody's answers move.
#[derive(Debug)]
pub(super) struct Open {
    warmup: Stream,
    measured: Stream,
    /// Arrivals that have not been sent, by the place they want to.
    backlog: Box<[VecDeque<Arrival>]>,
    /// How many those are.
    waiting: usize,
}

impl Open {
    fn admit(&mut self, now_ns: u64, times: &Times, place: impl Fn(&Arrival) -> usize) {
        let Self {
            warmup,
            measured,
            backlog,
            waiting,
        } = self;
        let mut wait = |arrival: Arrival| {
            let at = if backlog.len() == 1 {
                0
            } else {
                place(&arrival)
            };
            backlog[at].push_back(arrival);
            *waiting += 1;
        };
        let warmup_end_ns = times.measured_from_ns.min(times.end_ns);
        take_due(warmup, times.start_ns, now_ns, warmup_end_ns, &mut wait);
        if now_ns >= times.measured_from_ns {
            let from_ns = times.measured_from_ns;
            take_due(measured, from_ns, now_ns, times.end_ns, &mut wait);
        }
    }

    fn next_ns(&self, times: &Times) -> u64 {
        let in_warmup_ns = times.start_ns.saturating_add(self.warmup.next_ns());
        if in_warmup_ns < times.measured_from_ns {
            in_warmup_ns
        } else {
            times
                .measured_from_ns
                .saturating_add(self.measured.next_ns())
        }
    }
}

fn take_due(
    stream: &mut Stream,
    from_ns: u64,
    now_ns: u64,
    end_ns: u64,
    wait: &mut impl FnMut(Arrival),
) {
    loop {
        let intended_ns = from_ns.saturating_add(stream.next_ns());
        if intended_ns > now_ns || intended_ns >= end_ns {
            return;
        }
        if let Some(user) = stream.take() {
            wait(Arrival { intended_ns, user });
        }
    }
}

/// Users who think between an answer and their next request.
#[derive(Debug)]
pub(super) struct Closed {
    think_ns: f64,
    rng: Box<ChaCha8Rng>,
    /// Users without a request under way, by the instant from which they want
    /// to send one.
    ready: BinaryHeap<Reverse<(u64, u32)>>,
    users: u32,
}

impl Closed {
    fn new(think_ms: f64, seed: u64, share: Share, users: u32) -> Self {
        let seed = seed::for_purpose(seed, Purpose::Thinking);
        let seed = seed::derive(seed, u64::from(share.index()));
        Self {
            think_ns: (think_ms * 1e6).max(0.0),
            rng: Box::new(ChaCha8Rng::seed_from_u64(seed)),
            ready: BinaryHeap::with_capacity(users as usize),
            users,
        }
    }

    /// Everybody begins with a thought, so that they do not come all at once.
    fn start(&mut self, start_ns: u64) {
        for user in 0..self.users {
            self.think(user, start_ns);
        }
    }

    fn think(&mut self, user: u32, from_ns: u64) {
        let thought_ns = if self.think_ns > 0.0 {
            let times: f64 = Exp1.sample(&mut self.rng);
            (times * self.think_ns) as u64
        } else {
            0
        };
        self.ready
            .push(Reverse((from_ns.saturating_add(thought_ns), user)));
    }

    fn front(&self, now_ns: u64) -> Option<Arrival> {
        let Reverse((ready_ns, user)) = *self.ready.peek()?;
        (ready_ns <= now_ns).then_some(Arrival {
            intended_ns: now_ns,
            user,
        })
    }

    fn next_ns(&self) -> u64 {
        self.ready.peek().map_or(u64::MAX, |next| next.0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::point::Warmup;
    use crate::schedule::Spacing;
    use crate::stream;

    const MS: u64 = 1_000_000;

    fn feed(point: &LoadPoint, users: u32) -> Feed {
        Feed::new(
            point,
            &stream::order(users, point.seed),
            Share::WHOLE,
            users,
            1,
        )
    }

    /// Everything that is to be sent, millisecond by millisecond.
    fn all(feed: &mut Feed, times: &Times, until_ns: u64) -> Vec<Arrival> {
        feed.start(times.start_ns);
        let mut all = Vec::new();
        for now_ns in (0..until_ns).step_by(MS as usize) {
            feed.admit(now_ns, times, |_| 0);
            while let Some(arrival) = feed.front(0, now_ns, times) {
                feed.pop(0);
                all.push(arrival);
            }
        }
        all
    }

    #[test]
    fn the_warm_up_has_the_first_rate_and_measuring_begins_with_the_shape() {
        let shape = Shape::Bursts {
            base_per_s: 100.0,
            burst_per_s: 10_000.0,
            every_ms: 50,
            burst_ms: 10,
        };
        let point = LoadPoint {
            warmup: Warmup::fixed(100),
            measure_ms: 100,
            ..LoadPoint::reads(Arrivals::Open {
                spacing: Spacing::Even,
                shape,
            })
        };
        let times = Times::new(&point, 5 * MS);
        let all = all(&mut feed(&point, 7), &times, 300 * MS);
        let count = |from: u64, to: u64| {
            let within = from * MS..to * MS;
            all.iter()
                .filter(|a| within.contains(&a.intended_ns))
                .count()
        };
        assert_eq!(count(5, 105), 10);
        assert_eq!((count(105, 115), count(115, 155)), (100, 4));
        assert_eq!((count(155, 165), count(165, 205)), (100, 4));
        assert_eq!(all.len(), 218, "nothing comes after the end");
        assert_eq!(feed(&point, 7).next_ns(&times, false), 5 * MS);
    }

    #[test]
    fn what_is_measured_does_not_depend_on_the_length_of_the_warm_up() {
        let measured = |warmup_ms| {
            let point = LoadPoint {
                warmup: Warmup::fixed(warmup_ms),
                measure_ms: 200,
                zipf: Some(0.9),
                ..LoadPoint::reads(Arrivals::steady(Spacing::Poisson, 2_000.0))
            };
            let times = Times::new(&point, 0);
            let from_ns = times.measured_from_ns;
            let all = all(&mut feed(&point, 50), &times, 1_000 * MS);
            let (warmup, measured): (Vec<_>, Vec<_>) =
                all.into_iter().partition(|a| a.intended_ns < from_ns);
            assert_eq!(warmup.is_empty(), warmup_ms == 0);
            let since = measured
                .into_iter()
                .map(|a| (a.intended_ns - from_ns, a.user));
            since.collect::<Vec<_>>()
        };
        assert_eq!(measured(0), measured(130));
    }

    #[test]
    fn users_of_a_closed_loop_think_and_come_again() {
        let point = LoadPoint {
            measure_ms: 1_000,
            ..LoadPoint::reads(Arrivals::Closed { think_ms: 100.0 })
        };
        let times = Times::new(&point, 0);
        let mut feed = feed(&point, 1_000);
        let first = all(&mut feed, &times, 100 * MS);
        // 1 - 1/e of them; five standard errors.
        assert!((555..710).contains(&first.len()), "{}", first.len());
        assert_eq!(feed.next_ns(&times, true), u64::MAX);
        assert!(feed.next_ns(&times, false) >= 99 * MS);
        let again = first[0];
        feed.over(again.user, 100 * MS);
        let rest: Vec<_> = std::iter::from_fn(|| {
            let next = feed.front(0, 999 * MS, &times)?;
            feed.pop(0);
            Some(next)
        })
        .collect();
        assert!(rest.len() > 1_000 - first.len() - 5);
        assert_eq!(feed.backlog(), 0);
        feed.over(again.user, 1_000 * MS);
        assert_eq!(feed.front(0, 10_000 * MS, &times), None, "it has ended");
        assert_eq!(feed.next_ns(&times, false), u64::MAX);
    }

    #[test]
    fn who_waits_for_one_place_holds_up_nobody_who_wants_to_another() {
        let point = LoadPoint {
            measure_ms: 100,
            ..LoadPoint::reads(Arrivals::steady(Spacing::Even, 1_000.0))
        };
        let times = Times::new(&point, 0);
        let order = stream::order(10, 0);
        let mut feed = Feed::new(&point, &order, Share::WHOLE, 10, 2);
        feed.admit(99 * MS, &times, |arrival| arrival.user as usize % 2);
        assert_eq!((feed.places(), feed.backlog()), (2, 100));
        while let Some(odd) = feed.front(1, 99 * MS, &times) {
            assert_eq!(odd.user % 2, 1);
            feed.pop(1);
        }
        assert_eq!(feed.backlog(), 50);
        assert_eq!(
            feed.front(0, 99 * MS, &times).map(|even| even.user % 2),
            Some(0)
        );
        assert_eq!((feed.give_up().len(), feed.backlog()), (50, 0));
    }
}
