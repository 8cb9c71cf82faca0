//! What the first block of a token says, as Datalog, and how it is read back.
//! Each fact but the roles is there exactly once, has one term, and that of the
//! right type.

use authbench_core::{Identity, LoginId, Refusal, Roles, SubjectId, UnixMs};
use biscuit_auth::builder::{
    Binary, BiscuitBuilder, Check, CheckKind, Expression, Fact, Op, Rule, Term, constrained_rule,
    fact, pred, rule, string, var,
};
use biscuit_auth::{Authorizer, error};

use crate::token::policy::Policy;
use crate::token::{NewToken, Verified};

/// What kind of token this is (RFC 8725 3.11).
pub const KIND: &str = "access";

/// Writes the facts of a token that is made at `iat` and ends at `exp`, in
/// whole seconds since 1970, and the check by which every verifier sees that
/// end.
pub(super) fn write(
    policy: &Policy,
    token: &NewToken<'_>,
    (iat, exp): (u64, u64),
) -> Result<BiscuitBuilder, error::Token> {
    let roles = token.subject.roles.iter();
    let optional = [
        token.token_id.map(|id| ("token", Term::Bytes(id.to_vec()))),
        token
            .stamp
            .map(|stamp| ("stamp", Term::Integer(stamp.cast_signed()))),
    ];
    [
        ("kind", string(KIND)),
        ("issuer", string(&policy.issuer)),
        ("audience", string(&policy.audience)),
        ("subject", string(token.subject.id.as_str())),
        ("login", Term::Bytes(token.login.0.to_vec())),
        ("issued", Term::Date(iat)),
        ("expires", Term::Date(exp)),
    ]
    .into_iter()
    .chain(optional.into_iter().flatten())
    .chain(roles.map(|role| ("role", string(role))))
    .try_fold(BiscuitBuilder::new(), |builder, (name, term)| {
        builder.fact(fact(name, &[term]))
    })?
    .check(ends_at(exp))
}

/// `check if time($time), $time < exp`: an instant at the end is too late, as
/// in RFC 7519 4.1.4.
fn ends_at(exp: u64) -> Check {
    let before = Expression {
        ops: vec![
            Op::Value(var("time")),
            Op::Value(Term::Date(exp)),
            Op::Binary(Binary::LessThan),
        ],
    };
    let nothing: [Term; 0] = [];
    let time = pred("time", &[var("time")]);
    Check {
        queries: vec![constrained_rule("query", &nothing, &[time], &[before])],
        kind: CheckKind::One,
    }
}

/// The fact that says what time it is.
pub(super) fn time(at: UnixMs) -> Fact {
    fact("time", &[Term::Date(at.whole_secs())])
}

/// The questions to a token's first block, made once.
#[derive(Clone, Debug)]
pub(super) struct Questions {
    kind: Rule,
    issuer: Rule,
    audience: Rule,
    subject: Rule,
    login: Rule,
    issued: Rule,
    expires: Rule,
    stamp: Rule,
    role: Rule,
}

impl Questions {
    pub(super) fn new() -> Self {
        let of = |name| rule(name, &[var("it")], &[pred(name, &[var("it")])]);
        Self {
            kind: of("kind"),
            issuer: of("issuer"),
            audience: of("audience"),
            subject: of("subject"),
            login: of("login"),
            issued: of("issued"),
            expires: of("expires"),
            stamp: of("stamp"),
            role: of("role"),
        }
    }

    /// What the token in `authorizer` proves at some time or other.
    pub(super) fn ask(
        &self,
        authorizer: &mut Authorizer,
        policy: &Policy,
    ) -> Result<Verified, Refusal> {
        if text(one(authorizer, &self.kind)?)? != KIND {
            return Err(Refusal::WrongKind);
        }
        if text(one(authorizer, &self.issuer)?)? != policy.issuer {
            return Err(Refusal::WrongIssuer);
        }
        if text(one(authorizer, &self.audience)?)? != policy.audience {
            return Err(Refusal::WrongAudience);
        }
        let subject = text(one(authorizer, &self.subject)?)?;
        let Term::Bytes(login) = one(authorizer, &self.login)? else {
            return Err(Refusal::BadClaims);
        };
        let login = login.try_into().map_err(|_| Refusal::BadClaims)?;
        let issued_at = instant(&one(authorizer, &self.issued)?)?;
        let expires_at = instant(&one(authorizer, &self.expires)?)?;
        let stamp = match all(authorizer, &self.stamp)?.as_slice() {
            [] => None,
            [Term::Integer(stamp)] => Some(stamp.cast_unsigned()),
            _ => return Err(Refusal::BadClaims),
        };
        let roles = all(authorizer, &self.role)?.into_iter().map(text);
        let roles: Roles = roles.collect::<Result<Vec<_>, _>>()?.iter().collect();
        let identity = Identity {
            subject: SubjectId::new(&subject),
            roles,
            login: LoginId(login),
            expires_at,
        };
        Ok(Verified {
            identity,
            issued_at,
            not_before: issued_at,
            stamp,
        })
    }
}

/// The terms of every fact that answers `question`.
fn all(authorizer: &mut Authorizer, question: &Rule) -> Result<Vec<Term>, Refusal> {
    let facts: Vec<Fact> = authorizer
        .query(question.clone())
        .map_err(|_| Refusal::BadClaims)?;
    let terms = facts.into_iter().map(|mut fact| fact.predicate.terms.pop());
    terms.collect::<Option<_>>().ok_or(Refusal::BadClaims)
}

fn one(authorizer: &mut Authorizer, question: &Rule) -> Result<Term, Refusal> {
    let mut terms = all(authorizer, question)?;
    match (terms.pop(), terms.is_empty()) {
        (Some(term), true) => Ok(term),
        _ => Err(Refusal::BadClaims),
    }
}

fn text(term: Term) -> Result<String, Refusal> {
    match term {
        Term::Str(text) => Ok(text),
        _ => Err(Refusal::BadClaims),
    }
}

fn instant(term: &Term) -> Result<UnixMs, Refusal> {
    match term {
        Term::Date(seconds) => seconds.checked_mul(1000).map(UnixMs),
        _ => None,
    }
    .ok_or(Refusal::BadClaims)
}
