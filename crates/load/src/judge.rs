//! Puts every answer to the oracle.
//!
//! What the oracle expects follows from the history of the user's login; what
//! the target showed follows from status and identity echo. Only the two
//! together say whether an answer is right.

use authbench_core::oracle::{Expectation, LoginHistory, Span};
use authbench_core::{SubjectId, UnixMs};

use crate::outcome::{Action, Kind};
use crate::pointer::Scalar;
use crate::target::{Compiled, CompiledCarrier, Target};
use crate::user::User;
use authbench_engine::View;

/// Judges the answer to `action`, which took `span`, and moves `user` on.
pub(crate) fn judge(
    target: &Target,
    user: &mut User,
    action: Action,
    span: Span,
    answer: View<'_>,
) -> Kind {
    let Some(compiled) = target.get(action) else {
        return Kind::UnexpectedStatus;
    };
    let reading = Reading::of(compiled, answer.status);
    if action == Action::Login {
        return match reading {
            Reading::Done => match granted(target, user, answer, span) {
                Ok(grant) => {
                    user.subject = grant.subject;
                    user.log_in(&grant.credential, grant.history);
                    Kind::Right
                }
                Err(kind) => kind,
            },
            Reading::Refused => Kind::RefusedGood,
            Reading::Neither(kind) => kind,
        };
    }
    let slack_ms = target.guarantees.expiry_slack_ms;
    let expected = user.login().map_or(Expectation::MustRefuse, |login| {
        login.expectation(slack_ms, span)
    });
    let kind = match reading {
        Reading::Done if expected == Expectation::MustRefuse => Kind::AcceptedDead,
        Reading::Done => identity(compiled, user, action, answer.body),
        Reading::Refused if expected == Expectation::MustAccept => Kind::RefusedGood,
        Reading::Refused => Kind::Right,
        Reading::Neither(kind) => kind,
    };
    if action == Action::Logout || reading == Reading::Refused {
        user.log_out();
    } else if kind == Kind::Right
        && let Some(cookie) = cookie(target, answer)
        && is_credential(cookie)
    {
        // As a browser does: what is set replaces what was held.
        user.hold(cookie);
    }
    kind
}

/// A login that was granted.
#[derive(Debug)]
pub(crate) struct Grant {
    /// Whose it is, where the profile or the answer says so.
    pub(crate) subject: Option<SubjectId>,
    /// The access credential.
    pub(crate) credential: Vec<u8>,
    /// Its life so far.
    pub(crate) history: LoginHistory,
}

/// Reads a granted login. Without a date of expiry in the answer the promised
/// lifetime counts from the end of the call, rounded up.
///
/// # Errors
/// The kind of failure: somebody else's login, or no readable credential.
pub(crate) fn granted(
    target: &Target,
    user: &User,
    answer: View<'_>,
    span: Span,
) -> Result<Grant, Kind> {
    let compiled = target.get(Action::Login).ok_or(Kind::UnexpectedStatus)?;
    let find = |pointer: &Option<crate::pointer::Pointer>| match pointer {
        None => Ok(None),
        Some(pointer) => match pointer.find(answer.body) {
            Ok(Some(scalar)) => Ok(Some(scalar)),
            Ok(None) | Err(_) => Err(Kind::MalformedAnswer),
        },
    };
    let answered = find(&compiled.subject)?;
    let subject = match (&user.subject, answered) {
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
    let credential = credential(target, answer).ok_or(Kind::MalformedAnswer)?;
    Ok(Grant {
        subject,
        credential,
        history: LoginHistory::new(span, expires_at),
    })
}

/// What a presented credential showed, apart from any expectation.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Showing {
    /// Accepted as the right subject.
    Accepted,
    /// Refused.
    Refused,
    /// Neither.
    Failed(Kind),
}

impl Showing {
    /// The kind of failure, unless it was accepted.
    pub(crate) fn accepted(self) -> Result<(), Kind> {
        match self {
            Self::Accepted => Ok(()),
            Self::Refused => Err(Kind::RefusedGood),
            Self::Failed(kind) => Err(kind),
        }
    }
}

/// Reads the answer to "who am I", which must name `subject`; a subject that
/// nobody has named yet is taken from it.
pub(crate) fn showing(
    target: &Target,
    subject: &mut Option<SubjectId>,
    answer: View<'_>,
) -> Showing {
    let Some(compiled) = target.get(Action::Read) else {
        return Showing::Failed(Kind::UnexpectedStatus);
    };
    match Reading::of(compiled, answer.status) {
        Reading::Done => match echo(compiled, subject, answer.body) {
            Kind::Right => Showing::Accepted,
            kind => Showing::Failed(kind),
        },
        Reading::Refused => Showing::Refused,
        Reading::Neither(kind) => Showing::Failed(kind),
    }
}

/// Moves `user` on after an `action` whose answer did not come: who asked to
/// be logged out does not know, and logs in again.
pub(crate) fn abandoned(user: &mut User, action: Action) {
    if action == Action::Logout {
        user.log_out();
    }
}

/// What a status says by the profile.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Reading {
    /// Done.
    Done,
    /// Refused: 401 or 403 (RFC 9110 15.5.2, 15.5.4).
    Refused,
    /// No judgement.
    Neither(Kind),
}

impl Reading {
    /// The kind of failure, unless it is done.
    pub(crate) fn done(self) -> Result<(), Kind> {
        match self {
            Self::Done => Ok(()),
            Self::Refused => Err(Kind::RefusedGood),
            Self::Neither(kind) => Err(kind),
        }
    }

    pub(crate) fn of(compiled: &Compiled, status: u16) -> Self {
        match status {
            _ if compiled.success.contains(&status) => Self::Done,
            401 | 403 => Self::Refused,
            500.. => Self::Neither(Kind::NoJudgement),
            _ => Self::Neither(Kind::UnexpectedStatus),
        }
    }
}

/// Checks the identity echo of an accepted call.
fn identity(compiled: &Compiled, user: &mut User, action: Action, body: &[u8]) -> Kind {
    if action == Action::Read && user.knows(body) {
        return Kind::Right;
    }
    let kind = echo(compiled, &mut user.subject, body);
    if action == Action::Read && kind == Kind::Right {
        user.remember(body);
    }
    kind
}

fn echo(compiled: &Compiled, subject: &mut Option<SubjectId>, body: &[u8]) -> Kind {
    let Some(pointer) = &compiled.subject else {
        return Kind::Right;
    };
    let Ok(Some(answered)) = pointer.find(body) else {
        return Kind::MalformedAnswer;
    };
    match subject {
        Some(subject) if answered.is(subject.as_str()) => Kind::Right,
        Some(_) => Kind::WrongUser,
        None => {
            *subject = Some(SubjectId::new(&answered.into_text()));
            Kind::Right
        }
    }
}

fn credential(target: &Target, answer: View<'_>) -> Option<Vec<u8>> {
    let found = match &target.carrier {
        CompiledCarrier::Cookie(_) => cookie(target, answer)?.to_vec(),
        CompiledCarrier::Body(pointer) => match pointer.find(answer.body) {
            Ok(Some(Scalar::Text(token))) => token.into_owned().into_bytes(),
            _ => return None,
        },
    };
    is_credential(&found).then_some(found)
}

/// What the answer gives the target's cookie as value, the last time that it
/// does; `None` of a target without one.
fn cookie<'b>(target: &Target, answer: View<'b>) -> Option<&'b [u8]> {
    let awaited = target.cookie_name().as_bytes();
    let set = answer
        .set_cookies()
        .filter(|cookie| !awaited.is_empty() && cookie.name == awaited);
    set.last().map(|cookie| cookie.value)
}

/// Whether a header field can carry it without being broken up.
fn is_credential(bytes: &[u8]) -> bool {
    !bytes.is_empty()
        && bytes
            .iter()
            .all(|byte| (0x21..=0x7e).contains(byte) && *byte != b';')
}

#[cfg(test)]
mod tests;
