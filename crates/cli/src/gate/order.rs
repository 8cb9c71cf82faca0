//! All that is drawn at random in a comparison, from one seed: who comes when,
//! how much each environment is padded, and which requests are made.

use rand::seq::SliceRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use authbench_results::Round;

/// The most octets that are added to an environment.
const PADDING_BYTES_MAX: u32 = 4_096;

/// Draws for one round of blocks.
pub(crate) struct Dice(ChaCha8Rng);

/// What was drawn for one block.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Drawn {
    /// Which arm is measured when: a permutation of the arms and its mirror
    /// image.
    pub(crate) order: Vec<u32>,
    /// In which order their servers are started.
    pub(crate) launches: Vec<u32>,
    /// Octets that are added to the environment of each arm.
    pub(crate) padding_bytes: Vec<u32>,
    /// From which the requests follow, of the warm-up and of each half of the
    /// order: the same for all arms.
    pub(crate) warmup_seed: u64,
    pub(crate) half_seeds: [u64; 2],
}

impl Dice {
    /// Those of a round; rounds with one seed are independent of each other.
    pub(crate) fn new(seed: u64, round: Round) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(match round {
            Round::Find => 1,
            Round::Confirm => 2,
        });
        Self(rng)
    }

    /// The numbers below `count` in random order.
    pub(crate) fn permutation(&mut self, count: u32) -> Vec<u32> {
        let mut order: Vec<u32> = (0..count).collect();
        order.shuffle(&mut self.0);
        order
    }

    /// What a block of so many arms needs.
    pub(crate) fn block(&mut self, arms: u32) -> Drawn {
        let mut order = self.permutation(arms);
        order.extend(order.clone().iter().rev());
        let launches = self.permutation(arms);
        let padding_bytes = (0..arms)
            .map(|_| self.0.random_range(0..=PADDING_BYTES_MAX))
            .collect();
        Drawn {
            order,
            launches,
            padding_bytes,
            warmup_seed: self.0.random(),
            half_seeds: self.0.random(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_an_order_and_its_mirror_image() {
        let mut dice = Dice::new(7, Round::Find);
        for arms in [2, 4, 5] {
            let drawn = dice.block(arms);
            let mut mirrored = drawn.order.clone();
            mirrored.reverse();
            assert_eq!(drawn.order, mirrored);
            for list in [&drawn.order[..arms as usize], &drawn.launches] {
                let mut sorted = list.to_vec();
                sorted.sort_unstable();
                assert_eq!(sorted, (0..arms).collect::<Vec<_>>());
            }
            assert_eq!(drawn.padding_bytes.len(), arms as usize);
            assert!(drawn.padding_bytes.iter().all(|bytes| *bytes <= 4_096));
        }
    }

    #[test]
    fn one_seed_gives_one_order_and_rounds_differ() {
        let draw = |seed, round| Dice::new(seed, round).block(2);
        assert_eq!(draw(1, Round::Find), draw(1, Round::Find));
        assert_ne!(draw(1, Round::Find), draw(1, Round::Confirm));
        assert_ne!(draw(1, Round::Find), draw(2, Round::Find));
    }

    #[test]
    fn either_arm_comes_first_as_often() {
        let mut dice = Dice::new(3, Round::Find);
        let first = (0..1_000).filter(|_| dice.block(2).order[0] == 0).count();
        assert!((430..570).contains(&first), "{first}");
    }
}
