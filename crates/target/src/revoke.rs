//! Ending logins with what a server offers for that.

use authbench_core::{LoginId, Presented, Receipt, Secret, Staleness, SubjectId, UnixMs};
use authbench_wire::Operation;
use serde_json::Value;

use crate::answer::{self, Answer};
use crate::book::Known;
use crate::carry;
use crate::error::{Failure, Fault};
use crate::target::Target;

/// In whose name the target acts.
pub(crate) struct Caller {
    access: Secret,
    login: LoginId,
    /// Logged in for this one action only.
    helper: bool,
}

impl Caller {
    fn present(&self) -> Presented<'_> {
        Presented::access(self.access.expose())
    }

    /// Whether `login` is the helper's own.
    pub(crate) fn is_helper(&self, login: LoginId) -> bool {
        self.helper && self.login == login
    }
}

/// One login of the target's list.
pub(crate) struct Entry {
    /// As the target writes it.
    handle: String,
    pub(crate) login: LoginId,
    pub(crate) issued_at: Option<UnixMs>,
    pub(crate) expires_at: UnixMs,
}

impl Target {
    /// Ends the login that `presented` proves, by the refresh token if there is
    /// one and the target takes it. A target that answers 401 says that it
    /// proves none: then there is nothing to end.
    pub(crate) async fn log_out(
        &self,
        presented: &Presented<'_>,
        at: UnixMs,
    ) -> Result<Receipt, Failure> {
        let profile = &self.client.profile;
        let mut shown = carry::carriable(profile, presented);
        let by_token = self.rotates() && profile.request(Operation::Revoke).is_some();
        if !by_token {
            shown.refresh = None;
        }
        let operation = match shown.refresh {
            Some(_) => Operation::Revoke,
            None => Operation::Logout,
        };
        self.client.request(operation)?;
        if shown.access.is_none() && shown.refresh.is_none() {
            return Ok(Receipt { effective_from: at });
        }
        let answer = self.client.ask(operation, &[], &shown).await?;
        let receipt = match answer.status {
            401 => Receipt { effective_from: at },
            _ => self.receipt(operation, answer, at)?,
        };
        if let Some(access) = shown.access {
            self.book.lock().doubt(access);
        }
        Ok(receipt)
    }

    /// Ends one login by the list, or, without a list, by logging it out if it
    /// was issued here.
    pub(crate) async fn end_login(
        &self,
        subject: &SubjectId,
        login: LoginId,
        at: UnixMs,
    ) -> Result<Receipt, Failure> {
        if !self.ends_by_list() {
            let known = self.book.lock().by_login(login).cloned();
            let Some(known) = known else {
                return Err(self.client.absent(Operation::EndSession));
            };
            if known.subject != *subject {
                return Ok(Receipt { effective_from: at });
            }
            return self.log_out(&known.present(), at).await;
        }
        let caller = self.caller(subject, at).await?;
        let ended = self
            .end_listed(&caller, at, |entry| entry.login == login)
            .await;
        let ended = self.dismissing(&caller, ended).await;
        if let (Ok(_), Some(known)) = (&ended, self.held(subject, login)) {
            self.book.lock().doubt(known.access.expose());
        }
        ended
    }

    /// Ends everything of a subject.
    pub(crate) async fn end_all(
        &self,
        subject: &SubjectId,
        at: UnixMs,
    ) -> Result<Receipt, Failure> {
        let operation = Operation::LogoutAll;
        let mapped = self.client.profile.request(operation).is_some();
        if !mapped && !self.ends_by_list() {
            return Err(self.client.absent(operation));
        }
        let caller = self.caller(subject, at).await?;
        let receipt = if mapped {
            let answer = self.client.ask(operation, &[], &caller.present()).await?;
            self.receipt(operation, answer, at)
        } else {
            let ended = self
                .end_listed(&caller, at, |entry| !caller.is_helper(entry.login))
                .await;
            self.dismissing(&caller, ended).await
        };
        if receipt.is_ok() {
            self.book.lock().doubt_all(subject, None);
        }
        receipt
    }

    /// Ends everything of a subject but the login `keep`.
    pub(crate) async fn end_others(
        &self,
        subject: &SubjectId,
        keep: LoginId,
        at: UnixMs,
    ) -> Result<Receipt, Failure> {
        let receipt = if self.ends_by_list() {
            let caller = self.caller_preferring(subject, keep, at).await?;
            let others = |entry: &Entry| entry.login != keep && !caller.is_helper(entry.login);
            let ended = self.end_listed(&caller, at, others).await;
            self.dismissing(&caller, ended).await
        } else {
            self.end_others_by_password(subject, keep, at).await
        };
        if receipt.is_ok() {
            self.book.lock().doubt_all(subject, Some(keep));
        }
        receipt
    }

    /// Who may act for `subject`: the youngest login that the target issued
    /// and that is still accepted, or a helper that logs in for it.
    pub(crate) async fn caller(&self, subject: &SubjectId, at: UnixMs) -> Result<Caller, Failure> {
        loop {
            let latest = self.book.lock().latest(subject).cloned();
            let Some(known) = latest else { break };
            if self.is_accepted(&known.access).await? {
                let (access, login) = (known.access, known.login);
                return Ok(Caller {
                    access,
                    login,
                    helper: false,
                });
            }
        }
        let credentials = self.log_in(subject, at).await?;
        let (access, login) = (credentials.access, credentials.login);
        Ok(Caller {
            access,
            login,
            helper: true,
        })
    }

    /// The login of `subject` with this handle, if it was issued here.
    pub(crate) fn held(&self, subject: &SubjectId, login: LoginId) -> Option<Known> {
        let known = self.book.lock().by_login(login).cloned();
        known.filter(|known| known.subject == *subject)
    }

    async fn caller_preferring(
        &self,
        subject: &SubjectId,
        login: LoginId,
        at: UnixMs,
    ) -> Result<Caller, Failure> {
        match self.held(subject, login) {
            Some(known) if known.believed && self.is_accepted(&known.access).await? => Ok(Caller {
                access: known.access,
                login,
                helper: false,
            }),
            _ => self.caller(subject, at).await,
        }
    }

    /// Whether `whoami` takes the credential; if not, it is not believed in
    /// any more.
    pub(crate) async fn is_accepted(&self, access: &Secret) -> Result<bool, Failure> {
        let operation = Operation::Whoami;
        let presented = Presented::access(access.expose());
        let answer = self.client.ask(operation, &[], &presented).await?;
        if answer.refused() {
            self.book.lock().doubt(access.expose());
            return Ok(false);
        }
        answer
            .expect_done()
            .map(|_| true)
            .map_err(|fault| Failure { operation, fault })
    }

    /// Logs a helper out again, where the target can do that, whatever came of
    /// what it was for.
    pub(crate) async fn dismissing<T>(
        &self,
        caller: &Caller,
        outcome: Result<T, Failure>,
    ) -> Result<T, Failure> {
        let operation = Operation::Logout;
        if !caller.helper || self.client.profile.request(operation).is_none() {
            return outcome;
        }
        let answer = self.client.ask(operation, &[], &caller.present()).await;
        let outcome = outcome?;
        let answer = answer?;
        if answer.status == 401 {
            return Ok(outcome);
        }
        answer
            .expect_done()
            .map(|_| outcome)
            .map_err(|fault| Failure { operation, fault })
    }

    fn ends_by_list(&self) -> bool {
        self.lists() && self.client.profile.request(Operation::EndSession).is_some()
    }

    /// Ends the logins of the list that `chosen` chooses, the caller's own
    /// last. The receipt is the latest of all. What is not in the list has
    /// ended, but credentials of it may live on for as long as is declared.
    async fn end_listed(
        &self,
        caller: &Caller,
        at: UnixMs,
        chosen: impl Fn(&Entry) -> bool,
    ) -> Result<Receipt, Failure> {
        let operation = Operation::EndSession;
        let mut entries = self.entries(caller, at).await?;
        entries.retain(chosen);
        entries.sort_by_key(|entry| entry.login == caller.login);
        let mut latest = None;
        for entry in entries {
            let values = [("login", &*entry.handle)];
            let answer = self
                .client
                .ask(operation, &values, &caller.present())
                .await?;
            let receipt = self.receipt(operation, answer, at)?;
            latest = latest.max(Some(receipt.effective_from));
        }
        let effective_from = latest.unwrap_or(at.plus_ms(self.delay_ms(operation)));
        Ok(Receipt { effective_from })
    }

    /// The list as the target shows it to `caller`.
    pub(crate) async fn entries(&self, caller: &Caller, at: UnixMs) -> Result<Vec<Entry>, Failure> {
        let operation = Operation::Sessions;
        let request = self.client.request(operation)?;
        let answer = self.client.ask(operation, &[], &caller.present()).await?;
        let read = || -> Result<Vec<Entry>, Fault> {
            let body = answer.expect_done()?.json()?;
            let list = request.list.as_deref().unwrap_or_default();
            let entries = body.pointer(list).and_then(Value::as_array);
            let entries = entries.ok_or_else(|| answer::missing("list of logins", list))?;
            let login = request.login.as_deref().unwrap_or_default();
            let lifetime_ms = self.client.profile.guarantees.lifetime_ms;
            entries
                .iter()
                .map(|entry| {
                    let handle = answer::text(entry, "login", login)?;
                    let expires_at = match &request.expires_at_ms {
                        Some(pointer) => answer::instant(entry, "expiry", pointer)?,
                        None => at.plus_ms(lifetime_ms),
                    };
                    let issued_at = match &request.issued_at_ms {
                        Some(pointer) => Some(answer::instant(entry, "beginning", pointer)?),
                        None => None,
                    };
                    Ok(Entry {
                        issued_at,
                        login: answer::login_id(&handle),
                        handle,
                        expires_at,
                    })
                })
                .collect()
        };
        read().map_err(|fault| Failure { operation, fault })
    }

    /// Logs in as the administrator.
    pub(crate) async fn log_in_as_admin(&self, at: UnixMs) -> Result<Secret, Failure> {
        let Some(admin) = &self.client.profile.users.admin else {
            return Err(Failure {
                operation: Operation::SetRoles,
                fault: Fault::NoAdmin,
            });
        };
        let values = [("user", &*admin.user), ("password", &*admin.password)];
        let nothing = Presented::default();
        let answer = self.client.ask(Operation::Login, &values, &nothing).await?;
        Ok(self.granted(Operation::Login, answer, at).await?.access)
    }

    /// The acknowledgement in an answer. A target that names no instant is
    /// held to its declared guarantee.
    pub(crate) fn receipt(
        &self,
        operation: Operation,
        answer: Answer,
        at: UnixMs,
    ) -> Result<Receipt, Failure> {
        let failed = |fault| Failure { operation, fault };
        let answer = answer.expect_done().map_err(failed)?;
        let effective_from = match &self.client.request(operation)?.effective_from_ms {
            Some(pointer) => answer
                .json()
                .and_then(|body| answer::instant(&body, "instant of effect", pointer))
                .map_err(failed)?,
            None => at.plus_ms(self.delay_ms(operation)),
        };
        Ok(Receipt { effective_from })
    }

    /// How long the declared guarantee lets a change go unseen, milliseconds.
    fn delay_ms(&self, operation: Operation) -> u64 {
        let promised = &self.client.profile.guarantees;
        let staleness = match operation {
            Operation::SetRoles => promised.role_change,
            Operation::LogoutAll | Operation::PasswordChange | Operation::Disable => {
                promised.revoke_all
            }
            _ => promised.revoke_one,
        };
        match staleness {
            Staleness::Immediate => 0,
            Staleness::WithinMs(ms) => ms,
            Staleness::UntilExpiry => promised.lifetime_ms,
        }
    }
}
