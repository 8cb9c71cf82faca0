//! Puts every answer to the oracle.
//!
//! What the oracle expects follows from the history of the user's login; what
//! the target showed follows from status and identity echo. Only the two
//! together say whether an answer is right.

use authbench_core::oracle::{Change, Expectation, LoginHistory, Span};
use authbench_core::{Guarantees, LimitPolicy, RefreshOffer, SubjectId, UnixMs};

use crate::cookies;
use crate::grant;
use crate::outcome::{Action, Kind};
use crate::target::{Compiled, CompiledCarrier, Target};
use crate::user::User;
use authbench_engine::View;

/// Judges the answer to `action`, which took `span`, and moves `user` on. To
/// [`Action::RoleChange`] the user is the admin who asked.
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
    let promises = &target.guarantees;
    match action {
        Action::Read | Action::Mutate => used(target, user, (compiled, action), span, answer),
        Action::Login => logged_in(target, user, compiled, span, answer),
        Action::Refresh => renewed(target, user, compiled, span, answer),
        Action::Logout => logged_out(promises, user, reading, span),
        Action::LogoutAll => logged_out_everywhere(promises, user, reading, span),
        Action::RoleChange => administered(promises, user, reading, span),
        Action::Forged | Action::Stale | Action::Malformed | Action::WrongPassword => {
            refused(compiled, user.subject.as_ref(), reading, answer)
        }
    }
}

/// A call that shows the access credential and changes no login. `echo` says
/// whether an acceptance named the right user.
pub(crate) fn shown(
    promises: &Guarantees,
    user: &mut User,
    reading: Reading,
    span: Span,
    echo: impl FnOnce(&mut User) -> Kind,
) -> Kind {
    let expected = expected(user, promises, span);
    if let Some(life) = user.life_mut() {
        life.use_in(span, reading == Reading::Done);
    }
    match reading {
        Reading::Done if expected == Expectation::MustRefuse => Kind::AcceptedDead,
        Reading::Done => echo(user),
        Reading::Refused if expected == Expectation::MustAccept => {
            user.give_up(promises);
            Kind::RefusedGood
        }
        Reading::Refused => {
            user.refused(promises);
            Kind::Right
        }
        Reading::Neither(kind) => kind,
    }
}

/// The same over HTTP, where the answer may set the credential anew.
fn used(
    target: &Target,
    user: &mut User,
    (compiled, action): (&Compiled, Action),
    span: Span,
    answer: View<'_>,
) -> Kind {
    let promises = &target.guarantees;
    let reading = Reading::of(compiled, answer.status);
    let kind = shown(promises, user, reading, span, |user| {
        identity(compiled, user, action, answer.body)
    });
    if kind != Kind::Right || reading != Reading::Done {
        return kind;
    }
    // As a browser does: what is set replaces what was held.
    if let CompiledCarrier::Cookie(name) = &target.carrier {
        match cookies::change(name, user.spelling(), answer.set_cookies()) {
            cookies::Change::None => {}
            cookies::Change::New(spelling) => user.hold(&spelling),
            cookies::Change::Gone => user.give_up(promises),
            cookies::Change::Broken => {
                user.give_up(promises);
                return Kind::MalformedAnswer;
            }
        }
    }
    Kind::Right
}

/// Whoever is not granted a login keeps the one that there was. Where the
/// target refuses logins over a limit, it may: nobody here counts those that
/// an account has and no longer uses.
fn logged_in(
    target: &Target,
    user: &mut User,
    compiled: &Compiled,
    span: Span,
    answer: View<'_>,
) -> Kind {
    let promises = &target.guarantees;
    match Reading::of(compiled, answer.status) {
        Reading::Done => {
            match grant::read(target, compiled, user.subject.as_ref(), b"", answer, span) {
                Ok(grant) => {
                    user.subject = grant.subject;
                    let history = LoginHistory::new(span, grant.expires_at);
                    user.log_in(&grant.access, &grant.refresh, history, promises);
                    Kind::Right
                }
                Err(kind) => kind,
            }
        }
        Reading::Refused => Kind::RefusedGood,
        Reading::Neither(_)
            if compiled.limit_reached.contains(&answer.status)
                && promises
                    .login_limit
                    .is_some_and(|limit| limit.policy == LimitPolicy::Reject) =>
        {
            Kind::Right
        }
        Reading::Neither(kind) => kind,
    }
}

/// Credentials that take the place of others.
#[derive(Debug)]
pub(crate) struct Renewal {
    /// The access credential, as requests carry it.
    pub(crate) access: Vec<u8>,
    /// The refresh token; empty if there is none.
    pub(crate) refresh: Vec<u8>,
    /// When the access credential ends by itself.
    pub(crate) expires_at: UnixMs,
}

/// A call that renews a login. Whatever comes but new credentials, which
/// `renewal` reads, the refresh token may be spent: to show it again might end
/// the login, so its user logs in anew.
pub(crate) fn exchanged(
    promises: &Guarantees,
    user: &mut User,
    reading: Reading,
    span: Span,
    renewal: impl FnOnce(&User) -> Result<Renewal, Kind>,
) -> Kind {
    let expected = user.life().map_or(Expectation::MustRefuse, |life| {
        life.of_renewal(promises, span)
    });
    let kind = match reading {
        Reading::Done => match renewal(user) {
            Ok(_) if expected == Expectation::MustRefuse => Kind::AcceptedDead,
            Ok(Renewal {
                access,
                refresh,
                expires_at,
            }) => {
                user.renew(&access, &refresh, (span, expires_at), promises);
                return Kind::Right;
            }
            Err(kind) => kind,
        },
        Reading::Refused if expected == Expectation::MustAccept => Kind::RefusedGood,
        Reading::Refused => Kind::Right,
        Reading::Neither(kind) => kind,
    };
    user.give_up(promises);
    kind
}

/// The same over HTTP.
fn renewed(
    target: &Target,
    user: &mut User,
    compiled: &Compiled,
    span: Span,
    answer: View<'_>,
) -> Kind {
    let promises = &target.guarantees;
    let reading = Reading::of(compiled, answer.status);
    exchanged(promises, user, reading, span, |user| {
        let (subject, shown) = (user.subject.as_ref(), user.spelling());
        let grant = grant::read(target, compiled, subject, shown, answer, span)?;
        let kept = user.login().filter(|_| {
            compiled.expires_at_ms.is_none() && promises.refresh == RefreshOffer::SwapsAccess
        });
        Ok(Renewal {
            access: grant.access,
            refresh: grant.refresh,
            expires_at: kept.map_or(grant.expires_at, |login| login.expires_at),
        })
    })
}

/// A logout. A dead login may be acknowledged like a living one: ending it
/// twice is harmless (as RFC 7009 2.2 has it for tokens).
pub(crate) fn logged_out(
    promises: &Guarantees,
    user: &mut User,
    reading: Reading,
    span: Span,
) -> Kind {
    let expected = expected(user, promises, span);
    if let Some(life) = user.life_mut() {
        let acknowledged = reading == Reading::Done;
        life.revoke(Change { span, acknowledged }, promises.revoke_one);
    }
    user.give_up(promises);
    match reading {
        Reading::Done => Kind::Right,
        Reading::Refused if expected == Expectation::MustAccept => Kind::RefusedGood,
        Reading::Refused => Kind::Right,
        Reading::Neither(kind) => kind,
    }
}

/// A logout everywhere, as far as its user's own login is concerned: only a
/// living one can ask for it.
pub(crate) fn logged_out_everywhere(
    promises: &Guarantees,
    user: &mut User,
    reading: Reading,
    span: Span,
) -> Kind {
    let expected = expected(user, promises, span);
    if let Some(life) = user.life_mut() {
        let acknowledged = reading == Reading::Done;
        life.revoke(Change { span, acknowledged }, promises.revoke_all);
    }
    if reading == Reading::Refused && expected != Expectation::MustAccept {
        user.refused(promises);
    } else {
        user.give_up(promises);
    }
    match reading {
        Reading::Done if expected == Expectation::MustRefuse => Kind::AcceptedDead,
        Reading::Done => Kind::Right,
        Reading::Refused if expected == Expectation::MustAccept => Kind::RefusedGood,
        Reading::Refused => Kind::Right,
        Reading::Neither(kind) => kind,
    }
}

/// A change by the admin, who has several under way at once: another may have
/// shown already that the admin's login is over.
fn administered(promises: &Guarantees, admin: &mut User, reading: Reading, span: Span) -> Kind {
    let expected = expected(admin, promises, span);
    match reading {
        Reading::Done => Kind::Right,
        Reading::Refused if expected == Expectation::MustAccept => {
            admin.give_up(promises);
            Kind::RefusedGood
        }
        Reading::Refused => {
            // One that began later than the call did is not to blame.
            if admin.life().is_some_and(|life| life.began_before(span)) {
                admin.refused(promises);
            }
            Kind::Right
        }
        Reading::Neither(kind) => kind,
    }
}

/// What must not be accepted: whoever it is taken for, and if nobody is named,
/// it is dead.
fn refused(
    compiled: &Compiled,
    subject: Option<&SubjectId>,
    reading: Reading,
    answer: View<'_>,
) -> Kind {
    match reading {
        Reading::Refused => Kind::Right,
        Reading::Neither(kind) => kind,
        Reading::Done => {
            let pointer = compiled.subject.as_ref();
            let answered = pointer.and_then(|pointer| pointer.find(answer.body).ok()?);
            match (answered, subject) {
                (Some(answered), Some(subject)) if !answered.is(subject.as_str()) => {
                    Kind::WrongUser
                }
                _ => Kind::AcceptedDead,
            }
        }
    }
}

fn expected(user: &User, promises: &Guarantees, span: Span) -> Expectation {
    user.life().map_or(Expectation::MustRefuse, |life| {
        life.of_access(promises, span)
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
/// be logged out, or for a renewal, does not know what came of it, and logs in
/// again.
pub(crate) fn abandoned(user: &mut User, action: Action, promises: &Guarantees) {
    if matches!(action, Action::Logout | Action::LogoutAll | Action::Refresh) {
        user.give_up(promises);
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

#[cfg(test)]
pub(crate) mod tests;
