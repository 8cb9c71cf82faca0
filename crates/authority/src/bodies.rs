//! What is sent, in both directions: one definition for both ends.

use authbench_core::{
    Identity, LoginId, LoginInfo, Logins, Receipt, Roles, Subject, SubjectId, UnixMs,
};
use serde::{Deserialize, Serialize};

/// The form that names a token (RFC 7662 2.1, RFC 7009 2.1). Hints are
/// ignored: there is one kind of token.
#[derive(Deserialize, Serialize)]
pub(crate) struct TokenForm<T> {
    pub(crate) token: T,
}

/// What a token proves (RFC 7662 2.2). Of an inactive one nothing is said but
/// that.
#[derive(Default, Deserialize, Serialize)]
pub(crate) struct Introspected {
    pub(crate) active: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) token_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sub: Option<SubjectId>,
    /// The login: as unique as a `jti` must be (RFC 7519 4.1.7).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) jti: Option<LoginId>,
    /// Whole seconds, rounded down (RFC 7662 2.2 wants an integer).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) exp: Option<u64>,
    /// The same instant to the millisecond: an extension, as RFC 7662 2.2
    /// allows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) expires_at_ms: Option<UnixMs>,
    /// RFC 9068 2.2.3.1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) roles: Option<Roles>,
}

/// An active token whose answer lacks what must be there.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the answer says `active` and no {missing}")]
pub(crate) struct Incomplete {
    missing: &'static str,
}

impl Introspected {
    pub(crate) fn inactive() -> Self {
        Self::default()
    }

    pub(crate) fn active(identity: Identity) -> Self {
        Self {
            active: true,
            token_type: Some("Bearer".to_owned()),
            sub: Some(identity.subject),
            jti: Some(identity.login),
            exp: Some(identity.expires_at.whole_secs()),
            expires_at_ms: Some(identity.expires_at),
            roles: Some(identity.roles),
        }
    }

    pub(crate) fn into_identity(self) -> Result<Option<Identity>, Incomplete> {
        if !self.active {
            return Ok(None);
        }
        let seconds = |exp: u64| UnixMs(exp.saturating_mul(1000));
        let expires_at = self.expires_at_ms.or(self.exp.map(seconds));
        Ok(Some(Identity {
            subject: self.sub.ok_or(Incomplete { missing: "sub" })?,
            roles: self.roles.unwrap_or_default(),
            login: self.jti.ok_or(Incomplete { missing: "jti" })?,
            expires_at: expires_at.ok_or(Incomplete { missing: "exp" })?,
        }))
    }
}

/// An account, as it logs in or as it now is.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SubjectBody {
    pub(crate) subject: SubjectId,
    pub(crate) roles: Roles,
}

impl From<SubjectBody> for Subject {
    fn from(body: SubjectBody) -> Self {
        Self {
            id: body.subject,
            roles: body.roles,
        }
    }
}

impl From<&Subject> for SubjectBody {
    fn from(subject: &Subject) -> Self {
        Self {
            subject: subject.id.clone(),
            roles: subject.roles.clone(),
        }
    }
}

/// A token that was issued.
#[derive(Deserialize, Serialize)]
pub(crate) struct IssuedBody {
    pub(crate) access_token: String,
    pub(crate) login: LoginId,
    pub(crate) expires_at_ms: UnixMs,
}

/// A login that was not granted.
#[derive(Deserialize, Serialize)]
pub(crate) struct LimitBody {
    pub(crate) error: String,
    pub(crate) logins_max: u32,
}

/// Logins that are to end: one, all but one, or all of a subject.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EndBody {
    pub(crate) subject: SubjectId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) login: Option<LoginId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) keep: Option<LoginId>,
}

/// From when on a change is seen everywhere.
#[derive(Deserialize, Serialize)]
pub(crate) struct ReceiptBody {
    pub(crate) effective_from_ms: UnixMs,
}

impl From<Receipt> for ReceiptBody {
    fn from(receipt: Receipt) -> Self {
        Self {
            effective_from_ms: receipt.effective_from,
        }
    }
}

impl From<ReceiptBody> for Receipt {
    fn from(body: ReceiptBody) -> Self {
        Self {
            effective_from: body.effective_from_ms,
        }
    }
}

/// Whose logins are asked for.
#[derive(Deserialize, Serialize)]
pub(crate) struct LoginsQuery {
    pub(crate) subject: SubjectId,
}

/// A subject's logins; null if nobody remembers them.
#[derive(Deserialize, Serialize)]
pub(crate) struct LoginsBody {
    /// Said in any case: what is missing is no list, and no lack of one.
    #[serde(deserialize_with = "Option::deserialize")]
    pub(crate) logins: Option<Vec<LoginBody>>,
}

#[derive(Deserialize, Serialize)]
pub(crate) struct LoginBody {
    login: LoginId,
    issued_at_ms: UnixMs,
    expires_at_ms: UnixMs,
}

impl From<Logins> for LoginsBody {
    fn from(logins: Logins) -> Self {
        let body = |info: LoginInfo| LoginBody {
            login: info.login,
            issued_at_ms: info.issued_at,
            expires_at_ms: info.expires_at,
        };
        Self {
            logins: match logins {
                Logins::Known(known) => Some(known.into_iter().map(body).collect()),
                Logins::NotKept => None,
            },
        }
    }
}

impl From<LoginsBody> for Logins {
    fn from(body: LoginsBody) -> Self {
        let info = |body: LoginBody| LoginInfo {
            login: body.login,
            issued_at: body.issued_at_ms,
            expires_at: body.expires_at_ms,
        };
        match body.logins {
            Some(logins) => Self::Known(logins.into_iter().map(info).collect()),
            None => Self::NotKept,
        }
    }
}

/// A request that was not understood or not answered (RFC 6749 5.2).
#[derive(Serialize)]
pub(crate) struct ErrorBody {
    pub(crate) error: &'static str,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(body: serde_json::Value) -> Result<Option<Identity>, Incomplete> {
        serde_json::from_value::<Introspected>(body)
            .unwrap()
            .into_identity()
    }

    #[test]
    fn an_inactive_token_has_nothing_else_said_of_it() {
        let body = serde_json::to_value(Introspected::inactive()).unwrap();
        assert_eq!(body, json!({"active": false}));
        assert_eq!(read(json!({"active": false, "sub": "ada"})), Ok(None));
    }

    #[test]
    fn an_active_one_says_all_that_it_proves() {
        let identity = Identity {
            subject: SubjectId::new("ada"),
            roles: ["user", "admin"].iter().collect(),
            login: LoginId([0; 16]),
            expires_at: UnixMs(5_999),
        };
        let body = serde_json::to_value(Introspected::active(identity.clone())).unwrap();
        let expected = json!({"active": true, "token_type": "Bearer", "sub": "ada",
            "jti": "AAAAAAAAAAAAAAAAAAAAAA", "exp": 5, "expires_at_ms": 5_999,
            "roles": ["admin", "user"]});
        assert_eq!(body, expected);
        assert_eq!(read(body), Ok(Some(identity)));
    }

    #[test]
    fn what_must_be_there_is_missed() {
        let jti = "AAAAAAAAAAAAAAAAAAAAAA";
        for (body, missing) in [
            (json!({"active": true, "jti": jti, "exp": 5}), "sub"),
            (json!({"active": true, "sub": "ada", "exp": 5}), "jti"),
            (json!({"active": true, "sub": "ada", "jti": jti}), "exp"),
        ] {
            assert_eq!(read(body), Err(Incomplete { missing }));
        }
        let seconds = read(json!({"active": true, "sub": "ada", "jti": jti, "exp": 5}));
        assert_eq!(seconds.unwrap().unwrap().expires_at, UnixMs(5_000));
    }
}
