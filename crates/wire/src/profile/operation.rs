//! What a target may be asked to do.

use serde::{Deserialize, Serialize};

/// What a target may be asked to do.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Operation {
    /// An answer for administrators only; the target refuses all others.
    Admin,
    /// Makes an account. Gaps: `subject_user`, `new_password`.
    Create,
    /// Removes an account. Gaps: `subject_user`.
    Delete,
    /// Bars an account. Gaps: `subject_user`.
    Disable,
    /// Ends one listed login. Gaps: `login`.
    EndSession,
    /// Says what a token is worth (RFC 7662), to one of `[[clients]]`. Gaps:
    /// `token`.
    Introspect,
    /// Trades a password for credentials. Gaps: `user`, `password`.
    Login,
    /// Ends this login.
    Logout,
    /// Ends every login of the caller.
    LogoutAll,
    /// Changes harmless state. Gaps: `value`.
    Mutate,
    /// Reads what belongs to one account; the target refuses all others.
    /// Gaps: `subject_user`.
    Object,
    /// Changes the caller's password. Gaps: `password`, `new_password`.
    PasswordChange,
    /// Reads what `mutate` changed; `value` points to it.
    ReadState,
    /// Swaps credentials. Gaps: `refresh`; where the access credential itself
    /// is swapped, there is no refresh token, and a body with that gap is left
    /// out.
    Refresh,
    /// Sets a new password with the artefact of `reset-start`. Gaps: `token`,
    /// `new_password`.
    ResetFinish,
    /// Asks for a new password. Gaps: `user`. `token` points to the artefact
    /// that a mail would bring, where the target shows it for tests.
    ResetStart,
    /// Ends the login that a refresh token belongs to (RFC 7009). Gaps:
    /// `refresh`.
    Revoke,
    /// Does what needs a fresh `step-up`. Gaps: `value`.
    Sensitive,
    /// Lists the caller's logins.
    Sessions,
    /// Gives an account roles. Gaps: `subject_user`, `roles` (a JSON array).
    SetRoles,
    /// Like `whoami`, but the target takes its time before it answers. Gaps:
    /// `ms`.
    Slow,
    /// Proves the caller's identity anew, within a login. Gaps: `password`.
    StepUp,
    /// Says who the caller is.
    Whoami,
}

impl Operation {
    /// All of them.
    pub const ALL: [Self; 23] = [
        Self::Admin,
        Self::Create,
        Self::Delete,
        Self::Disable,
        Self::EndSession,
        Self::Introspect,
        Self::Login,
        Self::Logout,
        Self::LogoutAll,
        Self::Mutate,
        Self::Object,
        Self::PasswordChange,
        Self::ReadState,
        Self::Refresh,
        Self::ResetFinish,
        Self::ResetStart,
        Self::Revoke,
        Self::Sensitive,
        Self::Sessions,
        Self::SetRoles,
        Self::Slow,
        Self::StepUp,
        Self::Whoami,
    ];

    /// Those that a profile maps or lists as absent. All others serve the
    /// conformance checks alone, and may be left out.
    pub const REQUIRED: [Self; 12] = [
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
            Self::Admin => "admin",
            Self::Create => "create",
            Self::Delete => "delete",
            Self::Disable => "disable",
            Self::EndSession => "end-session",
            Self::Introspect => "introspect",
            Self::Login => "login",
            Self::Logout => "logout",
            Self::LogoutAll => "logout-all",
            Self::Mutate => "mutate",
            Self::Object => "object",
            Self::PasswordChange => "password-change",
            Self::ReadState => "read-state",
            Self::Refresh => "refresh",
            Self::ResetFinish => "reset-finish",
            Self::ResetStart => "reset-start",
            Self::Revoke => "revoke",
            Self::Sensitive => "sensitive",
            Self::Sessions => "sessions",
            Self::SetRoles => "set-roles",
            Self::Slow => "slow",
            Self::StepUp => "step-up",
            Self::Whoami => "whoami",
        }
    }

    /// The gaps that the operation can fill.
    pub(super) const fn gaps(self) -> &'static [&'static str] {
        match self {
            Self::Admin
            | Self::Logout
            | Self::LogoutAll
            | Self::ReadState
            | Self::Sessions
            | Self::Whoami => &[],
            Self::Create => &["subject_user", "new_password"],
            Self::Delete | Self::Disable | Self::Object => &["subject_user"],
            Self::EndSession => &["login"],
            Self::Introspect => &["token"],
            Self::Login => &["user", "password"],
            Self::Mutate | Self::Sensitive => &["value"],
            Self::PasswordChange => &["password", "new_password"],
            Self::Refresh | Self::Revoke => &["refresh"],
            Self::ResetFinish => &["token", "new_password"],
            Self::ResetStart => &["user"],
            Self::SetRoles => &["subject_user", "roles"],
            Self::Slow => &["ms"],
            Self::StepUp => &["password"],
        }
    }
}
