//! What a target may be asked to do.

use serde::{Deserialize, Serialize};

/// What a target may be asked to do.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Operation {
    /// Bars an account. Gaps: `subject_user`.
    Disable,
    /// Ends one listed login. Gaps: `login`.
    EndSession,
    /// Trades a password for credentials. Gaps: `user`, `password`.
    Login,
    /// Ends this login.
    Logout,
    /// Ends every login of the caller.
    LogoutAll,
    /// Changes harmless state. Gaps: `value`.
    Mutate,
    /// Changes the caller's password. Gaps: `password`, `new_password`.
    PasswordChange,
    /// Swaps credentials. Gaps: `refresh`; where the access credential itself
    /// is swapped, there is no refresh token, and a body with that gap is left
    /// out.
    Refresh,
    /// Ends the login that a refresh token belongs to (RFC 7009). Gaps:
    /// `refresh`.
    Revoke,
    /// Lists the caller's logins.
    Sessions,
    /// Gives an account roles. Gaps: `subject_user`, `roles` (a JSON array).
    SetRoles,
    /// Says who the caller is.
    Whoami,
}

impl Operation {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Disable,
        Self::EndSession,
        Self::Login,
        Self::Logout,
        Self::LogoutAll,
        Self::Mutate,
        Self::PasswordChange,
        Self::Refresh,
        Self::Revoke,
        Self::Sessions,
        Self::SetRoles,
        Self::Whoami,
    ];

    /// The name in profiles.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Disable => "disable",
            Self::EndSession => "end-session",
            Self::Login => "login",
            Self::Logout => "logout",
            Self::LogoutAll => "logout-all",
            Self::Mutate => "mutate",
            Self::PasswordChange => "password-change",
            Self::Refresh => "refresh",
            Self::Revoke => "revoke",
            Self::Sessions => "sessions",
            Self::SetRoles => "set-roles",
            Self::Whoami => "whoami",
        }
    }

    /// The gaps that the operation can fill.
    pub(super) const fn gaps(self) -> &'static [&'static str] {
        match self {
            Self::Disable => &["subject_user"],
            Self::EndSession => &["login"],
            Self::Login => &["user", "password"],
            Self::Logout | Self::LogoutAll | Self::Sessions | Self::Whoami => &[],
            Self::Mutate => &["value"],
            Self::PasswordChange => &["password", "new_password"],
            Self::Refresh | Self::Revoke => &["refresh"],
            Self::SetRoles => &["subject_user", "roles"],
        }
    }
}
