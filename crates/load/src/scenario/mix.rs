//! What users do.

use authbench_conf::{ConfError, Located};
use serde::{Deserialize, Serialize};

use super::check::Check;
use crate::outcome::Action;

/// What a virtual user does next, by weight: each 0 to 10,000, absent is 0,
/// not all of them 0. A user who is logged out logs in before anything else;
/// one whose access credential has expired refreshes it first, where the
/// strategy has refresh tokens, and else logs in again.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Mix {
    /// Asks "who am I".
    pub read: Located<u32>,
    /// Changes harmless state.
    pub mutate: Located<u32>,
    /// Logs in anew, from another place: the old login lives on, unused.
    pub login: Located<u32>,
    /// Swaps credentials before they expire; a read where the strategy offers
    /// no refresh.
    pub refresh: Located<u32>,
    /// Logs out.
    pub logout: Located<u32>,
    /// Ends every login of the account, on all its devices.
    pub logout_all: Located<u32>,
    /// An admin (`[users.admin]` of the profile) changes the account's roles.
    /// The admin logs in in the turn of the first user, and is judged by the
    /// success of the change.
    pub role_change: Located<u32>,
    /// Somebody shows a credential that nobody issued: well formed, with a
    /// false signature or an identifier that does not exist.
    pub forged: Located<u32>,
    /// Somebody shows a credential that has expired or was ended: the user's own
    /// of earlier. Until there is one that is dead for certain, it is a forged
    /// one, and counts as such.
    pub stale: Located<u32>,
    /// Somebody shows what is no credential at all.
    pub malformed: Located<u32>,
    /// Somebody tries a wrong password on the account. A target that locks
    /// accounts after a few of them refuses its user's next login, and that is
    /// a failure as long as the password is right.
    pub wrong_password: Located<u32>,
}

impl Mix {
    /// Nothing but reads.
    #[must_use]
    pub fn reads() -> Self {
        Self {
            read: 1.into(),
            ..Self::default()
        }
    }

    /// The weights by action, those of 0 included.
    #[must_use]
    pub fn weights(&self) -> [(Action, u32); 11] {
        [
            (Action::Read, self.read.value),
            (Action::Mutate, self.mutate.value),
            (Action::Login, self.login.value),
            (Action::Refresh, self.refresh.value),
            (Action::Logout, self.logout.value),
            (Action::LogoutAll, self.logout_all.value),
            (Action::RoleChange, self.role_change.value),
            (Action::Forged, self.forged.value),
            (Action::Stale, self.stale.value),
            (Action::Malformed, self.malformed.value),
            (Action::WrongPassword, self.wrong_password.value),
        ]
    }

    pub(super) fn validate(&self, check: &Check<'_>) -> Result<(), ConfError> {
        let located = [
            (&self.read, "read"),
            (&self.mutate, "mutate"),
            (&self.login, "login"),
            (&self.refresh, "refresh"),
            (&self.logout, "logout"),
            (&self.logout_all, "logout_all"),
            (&self.role_change, "role_change"),
            (&self.forged, "forged"),
            (&self.stale, "stale"),
            (&self.malformed, "malformed"),
            (&self.wrong_password, "wrong_password"),
        ];
        for (weight, name) in located {
            check.within(weight, &format!("the weight of `{name}`"), 0, 10_000)?;
        }
        if located.iter().all(|(weight, _)| weight.value == 0) {
            return Err(check.fault(
                &self.read,
                "every weight of the mix is 0: give at least one, e.g. read = 1",
            ));
        }
        Ok(())
    }
}
