//! The operations of a strategy, as requests.

use authbench_core::{
    AuthStrategy, Decision, Guarantees, Identity, Issued, Listing, LoginInfo, Logins, Presented,
    Receipt, RefreshOffer, Refreshed, Refusal, Roles, Scope, Secret, StrategyError, Subject,
    SubjectId, UnixMs,
};
use authbench_wire::Operation;
use serde_json::Value;

use crate::answer::{self, Answer};
use crate::carry;
use crate::error::{Failure, Fault};
use crate::target::Target;

impl AuthStrategy for Target {
    fn guarantees(&self) -> Guarantees {
        self.client.profile.guarantees
    }

    async fn issue(&self, subject: &Subject, at: UnixMs) -> Result<Issued, StrategyError> {
        let issued = self.try_log_in(&subject.id, at).await?;
        if let Issued::Granted(credentials) = &issued {
            self.remember(subject, credentials, at);
        }
        Ok(issued)
    }

    async fn authenticate(
        &self,
        presented: &Presented<'_>,
        at: UnixMs,
    ) -> Result<Decision, StrategyError> {
        let shown = Presented {
            refresh: None,
            ..carry::carriable(&self.client.profile, presented)
        };
        if shown.access != presented.access {
            return Ok(Decision::Refused(Refusal::Malformed));
        }
        let operation = Operation::Whoami;
        let answer = self.client.ask(operation, &[], &shown).await?;
        if answer.refused() {
            if let Some(access) = presented.access {
                self.book.lock().doubt(access);
            }
            return Ok(Decision::Refused(Refusal::Unknown));
        }
        let identity = self
            .identity(answer, presented.access.unwrap_or_default(), at)
            .map_err(|fault| Failure { operation, fault })?;
        Ok(Decision::Accepted(identity))
    }

    /// Asks for new credentials where the profile's guarantees offer some: a
    /// request that is mapped may fit a server in several settings.
    async fn refresh(
        &self,
        presented: &Presented<'_>,
        at: UnixMs,
    ) -> Result<Refreshed, StrategyError> {
        let operation = Operation::Refresh;
        let profile = &self.client.profile;
        let offer = profile.guarantees.refresh;
        if offer == RefreshOffer::None || profile.request(operation).is_none() {
            return Ok(Refreshed::NotOffered);
        }
        let shown = carry::carriable(profile, presented);
        let needed = |presented: &Presented<'_>| match self.rotates() {
            true => presented.refresh.is_some(),
            false => presented.access.is_some(),
        };
        if !needed(&shown) {
            let refusal = if needed(presented) {
                Refusal::Malformed
            } else {
                Refusal::Missing
            };
            return Ok(Refreshed::Refused(refusal));
        }
        let answer = self.client.ask(operation, &[], &shown).await?;
        if answer.refused() {
            return Ok(Refreshed::Refused(Refusal::Unknown));
        }
        let credentials = self.granted(operation, answer, at).await?;
        let swapped = shown.access.filter(|_| !self.rotates());
        self.renewed(&credentials, swapped);
        Ok(Refreshed::Renewed(credentials))
    }

    async fn revoke(&self, scope: &Scope<'_>, at: UnixMs) -> Result<Receipt, StrategyError> {
        let receipt = match scope {
            Scope::Presented(presented) => self.log_out(presented, at).await,
            Scope::Login { subject, login } => self.end_login(subject, *login, at).await,
            Scope::Subject(subject) => self.end_all(subject, at).await,
            Scope::Others { subject, keep } => self.end_others(subject, *keep, at).await,
        };
        Ok(receipt?)
    }

    async fn logins(&self, subject: &SubjectId, at: UnixMs) -> Result<Logins, StrategyError> {
        if !self.lists() {
            return Ok(Logins::NotKept);
        }
        let lifetime_ms = self.client.profile.guarantees.lifetime_ms;
        let caller = self.caller(subject, at).await?;
        let entries = self.entries(&caller, at).await;
        let entries = self.dismissing(&caller, entries).await?;
        let book = self.book.lock();
        let mut logins: Vec<_> = entries
            .into_iter()
            .filter(|entry| !caller.is_helper(entry.login))
            .map(|entry| LoginInfo {
                login: entry.login,
                issued_at: match (entry.issued_at, book.by_login(entry.login)) {
                    (Some(issued_at), _) => issued_at,
                    (None, Some(known)) => known.issued_at,
                    (None, None) => UnixMs(entry.expires_at.0.saturating_sub(lifetime_ms)),
                },
                expires_at: entry.expires_at,
            })
            .collect();
        logins.sort_unstable_by_key(|info| info.login);
        Ok(Logins::Known(logins))
    }

    async fn change_roles(&self, subject: &Subject, at: UnixMs) -> Result<Receipt, StrategyError> {
        let operation = Operation::SetRoles;
        self.client.request(operation)?;
        let user = self.user(&subject.id)?;
        let names: Value = subject.roles.iter().collect();
        let names = names.to_string();
        let values = [("subject_user", &*user.user), ("roles", &*names)];
        let remembered = self.admin.lock().clone();
        if let Some(access) = remembered {
            let presented = Presented::access(access.expose());
            let answer = self.client.ask(operation, &values, &presented).await?;
            if answer.status != 401 {
                return Ok(self.receipt_for_admin(operation, answer, access, at)?);
            }
        }
        let access = self.log_in_as_admin(at).await?;
        let presented = Presented::access(access.expose());
        let answer = self.client.ask(operation, &values, &presented).await?;
        Ok(self.receipt_for_admin(operation, answer, access, at)?)
    }
}

impl Target {
    /// Whether the target keeps a list of logins.
    pub(crate) fn lists(&self) -> bool {
        let profile = &self.client.profile;
        profile.guarantees.listing == Listing::Exact
            && profile.request(Operation::Sessions).is_some()
    }

    /// The acknowledgement for the administrator, whose own credential may be
    /// another one with it.
    fn receipt_for_admin(
        &self,
        operation: Operation,
        answer: Answer,
        access: Secret,
        at: UnixMs,
    ) -> Result<Receipt, Failure> {
        *self.admin.lock() = Some(self.swapped(&answer).unwrap_or(access));
        self.receipt(operation, answer, at)
    }

    /// The identity echo. What it does not show is taken from the login that
    /// issued the credential, and is empty where that was not here.
    fn identity(&self, answer: Answer, access: &str, at: UnixMs) -> Result<Identity, Fault> {
        let answer = answer.expect_done()?;
        let request = self
            .client
            .request(Operation::Whoami)
            .map_err(|failure| failure.fault)?;
        let body = answer.json()?;
        let pointer = request.subject.as_deref().unwrap_or_default();
        let subject = SubjectId::new(&answer::text(&body, "subject", pointer)?);
        let roles = match &request.roles {
            Some(pointer) => answer::roles(&body, pointer)?,
            None => Roles::default(),
        };
        let known = self.book.lock().by_access(access).cloned();
        let login = match (&request.login, &known) {
            (Some(pointer), _) => answer::login_id(&answer::text(&body, "login", pointer)?),
            (None, Some(known)) => known.login,
            (None, None) => answer::login_id(access),
        };
        let lifetime_ms = self.client.profile.guarantees.lifetime_ms;
        let expires_at = known.map_or(at.plus_ms(lifetime_ms), |known| known.expires_at);
        Ok(Identity {
            subject,
            roles,
            login,
            expires_at,
        })
    }
}
