//! What the machine may do. References are symbolic (a number, taken modulo
//! what exists when its turn comes), so that any part of a history still is a
//! history and shrinking works.

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
    /// A subject logs in once a millisecond, once more than it may.
    Fill {
        /// Which subject.
        subject: usize,
    },
    /// Several calls on a login, one that lives if there is any.
    Sequence {
        /// Which credential's login.
        credential: usize,
        /// Which calls.
        sequence: Sequence,
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
        /// Which credential's login.
        credential: usize,
        /// What is presented.
        token: Token,
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
    /// An account is barred, or let in again. The strategy is not told.
    SetActive {
        /// Which subject.
        subject: usize,
        /// Whether it may log in.
        active: bool,
    },
    /// A subject gets another password. The strategy is not told.
    ChangeProof {
        /// Whose subject.
        credential: usize,
        /// Whether this one's login is the one that changed it.
        keep: bool,
    },
    /// A subject's logins are presented, and then listed.
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
    /// The store crashes.
    CrashStore,
    /// Signing keys change; good credentials are presented before and after.
    RotateKeys,
    /// Each node does one thing, at the same time.
    Together {
        /// What they do.
        pair: Pair,
        /// Which node gets ahead when: read from the lowest bit on.
        schedule: u32,
    },
}

/// What seldom comes about by chance. Milliseconds are counted from the instant
/// that each is about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Sequence {
    /// The credential is used, and used again too soon to be written down, and
    /// then not until its login idles out, or may at the earliest.
    LetIdle {
        /// Whether at the earliest.
        early: bool,
        /// Milliseconds after that.
        offset_ms: i8,
    },
    /// The credential is presented when it expires.
    LetExpire {
        /// Milliseconds after that.
        offset_ms: i8,
    },
    /// The credential is presented, and again when the store has been cut off
    /// for as long as may be missed.
    LetCoast {
        /// Milliseconds after that.
        offset_ms: i8,
    },
    /// The login is renewed, and the spent token presented again when its grace
    /// ends.
    OutliveGrace {
        /// Whether the login is renewed twice, and nothing waited for: then the
        /// token is the parent of a parent.
        twice: bool,
        /// Milliseconds after that.
        offset_ms: i8,
    },
    /// The login is renewed a little later, and again at the end of all
    /// renewal.
    OutliveChain {
        /// Milliseconds after that.
        offset_ms: i8,
    },
    /// One node is shown the credential before and after the other one makes a
    /// change.
    Behind(Change),
}

/// What changes behind a node's back.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Change {
    /// The login ends.
    One,
    /// Everything of its subject ends.
    All,
    /// Its subject gets these roles.
    Roles(usize),
}

/// Two calls at the same time, one on each node.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Pair {
    /// One credential, or its refresh token, is renewed twice.
    Refreshes {
        /// Which credential's login.
        credential: usize,
    },
    /// A login is renewed and ended.
    RefreshAndRevoke {
        /// Which credential's login.
        credential: usize,
        /// Whether everything of its subject is ended.
        all: bool,
    },
    /// A subject logs in twice.
    Issues {
        /// Which subject.
        subject: usize,
    },
    /// A subject logs in, and everything of it is ended.
    IssueAndRevokeAll {
        /// Which subject.
        subject: usize,
    },
    /// A credential is presented and ended.
    AuthenticateAndRevoke {
        /// Which credential.
        credential: usize,
    },
    /// A credential is presented while its subject gets other roles.
    AuthenticateAndChangeRoles {
        /// Which credential.
        credential: usize,
        /// Which set of roles.
        roles: usize,
    },
}

/// What is presented where new credentials are asked for. Where the access
/// credential itself is swapped it is that, whatever this says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Token {
    /// The newest refresh token that the login was given.
    Newest,
    /// The one before.
    Predecessor,
    /// One before that.
    Older(usize),
    /// The access credential, in the wrong place (checks REFRESH-010).
    Access,
    /// The newest, with its text changed: it is a stranger's and ends nothing
    /// (checks REFRESH-009).
    Mutated(Mutation),
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
    /// To the end of a login, where tokens renew it.
    ToLoginEnd {
        /// Which credential's login.
        credential: usize,
        /// Milliseconds after it.
        offset_ms: i8,
    },
    /// To the instant at which a login idles out, or may at the earliest.
    ToIdle {
        /// Which credential's login.
        credential: usize,
        /// Whether at the earliest.
        early: bool,
        /// Milliseconds after it.
        offset_ms: i8,
    },
    /// To the end of the grace of the latest token that was spent.
    ToGrace {
        /// Milliseconds after it.
        offset_ms: i8,
    },
    /// To the instant from which the latest acknowledged change must be seen,
    /// where the promise for it is a number of milliseconds; while the store is
    /// cut off, to the instant from which none that it knows can be missed.
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
    /// The login's refresh token instead, where it has one.
    Refresh,
}

/// The text after the mutation; differs from it, and is ASCII if the text is.
/// None for a text that has nothing to change, and for [`Mutation::Refresh`],
/// which is no change of a text.
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
        Mutation::Refresh => None,
    }
}
