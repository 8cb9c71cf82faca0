//! What the store remembers of a subject, and what a token says of it.

use authbench_core::{Digest, Identity, LoginId, Record, Roles, SubjectId, UnixMs};

use crate::cutoff::CutOff;

/// The state of a subject.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct State {
    /// Which logins have been cut off.
    pub(super) cut_off: CutOff,
    /// Counts the changes of roles.
    pub(super) roles_version: u16,
    /// The roles as last changed.
    pub(super) roles: Roles,
}

/// The bits of a stamp that count time: enough for 8,900 years.
const TIME_BITS: u32 = 48;

impl State {
    /// The state of a subject of which nothing is known. All tokens that may
    /// be about from before are cut off: if there were any, the store has lost
    /// what it knew of them.
    pub(super) fn new(roles: &Roles, at: UnixMs, skew_ms: u64) -> Self {
        Self {
            cut_off: CutOff::default().cut(None, at, skew_ms),
            roles_version: 0,
            roles: roles.clone(),
        }
    }

    /// The state in a record; none if it holds no such state.
    pub(super) fn read(record: &Record) -> Option<Self> {
        let (cut_off, version) = record.payload.split_last_chunk()?;
        Some(Self {
            cut_off: CutOff::from_octets(cut_off)?,
            roles_version: u16::from_be_bytes(*version),
            roles: record.roles.clone(),
        })
    }

    pub(super) fn payload(&self) -> Box<[u8]> {
        let mut octets = self.cut_off.to_octets().to_vec();
        octets.extend(self.roles_version.to_be_bytes());
        octets.into()
    }

    /// What a token of a new login says. The order of logins and cuts is that
    /// of the store alone: a login takes the number after the latest cut.
    pub(super) fn stamp(&self) -> u64 {
        let number = self.cut_off.stamp(UnixMs(0));
        number | u64::from(self.roles_version) << TIME_BITS
    }

    /// After "everything but `keep` ends".
    pub(super) fn cut(&self, keep: Option<LoginId>) -> Self {
        Self {
            cut_off: self.cut_off.cut(keep, UnixMs(0), 0),
            ..self.clone()
        }
    }

    /// After a change of roles.
    pub(super) fn with_roles(&self, roles: &Roles) -> Self {
        Self {
            roles_version: self.roles_version.wrapping_add(1),
            roles: roles.clone(),
            ..self.clone()
        }
    }

    /// The caller whose token has this stamp; none if the login was cut off. The
    /// roles in the token are as new as its login, so they count unless they
    /// were changed since.
    pub(super) fn admit(&self, identity: Identity, stamp: u64) -> Option<Identity> {
        let number = stamp & ((1 << TIME_BITS) - 1);
        if self.cut_off.hits(identity.login, number) {
            return None;
        }
        // This state may be an older one than the login has seen.
        let version = u16::try_from(stamp >> TIME_BITS).unwrap_or_default();
        let is_newest = version.wrapping_sub(self.roles_version) < 1 << 15;
        Some(if is_newest {
            identity
        } else {
            Identity {
                roles: self.roles.clone(),
                ..identity
            }
        })
    }
}

/// Where the state of `subject` is kept.
pub(super) fn key(subject: &SubjectId) -> Digest {
    Digest::of(&format!("authbench epoch 1 {subject}"))
}
