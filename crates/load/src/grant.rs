//! Reads the answers that give credentials: to a login and to a refresh.

use authbench_core::oracle::Span;
use authbench_core::{RefreshOffer, SubjectId, UnixMs};
use authbench_engine::View;

use crate::cookies::{self, Change, is_credential};
use crate::outcome::Kind;
use crate::pointer::{Pointer, Scalar};
use crate::target::{Compiled, CompiledCarrier, Target};

/// Credentials that were granted.
#[derive(Debug)]
pub(crate) struct Grant {
    /// Whose they are, where the profile or the answer says so.
    pub(crate) subject: Option<SubjectId>,
    /// The access credential, as requests carry it.
    pub(crate) access: Vec<u8>,
    /// The refresh token; empty where none is promised.
    pub(crate) refresh: Vec<u8>,
    /// When the access credential ends by itself. Without a date in the answer
    /// the promised lifetime counts from the end of the call, rounded up.
    pub(crate) expires_at: UnixMs,
}

/// Reads what was granted in `span` to somebody who is `expected`, if that is
/// known, and whose request showed the access credential `shown`.
///
/// # Errors
/// The kind of failure: somebody else's login, or no readable credential, or
/// no new one.
pub(crate) fn read(
    target: &Target,
    compiled: &Compiled,
    expected: Option<&SubjectId>,
    shown: &[u8],
    answer: View<'_>,
    span: Span,
) -> Result<Grant, Kind> {
    let find = |pointer: &Option<Pointer>| match pointer {
        None => Ok(None),
        Some(pointer) => match pointer.find(answer.body) {
            Ok(Some(scalar)) => Ok(Some(scalar)),
            Ok(None) | Err(_) => Err(Kind::MalformedAnswer),
        },
    };
    let subject = match (expected, find(&compiled.subject)?) {
        (Some(expected), Some(answered)) if !answered.is(expected.as_str()) => {
            return Err(Kind::WrongUser);
        }
        (Some(expected), _) => Some(expected.clone()),
        (None, Some(answered)) => Some(SubjectId::new(&answered.into_text())),
        (None, None) => None,
    };
    let expires_at = match find(&compiled.expires_at_ms)? {
        Some(Scalar::Unsigned(ms)) => UnixMs(ms),
        Some(_) => return Err(Kind::MalformedAnswer),
        None => UnixMs(span.end.0.div_ceil(1_000_000)).plus_ms(target.guarantees.lifetime_ms),
    };
    // A swap that gives what was shown is none.
    let must_differ = target.guarantees.refresh == RefreshOffer::SwapsAccess;
    let access = access(target, shown, answer).filter(|access| !must_differ || access != shown);
    Ok(Grant {
        subject,
        access: access.ok_or(Kind::MalformedAnswer)?,
        refresh: refresh(target, answer).ok_or(Kind::MalformedAnswer)?,
        expires_at,
    })
}

fn access(target: &Target, shown: &[u8], answer: View<'_>) -> Option<Vec<u8>> {
    match &target.carrier {
        CompiledCarrier::Cookie(name) => match cookies::change(name, shown, answer.set_cookies()) {
            Change::New(spelling) => Some(spelling),
            Change::None | Change::Gone | Change::Broken => None,
        },
        CompiledCarrier::Body(pointer) => token(pointer, answer),
    }
}

fn refresh(target: &Target, answer: View<'_>) -> Option<Vec<u8>> {
    match &target.refresh {
        None => Some(Vec::new()),
        Some(CompiledCarrier::Cookie(name)) => cookies::single(name, answer.set_cookies())
            .filter(|token| is_credential(token))
            .map(<[u8]>::to_vec),
        Some(CompiledCarrier::Body(pointer)) => token(pointer, answer),
    }
}

fn token(pointer: &Pointer, answer: View<'_>) -> Option<Vec<u8>> {
    match pointer.find(answer.body) {
        Ok(Some(Scalar::Text(token))) if is_credential(token.as_bytes()) => {
            Some(token.into_owned().into_bytes())
        }
        _ => None,
    }
}
