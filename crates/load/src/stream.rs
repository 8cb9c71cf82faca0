//! Which user each arrival is meant for.

use rand::SeedableRng as _;
use rand::seq::SliceRandom as _;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution as _, Zipf};

use crate::seed::{self, Purpose};

/// The users of a schedule's arrivals, one after the other: the same for
/// every share of the load, whoever's they are.
#[derive(Debug)]
pub(crate) struct Users {
    /// All users, shuffled: in turn, or by rank.
    order: Box<[u32]>,
    pick: Pick,
}

#[derive(Debug)]
enum Pick {
    Turn(usize),
    Rank(Box<(Zipf<f64>, ChaCha8Rng)>),
}

impl Users {
    /// Of `users` users, at least one: each in turn, or, with `zipf`, drawn
    /// with a probability that falls with their rank to that power (Zipf's
    /// law). `seed` decides turn and rank.
    pub(crate) fn new(users: u32, zipf: Option<f64>, seed: u64) -> Self {
        let users = users.max(1);
        let mut rng = ChaCha8Rng::seed_from_u64(seed::for_purpose(seed, Purpose::Order));
        let mut order: Box<[u32]> = (0..users).collect();
        order.shuffle(&mut rng);
        // An exponent that is no number or below 0 is no law at all.
        let law = zipf.and_then(|exponent| Zipf::new(f64::from(users), exponent).ok());
        let pick = law.map_or(Pick::Turn(0), |law| Pick::Rank(Box::new((law, rng))));
        Self { order, pick }
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
