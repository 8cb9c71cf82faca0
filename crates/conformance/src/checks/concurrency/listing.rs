//! CONCURRENCY-003: the list of logins after many came at once.

use std::collections::BTreeSet;

use authbench_results::{Level, Severity};
use authbench_wire::Operation;
use authbench_wire::profile::{Family, User};
use serde_json::Value;

use super::aftermath::Aftermath;
use super::logins::{crowd, replicas};
use crate::answer::Answer;
use crate::check::{Check, Cost, Eye};
use crate::login::Login;
use crate::race::{together, warm};
use crate::stop::Stop;
use crate::trial::Trial;

/// CONCURRENCY-003.
pub(super) const CONCURRENCY_003: Check = Check {
    id: "CONCURRENCY-003",
    statement: "after parallel logins the list of logins equals those that work, and ending what \
                is listed leaves none behind",
    level: Level::Must,
    severity: Severity::High,
    families: &[
        Family::Session,
        Family::Refresh,
        Family::Denylist,
        Family::Hybrid,
    ],
    seen_by: &[Eye::Http, Eye::TwoReplicas],
    operations: &[Operation::Login, Operation::Sessions, Operation::Whoami],
    doors: &[],
    clauses: &["ASVS 5.0 7.5.2", "ASVS 5.0 15.4.2"],
    cwe: &[362],
    mend: "Write a login and its entry in the account's index in one step of the store; add to \
           the index, never read it and write it back.",
    cost: Cost::Quick,
    run: |trial| Box::pin(run(trial)),
};

async fn run(trial: &Trial<'_>) -> Result<(), Stop> {
    const LISTED: &str = "the list is what works";
    const ENDED: &str = "ended by the list";
    let rounds = trial.options().rounds.clamp(1, 4);
    let mut orphans = Aftermath::new(trial);
    warm(trial, &replicas(trial), crowd(trial)).await?;
    let mut shown = None;
    let mut count = 0;
    for round in 0..rounds {
        let user = trial.user()?;
        emptied(trial, &user).await?;
        let logins = logged_in(trial, &user).await?;
        count = logins.len();
        let Some(lister) = logins.last() else {
            return Err(Stop::unclear("none of several parallel logins was granted"));
        };
        let (listed, answer) = list(trial, lister).await?;
        if let Some(what) = differs(trial, &logins, &listed).await? {
            shown.get_or_insert((format!("round {round}: {what}"), answer));
        }
        if trial.has(Operation::EndSession) {
            ended(trial, &logins, &listed, &mut orphans, round).await?;
        }
    }
    match &shown {
        Some((detail, answer)) => trial.fail(LISTED, detail.clone(), &[answer]),
        None => trial.pass(
            LISTED,
            format!("{rounds} rounds of {count} parallel logins: the same"),
        ),
    }
    if trial.has(Operation::EndSession) {
        let detail = format!("{rounds} rounds of {count} parallel logins");
        return orphans.judge(ENDED, &detail).await;
    }
    let outcome = trial.request(Operation::EndSession).map(drop);
    trial.settle(ENDED, outcome);
    Ok(())
}

/// Ends what other checks left of the account's logins, where that is possible.
async fn emptied(trial: &Trial<'_>, user: &User) -> Result<(), Stop> {
    if trial.has(Operation::LogoutAll) {
        let login = trial.login_of(user).await?;
        trial.done_by(Operation::LogoutAll, &login, &[]).await?;
    }
    Ok(())
}

async fn logged_in(trial: &Trial<'_>, user: &User) -> Result<Vec<Login>, Stop> {
    let replicas = replicas(trial);
    let places = replicas.iter().copied().cycle().take(crowd(trial));
    let racers = places.map(|replica| trial.try_login(user, replica));
    let logins = together(racers.collect()).await.into_iter();
    let granted = logins.collect::<Result<Vec<_>, Stop>>()?;
    Ok(granted.into_iter().flatten().collect())
}

/// The handles in the list; `None` for an entry without one.
async fn list(trial: &Trial<'_>, lister: &Login) -> Result<(Vec<Option<String>>, Answer), Stop> {
    let request = trial.request(Operation::Sessions)?;
    let pointer = request.list.as_ref();
    let pointer = pointer.ok_or_else(|| Stop::needs("operations.sessions.list"))?;
    let handle = request.login.as_deref();
    let answer = trial.done_by(Operation::Sessions, lister, &[]).await?;
    let body = answer.json().unwrap_or_default();
    let entries = body.pointer(pointer).and_then(Value::as_array);
    let entries = entries.ok_or_else(|| Stop::unclear("`sessions` shows no list"))?;
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    let listed = entries.iter().map(|entry| text(entry.pointer(handle?)?));
    Ok((listed.collect(), answer))
}

/// How the list differs from the logins that work, if it does.
async fn differs(
    trial: &Trial<'_>,
    logins: &[Login],
    listed: &[Option<String>],
) -> Result<Option<String>, Stop> {
    let handles: BTreeSet<_> = listed.iter().flatten().cloned().collect();
    let known = logins.iter().all(|login| login.handle.is_some()) && handles.len() == listed.len();
    let mut working = 0;
    for (index, login) in logins.iter().enumerate() {
        let who = trial.who(login).await?;
        let works = who.is(&login.subject);
        working += usize::from(works);
        let Some(handle) = login.handle.as_ref().filter(|_| known) else {
            continue;
        };
        match (works, handles.contains(handle)) {
            (true, false) => {
                return Ok(Some(format!("login #{index} works and is not listed")));
            }
            (false, true) => {
                let told = who.told();
                return Ok(Some(format!("login #{index} is listed and {told}")));
            }
            _ => {}
        }
    }
    // Where the list began empty, there is nothing else to be found in it.
    let differs = trial.has(Operation::LogoutAll) && working != listed.len();
    let count = listed.len();
    Ok(differs.then(|| format!("{working} logins work, {count} are listed")))
}

/// Ends every login by its entry; the one that asks last.
async fn ended(
    trial: &Trial<'_>,
    logins: &[Login],
    listed: &[Option<String>],
    orphans: &mut Aftermath<'_>,
    round: u32,
) -> Result<(), Stop> {
    let Some((lister, others)) = logins.split_last() else {
        return Ok(());
    };
    let own = lister.handle.as_ref();
    let handles = listed.iter().flatten();
    for handle in handles.filter(|handle| Some(*handle) != own) {
        trial
            .done_by(Operation::EndSession, lister, &[("login", handle)])
            .await?;
    }
    for (index, login) in others.iter().enumerate() {
        let how = format!("round {round}, login #{index}, after all that were listed were ended");
        orphans.look(&how, login).await?;
    }
    Ok(())
}
