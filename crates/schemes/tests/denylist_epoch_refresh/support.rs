//! An exact format, and short words for what tests do.

use std::ops::Deref;

use authbench_core::{
    AuthStrategy, Credentials, Decision, Identity, LoginId, Presented, Refusal, Roles, Secret,
    StrategyError, Subject, SubjectId, UnixMs,
};
use authbench_schemes::token::{NewToken, Opened, Sealed, TokenFormat};

pub(crate) const AT: UnixMs = UnixMs(1_800_000_000_123);
pub(crate) const TTL_MS: u64 = 60_000;
pub(crate) const SKEW_MS: u64 = 2_000;

/// Claims in plain text, with milliseconds that are kept: whatever a test sees
/// comes from the scheme. Proves nothing to anybody.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plain;

impl TokenFormat for Plain {
    fn label(&self) -> &'static str {
        "plain"
    }

    fn ttl_ms(&self) -> u64 {
        TTL_MS
    }

    fn skew_ms(&self) -> u64 {
        SKEW_MS
    }

    fn seal(&self, token: &NewToken<'_>, at: UnixMs) -> Result<Sealed, StrategyError> {
        let ttl = at.plus_ms(TTL_MS);
        let expires_at = token.expires_by.map_or(ttl, |bound| bound.min(ttl));
        let roles: Vec<&str> = token.subject.roles.iter().collect();
        let stamp = token.stamp.map_or(String::new(), |stamp| stamp.to_string());
        let text = [
            token.subject.id.to_string(),
            token.login.to_string(),
            roles.join(","),
            at.0.to_string(),
            expires_at.0.to_string(),
            stamp,
            format!("{:?}", token.token_id),
        ];
        Ok(Sealed {
            text: Secret::new(text.join("|")),
            expires_at,
        })
    }

    fn open(&self, text: &str, at: UnixMs) -> Result<Opened, Refusal> {
        let opened = self.open_early(text, at)?;
        let made_at = text.split('|').nth(3).and_then(|it| it.parse().ok());
        if made_at.is_none_or(|made_at| UnixMs(made_at) > at.plus_ms(SKEW_MS)) {
            return Err(Refusal::NotYetValid);
        }
        Ok(opened)
    }

    fn open_early(&self, text: &str, at: UnixMs) -> Result<Opened, Refusal> {
        let parts: Vec<&str> = text.split('|').collect();
        let [subject, login, roles, _, expires_at, stamp, _] = parts[..] else {
            return Err(Refusal::Malformed);
        };
        let login = login.parse().map_err(|_| Refusal::BadClaims)?;
        let expires_at = UnixMs(expires_at.parse().map_err(|_| Refusal::BadClaims)?);
        if at >= expires_at {
            return Err(Refusal::Expired);
        }
        Ok(Opened {
            identity: Identity {
                subject: SubjectId::new(subject),
                roles: roles.split(',').filter(|role| !role.is_empty()).collect(),
                login,
                expires_at,
            },
            stamp: stamp.parse().ok(),
        })
    }

    fn jwks(&self, _: UnixMs) -> Option<serde_json::Value> {
        None
    }
}

pub(crate) fn subject(name: &str, roles: &[&str]) -> Subject {
    Subject {
        id: SubjectId::new(name),
        roles: roles.iter().collect(),
    }
}

pub(crate) async fn log_in(
    node: &(impl Deref<Target: AuthStrategy> + Sync),
    name: &str,
    at: UnixMs,
) -> Credentials {
    let issued = node.issue(&subject(name, &["user"]), at).await.unwrap();
    issued.granted().unwrap()
}

/// What an access credential alone is answered.
pub(crate) async fn judge(
    node: &(impl Deref<Target: AuthStrategy> + Sync),
    held: &Credentials,
    at: UnixMs,
) -> Decision {
    let presented = Presented::access(held.access.expose());
    node.authenticate(&presented, at).await.unwrap()
}

pub(crate) async fn accepts(
    node: &(impl Deref<Target: AuthStrategy> + Sync),
    held: &Credentials,
    at: UnixMs,
) -> bool {
    judge(node, held, at).await.accepted().is_some()
}

/// The roles with which a good credential is accepted.
pub(crate) async fn roles(
    node: &(impl Deref<Target: AuthStrategy> + Sync),
    held: &Credentials,
    at: UnixMs,
) -> Roles {
    judge(node, held, at).await.accepted().unwrap().roles
}

/// A handle that was never given out.
pub(crate) const NOBODYS: LoginId = LoginId([0xEE; 16]);
