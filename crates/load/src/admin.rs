//! Whoever changes the roles of others.

use authbench_core::Guarantees;
use authbench_core::oracle::Ns;
use authbench_wire::profile::User as Account;

use crate::outcome::Action;
use crate::user::User;

/// The roles that accounts get in turn, as JSON.
const ROLES: [&str; 2] = [r#"["user"]"#, r#"["editor","user"]"#];

/// An administrator, who may have several requests under way.
#[derive(Debug)]
pub(crate) struct Admin {
    /// Its login.
    pub(crate) user: User,
    /// The name and the password.
    pub(crate) account: Account,
    /// Whether it is logging in, or renewing its login.
    is_entering: bool,
    changes: usize,
}

impl Admin {
    /// Logged out.
    pub(crate) fn new(account: Account) -> Self {
        Self {
            user: User::new(account.subject.as_deref()),
            account,
            is_entering: false,
            changes: 0,
        }
    }

    /// What it has to do at `now` so that roles are changed: first of all, to
    /// have a login. `None` while it waits for one.
    pub(crate) fn next_action(&mut self, promises: &Guarantees, now: Ns) -> Option<Action> {
        match self.user.due(promises, now) {
            Some(_) if self.is_entering => None,
            Some(due) => {
                self.is_entering = true;
                Some(due)
            }
            None => Some(Action::RoleChange),
        }
    }

    /// The roles that the next account gets.
    pub(crate) fn next_roles(&mut self) -> &'static str {
        self.changes = self.changes.wrapping_add(1);
        ROLES[self.changes % ROLES.len()]
    }

    /// What it did is over.
    pub(crate) fn over(&mut self, action: Action) {
        if action != Action::RoleChange {
            self.is_entering = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use authbench_core::UnixMs;
    use authbench_core::oracle::{LoginHistory, Span};

    use super::*;
    use crate::judge::tests::promises;

    #[test]
    fn one_login_at_a_time_and_roles_in_turn() {
        let account = Account {
            user: "admin".to_owned(),
            password: "p".to_owned(),
            subject: None,
        };
        let (mut admin, promises) = (Admin::new(account), promises());
        let now = Ns::from(UnixMs(5));
        assert_eq!(admin.next_action(&promises, now), Some(Action::Login));
        assert_eq!(admin.next_action(&promises, now), None);
        let history = LoginHistory::new(Span::instant(UnixMs(5)), UnixMs(100));
        admin.user.log_in(b"c", b"", history, &promises);
        admin.over(Action::Login);
        assert_eq!(admin.next_action(&promises, now), Some(Action::RoleChange));
        assert_ne!(admin.next_roles(), admin.next_roles());
        let late = Ns::from(UnixMs(100));
        assert_eq!(admin.next_action(&promises, late), Some(Action::Login));
    }
}
