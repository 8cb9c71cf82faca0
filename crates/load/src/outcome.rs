//! What the driver does, what may come of it, and how often it did.

use authbench_engine::Broken;
use authbench_wire::Operation;
use serde::{Deserialize, Serialize};

/// What a virtual user does, or somebody who pretends to be one.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Asks who it is (`whoami`).
    Read,
    /// Changes harmless state (`mutate`).
    Mutate,
    /// Logs in.
    Login,
    /// Swaps credentials.
    Refresh,
    /// Logs out.
    Logout,
    /// Ends every login of the account.
    LogoutAll,
    /// An admin changes the account's roles.
    RoleChange,
    /// Shows a well-formed credential that nobody issued.
    Forged,
    /// Shows a credential that has expired or was ended.
    Stale,
    /// Shows what is no credential.
    Malformed,
    /// Tries a wrong password.
    WrongPassword,
}

impl Action {
    /// How many there are.
    pub const COUNT: usize = 11;

    /// All of them.
    pub const ALL: [Self; Self::COUNT] = [
        Self::Read,
        Self::Mutate,
        Self::Login,
        Self::Refresh,
        Self::Logout,
        Self::LogoutAll,
        Self::RoleChange,
        Self::Forged,
        Self::Stale,
        Self::Malformed,
        Self::WrongPassword,
    ];

    /// Its name in scenarios and results.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Mutate => "mutate",
            Self::Login => "login",
            Self::Refresh => "refresh",
            Self::Logout => "logout",
            Self::LogoutAll => "logout-all",
            Self::RoleChange => "role-change",
            Self::Forged => "forged",
            Self::Stale => "stale",
            Self::Malformed => "malformed",
            Self::WrongPassword => "wrong-password",
        }
    }

    /// The operation of a profile that does it.
    #[must_use]
    pub const fn operation(self) -> Operation {
        match self {
            Self::Read | Self::Forged | Self::Stale | Self::Malformed => Operation::Whoami,
            Self::Mutate => Operation::Mutate,
            Self::Login | Self::WrongPassword => Operation::Login,
            Self::Refresh => Operation::Refresh,
            Self::Logout => Operation::Logout,
            Self::LogoutAll => Operation::LogoutAll,
            Self::RoleChange => Operation::SetRoles,
        }
    }

    /// Whether a refusal is what is right.
    #[must_use]
    pub const fn must_be_refused(self) -> bool {
        matches!(
            self,
            Self::Forged | Self::Stale | Self::Malformed | Self::WrongPassword
        )
    }
}

/// What came of a request. All but [`Kind::Right`] are failures.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// As promised, in time.
    Right,
    /// Accepted as somebody else.
    WrongUser,
    /// Accepted although the credential is dead by the promise.
    AcceptedDead,
    /// Refused although the credential (or the password) is good.
    RefusedGood,
    /// A status that means neither yes nor no, 5xx apart.
    UnexpectedStatus,
    /// No HTTP/1.1, no JSON, or a member is missing.
    MalformedAnswer,
    /// A status of 5xx: the target could not judge.
    NoJudgement,
    /// Right, but too late.
    Timeout,
    /// The connection broke before the answer was whole.
    ConnectionError,
    /// No answer by the end of the drain, or never sent.
    Unfinished,
}

impl Kind {
    /// How many there are.
    pub const COUNT: usize = 10;

    /// All of them.
    pub const ALL: [Self; Self::COUNT] = [
        Self::Right,
        Self::WrongUser,
        Self::AcceptedDead,
        Self::RefusedGood,
        Self::UnexpectedStatus,
        Self::MalformedAnswer,
        Self::NoJudgement,
        Self::Timeout,
        Self::ConnectionError,
        Self::Unfinished,
    ];

    /// In words.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Right => "right",
            Self::WrongUser => "accepted as somebody else",
            Self::AcceptedDead => "accepted although dead",
            Self::RefusedGood => "refused although good",
            Self::UnexpectedStatus => "unexpected status",
            Self::MalformedAnswer => "unreadable answer",
            Self::NoJudgement => "no judgement",
            Self::Timeout => "too late",
            Self::ConnectionError => "connection broke",
            Self::Unfinished => "no answer",
        }
    }

    /// How a request without an answer counts.
    pub(crate) fn of_broken(broken: &Broken) -> Self {
        match broken {
            Broken::Malformed(_) => Self::MalformedAnswer,
            _ => Self::ConnectionError,
        }
    }

    /// Whether the target answered at all.
    #[must_use]
    pub const fn is_answered(self) -> bool {
        !matches!(self, Self::ConnectionError | Self::Unfinished)
    }

    /// Whether such a request's length stands in the latencies: right answers
    /// at whatever length, and what a user still waited for at the end.
    /// An answer that is wrong is no measurement of the right one.
    #[must_use]
    pub const fn is_timed(self) -> bool {
        matches!(self, Self::Right | Self::Timeout | Self::Unfinished)
    }
}

/// Requests by what was done and what came of it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Tally([[u64; Kind::COUNT]; Action::COUNT]);

impl Tally {
    /// How many `action`s came out as `kind`.
    #[must_use]
    pub fn count(&self, action: Action, kind: Kind) -> u64 {
        self.0[action as usize][kind as usize]
    }

    /// How many requests came out as `kind`.
    #[must_use]
    pub fn of_kind(&self, kind: Kind) -> u64 {
        self.0.iter().map(|kinds| kinds[kind as usize]).sum()
    }

    /// How many `action`s there were.
    #[must_use]
    pub fn of_action(&self, action: Action) -> u64 {
        self.0[action as usize].iter().sum()
    }

    /// How many requests there were.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().flatten().sum()
    }

    /// How many failed.
    #[must_use]
    pub fn failures(&self) -> u64 {
        self.total() - self.of_kind(Kind::Right)
    }

    /// How many were answered, rightly or wrongly.
    #[must_use]
    pub fn answered(&self) -> u64 {
        Kind::ALL
            .into_iter()
            .filter(|kind| kind.is_answered())
            .map(|kind| self.of_kind(kind))
            .sum()
    }

    pub(crate) fn add(&mut self, action: Action, kind: Kind) {
        self.0[action as usize][kind as usize] += 1;
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        for (own, other) in self.0.iter_mut().flatten().zip(other.0.iter().flatten()) {
            *own += other;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_in_order_and_sums_agree() {
        let mut tally = Tally::default();
        for (at, action) in Action::ALL.into_iter().enumerate() {
            assert_eq!(action as usize, at);
            for (at, kind) in Kind::ALL.into_iter().enumerate() {
                assert_eq!(kind as usize, at);
                tally.add(action, kind);
            }
        }
        assert_eq!(
            (tally.total(), tally.failures(), tally.answered()),
            (110, 99, 88)
        );
        let twice = tally.clone();
        tally.merge(&twice);
        assert_eq!(tally.count(Action::Login, Kind::Timeout), 2);
        assert_eq!(
            (tally.of_kind(Kind::Right), tally.of_action(Action::Read)),
            (22, 20)
        );
    }
}
