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
    /// Which arm is measured when: permutations of the arms, each with its mirror
    /// image behind it.
    pub(crate) order: Vec<u32>,
    /// In which order their servers are started.
    pub(crate) launches: Vec<u32>,
    /// Octets that are added to the environment of each arm.
    pub(crate) padding_bytes: Vec<u32>,
    /// From which the requests of the warm-up follow: the same for all arms.
    pub(crate) warmup_seed: u64,
    /// The same of each permutation and of each mirror image.
    pub(crate) half_seeds: Vec<u64>,
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

    /// What a block of so many arms and palindromes needs.
    pub(crate) fn block(&mut self, arms: u32, palindromes: u32) -> Drawn {
        let mut order = Vec::new();
        for _ in 0..palindromes {
            let half = self.permutation(arms);
            order.extend(&half);
            order.extend(half.iter().rev());
        }
        let launches = self.permutation(arms);
        let padding_bytes = (0..arms)
            .map(|_| self.0.random_range(0..=PADDING_BYTES_MAX))
            .collect();
        Drawn {
            order,
            launches,
            padding_bytes,
            warmup_seed: self.0.random(),
            half_seeds: (0..2 * palindromes).map(|_| self.0.random()).collect(),
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
            let drawn = dice.block(arms, 3);
            let palindromes: Vec<&[u32]> = drawn.order.chunks(2 * arms as usize).collect();
            assert_eq!(palindromes.len(), 3);
            assert_eq!(drawn.half_seeds.len(), 6);
            for palindrome in &palindromes {
                assert!(palindrome.iter().eq(palindrome.iter().rev()));
            }
            let halves = palindromes.iter().map(|one| &one[..arms as usize]);
            for list in halves.chain([&drawn.launches[..]]) {
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
        let draw = |seed, round| Dice::new(seed, round).block(2, 2);
        assert_eq!(draw(1, Round::Find), draw(1, Round::Find));
        assert_ne!(draw(1, Round::Find), draw(1, Round::Confirm));
        assert_ne!(draw(1, Round::Find), draw(2, Round::Find));
    }

    #[test]
    fn either_arm_comes_first_as_often() {
        let mut dice = Dice::new(3, Round::Find);
        let first = (0..1_000)
            .filter(|_| dice.block(2, 1).order[0] == 0)
            .count();
        assert!((430..570).contains(&first), "{first}");
    }
}
