//! The cut-off of a subject as it is stored, and what a token says of it.

use authbench_core::{LoginId, Record, UnixMs};

use crate::cutoff::CutOff;

/// The bits of a token's number that are a stamp: milliseconds until the year
/// 2248. Those above them, but for the sign, are the birth of the record that
/// the login saw.
const STAMP_BITS: u32 = 43;
const BIRTH_BITS: u32 = 20;

/// What a token's number says of the cut-off record when it was made.
const NONE: u32 = 0;

/// A cut-off and the birth of its record: a random number that tells it from
/// one that the store has lost, or forgotten because no token was left.
///
/// A login that saw a record has a stamp above its cut, which may be ahead of
/// every clock. If the record is lost, the next cut knows nothing of that and
/// might stay below. So a login that saw another record is older than this
/// one, and was cut off with all that came before.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Listed {
    birth: u32,
    cut_off: CutOff,
}

impl Listed {
    /// The record of a subject's first cut; `random` gives its birth.
    pub(super) fn first(random: u32, keep: Option<LoginId>, at: UnixMs, skew_ms: u64) -> Self {
        Self {
            birth: (random & ((1 << BIRTH_BITS) - 1)).max(NONE + 1),
            cut_off: CutOff::default().cut(keep, at, skew_ms),
        }
    }

    /// The state in a record; none if it holds no such state.
    pub(super) fn read(record: &Record) -> Option<Self> {
        let (birth, cut_off) = record.payload.split_first_chunk()?;
        Some(Self {
            birth: u32::from_be_bytes(*birth),
            cut_off: CutOff::from_octets(cut_off)?,
        })
    }

    pub(super) fn payload(&self) -> Box<[u8]> {
        let octets: [&[u8]; 2] = [&self.birth.to_be_bytes(), &self.cut_off.to_octets()];
        octets.concat().into()
    }

    /// The last millisecond of which a login is cut off.
    pub(super) const fn below(&self) -> UnixMs {
        UnixMs(self.cut_off.below)
    }

    pub(super) fn cut(&self, keep: Option<LoginId>, at: UnixMs, skew_ms: u64) -> Self {
        Self {
            cut_off: self.cut_off.cut(keep, at, skew_ms),
            ..*self
        }
    }

    /// See [`CutOff::covers`]. If this is another record than the one that
    /// `wanted` was to be, it was made meanwhile, by a cut that hits all who
    /// saw an earlier one.
    pub(super) fn covers(&self, wanted: &Self) -> bool {
        self.cut_off.covers(&wanted.cut_off)
    }

    /// Whether the login of this token has been cut off.
    pub(super) fn hits(&self, login: LoginId, number: u64) -> bool {
        let birth = number >> STAMP_BITS;
        let stamp = number & ((1 << STAMP_BITS) - 1);
        let saw_this = birth == u64::from(self.birth) || birth == u64::from(NONE);
        // One that saw another record is older than any cut of this one, but
        // may be spared by the first.
        self.cut_off.hits(login, if saw_this { stamp } else { 1 })
    }
}

/// The number of a login that begins at `at` and has seen `listed`.
pub(super) fn number(listed: Option<Listed>, at: UnixMs) -> u64 {
    match listed {
        None => u64::from(NONE) << STAMP_BITS | at.0,
        Some(Listed { birth, cut_off }) => u64::from(birth) << STAMP_BITS | cut_off.stamp(at),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: UnixMs = UnixMs(1_800_000_000_000);
    const SKEW_MS: u64 = 2_000;
    const LOGINS: [LoginId; 2] = [LoginId([1; 16]), LoginId([2; 16])];

    /// Everything within one millisecond.
    #[test]
    fn a_lost_record_revives_nothing() {
        let first = Listed::first(7, None, AT, SKEW_MS);
        let ahead = number(Some(first), AT);
        assert!(!first.hits(LOGINS[0], ahead));
        let unseen = number(None, AT);
        // The store loses the record, and the next cut comes at once.
        let all = Listed::first(8, None, AT, SKEW_MS);
        let others = Listed::first(8, Some(LOGINS[0]), AT, SKEW_MS);
        for old in [ahead, unseen] {
            assert!(all.hits(LOGINS[0], old));
            assert!(!others.hits(LOGINS[0], old) && others.hits(LOGINS[1], old));
            let later = others.cut(None, AT, SKEW_MS);
            assert!(later.hits(LOGINS[0], old));
            let spared_late = all.cut(Some(LOGINS[0]), AT, SKEW_MS);
            assert!(spared_late.hits(LOGINS[0], old), "it was dead before");
        }
        assert!(!all.hits(LOGINS[0], number(Some(all), AT)));
    }

    #[test]
    fn births_are_never_that_of_no_record() {
        for random in [0, 1 << BIRTH_BITS, u32::MAX] {
            let listed = Listed::first(random, None, AT, SKEW_MS);
            let number = number(Some(listed), AT);
            assert!(number >> STAMP_BITS != 0 && number < 1 << 63);
        }
    }
}
