//! One login through every operation that may set a cookie.

use authbench_wire::Operation;
use authbench_wire::profile::{Carrier, Family};

use crate::answer::Answer;
use crate::jar::SetCookie;
use crate::login::is_credential;
use crate::stop::Stop;
use crate::trial::Trial;

/// The families whose credentials travel in cookies.
pub(super) const IN_COOKIES: &[Family] = &[
    Family::Session,
    Family::Hybrid,
    Family::Sealed,
    Family::Refresh,
];

/// Every answer on the way of one login.
pub(super) struct Tour {
    /// The answers, with the operation that each one answers.
    pub(super) answers: Vec<(Operation, Answer)>,
}

/// A cookie that one of the answers sets (not one that it clears).
pub(super) struct Set<'t> {
    pub(super) by: Operation,
    pub(super) cookie: SetCookie,
    pub(super) answer: &'t Answer,
}

/// Logs in and goes through what the target has: renewal, step-up, uses.
///
/// # Errors
/// [`Stop`] when credentials do not travel in cookies, or the login fails.
pub(super) async fn tour(trial: &Trial<'_>) -> Result<Tour, Stop> {
    in_cookies(trial)?;
    let mut login = trial.login().await?;
    let mut answers = vec![(Operation::Login, login.answer.clone())];
    for operation in [
        Operation::Whoami,
        Operation::Mutate,
        Operation::ReadState,
        Operation::Sessions,
    ] {
        if trial.has(operation) {
            let answer = trial
                .perform(operation, &login, &[("value", "tour")])
                .await?;
            answers.push((operation, answer));
        }
    }
    if trial.has(Operation::Refresh) {
        let (answer, renewed) = trial.refresh_at(&login, login.replica).await?;
        answers.push((Operation::Refresh, answer));
        login = renewed.unwrap_or(login);
    }
    if trial.has(Operation::StepUp) {
        let gaps = [("password", login.user.password.as_str())];
        let answer = trial.perform(Operation::StepUp, &login, &gaps).await?;
        answers.push((Operation::StepUp, answer));
    }
    Ok(Tour { answers })
}

/// Demands that some credential travels in a cookie.
///
/// # Errors
/// [`Stop::NotApplicable`] when none does.
pub(super) fn in_cookies(trial: &Trial<'_>) -> Result<(), Stop> {
    let access = matches!(trial.profile().carrier, Carrier::Cookie { .. });
    match access || trial.refresh_in_cookie() {
        true => Ok(()),
        false => Err(Stop::NotApplicable(
            "no credential of this target travels in a cookie".to_owned(),
        )),
    }
}

impl Tour {
    /// Every cookie that is set and can authenticate, refresh, or prove that a
    /// request is the site's own.
    pub(super) fn guarding(&self, trial: &Trial<'_>) -> Vec<Set<'_>> {
        self.set(|name| is_credential(trial.profile(), name) || is_forgery_proof(name))
    }

    /// Every cookie that is set and can authenticate or refresh.
    pub(super) fn credentials(&self, trial: &Trial<'_>) -> Vec<Set<'_>> {
        self.set(|name| is_credential(trial.profile(), name))
    }

    fn set(&self, wanted: impl Fn(&str) -> bool) -> Vec<Set<'_>> {
        let mut found = Vec::new();
        for (by, answer) in &self.answers {
            for cookie in answer.set_cookies() {
                if wanted(&cookie.name) && !clears(&cookie) {
                    found.push(Set {
                        by: *by,
                        cookie,
                        answer,
                    });
                }
            }
        }
        found
    }
}

/// Whether a `Set-Cookie` is there to remove the cookie.
pub(super) fn clears(cookie: &SetCookie) -> bool {
    cookie.value.is_empty()
        || cookie.max_age_s.is_some_and(|age_s| age_s <= 0)
        || (cookie.max_age_s.is_none() && cookie.expires_s.is_some_and(|at_s| at_s < 86_400 * 365))
}

/// The usual names of cookies that prove that a request is the site's own.
fn is_forgery_proof(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.contains("csrf") || name.contains("xsrf")
}
