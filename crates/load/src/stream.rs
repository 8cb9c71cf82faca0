//! The arrivals of a load: when, and for which user. Every lane and every
//! driver goes through the whole of it and takes what its users are meant for.

use std::sync::Arc;

use rand::SeedableRng as _;
use rand::seq::SliceRandom as _;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution as _, Zipf};

use crate::schedule::{Recording, Schedule};
use crate::seed::{self, Purpose};
use crate::share::Share;

/// The most arrivals of others that are passed over at once.
const PASSED_MAX: u32 = 256;

/// All users, shuffled by `seed`: in the order of their turns or ranks.
pub(crate) fn order(users: u32, seed: u64) -> Arc<[u32]> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed::for_purpose(seed, Purpose::Order));
    let mut order: Vec<u32> = (0..users.max(1)).collect();
    order.shuffle(&mut rng);
    order.into()
}

/// The users of a schedule's arrivals, one after the other.
#[derive(Debug)]
pub(crate) struct Users {
    order: Arc<[u32]>,
    pick: Pick,
}

#[derive(Debug)]
enum Pick {
    Turn(usize),
    Rank(Box<(Zipf<f64>, ChaCha8Rng)>),
}

impl Users {
    /// Each in turn, or, with `zipf`, drawn with a probability that falls with
    /// their rank to that power (Zipf's law), as `seed` decides.
    pub(crate) fn new(order: &Arc<[u32]>, zipf: Option<f64>, seed: u64) -> Self {
        // An exponent that is no number or below 0 is no law at all.
        let law = zipf.and_then(|exponent| Zipf::new(order.len() as f64, exponent).ok());
        let pick = law.map_or(Pick::Turn(0), |law| {
            let seed = seed::for_purpose(seed, Purpose::Popularity);
            Pick::Rank(Box::new((law, ChaCha8Rng::seed_from_u64(seed))))
        });
        Self {
            order: Arc::clone(order),
            pick,
        }
    }

    /// The user of the next arrival: the number among all.
    pub(crate) fn next(&mut self) -> u32 {
        let at = match &mut self.pick {
            Pick::Turn(turn) => {
                let at = *turn;
                *turn = if at + 1 < self.order.len() { at + 1 } else { 0 };
                at
            }
            // Ranks count from 1.
            Pick::Rank(drawn) => (drawn.0.sample(&mut drawn.1) as usize).saturating_sub(1),
        };
        self.order[at.min(self.order.len() - 1)]
    }
}

/// The instants of a load, nanoseconds since its start, ascending.
#[derive(Debug)]
pub(crate) enum Instants {
    /// By a schedule.
    Schedule(Schedule),
    /// As recorded, and again from the start when it is over.
    Replay {
        /// What was recorded.
        recording: Arc<Recording>,
        /// The place of the next one.
        at: usize,
        /// When the present round began.
        from_ns: u64,
    },
}

impl Instants {
    /// A recording from its start.
    pub(crate) fn replay(recording: &Arc<Recording>) -> Self {
        Self::Replay {
            recording: Arc::clone(recording),
            at: 0,
            from_ns: 0,
        }
    }

    fn next_ns(&mut self) -> Option<u64> {
        match self {
            Self::Schedule(schedule) => schedule.next_ns(),
            Self::Replay {
                recording,
                at,
                from_ns,
            } => {
                if *at == recording.at_ns().len() {
                    *at = 0;
                    *from_ns = from_ns.saturating_add(recording.round_ns());
                }
                let next_ns = recording.at_ns().get(*at).copied()?;
                *at += 1;
                Some(from_ns.saturating_add(next_ns))
            }
        }
    }
}

/// The arrivals that are meant for a share's users.
#[derive(Debug)]
pub(crate) struct Stream {
    instants: Instants,
    users: Users,
    share: Share,
    next_ns: u64,
    next_user: Option<u32>,
}

impl Stream {
    pub(crate) fn new(instants: Instants, users: Users, share: Share) -> Self {
        let mut stream = Self {
            instants,
            users,
            share,
            next_ns: 0,
            next_user: None,
        };
        stream.advance();
        stream
    }

    /// When there is something to take, nanoseconds since the start;
    /// `u64::MAX` when nothing comes any more.
    pub(crate) fn next_ns(&self) -> u64 {
        self.next_ns
    }

    /// Takes it: the user who is meant, by the share's own number. `None` if
    /// after all it was somebody else's, which happens where a share has very
    /// few of the arrivals.
    pub(crate) fn take(&mut self) -> Option<u32> {
        let user = self.next_user;
        self.advance();
        user
    }

    fn advance(&mut self) {
        let of = self.share.of();
        self.next_user = None;
        if self.share.count(self.users.order.len() as u32) == 0 {
            self.next_ns = u64::MAX;
            return;
        }
        for _ in 0..PASSED_MAX {
            self.next_ns = self.instants.next_ns().unwrap_or(u64::MAX);
            let user = self.users.next();
            if self.share.has(user) {
                self.next_user = Some(user / of);
                return;
            }
            if self.next_ns == u64::MAX {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use proptest::prelude::*;

    use super::*;
    use crate::schedule::{Shape, Spacing};

    const LONG_NS: u64 = 1_000_000_000;

    fn popularity(exponent: f64, users: u32, arrivals: usize) -> Vec<usize> {
        let order = order(users, 3);
        let mut drawn = Users::new(&order, Some(exponent), 3);
        let mut counts = vec![0; users as usize];
        for _ in 0..arrivals {
            counts[drawn.next() as usize] += 1;
        }
        order.iter().map(|user| counts[*user as usize]).collect()
    }

    #[test]
    fn in_turn_everybody_is_called_once_a_round() {
        let order = order(100, 7);
        let mut users = Users::new(&order, None, 7);
        for _ in 0..3 {
            let mut round: Vec<u32> = (0..100).map(|_| users.next()).collect();
            assert_eq!(round, order[..]);
            assert!(!round.is_sorted(), "shuffled");
            round.sort_unstable();
            assert!(round.into_iter().eq(0..100));
        }
    }

    #[test]
    fn popular_users_are_called_by_zipfs_law() {
        let counts = popularity(1.0, 1_000, 200_000);
        let harmonic: f64 = (1..=1_000).map(|rank| 1.0 / f64::from(rank)).sum();
        for rank in [1, 2, 5, 20] {
            let expected = 200_000.0 / harmonic / rank as f64;
            let seen = counts[rank - 1] as f64;
            // Five standard errors.
            assert!(
                (seen - expected).abs() < 5.0 * expected.sqrt(),
                "rank {rank}: {seen} of {expected}"
            );
        }
        let even = popularity(0.0, 100, 100_000);
        assert!(
            even.iter().all(|count| (800..1_200).contains(count)),
            "{even:?}"
        );
    }

    #[test]
    fn a_recording_begins_again() {
        let text = "0.25\n0.5\n2.0\n";
        let recording = Arc::new(Recording::parse(Path::new("arrivals"), text).unwrap());
        let mut instants = Instants::replay(&recording);
        let ms: Vec<u64> = (0..7)
            .map(|_| instants.next_ns().unwrap() / 1_000_000)
            .collect();
        assert_eq!(ms, [250, 500, 2_000, 2_250, 2_500, 4_000, 4_250]);
        let short = Arc::new(Recording::parse(Path::new("arrivals"), "0\n0").unwrap());
        let mut instants = Instants::replay(&short);
        let seconds: Vec<u64> = (0..5)
            .map(|_| instants.next_ns().unwrap() / LONG_NS)
            .collect();
        assert_eq!(seconds, [0, 0, 1, 1, 2], "as its mean rate says");
    }

    fn instants() -> impl Strategy<Value = (u8, Shape)> {
        let rate = || 1.0..20_000.0;
        let shape = prop_oneof![
            rate().prop_map(|rate_per_s| Shape::Steady { rate_per_s }),
            (rate(), rate()).prop_map(|(from_per_s, to_per_s)| Shape::Ramp {
                from_per_s,
                to_per_s
            }),
            prop::collection::vec(0.0..20_000.0, 1..5)
                .prop_map(|rates_per_s| Shape::Steps { rates_per_s }),
            (rate(), rate(), 1_u64..300, 1_u64..300).prop_map(
                |(base_per_s, burst_per_s, pause_ms, burst_ms)| Shape::Bursts {
                    base_per_s,
                    burst_per_s,
                    every_ms: burst_ms + pause_ms,
                    burst_ms
                }
            ),
        ];
        (0_u8..3, shape)
    }

    fn stream(
        kind: u8,
        shape: &Shape,
        users: u32,
        zipf: Option<f64>,
        seed: u64,
        share: Share,
    ) -> Stream {
        let spaced = |spacing| Instants::Schedule(Schedule::new(spacing, shape, LONG_NS, seed));
        let instants = match kind {
            0 => spaced(Spacing::Even),
            1 => spaced(Spacing::Poisson),
            _ => {
                let text = "0\n0.001\n0.0010001\n0.002\n0.002\n0.01\n1\n";
                let recording = Recording::parse(Path::new("arrivals"), text).unwrap();
                Instants::replay(&Arc::new(recording))
            }
        };
        Stream::new(instants, Users::new(&order(users, seed), zipf, seed), share)
    }

    /// Instants and users among all, of a share, in the first part.
    fn taken(mut stream: Stream, share: Share, until_ns: u64) -> Vec<(u64, u32)> {
        let mut taken = Vec::new();
        while stream.next_ns() < until_ns {
            let at_ns = stream.next_ns();
            if let Some(own) = stream.take() {
                taken.push((at_ns, share.user(own)));
            }
        }
        taken
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn shares_and_lanes_are_the_whole_schedule_once(
            (kind, shape) in instants(),
            users in 1_u32..300,
            zipf in prop::option::of(0.0..2.5),
            seed: u64,
            of in 1_u32..9,
            lanes in 1_u32..4,
        ) {
            let until_ns = LONG_NS / 4;
            let part = |share| taken(stream(kind, &shape, users, zipf, seed, share), share, until_ns);
            let whole = part(Share::WHOLE);
            let mut union = Vec::new();
            for index in 0..of {
                let share = Share::new(index, of).unwrap();
                for lane in 0..lanes {
                    let own = part(share.part(lane, lanes).unwrap());
                    prop_assert!(own.is_sorted_by_key(|(at_ns, _)| *at_ns));
                    union.extend(own);
                }
            }
            let mut sorted = whole.clone();
            sorted.sort_unstable();
            union.sort_unstable();
            prop_assert_eq!(union, sorted);
            prop_assert!(whole.iter().all(|(_, user)| *user < users));
        }
    }
}
