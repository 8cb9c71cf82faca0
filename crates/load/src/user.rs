//! Virtual users: flat state, one request under way at a time, so that the
//! oracle's expectation is sharp. A user is not a connection.

use std::hash::{BuildHasher as _, Hasher as _};

use authbench_core::SubjectId;
use authbench_core::oracle::LoginHistory;
use foldhash::fast::FixedState;

use crate::outcome::Action;
use crate::scenario::Mix;
use crate::seed;

/// One virtual user.
#[derive(Clone, Debug, Default)]
pub(crate) struct User {
    /// Who it is: what the profile says, or else what the target first
    /// answered.
    pub(crate) subject: Option<SubjectId>,
    credential: Vec<u8>,
    login: Option<LoginHistory>,
    seen: Option<Seen>,
    draws: u64,
}

/// The body of a "who am I" that was parsed and found right.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Seen {
    hash: u64,
    length: usize,
}

/// The weights of a [`Mix`], added up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Weights {
    read: u64,
    read_or_mutate: u64,
    total: u64,
}

impl Weights {
    pub(crate) fn of(mix: &Mix) -> Self {
        let read = u64::from(mix.read.value);
        let read_or_mutate = read + u64::from(mix.mutate.value);
        Self {
            read,
            read_or_mutate,
            total: read_or_mutate + u64::from(mix.logout.value),
        }
    }
}

impl User {
    /// A user who is logged out, and who it is if the profile says so.
    pub(crate) fn new(subject: Option<&str>) -> Self {
        Self {
            subject: subject.map(SubjectId::new),
            ..Self::default()
        }
    }

    /// The credential that it now holds; empty when logged out.
    pub(crate) fn credential(&self) -> &[u8] {
        &self.credential
    }

    /// The life of that credential, unless logged out.
    pub(crate) fn login(&self) -> Option<&LoginHistory> {
        self.login.as_ref()
    }

    /// What it does next. The `n`-th draw of a user depends on the user's
    /// `seed` alone.
    pub(crate) fn next_action(&mut self, weights: Weights, seed: u64) -> Action {
        if self.login.is_none() {
            return Action::Login;
        }
        let draw = seed::derive(seed, self.draws);
        self.draws += 1;
        // The bias of the remainder is below 2^-49.
        match draw % weights.total.max(1) {
            at if at < weights.read => Action::Read,
            at if at < weights.read_or_mutate => Action::Mutate,
            _ => Action::Logout,
        }
    }

    /// Starts its draws afresh.
    pub(crate) fn rewind(&mut self) {
        self.draws = 0;
    }

    /// It now holds this credential.
    pub(crate) fn log_in(&mut self, credential: &[u8], history: LoginHistory) {
        self.hold(credential);
        self.login = Some(history);
        self.seen = None;
    }

    /// The target has given it a new credential for the same login.
    pub(crate) fn hold(&mut self, credential: &[u8]) {
        self.credential.clear();
        self.credential.extend_from_slice(credential);
    }

    /// It gives up its credential, whatever the target thinks of it.
    pub(crate) fn log_out(&mut self) {
        self.credential.clear();
        self.login = None;
        self.seen = None;
    }

    /// Whether this body was parsed and found right during this login.
    pub(crate) fn knows(&self, body: &[u8]) -> bool {
        self.seen
            .is_some_and(|seen| seen.length == body.len() && seen.hash == hash(body))
    }

    /// This body was parsed and found right.
    pub(crate) fn remember(&mut self, body: &[u8]) {
        self.seen = Some(Seen {
            hash: hash(body),
            length: body.len(),
        });
    }
}

fn hash(body: &[u8]) -> u64 {
    let mut hasher = FixedState::with_seed(0).build_hasher();
    hasher.write(body);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use authbench_core::UnixMs;
    use authbench_core::oracle::Span;
    use proptest::prelude::*;

    use super::*;

    fn logged_in() -> User {
        let history = LoginHistory::new(Span::instant(UnixMs(0)), UnixMs(1_000));
        let mut user = User::default();
        user.log_in(b"credential", history);
        user
    }

    fn weights(read: u32, mutate: u32, logout: u32) -> Weights {
        let mix = Mix {
            read: read.into(),
            mutate: mutate.into(),
            logout: logout.into(),
            ..Mix::default()
        };
        Weights::of(&mix)
    }

    fn actions(seed: u64, weights: Weights) -> Vec<Action> {
        let mut user = logged_in();
        (0..1_000)
            .map(|_| user.next_action(weights, seed))
            .collect()
    }

    #[test]
    fn a_logged_out_user_logs_in_and_the_others_keep_to_the_mix() {
        assert_eq!(
            User::default().next_action(weights(1, 1, 1), 0),
            Action::Login
        );
        let drawn = actions(3, weights(90, 8, 2));
        let share = |wanted| drawn.iter().filter(|action| **action == wanted).count();
        assert!(
            (860..940).contains(&share(Action::Read)),
            "{}",
            share(Action::Read)
        );
        assert!(
            (50..115).contains(&share(Action::Mutate)),
            "{}",
            share(Action::Mutate)
        );
        assert!(
            (5..45).contains(&share(Action::Logout)),
            "{}",
            share(Action::Logout)
        );
        assert_eq!(share(Action::Login), 0);
        assert!(
            actions(3, weights(1, 0, 0))
                .iter()
                .all(|action| *action == Action::Read)
        );
    }

    #[test]
    fn a_body_is_known_for_one_login() {
        let mut user = logged_in();
        assert!(!user.knows(b"body"));
        user.remember(b"body");
        assert!(user.knows(b"body") && !user.knows(b"bodz") && !user.knows(b"body2"));
        user.hold(b"rotated");
        assert!(user.knows(b"body"));
        user.log_out();
        assert!(!user.knows(b"body") && user.credential().is_empty());
    }

    proptest! {
        #[test]
        fn same_seed_same_actions(seed: u64) {
            let weights = weights(50, 30, 20);
            prop_assert_eq!(actions(seed, weights), actions(seed, weights));
            prop_assert_ne!(actions(seed, weights), actions(seed.wrapping_add(1), weights));
        }
    }
}
