//! The routes of the reference server.

use http::Method;

/// A route of the reference server.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Route {
    /// An answer for the role `admin` only.
    Admin,
    /// Ends every login of another account and bars it.
    Disable,
    /// Ends one listed login.
    EndSession,
    /// Whether the server serves.
    Health,
    /// The public keys (RFC 7517).
    Jwks,
    /// Who the caller is, after each service of a chain has judged the same
    /// credential: like [`Route::Me`], and how many services judged; only in the
    /// lab.
    LabChain,
    /// Steps the server's clock; only in the lab.
    LabClock,
    /// The key that signs access tokens, its private half included; only in
    /// the lab.
    LabKeysSign,
    /// Puts a new signing key in the place of the present one; only in the
    /// lab.
    LabRotateKeys,
    /// What the server counted; only in the lab.
    LabStats,
    /// Breaks, slows and mends the server's store; only in the lab.
    LabStore,
    /// Everything that the server's store holds; only in the lab.
    LabStorePeek,
    /// Loses everything that the server's store holds; only in the lab.
    LabStoreWipe,
    /// Trades a password for credentials.
    Login,
    /// Ends the login that the access credential belongs to.
    Logout,
    /// Ends every login of this account.
    LogoutAll,
    /// Who the caller is.
    Me,
    /// A harmless change of state.
    Note,
    /// Changes the password and ends all other logins.
    Password,
    /// What [`Route::Note`] has written.
    ReadNote,
    /// Swaps credentials.
    Refresh,
    /// Ends the login that a refresh token belongs to, for who holds no access
    /// credential any more: logging out by the access credential alone would
    /// leave a login that can be renewed. Like RFC 7009 it acknowledges a token
    /// that proves nothing. It lies below [`Route::Refresh`], where the refresh
    /// cookie goes.
    Revoke,
    /// Lists this account's logins.
    Sessions,
    /// Gives another account new roles.
    SetRoles,
    /// Like [`Route::Me`], after a stated delay.
    Slow,
    /// The note of one account, for its owner alone.
    UserNote,
}

impl Route {
    /// All of them.
    pub const ALL: [Self; 26] = [
        Self::Admin,
        Self::Disable,
        Self::EndSession,
        Self::Health,
        Self::Jwks,
        Self::LabChain,
        Self::LabClock,
        Self::LabKeysSign,
        Self::LabRotateKeys,
        Self::LabStats,
        Self::LabStore,
        Self::LabStorePeek,
        Self::LabStoreWipe,
        Self::Login,
        Self::Logout,
        Self::LogoutAll,
        Self::Me,
        Self::Note,
        Self::Password,
        Self::ReadNote,
        Self::Refresh,
        Self::Revoke,
        Self::Sessions,
        Self::SetRoles,
        Self::Slow,
        Self::UserNote,
    ];

    /// The path; braces mark a part that varies.
    #[must_use]
    pub const fn path(self) -> &'static str {
        match self {
            Self::Admin => "/admin",
            Self::Disable => "/admin/users/{user}/disable",
            Self::EndSession => "/sessions/{id}",
            Self::Health => "/healthz",
            Self::Jwks => "/.well-known/jwks.json",
            Self::LabChain => "/lab/chain",
            Self::LabClock => "/lab/clock",
            Self::LabKeysSign => "/lab/keys/sign",
            Self::LabRotateKeys => "/lab/keys/rotate",
            Self::LabStats => "/lab/stats",
            Self::LabStore => "/lab/store",
            Self::LabStorePeek => "/lab/store/peek",
            Self::LabStoreWipe => "/lab/store/wipe",
            Self::Login => "/login",
            Self::Logout => "/logout",
            Self::LogoutAll => "/logout-all",
            Self::Me => "/me",
            Self::Note | Self::ReadNote => "/me/note",
            Self::Password => "/password",
            Self::Refresh => "/refresh",
            Self::Revoke => "/refresh/revoke",
            Self::Sessions => "/sessions",
            Self::SetRoles => "/admin/users/{user}/roles",
            Self::Slow => "/slow",
            Self::UserNote => "/users/{user}/note",
        }
    }

    /// The method. A safe one changes nothing (RFC 9110 9.2.1).
    #[must_use]
    pub const fn method(self) -> Method {
        match self {
            Self::Admin
            | Self::Health
            | Self::Jwks
            | Self::LabChain
            | Self::LabKeysSign
            | Self::LabStats
            | Self::LabStorePeek
            | Self::Me
            | Self::ReadNote
            | Self::Sessions
            | Self::Slow
            | Self::UserNote => Method::GET,
            Self::EndSession => Method::DELETE,
            Self::Note => Method::PUT,
            Self::Disable
            | Self::LabClock
            | Self::LabRotateKeys
            | Self::LabStore
            | Self::LabStoreWipe
            | Self::Login
            | Self::Logout
            | Self::LogoutAll
            | Self::Password
            | Self::Refresh
            | Self::Revoke
            | Self::SetRoles => Method::POST,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_two_routes_share_method_and_path() {
        let distinct: HashSet<_> = Route::ALL
            .iter()
            .map(|route| (route.method(), route.path()))
            .collect();
        assert_eq!(distinct.len(), Route::ALL.len());
    }
}
