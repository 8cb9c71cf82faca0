//! The devices of one account: virtual users whose logins can end together.

use std::collections::HashMap;

use authbench_core::Guarantees;
use authbench_core::oracle::{Change, Ns, Span};
use foldhash::fast::FixedState;

use crate::share::Share;
use crate::user::User;

/// Which users of a lane share an account. Of all users, those whose numbers
/// differ by a multiple of `accounts` do.
#[derive(Debug)]
pub(crate) struct Siblings {
    accounts: u32,
    devices: u32,
    share: Share,
    /// By account, the latest call that was to end all its logins.
    sweeps: HashMap<u32, Change, FixedState>,
}

impl Siblings {
    /// Of `accounts` accounts that `users` users share, of whom the lane has
    /// `share`.
    pub(crate) fn new(accounts: u32, users: u32, share: Share) -> Self {
        let accounts = accounts.max(1);
        Self {
            accounts,
            devices: users.div_ceil(accounts).max(1),
            share,
            sweeps: HashMap::default(),
        }
    }

    /// Whether one lane has all users of each of its accounts, so that they
    /// can hear of each other.
    pub(crate) fn are_together(&self) -> bool {
        self.devices == 1 || self.accounts.is_multiple_of(self.share.of())
    }

    /// The number of the account of the lane's user `number`.
    pub(crate) fn account(&self, number: u32) -> u32 {
        self.share.user(number) % self.accounts
    }

    /// User `number` has asked at `from` to end every login of the account,
    /// or for a login that may end older ones.
    pub(crate) fn doubt(&self, users: &mut [User], number: u32, from: Ns, promises: &Guarantees) {
        let promise = promises.revoke_all;
        self.each(users, number, |user| {
            if let Some(life) = user.life_mut() {
                life.doubt(from, promise);
            }
        });
    }

    /// What user `number` asked for was not done.
    pub(crate) fn trust(&self, users: &mut [User], number: u32, from: Ns) {
        self.each(users, number, |user| {
            if let Some(life) = user.life_mut() {
                life.trust(from);
            }
        });
    }

    /// Every login of the account of user `number` was to be ended.
    pub(crate) fn sweep(
        &mut self,
        users: &mut [User],
        number: u32,
        change: Change,
        promises: &Guarantees,
    ) {
        if self.devices == 1 {
            return;
        }
        let promise = promises.revoke_all;
        self.each(users, number, |user| {
            if let Some(life) = user.life_mut() {
                life.sweep(change, promise);
            }
        });
        self.sweeps.insert(self.account(number), change);
    }

    /// User `number` was granted a login by `call`, which another device may
    /// have ended meanwhile.
    pub(crate) fn begun(&self, user: &mut User, number: u32, call: Span, promises: &Guarantees) {
        if self.sweeps.is_empty() {
            return;
        }
        let sweep = self.sweeps.get(&self.account(number));
        if let (Some(sweep), Some(life)) = (sweep, user.life_mut())
            && call.start < sweep.span.end
            && !call.before(&sweep.span)
        {
            let acknowledged = false;
            life.revoke(
                Change {
                    acknowledged,
                    ..*sweep
                },
                promises.revoke_all,
            );
        }
    }

    /// Does the same with every other user of the account of user `number`.
    fn each(&self, users: &mut [User], number: u32, mut act: impl FnMut(&mut User)) {
        if self.devices == 1 {
            return;
        }
        let account = self.account(number);
        for device in 0..self.devices {
            let among_all = account + device * self.accounts;
            let own = (among_all - self.share.index().min(among_all)) / self.share.of();
            if own != number
                && self.share.has(among_all)
                && let Some(user) = users.get_mut(own as usize)
            {
                act(user);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use authbench_core::UnixMs;
    use authbench_core::oracle::{Expectation, LoginHistory, Window};

    use super::*;
    use crate::judge::tests::promises;

    fn at(start_ms: u64, end_ms: u64) -> Span {
        Span {
            start: UnixMs(start_ms).into(),
            end: UnixMs(end_ms).into(),
        }
    }

    fn users(count: usize) -> Vec<User> {
        let mut user = User::default();
        let history = LoginHistory::new(at(10, 11), UnixMs(10_000));
        user.log_in(b"credential", b"", history, &promises());
        vec![user; count]
    }

    fn expected(users: &[User]) -> Vec<Expectation> {
        let of = |user: &User| user.life().unwrap().of_access(&promises(), at(100, 101));
        users.iter().map(of).collect()
    }

    #[test]
    fn the_devices_of_an_account_end_together_and_no_others() {
        use Expectation::{MustAccept, MustRefuse};
        // The second lane of two has users 1, 3, 5, .. 15 of 16: accounts 1, 3,
        // 1, 3, ..
        let share = Share::new(1, 2).unwrap();
        let mut siblings = Siblings::new(4, 16, share);
        assert!(siblings.are_together());
        assert!(!Siblings::new(3, 6, share).are_together());
        let mut users = users(8);
        let change = Change {
            span: at(50, 60),
            acknowledged: true,
        };
        siblings.doubt(&mut users, 2, change.span.start, &promises());
        let unsure = Expectation::Either(Window::Unacknowledged);
        let doubted = [
            unsure, MustAccept, MustAccept, MustAccept, unsure, MustAccept, unsure,
        ];
        assert_eq!(expected(&users)[..7], doubted);
        siblings.trust(&mut users, 2, change.span.start);
        assert_eq!(expected(&users), [MustAccept; 8]);
        siblings.doubt(&mut users, 2, change.span.start, &promises());
        siblings.sweep(&mut users, 2, change, &promises());
        let swept = [
            MustRefuse, MustAccept, MustAccept, MustAccept, MustRefuse, MustAccept,
        ];
        assert_eq!(expected(&users)[..6], swept);
        // A login that began meanwhile may have been hit; a later one was not.
        for (call, after) in [(at(55, 58), unsure), (at(60, 61), MustAccept)] {
            let history = LoginHistory::new(call, UnixMs(10_000));
            users[0].log_in(b"new", b"", history, &promises());
            siblings.begun(&mut users[0], 0, call, &promises());
            assert_eq!(expected(&users)[0], after);
        }
    }
}
