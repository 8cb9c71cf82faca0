//! What a resource server asks of an authorization server, whatever lies
//! between the two.

use std::future::Future;

use authbench_core::{
    Guarantees, Identity, Issued, LoginId, Logins, Receipt, StrategyError, Subject, SubjectId,
    UnixMs,
};

/// What is to end.
#[derive(Clone, Copy, Debug)]
pub enum Ended<'a> {
    /// The login of a token; nothing if the token is unknown (RFC 7009 2.2).
    Token(&'a str),
    /// One listed login of a subject.
    Login {
        /// Whose login.
        subject: &'a SubjectId,
        /// Which one.
        login: LoginId,
    },
    /// Everything of a subject.
    Subject(&'a SubjectId),
    /// Everything of a subject but one login.
    Others {
        /// Whose logins.
        subject: &'a SubjectId,
        /// The one that stays.
        keep: LoginId,
    },
}

/// An authorization server, as its resource servers see it.
///
/// Instants are the caller's. A server with a clock of its own judges by that
/// one, unless it was started for a test in which time is stepped.
///
/// # Errors
/// Every method returns [`StrategyError::Remote`] when there was no answer, or
/// one that is neither yes nor no. A change may then still have taken effect.
pub trait AuthorizationServer: Send + Sync {
    /// What the server promises to somebody who asks it each time. Constant.
    fn guarantees(&self) -> Guarantees;

    /// Starts a login for `subject`.
    fn issue(
        &self,
        subject: &Subject,
        at: UnixMs,
    ) -> impl Future<Output = Result<Issued, StrategyError>> + Send;

    /// Who presents `token`, if it is active (RFC 7662 2.2).
    fn introspect(
        &self,
        token: &str,
        at: UnixMs,
    ) -> impl Future<Output = Result<Option<Identity>, StrategyError>> + Send;

    /// Ends what is named (a token: RFC 7009). Ending what has ended is no
    /// error.
    fn revoke(
        &self,
        ended: &Ended<'_>,
        at: UnixMs,
    ) -> impl Future<Output = Result<Receipt, StrategyError>> + Send;

    /// The logins of `subject`.
    fn logins(
        &self,
        subject: &SubjectId,
        at: UnixMs,
    ) -> impl Future<Output = Result<Logins, StrategyError>> + Send;

    /// Tells the server that `subject` now has these roles.
    fn change_roles(
        &self,
        subject: &Subject,
        at: UnixMs,
    ) -> impl Future<Output = Result<Receipt, StrategyError>> + Send;
}
