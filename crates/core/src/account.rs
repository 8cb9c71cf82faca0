//! The accounts, as far as a scheme must ask for them: whoever renews a login
//! without a password looks at the account again.

use std::error::Error;
use std::future::Future;
use std::pin::Pin;

use crate::subject::{Roles, SubjectId};
use crate::time::UnixMs;

/// What an account is at present.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AccountState {
    /// What it may do.
    pub roles: Roles,
    /// Whether it may log in; a barred account renews nothing (ASVS 5.0 7.4.2).
    pub active: bool,
    /// When its password, or whatever else proves it, was last changed. A login
    /// that began before is renewed only if [`AccountState::kept`] names it.
    pub proof_changed_at: UnixMs,
    /// The login that changed the proof and so outlives the change (ASVS 5.0
    /// 7.4.3).
    pub kept: Option<crate::ids::LoginId>,
}

/// The account's state could not be read: no judgement.
pub type AccountFuture<'a> = Pin<
    Box<
        dyn Future<Output = Result<Option<AccountState>, Box<dyn Error + Send + Sync>>> + Send + 'a,
    >,
>;

/// Knows accounts. Replicas ask the same one.
pub trait AccountDirectory: Send + Sync {
    /// The account of `subject`; none if there is no such account (any more).
    ///
    /// # Errors
    /// What kept the directory from answering: whoever asks fails closed.
    fn account<'a>(&'a self, subject: &'a SubjectId) -> AccountFuture<'a>;
}
