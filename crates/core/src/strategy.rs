//! The central trait: who is calling?

use std::future::Future;
use std::pin::Pin;

use crate::credentials::Presented;
use crate::decision::{Decision, Issued, Refreshed};
use crate::error::StrategyError;
use crate::guarantee::Guarantees;
use crate::ids::LoginId;
use crate::subject::{Subject, SubjectId};
use crate::time::UnixMs;

/// What a revocation ends.
#[derive(Clone, Copy, Debug)]
pub enum Scope<'a> {
    /// The login that presents these credentials; nothing if they prove none,
    /// so that logging out twice is harmless.
    Presented(Presented<'a>),
    /// One listed login of a subject (ASVS 5.0 7.5.2).
    Login {
        /// Whose login; another subject's is never touched.
        subject: &'a SubjectId,
        /// Which one.
        login: LoginId,
    },
    /// Everything of a subject (ASVS 5.0 7.4.2, 7.4.3).
    Subject(&'a SubjectId),
    /// Everything of a subject but one login.
    Others {
        /// Whose logins.
        subject: &'a SubjectId,
        /// The one that stays.
        keep: LoginId,
    },
}

/// The acknowledgement of a revocation or of a change of roles.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Receipt {
    /// From this instant on every replica refuses what was revoked, or sees
    /// the new roles. A weak scheme answers a later instant, never
    /// "unsupported" (ASVS 5.0 7.4.1).
    pub effective_from: UnixMs,
}

/// One login of a list.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LoginInfo {
    /// Its handle.
    pub login: LoginId,
    /// When it began.
    pub issued_at: UnixMs,
    /// When it ends by itself, at the latest: what counts is the login, where
    /// renewal gives it new credentials.
    pub expires_at: UnixMs,
}

/// A subject's logins.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Logins {
    /// All that work now, in ascending order of their handles.
    Known(Vec<LoginInfo>),
    /// The scheme does not remember them.
    NotKept,
}

/// Decides who is calling. Every instant is UTC milliseconds and is passed in:
/// an implementation reads no clock.
///
/// Refusal is a value, an outage is an error; a caller that gets an error
/// accepts nobody.
pub trait AuthStrategy: Send + Sync {
    /// The promises, computed from the parts. Constant for a strategy's life.
    fn guarantees(&self) -> Guarantees;

    /// Starts a login for `subject`, unless it has as many as it may have. No
    /// earlier credential names the login (ASVS 5.0 7.2.4).
    ///
    /// # Errors
    /// [`StrategyError`] when the login was not confirmed: the client gets no
    /// credential.
    fn issue(
        &self,
        subject: &Subject,
        at: UnixMs,
    ) -> impl Future<Output = Result<Issued, StrategyError>> + Send;

    /// Says who presents `presented`, or why not. `at == expires_at` refuses
    /// (RFC 7519 4.1.4).
    ///
    /// # Errors
    /// [`StrategyError`] when no judgement was possible: callers fail closed.
    fn authenticate(
        &self,
        presented: &Presented<'_>,
        at: UnixMs,
    ) -> impl Future<Output = Result<Decision, StrategyError>> + Send;

    /// Swaps credentials; what reuse of the old ones does is a guarantee
    /// (RFC 9700 4.14.2).
    ///
    /// # Errors
    /// [`StrategyError`] when the swap was not confirmed.
    fn refresh(
        &self,
        presented: &Presented<'_>,
        at: UnixMs,
    ) -> impl Future<Output = Result<Refreshed, StrategyError>> + Send;

    /// Ends what `scope` names. Ending what has ended is no error.
    ///
    /// # Errors
    /// [`StrategyError`] when the revocation was not confirmed: it must not be
    /// acknowledged to the client (ASVS 5.0 16.5.3).
    fn revoke(
        &self,
        scope: &Scope<'_>,
        at: UnixMs,
    ) -> impl Future<Output = Result<Receipt, StrategyError>> + Send;

    /// The logins of `subject` that work at `at`.
    ///
    /// # Errors
    /// [`StrategyError`] when the store could not be read.
    fn logins(
        &self,
        subject: &SubjectId,
        at: UnixMs,
    ) -> impl Future<Output = Result<Logins, StrategyError>> + Send;

    /// Tells the strategy that `subject` now has these roles, for its running
    /// logins (ASVS 5.0 8.3.2).
    ///
    /// # Errors
    /// [`StrategyError`] when the change was not confirmed for every login.
    fn change_roles(
        &self,
        subject: &Subject,
        at: UnixMs,
    ) -> impl Future<Output = Result<Receipt, StrategyError>> + Send;
}

/// A future on the heap, as the boxed twin returns it.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, StrategyError>> + Send + 'a>>;

/// The boxed twin of [`AuthStrategy`], for callers that choose a strategy at
/// run time. Every strategy has it by a blanket implementation; the methods
/// mean what their namesakes mean.
pub trait DynStrategy: Send + Sync {
    /// See [`AuthStrategy::guarantees`].
    fn guarantees(&self) -> Guarantees;
    /// See [`AuthStrategy::issue`].
    fn issue<'a>(&'a self, subject: &'a Subject, at: UnixMs) -> BoxFuture<'a, Issued>;
    /// See [`AuthStrategy::authenticate`].
    fn authenticate<'a>(
        &'a self,
        presented: &'a Presented<'a>,
        at: UnixMs,
    ) -> BoxFuture<'a, Decision>;
    /// See [`AuthStrategy::refresh`].
    fn refresh<'a>(&'a self, presented: &'a Presented<'a>, at: UnixMs) -> BoxFuture<'a, Refreshed>;
    /// See [`AuthStrategy::revoke`].
    fn revoke<'a>(&'a self, scope: &'a Scope<'a>, at: UnixMs) -> BoxFuture<'a, Receipt>;
    /// See [`AuthStrategy::logins`].
    fn logins<'a>(&'a self, subject: &'a SubjectId, at: UnixMs) -> BoxFuture<'a, Logins>;
    /// See [`AuthStrategy::change_roles`].
    fn change_roles<'a>(&'a self, subject: &'a Subject, at: UnixMs) -> BoxFuture<'a, Receipt>;
}

impl<T: AuthStrategy> DynStrategy for T {
    fn guarantees(&self) -> Guarantees {
        AuthStrategy::guarantees(self)
    }

    fn issue<'a>(&'a self, subject: &'a Subject, at: UnixMs) -> BoxFuture<'a, Issued> {
        Box::pin(AuthStrategy::issue(self, subject, at))
    }

    fn authenticate<'a>(
        &'a self,
        presented: &'a Presented<'a>,
        at: UnixMs,
    ) -> BoxFuture<'a, Decision> {
        Box::pin(AuthStrategy::authenticate(self, presented, at))
    }

    fn refresh<'a>(&'a self, presented: &'a Presented<'a>, at: UnixMs) -> BoxFuture<'a, Refreshed> {
        Box::pin(AuthStrategy::refresh(self, presented, at))
    }

    fn revoke<'a>(&'a self, scope: &'a Scope<'a>, at: UnixMs) -> BoxFuture<'a, Receipt> {
        Box::pin(AuthStrategy::revoke(self, scope, at))
    }

    fn logins<'a>(&'a self, subject: &'a SubjectId, at: UnixMs) -> BoxFuture<'a, Logins> {
        Box::pin(AuthStrategy::logins(self, subject, at))
    }

    fn change_roles<'a>(&'a self, subject: &'a Subject, at: UnixMs) -> BoxFuture<'a, Receipt> {
        Box::pin(AuthStrategy::change_roles(self, subject, at))
    }
}
