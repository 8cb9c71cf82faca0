//! COOKIE-010: two cookies of one name.

use authbench_results::{Level, Severity};
use authbench_wire::Operation;
use authbench_wire::profile::Carrier;

use super::tour::IN_COOKIES;
use crate::answer::Answer;
use crate::check::{Check, Cost, Eye};
use crate::login::{Login, cookie_pairs};
use crate::stop::Stop;
use crate::trial::Trial;

/// COOKIE-010.
pub(super) const COOKIE_010: Check = Check {
    id: "COOKIE-010",
    statement: "a request with two credential cookies of one name is refused, or resolved in the \
                same way by every endpoint and replica",
    level: Level::Must,
    severity: Severity::High,
    families: IN_COOKIES,
    seen_by: &[Eye::Http, Eye::TwoReplicas],
    operations: &[Operation::Login, Operation::Whoami],
    doors: &[],
    clauses: &["RFC 6265bis 8.6", "RFC 6265bis 5.8.3", "ASVS 5.0 15.3.7"],
    cwe: &[565, 384],
    mend: "Refuse a request in which a credential cookie stands twice, in one place that every \
           endpoint goes through.",
    cost: Cost::Quick,
    run: |trial| Box::pin(run(trial)),
};

/// Whom one endpoint took the request for: a subject, or nobody.
type Taken = Option<String>;

async fn run(trial: &Trial<'_>) -> Result<(), Stop> {
    let Carrier::Cookie { name } = &trial.profile().carrier else {
        return Err(Stop::NotApplicable(
            "the access credential does not travel in a cookie".to_owned(),
        ));
    };
    let users = trial.users(2)?;
    let mut logins = Vec::new();
    for user in &users {
        logins.push(trial.login_of(user).await?);
    }
    for (case, order) in [("attacker's first", [0, 1]), ("victim's first", [1, 0])] {
        let pairs = order.map(|index: usize| cookie_pairs(name, &logins[index].access).join("; "));
        let both = pairs.join("; ");
        one_order(trial, case, &both, &logins).await?;
    }
    for login in &logins {
        trial.control(login).await?;
    }
    Ok(())
}

async fn one_order(
    trial: &Trial<'_>,
    case: &str,
    both: &str,
    logins: &[Login],
) -> Result<(), Stop> {
    let mut seen: Vec<(String, Taken, Answer)> = Vec::new();
    for replica in 0..trial.replicas() {
        let ask = trial.ask(Operation::Whoami)?.at(replica).cookie(both);
        let who = trial.identity(ask.send().await?);
        let taken = match &who {
            crate::trial::Who::Is(subject, _) => Some(subject.clone()),
            _ => None,
        };
        seen.push((
            format!("whoami at replica {replica}"),
            taken,
            who.answer().clone(),
        ));
    }
    if trial.has(Operation::Mutate) {
        let (taken, answer) = changed_for(trial, both, logins).await?;
        seen.push(("mutate".to_owned(), taken, answer));
    }
    let first = seen[0].1.clone();
    let other = seen.iter().find(|(_, taken, _)| *taken != first);
    let named = |taken: &Taken| taken.clone().unwrap_or_else(|| "nobody".to_owned());
    match other {
        Some((place, taken, answer)) => {
            let detail = format!(
                "whoami takes the request for {}, but {place} for {}",
                named(&first),
                named(taken)
            );
            trial.fail(case, detail, &[&seen[0].2, answer]);
        }
        None => {
            let places = seen.len();
            trial.pass(
                case,
                format!("{places} places take the request for {}", named(&first)),
            );
        }
    }
    Ok(())
}

/// Whose state a change by the request changed.
async fn changed_for(
    trial: &Trial<'_>,
    both: &str,
    logins: &[Login],
) -> Result<(Taken, Answer), Stop> {
    let mark = format!("two-{}", trial.random(rand::RngExt::random::<u32>));
    let ask = trial
        .ask(Operation::Mutate)?
        .cookie(both)
        .gap("value", &mark);
    let answer = ask.send().await?;
    if !trial.done(Operation::Mutate, &answer) {
        return Ok((None, answer));
    }
    let echo = trial.request(Operation::Mutate)?.subject.as_ref();
    let mut taken = echo.and_then(|pointer| answer.pointed(pointer));
    if trial.has(Operation::ReadState) {
        let pointer = trial.request(Operation::ReadState)?.value.clone();
        let pointer = pointer.ok_or_else(|| Stop::needs("operations.read-state value"))?;
        for login in logins {
            let state = trial.perform(Operation::ReadState, login, &[]).await?;
            if state.pointed(&pointer).as_deref() == Some(mark.as_str()) {
                taken = Some(login.subject.clone());
            }
        }
    }
    Ok((taken, answer))
}
