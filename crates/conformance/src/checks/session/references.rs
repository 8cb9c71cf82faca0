//! The credentials of a login that mean nothing by themselves: the server looks
//! them up.

use authbench_wire::Operation;
use authbench_wire::profile::Family;

use crate::jose::Token;
use crate::login::Login;
use crate::stop::Stop;
use crate::trial::Trial;

/// A credential that is looked up.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Reference {
    /// The access credential.
    Access,
    /// The refresh token.
    Refresh,
}

impl Reference {
    /// As it stands in reports.
    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::Access => "session identifier",
            Self::Refresh => "refresh token",
        }
    }

    /// Its text.
    pub(super) fn of(self, login: &Login) -> Option<&str> {
        match self {
            Self::Access => Some(&login.access),
            Self::Refresh => login.refresh.as_deref(),
        }
    }
}

/// Which credentials of `login` are looked up.
///
/// # Errors
/// [`Stop::NotApplicable`] when there are none.
pub(super) fn references(trial: &Trial<'_>, login: &Login) -> Result<Vec<Reference>, Stop> {
    let mut found = Vec::new();
    let is_session = trial.profile().families.contains(&Family::Session);
    if is_session && Token::parse(&login.access).is_none() {
        found.push(Reference::Access);
    }
    let refresh = login.refresh.as_deref();
    let is_opaque = refresh.is_some_and(|token| Token::parse(token).is_none());
    if is_opaque && trial.has(Operation::Refresh) {
        found.push(Reference::Refresh);
    }
    if found.is_empty() {
        return Err(Stop::NotApplicable(
            "no credential of this target is looked up: all of them are self-contained".to_owned(),
        ));
    }
    Ok(found)
}
