//! What the machine may do. References are symbolic (a number, taken modulo
//! what exists when its turn comes), so that any part of a history still is a
//! history and shrinking works.

use proptest::prelude::*;

use super::backing::Fault;

/// One step of a history. `credential` counts back from the newest credential
/// of the history (0), modulo how many there are; a step that needs one where
/// there is none does nothing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Op {
    /// A subject logs in.
    Issue {
        /// Which subject.
        subject: usize,
    },
    /// A credential is presented.
    Authenticate {
        /// Which credential.
        credential: usize,
        /// To which node.
        node: usize,
    },
    /// A credential is presented after its text was changed.
    AuthenticateMutated {
        /// Which credential.
        credential: usize,
        /// In which way.
        mutation: Mutation,
    },
    /// New credentials are asked for.
    Refresh {
        /// Which credential is presented.
        credential: usize,
    },
    /// A login ends itself.
    RevokePresented {
        /// Which credential is presented.
        credential: usize,
    },
    /// A listed login is ended.
    RevokeLogin {
        /// Whose login.
        credential: usize,
        /// Whether another subject asks: then nothing may happen.
        foreign: bool,
    },
    /// Everything of a subject is ended.
    RevokeAll {
        /// Which subject.
        subject: usize,
    },
    /// Everything of a subject but one login is ended.
    RevokeOthers {
        /// Whose login stays.
        credential: usize,
    },
    /// A subject gets other roles.
    ChangeRoles {
        /// Which subject.
        subject: usize,
        /// Which set of roles.
        roles: usize,
    },
    /// A subject's logins are listed, and each of its credentials is tried.
    List {
        /// Which subject.
        subject: usize,
    },
    /// Time passes.
    AdvanceTime(Advance),
    /// A node is replaced by a fresh one over the same state.
    RestartNode {
        /// Which node.
        node: usize,
    },
    /// The calls that follow go to the other node.
    SwitchNode,
    /// The store is cut off.
    CutStore(Fault),
    /// The store is reachable again.
    MendStore,
}

/// How time passes. Never backwards: an instant in the past moves nothing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Advance {
    /// By so many milliseconds.
    Ms(u64),
    /// To the expiry of a credential.
    ToExpiry {
        /// Which credential.
        credential: usize,
        /// Milliseconds after it.
        offset_ms: i8,
    },
    /// To the instant from which the latest acknowledged change must be seen,
    /// where the promise for it is a number of milliseconds.
    ToDeadline {
        /// Milliseconds after it.
        offset_ms: i8,
    },
}

/// How the text of a credential is changed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Mutation {
    /// One of the lower seven bits of one octet is turned over; counted over
    /// the whole text, modulo its length.
    Flip(u16),
    /// The last character is left out.
    DropLast,
    /// The first character is left out.
    DropFirst,
    /// A character is added.
    Append,
}

/// Histories of `length` steps.
pub fn ops(length: std::ops::RangeInclusive<usize>) -> impl Strategy<Value = Vec<Op>> {
    prop::collection::vec(op(), length)
}

/// The credential's text after the mutation; differs from it, and is ASCII if
/// the text is. None for a text that has nothing to change.
#[must_use]
pub fn mutate(text: &str, mutation: Mutation) -> Option<String> {
    let last = text.char_indices().next_back()?.0;
    let first = text.chars().next()?.len_utf8();
    match mutation {
        Mutation::Flip(bit) => {
            let mut octets = text.as_bytes().to_vec();
            let place = usize::from(bit) / 7 % octets.len();
            octets[place] ^= 1 << (bit % 7);
            String::from_utf8(octets).ok()
        }
        Mutation::DropLast => Some(text[..last].to_owned()),
        Mutation::DropFirst => Some(text[first..].to_owned()),
        Mutation::Append => Some(format!("{text}A")),
    }
}

fn op() -> impl Strategy<Value = Op> {
    let credential = || prop_oneof![3 => 0..3_usize, 1 => 0..16_usize];
    let subject = || prop_oneof![Just(0), 0..3_usize];
    let node = || 0..2_usize;
    prop_oneof![
        6 => subject().prop_map(|subject| Op::Issue { subject }),
        10 => (credential(), node())
            .prop_map(|(credential, node)| Op::Authenticate { credential, node }),
        2 => (credential(), mutation())
            .prop_map(|(credential, mutation)| Op::AuthenticateMutated { credential, mutation }),
        1 => credential().prop_map(|credential| Op::Refresh { credential }),
        3 => credential().prop_map(|credential| Op::RevokePresented { credential }),
        3 => (credential(), prop::bool::weighted(0.2))
            .prop_map(|(credential, foreign)| Op::RevokeLogin { credential, foreign }),
        2 => subject().prop_map(|subject| Op::RevokeAll { subject }),
        2 => credential().prop_map(|credential| Op::RevokeOthers { credential }),
        3 => (subject(), 0..4_usize)
            .prop_map(|(subject, roles)| Op::ChangeRoles { subject, roles }),
        3 => subject().prop_map(|subject| Op::List { subject }),
        6 => advance().prop_map(Op::AdvanceTime),
        1 => node().prop_map(|node| Op::RestartNode { node }),
        2 => Just(Op::SwitchNode),
        1 => prop_oneof![Just(Fault::Refuse), Just(Fault::LoseAnswer)].prop_map(Op::CutStore),
        3 => Just(Op::MendStore),
    ]
}

fn advance() -> impl Strategy<Value = Advance> {
    let offset_ms = || -1..=1_i8;
    prop_oneof![
        3 => (0..10_u64).prop_map(Advance::Ms),
        2 => (0..2_000_u64).prop_map(Advance::Ms),
        1 => (0..100_000_u64).prop_map(Advance::Ms),
        2 => (0..16_usize, offset_ms())
            .prop_map(|(credential, offset_ms)| Advance::ToExpiry { credential, offset_ms }),
        2 => offset_ms().prop_map(|offset_ms| Advance::ToDeadline { offset_ms }),
    ]
}

fn mutation() -> impl Strategy<Value = Mutation> {
    prop_oneof![
        6 => any::<u16>().prop_map(Mutation::Flip),
        1 => Just(Mutation::DropLast),
        1 => Just(Mutation::DropFirst),
        1 => Just(Mutation::Append),
    ]
}
