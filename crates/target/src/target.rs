//! The target itself: who can log in there, and how a login is asked for.

use std::collections::HashMap;
use std::fmt;

use authbench_core::{
    Credentials, Issued, Presented, RefreshOffer, Secret, Subject, SubjectId, UnixMs,
};
use authbench_wire::Operation;
use authbench_wire::profile::{Carrier, Profile, RefreshCarrier, User};
use parking_lot::Mutex;
use serde_json::Value;

use crate::answer::{self, Answer};
use crate::book::{Book, Known};
use crate::carry;
use crate::client::Client;
use crate::error::{Failure, Fault, TargetError};
use crate::password::Passwords;

/// How a target is spoken to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TargetOptions {
    /// The caller owns the server or has its owner's consent: it may be
    /// another machine. Without it only a loopback address is accepted.
    pub owned: bool,
    /// Milliseconds for one request with its answer; then it is an outage.
    pub timeout_ms: u64,
    /// The one certificate, in DER, that is trusted over https; the platform's
    /// own list if absent.
    pub certificate_der: Option<Vec<u8>>,
}

impl Default for TargetOptions {
    /// Loopback only, 10 seconds, the platform's certificates.
    fn default() -> Self {
        Self {
            owned: false,
            timeout_ms: 10_000,
            certificate_der: None,
        }
    }
}

/// A running HTTP server as an
/// [`AuthStrategy`](authbench_core::AuthStrategy).
///
/// - `at` moves no clock: the server has its own. It dates only what the
///   server does not date itself.
/// - [`issue`](authbench_core::AuthStrategy::issue) logs in as the user of the
///   profile whose subject is asked for (whose name, where the profile gives
///   no subject). The roles are the account's own; those of the [`Subject`]
///   are not looked at.
/// - Only the identity echo (`whoami`) counts as acceptance. 401 and 403 are
///   refusals without a cause; every other status, a timeout and garbage are
///   errors.
/// - Ending somebody's logins, and listing them, needs a credential of that
///   subject. The target takes the youngest that it issued and that `whoami`
///   still accepts; if there is none, it logs in afresh, leaves that helper
///   out of the list, and logs it out afterwards. A server that cannot end a
///   login keeps the helper until it expires. A helper counts towards the limit
///   of logins, if there is one, and what the target asks in somebody's name
///   is a use of that login.
/// - [`revoke`](authbench_core::AuthStrategy::revoke) of presented credentials
///   goes by the refresh token where there is one: the access credential may
///   have expired.
/// - Ending all others goes by the list, one by one, which changes nothing
///   else; without a list by changing the password there and back, with the
///   credential that stays.
pub struct Target {
    pub(crate) client: Client,
    pub(crate) book: Mutex<Book>,
    pub(crate) admin: Mutex<Option<Secret>>,
    /// Which passwords may be valid where a change was not confirmed, by the
    /// name of the user.
    pub(crate) passwords_left: Mutex<HashMap<String, Passwords>>,
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target")
            .field("profile", &self.client.profile.name)
            .finish_non_exhaustive()
    }
}

impl Target {
    /// A target at `base_url` (scheme, host and port) that is spoken to as
    /// `profile` says; the profile's own `base_url` is not looked at. Asks
    /// nothing yet.
    ///
    /// # Errors
    /// [`TargetError`] when the address has another shape, is not this machine
    /// without [`TargetOptions::owned`], or a certificate cannot be read.
    pub fn new(
        profile: Profile,
        base_url: &str,
        options: &TargetOptions,
    ) -> Result<Self, TargetError> {
        Ok(Self {
            client: Client::new(profile, base_url, options)?,
            book: Mutex::default(),
            admin: Mutex::default(),
            passwords_left: Mutex::default(),
        })
    }

    /// The user of the profile with this subject.
    pub(crate) fn user(&self, subject: &SubjectId) -> Result<User, Failure> {
        self.find(subject.as_str()).ok_or_else(|| Failure {
            operation: Operation::Login,
            fault: Fault::NoSuchUser {
                subject: subject.clone(),
            },
        })
    }

    fn find(&self, subject: &str) -> Option<User> {
        let users = &self.client.profile.users;
        let named = |user: &User| user.subject.as_ref().unwrap_or(&user.user) == subject;
        if let Some(listed) = users.list.iter().find(|user| named(user)) {
            return Some(listed.clone());
        }
        let pattern = users.pattern.as_ref()?;
        let template = pattern.subject.as_ref().unwrap_or(&pattern.user);
        // A mark in the place of the number shows what stands around it.
        let marked = template.fill(|_| Some("\0")).ok()?;
        let (before, after) = marked.split_once('\0')?;
        let digits = subject.strip_prefix(before)?.strip_suffix(after)?;
        let place = u32::try_from(users.list.len())
            .ok()?
            .checked_add(digits.parse().ok()?)?;
        users.nth(place).filter(named)
    }

    /// Logs in as the user of `subject`, whom the target may have enough
    /// logins of.
    pub(crate) async fn try_log_in(
        &self,
        subject: &SubjectId,
        at: UnixMs,
    ) -> Result<Issued, Failure> {
        let operation = Operation::Login;
        let user = self.user(subject)?;
        let answer = self.try_passwords(&user).await?;
        let limits = &self.client.request(operation)?.limit_reached;
        match self.client.profile.guarantees.login_limit {
            Some(limit) if limits.contains(&answer.status) => Ok(Issued::LimitReached {
                logins_max: limit.logins_max,
            }),
            _ => Ok(Issued::Granted(self.granted(operation, answer, at).await?)),
        }
    }

    /// Logs in as the user of `subject`, to act in its name.
    pub(crate) async fn log_in(
        &self,
        subject: &SubjectId,
        at: UnixMs,
    ) -> Result<Credentials, Failure> {
        let issued = self.try_log_in(subject, at).await?;
        issued.granted().ok_or(Failure {
            operation: Operation::Login,
            fault: Fault::NoRoom,
        })
    }

    /// Reads the credentials that `operation` (login or refresh) granted.
    pub(crate) async fn granted(
        &self,
        operation: Operation,
        answer: Answer,
        at: UnixMs,
    ) -> Result<Credentials, Failure> {
        let failed = |fault| Failure { operation, fault };
        let answer = answer.expect_done().map_err(failed)?;
        let request = self.client.request(operation)?;
        let profile = &self.client.profile;
        let rotates = self.rotates();
        let pointers = [&request.login, &request.expires_at_ms];
        let by_body = matches!(profile.carrier, Carrier::Bearer { .. })
            || (rotates && matches!(profile.refresh, Some(RefreshCarrier::Body { .. })));
        let body = if by_body || pointers.iter().any(|pointer| pointer.is_some()) {
            answer.json().map_err(failed)?
        } else {
            Value::Null
        };
        let by_cookie = |name: &str| {
            carry::cookie(&answer, name).ok_or_else(|| Fault::NoCookie {
                name: name.to_owned(),
            })
        };
        let access = match &profile.carrier {
            Carrier::Bearer { token } => answer::text(&body, "token", token).map(Secret::new),
            Carrier::Cookie { name } => by_cookie(name),
        };
        let access = access.map_err(failed)?;
        let refresh = match &profile.refresh {
            Some(RefreshCarrier::Body { token }) if rotates => {
                Some(answer::text(&body, "refresh token", token).map(Secret::new))
            }
            Some(RefreshCarrier::Cookie { name }) if rotates => Some(by_cookie(name)),
            _ => None,
        };
        let refresh = refresh.transpose().map_err(failed)?;
        let expires_at = match &request.expires_at_ms {
            Some(pointer) => answer::instant(&body, "expiry", pointer).map_err(failed)?,
            None => at.plus_ms(self.client.profile.guarantees.lifetime_ms),
        };
        let login = match &request.login {
            Some(pointer) => answer::text(&body, "login", pointer).map_err(failed)?,
            None => self.handle(&access).await?,
        };
        Ok(Credentials {
            access,
            refresh,
            login: answer::login_id(&login),
            expires_at,
        })
    }

    /// The handle of a login whose answer did not name it: what `whoami` says,
    /// or, where that says nothing either, the credential itself, of which
    /// only a digest is used.
    async fn handle(&self, access: &Secret) -> Result<String, Failure> {
        let operation = Operation::Whoami;
        let Some(pointer) = &self.client.request(operation)?.login else {
            return Ok(access.expose().to_owned());
        };
        let presented = Presented::access(access.expose());
        let answer = self.client.ask(operation, &[], &presented).await?;
        answer
            .expect_done()
            .and_then(|answer| answer::text(&answer.json()?, "login", pointer))
            .map_err(|fault| Failure { operation, fault })
    }

    /// Whether logins have refresh tokens.
    pub(crate) const fn rotates(&self) -> bool {
        let offer = self.client.profile.guarantees.refresh;
        matches!(offer, RefreshOffer::RotatingKillsFamily { .. })
    }

    /// Writes an issued login into the book.
    pub(crate) fn remember(&self, subject: &Subject, credentials: &Credentials, at: UnixMs) {
        self.book.lock().remember(Known {
            subject: subject.id.clone(),
            login: credentials.login,
            access: credentials.access.clone(),
            refresh: credentials.refresh.clone(),
            issued_at: at,
            expires_at: credentials.expires_at,
            believed: true,
        });
    }

    /// Writes the new credentials of a login into the book, if it stands there;
    /// `swapped` is the access credential that they are in the place of, where
    /// it is over with that.
    pub(crate) fn renewed(&self, credentials: &Credentials, swapped: Option<&str>) {
        let mut book = self.book.lock();
        if let Some(access) = swapped {
            book.doubt(access);
        }
        let Some(known) = book.by_login(credentials.login).cloned() else {
            return;
        };
        book.remember(Known {
            access: credentials.access.clone(),
            refresh: credentials.refresh.clone(),
            expires_at: credentials.expires_at,
            believed: true,
            ..known
        });
    }

    /// The access credential that the answer to a change gives the caller in
    /// the place of its present one, where the target does such a thing
    /// (ASVS 5.0 7.2.4).
    pub(crate) fn swapped(&self, answer: &Answer) -> Option<Secret> {
        let profile = &self.client.profile;
        if profile.guarantees.refresh != RefreshOffer::SwapsAccess || !answer.done {
            return None;
        }
        match &profile.carrier {
            Carrier::Cookie { name } => carry::cookie(answer, name),
            Carrier::Bearer { token } => {
                let body = answer.json().ok()?;
                answer::text(&body, "token", token).ok().map(Secret::new)
            }
        }
    }
}
