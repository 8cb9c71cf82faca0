//! How each operation is tried.

use authbench_conformance::login::{Login, brought};
use authbench_conformance::{Stop, Trial};
use authbench_wire::Operation;
use authbench_wire::profile::{Carrier, RefreshCarrier, User};

use super::lines::Lines;
use super::reading::{self, cookies, known};
use super::{Finding, Health};

/// An account that is made only to be removed.
const GUEST: &str = "authbench-doctor";
const GUEST_PASSWORD: &str = "authbench-doctor-9f3c";

/// The order in which none spoils another: what ends or bars comes last.
const ORDER: [Operation; 21] = [
    Operation::Sessions,
    Operation::Mutate,
    Operation::ReadState,
    Operation::Object,
    Operation::Slow,
    Operation::StepUp,
    Operation::Sensitive,
    Operation::Introspect,
    Operation::Admin,
    Operation::Refresh,
    Operation::Revoke,
    Operation::EndSession,
    Operation::Logout,
    Operation::LogoutAll,
    Operation::SetRoles,
    Operation::PasswordChange,
    Operation::ResetStart,
    Operation::ResetFinish,
    Operation::Create,
    Operation::Delete,
    Operation::Disable,
];

struct Steps<'d, 't> {
    trial: &'d Trial<'t>,
    lines: &'d Lines,
    findings: Vec<Finding>,
}

/// Every operation of the profile, tried.
///
/// # Errors
/// [`Stop::Broken`] when not even the login is answered.
pub(super) async fn all(trial: &Trial<'_>, lines: &Lines) -> Result<Vec<Finding>, Stop> {
    let mut steps = Steps {
        trial,
        lines,
        findings: Vec::new(),
    };
    let login = steps.log_in().await?;
    let Some(login) = login else {
        let why = "there is no login to try it with";
        for operation in [Operation::Whoami].into_iter().chain(ORDER) {
            steps.left_out(operation, why);
        }
        return Ok(steps.findings);
    };
    steps.whoami(&login).await;
    for operation in ORDER {
        if !trial.has(operation) {
            steps.left_out(operation, "");
            continue;
        }
        let finding = match steps.one(operation).await {
            Ok(finding) => finding,
            Err(stop) => Finding::stopped(operation.label(), &stop),
        };
        steps.findings.push(finding);
    }
    Ok(steps.findings)
}

impl Steps<'_, '_> {
    /// The login of the first account, judged in full; then those of a second
    /// one and of the administrator.
    async fn log_in(&mut self) -> Result<Option<Login>, Stop> {
        let first = self.trial.user()?;
        let (finding, login) = self.login(Operation::Login.label(), &first).await?;
        self.findings.push(finding);
        let users = &self.trial.profile().users;
        let others = [
            ("login (second account)", users.nth(1)),
            ("login (administrator)", users.admin.clone()),
        ];
        for (name, user) in others {
            if let (Some(user), true) = (user, login.is_some()) {
                let (finding, _) = self.login(name, &user).await?;
                self.findings.push(finding);
            }
        }
        Ok(login)
    }

    async fn login(&self, name: &str, user: &User) -> Result<(Finding, Option<Login>), Stop> {
        let trial = self.trial;
        let answer = trial.login_answer(user, 0).await?;
        let mut finding = reading::read(trial, self.lines, Operation::Login, &answer);
        name.clone_into(&mut finding.operation);
        finding.seen.extend(cookies(trial, &answer));
        if !trial.done(Operation::Login, &answer) {
            return Ok((finding, None));
        }
        let profile = trial.profile();
        let found = brought(profile, &answer);
        let body = known(&answer.json().unwrap_or_default()).join(", ");
        let set: Vec<String> = answer.set_cookies().into_iter().map(|it| it.name).collect();
        let set = set.join(", ");
        if found.access.is_none() {
            match &profile.carrier {
                Carrier::Cookie { name } => finding.blame(
                    format!("no cookie `{name}`"),
                    format!(
                        "{}: the answer sets: {set}",
                        self.lines.key("carrier.cookie", "name")
                    ),
                ),
                Carrier::Bearer { token } => finding.blame(
                    format!("`{token}` finds no token"),
                    format!(
                        "{}: the answer holds: {body}",
                        self.lines.key("carrier.bearer", "token")
                    ),
                ),
            }
        }
        match (&profile.refresh, &found.refresh) {
            (None, _) | (Some(_), Some(_)) => {}
            (Some(RefreshCarrier::Cookie { name }), None) => finding.seen.push(format!(
                "no refresh cookie `{name}`; good only if this target has none"
            )),
            (Some(RefreshCarrier::Body { token }), None) => finding.seen.push(format!(
                "no refresh token at `{token}`; good only if this target has none"
            )),
        }
        let login = trial.granted(user, 0, answer, None);
        if let Some(login) = &login {
            for (name, why) in &login.dropped {
                finding
                    .seen
                    .push(format!("a browser drops `{name}`: {why}"));
            }
        } else if found.access.is_some() {
            finding.blame(
                "nothing says who the account is",
                format!(
                    "{}: point to it in the answer, or give `subject` for each account",
                    self.lines.operation(Operation::Login, "subject")
                ),
            );
        }
        Ok((finding, login))
    }

    /// The identity echo, and that it tells callers apart.
    async fn whoami(&mut self, login: &Login) {
        let finding = match self.echo(login).await {
            Ok(finding) => finding,
            Err(stop) => Finding::stopped(Operation::Whoami.label(), &stop),
        };
        self.findings.push(finding);
    }

    async fn echo(&self, login: &Login) -> Result<Finding, Stop> {
        let trial = self.trial;
        let who = trial.who(login).await?;
        let place = |key| self.lines.operation(Operation::Whoami, key);
        let mut finding = reading::read(trial, self.lines, Operation::Whoami, who.answer());
        if finding.health == Health::Wrong {
            return Ok(finding);
        }
        finding.seen.push(who.told());
        if !who.is(&login.subject) {
            finding.blame(
                format!("the login belongs to `{}`", login.subject),
                format!(
                    "{}: it must find the same as the login, or as `subject` of the account",
                    place("subject")
                ),
            );
        }
        let anonymous = trial.ask(Operation::Whoami)?.send().await?;
        if trial.identity(anonymous).is_somebody() {
            finding.blame(
                "a request without a credential is accepted as somebody",
                format!("{}: no rejection could be told there", place("path")),
            );
        }
        if trial.negative_control(login).await.is_err() {
            finding.blame(
                "a credential that was never valid is accepted",
                format!("{}: no rejection could be told there", place("path")),
            );
        }
        Ok(finding)
    }

    fn left_out(&mut self, operation: Operation, why: &str) {
        let profile = self.trial.profile();
        let label = operation.label();
        let finding = match (profile.absent.get(&operation), self.trial.has(operation)) {
            (Some(reason), _) => {
                let mut finding = Finding::new(label, Health::Absent);
                finding.seen.push(reason.clone());
                finding
            }
            (None, true) => Finding::untried(label, why),
            // Optional, and not mapped.
            (None, false) => return,
        };
        self.findings.push(finding);
    }

    /// One operation with a login of its own.
    async fn one(&self, operation: Operation) -> Result<Finding, Stop> {
        let trial = self.trial;
        let answer = match operation {
            Operation::Admin => trial.perform(operation, &trial.admin().await?, &[]).await?,
            Operation::SetRoles => self.same_roles().await?,
            Operation::Disable => {
                let victim = trial.expendable().await?;
                let gaps = [("subject_user", victim.user.user.as_str())];
                trial
                    .perform(operation, &trial.admin().await?, &gaps)
                    .await?
            }
            Operation::Create => {
                let gaps = [("subject_user", GUEST), ("new_password", GUEST_PASSWORD)];
                trial
                    .perform(operation, &trial.admin().await?, &gaps)
                    .await?
            }
            Operation::Delete => {
                if !trial.has(Operation::Create) {
                    return Ok(Finding::untried(
                        operation.label(),
                        "without `create` it would remove an account for good",
                    ));
                }
                let gaps = [("subject_user", GUEST)];
                trial
                    .perform(operation, &trial.admin().await?, &gaps)
                    .await?
            }
            Operation::ResetFinish => {
                return Ok(Finding::untried(
                    operation.label(),
                    "it would change a password; the checks try it",
                ));
            }
            Operation::Introspect => {
                return Ok(Finding::untried(
                    operation.label(),
                    "it is asked by one of [[clients]]; the checks try it",
                ));
            }
            Operation::EndSession => return self.end_session().await,
            _ => self.by_caller(operation).await?,
        };
        let mut finding = reading::read(trial, self.lines, operation, &answer);
        finding.seen.extend(cookies(trial, &answer));
        if operation == Operation::Refresh && finding.health == Health::Fits {
            let found = brought(trial.profile(), &answer);
            if found.access.is_none() && found.refresh.is_none() {
                finding.blame(
                    "the answer brings no credential",
                    "[carrier] and [refresh]: they say where the answer to `refresh` holds them, \
                     too",
                );
            }
        }
        Ok(finding)
    }

    /// What a caller does with a fresh login.
    async fn by_caller(
        &self,
        operation: Operation,
    ) -> Result<authbench_conformance::answer::Answer, Stop> {
        let trial = self.trial;
        let login = trial.login().await?;
        let user = &login.user;
        // The new password is the old one: the account stays as it was.
        let gaps = [
            ("user", user.user.as_str()),
            ("subject_user", user.user.as_str()),
            ("password", user.password.as_str()),
            ("new_password", user.password.as_str()),
            ("value", "authbench doctor"),
            ("ms", "50"),
        ];
        if operation == Operation::Sensitive && trial.has(Operation::StepUp) {
            let proof = [("password", user.password.as_str())];
            trial.done_by(Operation::StepUp, &login, &proof).await?;
        }
        trial.perform(operation, &login, &gaps).await
    }

    /// Gives an account the roles that it has.
    async fn same_roles(&self) -> Result<authbench_conformance::answer::Answer, Stop> {
        let trial = self.trial;
        let login = trial.login().await?;
        let who = trial.who(&login).await?;
        let echo = trial.request(Operation::Whoami)?.roles.as_deref();
        let body = who.answer().json().unwrap_or_default();
        let roles = echo.and_then(|pointer| body.pointer(pointer));
        let roles = roles.map_or_else(|| "[]".to_owned(), ToString::to_string);
        let gaps = [
            ("subject_user", login.user.user.as_str()),
            ("roles", roles.as_str()),
        ];
        let admin = trial.admin().await?;
        trial.perform(Operation::SetRoles, &admin, &gaps).await
    }

    /// Ends one listed login.
    async fn end_session(&self) -> Result<Finding, Stop> {
        let trial = self.trial;
        let operation = Operation::EndSession;
        let login = trial.login().await?;
        let request = trial.request(Operation::Sessions)?;
        let answer = trial.perform(Operation::Sessions, &login, &[]).await?;
        let body = answer.json().unwrap_or_default();
        let entries = request.list.as_deref().and_then(|list| body.pointer(list));
        let first = entries.and_then(|entries| entries.get(0));
        let handle = request.login.as_deref();
        let handle = handle.and_then(|pointer| first?.pointer(pointer)?.as_str());
        let handle = handle.or(login.handle.as_deref());
        let Some(handle) = handle else {
            return Ok(Finding::untried(
                operation.label(),
                "no listed login has a handle: see [operations.sessions] login",
            ));
        };
        let gaps = [("login", handle)];
        let answer = trial.perform(operation, &login, &gaps).await?;
        Ok(reading::read(trial, self.lines, operation, &answer))
    }
}
