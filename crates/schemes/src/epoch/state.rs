//! What the store remembers of a subject, and what a token says of it.

use authbench_core::{Digest, LoginId, Record, Roles, SubjectId, UnixMs};

use crate::cutoff::CutOff;
use crate::token::Opened;

/// The state of a subject. Logins, cut-offs and changes of roles are ordered
/// by stamps: see [`CutOff`].
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct State {
    /// A random number of [`BIRTH_BITS`] that tells this record from one that
    /// the store has lost.
    birth: u32,
    /// Which logins have been cut off.
    cut_off: CutOff,
    /// Logins above this stamp were told these roles or newer ones.
    roles_since: u64,
    /// The roles as last changed.
    pub(super) roles: Roles,
}

/// What can be changed of a subject.
#[derive(Clone, Copy, Debug)]
pub(super) enum Change<'a> {
    /// Every login ends, or every one but this.
    Cut {
        /// The one that stays.
        keep: Option<LoginId>,
    },
    /// The roles are these from now on.
    Roles(&'a Roles),
}

/// The bits of a token's number that are a stamp: milliseconds until the year
/// 2248.
const STAMP_BITS: u32 = 43;

/// The bits above them. Together they leave the sign of a number alone, for
/// formats whose numbers have one.
const BIRTH_BITS: u32 = 20;

impl State {
    /// The state of a subject of which nothing is known, so that no token of
    /// before is good: if there are any, the store has lost what it knew of
    /// them. Most are older than the first cut-off; `random` tells the others,
    /// made within the same milliseconds or on a clock that is ahead.
    pub(super) fn new(roles: &Roles, random: u32, at: UnixMs, skew_ms: u64) -> Self {
        let cut_off = CutOff::default().cut(None, at, skew_ms);
        Self {
            birth: random & ((1 << BIRTH_BITS) - 1),
            cut_off,
            roles_since: cut_off.below,
            roles: roles.clone(),
        }
    }

    /// The state in a record; none if it holds no such state.
    pub(super) fn read(record: &Record) -> Option<Self> {
        let (birth, rest) = record.payload.split_first_chunk()?;
        let (roles_since, cut_off) = rest.split_first_chunk()?;
        Some(Self {
            birth: u32::from_be_bytes(*birth),
            cut_off: CutOff::from_octets(cut_off)?,
            roles_since: u64::from_be_bytes(*roles_since),
            roles: record.roles.clone(),
        })
    }

    pub(super) fn payload(&self) -> Box<[u8]> {
        let birth = self.birth.to_be_bytes();
        let roles_since = self.roles_since.to_be_bytes();
        let octets: [&[u8]; 3] = [&birth, &roles_since, &self.cut_off.to_octets()];
        octets.concat().into()
    }

    /// What a token of a new login says.
    pub(super) fn number(&self) -> u64 {
        u64::from(self.birth) << STAMP_BITS | self.next_stamp()
    }

    /// After `change` at `at`.
    pub(super) fn changed(&self, change: Change<'_>, at: UnixMs, skew_ms: u64) -> Self {
        let next = self.clone();
        match change {
            Change::Cut { keep } => {
                let at = at.plus_ms(skew_ms).max(UnixMs(self.next_stamp()));
                Self {
                    cut_off: self.cut_off.cut(keep, at, 0),
                    ..next
                }
            }
            Change::Roles(roles) => Self {
                roles_since: at.plus_ms(skew_ms).0.max(self.next_stamp()),
                roles: roles.clone(),
                ..next
            },
        }
    }

    /// Whether this state, stored after `wanted` was computed as the one after
    /// `change`, already does what that would: then somebody else made the same
    /// change meanwhile, and there is nothing left to do.
    pub(super) fn covers(&self, change: Change<'_>, wanted: &Self) -> bool {
        let same_birth = self.birth == wanted.birth;
        match change {
            Change::Cut { .. } => !same_birth || self.cut_off.covers(&wanted.cut_off),
            Change::Roles(roles) => {
                same_birth && self.roles_since >= wanted.roles_since && self.roles == *roles
            }
        }
    }

    /// The roles of a caller with this token; none if its login was cut off.
    /// The roles in the token are as new as its login, so they count unless
    /// they were changed since. That also holds for a state that a node read
    /// before the login began.
    pub(super) fn admit(&self, opened: &Opened, number: u64) -> Option<Roles> {
        let stamp = number & ((1 << STAMP_BITS) - 1);
        let identity = &opened.identity;
        if number >> STAMP_BITS != u64::from(self.birth) || self.cut_off.hits(identity.login, stamp)
        {
            return None;
        }
        let roles = if stamp > self.roles_since {
            &identity.roles
        } else {
            &self.roles
        };
        Some(roles.clone())
    }

    /// The stamp after all that happened.
    fn next_stamp(&self) -> u64 {
        self.cut_off
            .stamp(UnixMs(self.roles_since.saturating_add(1)))
    }
}

/// Where the state of `subject` is kept.
pub(super) fn key(subject: &SubjectId) -> Digest {
    Digest::of(&format!("authbench epoch 1 {subject}"))
}

#[cfg(test)]
mod tests {
    use authbench_core::{Identity, LoginId};
    use proptest::prelude::*;

    use super::*;

    const AT: UnixMs = UnixMs(1_800_000_000_000);

    fn token(state: &State, login: u8, roles: &Roles) -> (Opened, u64) {
        let identity = Identity {
            subject: SubjectId::new("u"),
            roles: roles.clone(),
            login: LoginId([login; 16]),
            expires_at: AT,
        };
        let number = state.number();
        let stamp = Some(number);
        (Opened { identity, stamp }, number)
    }

    proptest! {
        /// Each login has the roles that it was told or the newest that came
        /// after it, under the state of any later moment; and under an older
        /// one never older ones than it was told.
        #[test]
        fn roles_never_go_back(
            steps in prop::collection::vec((any::<bool>(), 0..3_u64), 1..30),
            skew_ms in 0..5_u64,
        ) {
            let told = |n: usize| Roles::from_iter([n.to_string()]);
            let mut now = AT;
            let mut states = vec![State::new(&told(0), u32::MAX, now, skew_ms)];
            let mut logins = Vec::new();
            for (n, (change, ms)) in steps.into_iter().enumerate() {
                now = now.plus_ms(ms);
                let (place, state) = (states.len() - 1, states[states.len() - 1].clone());
                if change {
                    let roles = told(place + 1);
                    states.push(state.changed(Change::Roles(&roles), now, skew_ms));
                } else {
                    let login = u8::try_from(n).unwrap();
                    logins.push((token(&state, login, &told(place)), place));
                }
            }
            for ((opened, number), place) in &logins {
                prop_assert!(*number < 1 << 63);
                for (later, state) in states.iter().enumerate() {
                    let seen = state.admit(opened, *number);
                    prop_assert_eq!(seen, Some(told(later.max(*place))));
                }
            }
        }
    }

    #[test]
    fn another_birth_admits_nobody() {
        let roles = Roles::default();
        let old = State::new(&roles, 1, AT, 5);
        let (opened, number) = token(&old, 1, &roles);
        assert!(old.admit(&opened, number).is_some());
        for (random, at) in [(2, AT), (2, UnixMs(AT.0 - 100)), (1, AT.plus_ms(1))] {
            let new = State::new(&roles, random, at, 5);
            assert_eq!(new.admit(&opened, number), None);
        }
    }
}
