//! Independent streams of pseudo-randomness from the run's one seed.

/// What a stream is for. Streams of different purposes never coincide.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Purpose {
    /// The gaps between arrivals.
    Arrivals = 1,
    /// The order in which idle users are called up.
    Order = 2,
    /// What each user does.
    Users = 3,
    /// Which users are called up more often than others.
    Popularity = 4,
    /// The load points of a scenario.
    Points = 5,
    /// What comes before measuring.
    Warmup = 6,
    /// How long users think.
    Thinking = 7,
}

/// The seed of `purpose`'s stream.
pub(crate) const fn for_purpose(seed: u64, purpose: Purpose) -> u64 {
    derive(seed, purpose as u64)
}

/// A seed for member `stream` of a family: equal inputs give equal outputs,
/// neighbouring inputs unrelated ones. (The output function of `SplitMix64`,
/// Steele, Lea and Flood 2014, applied to both inputs in turn.)
pub(crate) const fn derive(seed: u64, stream: u64) -> u64 {
    mix(mix(seed).wrapping_add(stream.wrapping_mul(GOLDEN)))
}

/// 2^64 divided by the golden ratio, made odd.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

const fn mix(mut z: u64) -> u64 {
    z = z.wrapping_add(GOLDEN);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn neighbours_do_not_share_streams() {
        let seeds: HashSet<_> = (0..100)
            .flat_map(|seed| (0..100).map(move |stream| derive(seed, stream)))
            .collect();
        assert_eq!(seeds.len(), 10_000);
    }

    #[test]
    fn bits_are_balanced() {
        let ones: u32 = (0..10_000)
            .map(|stream| derive(7, stream).count_ones())
            .sum();
        assert!((315_000..325_000).contains(&ones), "{ones}");
    }
}
