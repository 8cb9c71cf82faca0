//! Accounts and their logins.

use std::sync::atomic::Ordering;

use authbench_wire::Operation;
use authbench_wire::profile::{CsrfProof, RefreshCarrier, User};

use super::Trial;
use crate::answer::Answer;
use crate::jar::Jar;
use crate::login::{Login, brought};
use crate::stop::Stop;

/// Accounts that are tried before a check gives up on finding one that works.
const TRIES: u32 = 24;

impl Trial<'_> {
    /// An account that no other check uses now, while there are enough.
    ///
    /// # Errors
    /// [`Stop`] when the profile names nobody.
    pub fn user(&self) -> Result<User, Stop> {
        let users = &self.profile().users;
        let n = self.shared().next_user.fetch_add(1, Ordering::Relaxed);
        let found = users.nth(n % users.count().max(1));
        found.ok_or_else(|| Stop::needs("users"))
    }

    /// `count` different accounts.
    ///
    /// # Errors
    /// [`Stop::NotApplicable`] when the profile names fewer.
    pub fn users(&self, count: u32) -> Result<Vec<User>, Stop> {
        let named = self.profile().users.count();
        if named < count {
            return Err(Stop::NotApplicable(format!(
                "needs {count} accounts under [users]; the profile names {named}"
            )));
        }
        (0..count).map(|_| self.user()).collect()
    }

    /// An account that may be spoilt for good (barred, removed), from the end
    /// of the pool, with a login of it that works.
    ///
    /// # Errors
    /// [`Stop::NotApplicable`] when there are too few accounts to spoil one.
    pub async fn expendable(&self) -> Result<Login, Stop> {
        let users = &self.profile().users;
        let count = users.count();
        for _ in 0..TRIES {
            let n = self.shared().expended.fetch_add(1, Ordering::Relaxed) + 1;
            // Half of the accounts stay as they are.
            if n > count / 2 {
                return Err(Stop::NotApplicable(
                    "needs more accounts under [users]: this check spoils one for good".to_owned(),
                ));
            }
            let user = users.nth(count - n).ok_or_else(|| Stop::needs("users"))?;
            if let Some(login) = self.try_login(&user, 0).await? {
                return Ok(login);
            }
        }
        Err(Stop::unclear("no account that may be spoilt can log in"))
    }

    /// Logs a fresh account in at the first replica.
    ///
    /// # Errors
    /// [`Stop`] when that fails.
    pub async fn login(&self) -> Result<Login, Stop> {
        self.login_of(&self.user()?).await
    }

    /// Logs `user` in at the first replica.
    ///
    /// # Errors
    /// [`Stop`] when that fails.
    pub async fn login_of(&self, user: &User) -> Result<Login, Stop> {
        self.login_at(user, 0).await
    }

    /// Logs `user` in at a replica.
    ///
    /// # Errors
    /// [`Stop::Inconclusive`] when the target refuses.
    pub async fn login_at(&self, user: &User, replica: usize) -> Result<Login, Stop> {
        let login = self.try_login(user, replica).await?;
        login.ok_or_else(|| {
            Stop::unclear(format!(
                "`{}` could not log in: the login was refused, or brought no credential where the \
                 profile says",
                user.user
            ))
        })
    }

    /// Logs `user` in; `None` if the target refuses.
    ///
    /// # Errors
    /// [`Stop`] when no answer comes.
    pub async fn try_login(&self, user: &User, replica: usize) -> Result<Option<Login>, Stop> {
        let answer = self.login_answer(user, replica).await?;
        if !self.done(Operation::Login, &answer) {
            return Ok(None);
        }
        Ok(self.granted(user, replica, answer, None))
    }

    /// The answer to a login, without a credential in the request.
    ///
    /// # Errors
    /// [`Stop`] when no answer comes.
    pub async fn login_answer(&self, user: &User, replica: usize) -> Result<Answer, Stop> {
        self.hide(&user.password);
        let ask = self.ask(Operation::Login)?.at(replica);
        ask.gap("user", &user.user)
            .gap("password", &user.password)
            .send()
            .await
    }

    /// What an answer grants; `before` is the login that it renews. `None` if
    /// there is no access credential where the profile says.
    #[must_use]
    pub fn granted(
        &self,
        user: &User,
        replica: usize,
        answer: Answer,
        before: Option<&Login>,
    ) -> Option<Login> {
        let profile = self.profile();
        let brought = brought(profile, &answer);
        let access = brought
            .access
            .or_else(|| before.map(|it| it.access.clone()))?;
        let refresh = brought
            .refresh
            .or_else(|| before.and_then(|it| it.refresh.clone()));
        for secret in std::iter::once(&access).chain(&refresh) {
            self.hide(secret);
        }
        let operation = match before {
            None => Operation::Login,
            Some(_) => Operation::Refresh,
        };
        let mapped = profile.request(operation);
        let pointed = |pointer: Option<&String>| pointer.and_then(|it| answer.pointed(it));
        let told = mapped.and_then(|it| pointed(it.subject.as_ref()));
        let subject = user
            .subject
            .clone()
            .or(told)
            .or_else(|| before.map(|it| it.subject.clone()))?;
        let handle = mapped.and_then(|it| pointed(it.login.as_ref()));
        let ends = mapped.and_then(|it| pointed(it.expires_at_ms.as_ref()));
        let mut jar = before.map(|it| it.jar.clone()).unwrap_or_default();
        let dropped = self.fill_jar(&mut jar, &answer);
        if let CsrfProof::Token { cookie, .. } = &profile.csrf
            && let Some(token) = jar.value(cookie)
        {
            let mut proofs = self.shared().proofs.lock();
            proofs.insert(access.clone(), token.to_owned());
        }
        Some(Login {
            user: user.clone(),
            replica,
            subject,
            access,
            refresh,
            handle: handle.or_else(|| before.and_then(|it| it.handle.clone())),
            expires_at_ms: ends.and_then(|text| text.parse().ok()),
            jar,
            dropped,
            answer,
        })
    }

    /// Puts the cookies of an answer into a browser's jar; those that it drops
    /// come back.
    pub fn fill_jar(&self, jar: &mut Jar, answer: &Answer) -> Vec<(String, crate::jar::Dropped)> {
        let url = reqwest::Url::parse(&answer.wire.url).ok();
        let host = url.as_ref().and_then(|url| url.host_str()).unwrap_or("");
        let path = url.as_ref().map_or("/", |url| url.path());
        let mut dropped = Vec::new();
        for cookie in answer.set_cookies() {
            if let Err(why) = jar.take(&cookie, host, path, answer.began_ms) {
                dropped.push((cookie.name, why));
            }
        }
        dropped
    }

    /// Logs the administrator in.
    ///
    /// # Errors
    /// [`Stop::NotApplicable`] when the profile names none.
    pub async fn admin(&self) -> Result<Login, Stop> {
        let admin = self.profile().users.admin.clone();
        let admin = admin.ok_or_else(|| Stop::needs("users.admin"))?;
        self.login_of(&admin).await
    }

    /// Asks for `operation` with what `login` holds.
    ///
    /// # Errors
    /// [`Stop`] when the target has no such operation or gives no answer.
    pub async fn perform(
        &self,
        operation: Operation,
        login: &Login,
        gaps: &[(&str, &str)],
    ) -> Result<Answer, Stop> {
        let mut ask = self.ask(operation)?.with(login);
        for (name, value) in gaps {
            ask = ask.gap(name, *value);
        }
        ask.send().await
    }

    /// Performs `operation` and demands that the target does it.
    ///
    /// # Errors
    /// [`Stop::Inconclusive`] when it does not.
    pub async fn done_by(
        &self,
        operation: Operation,
        login: &Login,
        gaps: &[(&str, &str)],
    ) -> Result<Answer, Stop> {
        let answer = self.perform(operation, login, gaps).await?;
        if self.done(operation, &answer) {
            return Ok(answer);
        }
        Err(Stop::unclear(format!(
            "`{}` was answered {} where the profile says {:?}: {}",
            operation.label(),
            answer.status,
            self.request(operation)?.success,
            self.evidence(&answer).received
        )))
    }

    /// Renews a login at a replica; the answer, and the renewed login if the
    /// target renews it.
    ///
    /// # Errors
    /// [`Stop`] when the target has no `refresh` or gives no answer.
    pub async fn refresh_at(
        &self,
        login: &Login,
        replica: usize,
    ) -> Result<(Answer, Option<Login>), Stop> {
        let ask = self.ask(Operation::Refresh)?.with(login).at(replica);
        let answer = ask.send().await?;
        let renewed = self.renewed(login, replica, &answer);
        Ok((answer, renewed))
    }

    /// Renews a login at its own replica and demands success.
    ///
    /// # Errors
    /// [`Stop::Inconclusive`] when the target refuses.
    pub async fn refresh(&self, login: &Login) -> Result<Login, Stop> {
        let (answer, renewed) = self.refresh_at(login, login.replica).await?;
        renewed.ok_or_else(|| {
            let shown = self.evidence(&answer).received;
            Stop::unclear(format!("an untouched refresh token was refused: {shown}"))
        })
    }

    /// The login that an answer to `refresh` renews; `None` if it refuses.
    #[must_use]
    pub fn renewed(&self, login: &Login, replica: usize, answer: &Answer) -> Option<Login> {
        if !self.done(Operation::Refresh, answer) {
            return None;
        }
        let new = brought(self.profile(), answer);
        let has_token = self.profile().refresh.is_some() && login.refresh.is_some();
        if new.access.is_none() && (!has_token || new.refresh.is_none()) {
            return None;
        }
        self.granted(&login.user, replica, answer.clone(), Some(login))
    }

    /// Whether the refresh token travels in a cookie.
    #[must_use]
    pub fn refresh_in_cookie(&self) -> bool {
        matches!(self.profile().refresh, Some(RefreshCarrier::Cookie { .. }))
    }
}
