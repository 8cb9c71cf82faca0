//! REVOKE-007: the list of logins is what works, and each can be ended.

use authbench_results::{Level, Severity};
use authbench_wire::Operation;
use authbench_wire::profile::Family;

use super::dead::{both, everywhere, must_die};
use crate::check::{Check, Cost, Eye};
use crate::login::Login;
use crate::stop::Stop;
use crate::trial::Trial;

/// REVOKE-007.
pub(super) const REVOKE_007: Check = Check {
    id: "REVOKE-007",
    statement: "users can list their logins and end a chosen one, and nobody else's; the list is \
                the set of the credentials that really work",
    level: Level::Must,
    severity: Severity::Medium,
    families: &[
        Family::Session,
        Family::Refresh,
        Family::Denylist,
        Family::Hybrid,
    ],
    seen_by: &[Eye::Http],
    operations: &[
        Operation::Login,
        Operation::Sessions,
        Operation::EndSession,
        Operation::Whoami,
    ],
    doors: &[],
    clauses: &["ASVS 5.0 7.4.5", "ASVS 5.0 7.5.2"],
    cwe: &[613],
    mend: "List from the same records that requests are judged by, and end the record itself.",
    cost: Cost::Quick,
    run: |trial| Box::pin(run(trial)),
};

async fn run(trial: &Trial<'_>) -> Result<(), Stop> {
    let users = trial.users(2)?;
    let (stranger, mine) = (
        trial.login_of(&users[1]).await?,
        trial.login_of(&users[0]).await?,
    );
    // What earlier checks left is ended first.
    let own = only_own(trial, &mine).await?;
    let second = trial.login_at(&users[0], trial.replicas() - 1).await?;
    let listed = handles(trial, &mine).await?;
    let added: Vec<_> = listed.iter().filter(|handle| **handle != own).collect();
    trial.judge(
        "a new login is listed",
        listed.len() == 2 && added.len() == 1,
        format!("after a second login there are {} entries", listed.len()),
        &[],
    );
    let Some(handle) = added.first() else {
        return Ok(());
    };
    foreign(trial, &stranger, &second, handle).await?;
    let gaps = [("login", handle.as_str())];
    trial.done_by(Operation::EndSession, &mine, &gaps).await?;
    gone_from_list(trial, "ended login", &mine, &own).await?;
    let relics = both("the ended login", &second);
    must_die(
        trial,
        "ended login",
        &relics,
        Some(&stranger),
        &everywhere(trial),
    )
    .await?;
    if trial.has(Operation::Logout) {
        let mine = trial.login_of(&users[0]).await?;
        let own = only_own(trial, &mine).await?;
        let third = trial.login_of(&users[0]).await?;
        trial.done_by(Operation::Logout, &third, &[]).await?;
        gone_from_list(trial, "login that logged out", &mine, &own).await?;
    }
    trial.not_applicable(
        "ended by an administrator",
        "no operation of a profile ends another user's logins without barring the account",
    );
    Ok(())
}

/// Ends all logins of the account but `mine`; the handle of that one.
async fn only_own(trial: &Trial<'_>, mine: &Login) -> Result<String, Stop> {
    let before = handles(trial, mine).await?;
    if before.is_empty() {
        return Err(Stop::unclear("the login that asks is not in its own list"));
    }
    if let [own] = before.as_slice() {
        return Ok(own.clone());
    }
    let own = mine.handle.clone();
    let own = own.ok_or_else(|| Stop::needs("operations.login.login"))?;
    for handle in before.iter().filter(|handle| **handle != own) {
        trial
            .perform(Operation::EndSession, mine, &[("login", handle)])
            .await?;
    }
    Ok(own)
}

async fn gone_from_list(
    trial: &Trial<'_>,
    case: &str,
    mine: &Login,
    own: &str,
) -> Result<(), Stop> {
    let left = handles(trial, mine).await?;
    trial.judge(
        case,
        left.len() == 1 && left[0] == own,
        format!(
            "the list then has {} entries, of which one works",
            left.len()
        ),
        &[],
    );
    Ok(())
}

/// A stranger cannot end the login.
async fn foreign(
    trial: &Trial<'_>,
    stranger: &Login,
    login: &Login,
    handle: &str,
) -> Result<(), Stop> {
    let gaps = [("login", handle)];
    let tried = trial
        .perform(Operation::EndSession, stranger, &gaps)
        .await?;
    let who = trial.who(login).await?;
    trial.judge(
        "another user's login",
        who.is(&login.subject),
        format!(
            "a stranger's try was answered {}; the login was then {}",
            tried.status,
            who.told()
        ),
        &[&tried, who.answer()],
    );
    Ok(())
}

/// The handles that `login` is told.
async fn handles(trial: &Trial<'_>, login: &Login) -> Result<Vec<String>, Stop> {
    let request = trial.request(Operation::Sessions)?;
    let list = request.list.as_deref().unwrap_or("");
    let handle = request.login.as_deref();
    let handle = handle.ok_or_else(|| Stop::needs("operations.sessions.login"))?;
    let answer = trial.done_by(Operation::Sessions, login, &[]).await?;
    let unreadable = || Stop::unclear("`sessions` has no list where the profile says");
    let body = answer.json().ok_or_else(unreadable)?;
    let entries = body.pointer(list).and_then(|list| list.as_array());
    let entries = entries.ok_or_else(unreadable)?;
    let handles = entries.iter().filter_map(|entry| entry.pointer(handle));
    Ok(handles
        .map(|handle| match handle {
            serde_json::Value::String(text) => text.clone(),
            other => other.to_string(),
        })
        .collect())
}
