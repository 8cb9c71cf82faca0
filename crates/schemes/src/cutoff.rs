//! Cut-offs: "every login of this subject that began before now", and "all but
//! that one". The state of one subject, whatever was revoked before, is three
//! values, and it says the same as the whole list of revocations would.
//!
//! Logins and revocations of one subject are ordered by **stamps**: numbers
//! that begin as milliseconds and never go back. Whoever logs in gets a stamp
//! above every cut-off that the store holds, whoever revokes cuts above every
//! stamp that a replica may have given out meanwhile. So a login is cut off or
//! not by the order of the two operations in the store, even within one
//! millisecond and with clocks that differ by up to the skew that is allowed
//! for.

use authbench_core::{LoginId, UnixMs};

/// Octets of a cut-off as it is stored.
const OCTETS: usize = 1 + 8 + 8 + 16;

/// What has been cut off of one subject.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct CutOff {
    /// Logins up to this stamp are cut off.
    pub(crate) below: u64,
    /// The login that the latest cut spared, with the stamp up to which it is
    /// cut off nevertheless, because an earlier cut did not spare it.
    pub(crate) spared: Option<(LoginId, u64)>,
}

impl CutOff {
    /// Whether a login of this stamp has been cut off.
    pub(crate) fn hits(&self, login: LoginId, stamp: u64) -> bool {
        match self.spared {
            Some((spared, floor)) if spared == login => stamp <= floor,
            _ => stamp <= self.below,
        }
    }

    /// The stamp of a login that begins at `at`.
    pub(crate) fn stamp(&self, at: UnixMs) -> u64 {
        at.0.max(self.below.saturating_add(1))
    }

    /// The state after a revocation at `at` of everything but `keep`, where
    /// clocks differ by no more than `skew_ms`.
    pub(crate) fn cut(&self, keep: Option<LoginId>, at: UnixMs, skew_ms: u64) -> Self {
        let below =
            at.0.saturating_add(skew_ms)
                .max(self.below.saturating_add(1));
        let spared = keep.map(|keep| match self.spared {
            Some((spared, floor)) if spared == keep => (keep, floor),
            _ => (keep, self.below),
        });
        Self { below, spared }
    }

    /// Whether this state, stored after `wanted` was computed, already cuts off
    /// whatever that would: then somebody else's revocation came in between,
    /// and there is nothing left to do.
    pub(crate) fn covers(&self, wanted: &Self) -> bool {
        let kept = |it: &Self| it.spared.map(|(login, _)| login);
        self.below >= wanted.below && (self.spared.is_none() || kept(self) == kept(wanted))
    }

    pub(crate) fn to_octets(self) -> [u8; OCTETS] {
        let mut octets = [0; OCTETS];
        octets[1..9].copy_from_slice(&self.below.to_be_bytes());
        if let Some((login, floor)) = self.spared {
            octets[0] = 1;
            octets[9..17].copy_from_slice(&floor.to_be_bytes());
            octets[17..].copy_from_slice(&login.0);
        }
        octets
    }

    /// None for octets that are no cut-off.
    pub(crate) fn from_octets(octets: &[u8]) -> Option<Self> {
        let (kind, rest) = octets.split_first()?;
        let (below, rest) = rest.split_first_chunk()?;
        let (floor, login) = rest.split_first_chunk()?;
        let login = LoginId(login.try_into().ok()?);
        let (below, floor) = (u64::from_be_bytes(*below), u64::from_be_bytes(*floor));
        let spared = match kind {
            0 => None,
            1 => Some((login, floor)),
            _ => return None,
        };
        let cut_off = Self { below, spared };
        (cut_off.to_octets() == octets).then_some(cut_off)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SKEW_MS: u64 = 5;

    /// What happens to one subject, on one of two replicas whose clocks differ.
    #[derive(Clone, Copy, Debug)]
    enum Step {
        Login { replica: usize },
        CutAll { replica: usize },
        CutOthers { replica: usize, keep: usize },
        Wait(u64),
    }

    fn step() -> impl Strategy<Value = Step> {
        let replica = || 0..2_usize;
        prop_oneof![
            4 => replica().prop_map(|replica| Step::Login { replica }),
            1 => replica().prop_map(|replica| Step::CutAll { replica }),
            3 => (replica(), 0..6_usize)
                .prop_map(|(replica, keep)| Step::CutOthers { replica, keep }),
            3 => (0..4_u64).prop_map(Step::Wait),
        ]
    }

    proptest! {
        /// Three values say what the list of all revocations says.
        #[test]
        fn agrees_with_the_list_of_revocations(
            steps in prop::collection::vec(step(), 0..60),
            ahead_ms in 0..=SKEW_MS,
        ) {
            let mut state = CutOff::default();
            let mut now = 1_000_u64;
            // Of each login its stamp, and whether some revocation ended it.
            let mut logins: Vec<(u64, bool)> = Vec::new();
            let handle = |n: usize| LoginId([u8::try_from(n).unwrap(); 16]);
            for step in steps {
                let at = |replica: usize| UnixMs(now + ahead_ms * replica as u64);
                match step {
                    Step::Wait(ms) => now += ms,
                    Step::Login { replica } => logins.push((state.stamp(at(replica)), false)),
                    Step::CutAll { replica } => {
                        state = state.cut(None, at(replica), SKEW_MS);
                        logins.iter_mut().for_each(|login| login.1 = true);
                    }
                    Step::CutOthers { replica, keep } => {
                        state = state.cut(Some(handle(keep)), at(replica), SKEW_MS);
                        for (n, login) in logins.iter_mut().enumerate() {
                            login.1 |= n != keep;
                        }
                    }
                }
                for (n, (stamp, ended)) in logins.iter().enumerate() {
                    prop_assert_eq!(state.hits(handle(n), *stamp), *ended, "login {}", n);
                }
                prop_assert_eq!(CutOff::from_octets(&state.to_octets()), Some(state));
            }
        }

        #[test]
        fn other_octets_are_no_cut_off(octets in prop::collection::vec(any::<u8>(), 0..64)) {
            if let Some(read) = CutOff::from_octets(&octets) {
                prop_assert_eq!(&read.to_octets()[..], &octets[..]);
            }
        }
    }
}
