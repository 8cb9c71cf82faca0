//! SESSION-010: the limit of parallel logins holds.

use authbench_core::LimitPolicy;
use authbench_results::{Level, Severity};
use authbench_wire::Operation;
use authbench_wire::profile::{Family, Overflow, User};

use crate::answer::Answer;
use crate::check::{Check, Cost, Eye};
use crate::login::Login;
use crate::race::together;
use crate::stop::Stop;
use crate::trial::Trial;

/// SESSION-010.
pub(super) const SESSION_010: Check = Check {
    id: "SESSION-010",
    statement: "the documented limit of parallel logins, and what becomes of one more, hold; also \
                when logins arrive together",
    level: Level::Must,
    severity: Severity::Medium,
    families: &[Family::Session, Family::Refresh, Family::Denylist],
    seen_by: &[Eye::Http],
    operations: &[Operation::Login, Operation::Whoami],
    doors: &[],
    clauses: &["ASVS 5.0 7.1.2", "WSTG-SESS-11"],
    cwe: &[],
    mend: "Count and make room in the same step (transaction, lock or script) that opens the login.",
    cost: Cost::Slow,
    run: |trial| Box::pin(run(trial)),
};

/// Beyond this the limit is not worth the logins.
const LIMIT_MAX: u32 = 500;

async fn run(trial: &Trial<'_>) -> Result<(), Stop> {
    let promised = trial.profile().guarantees.login_limit;
    let limit = trial.policy().sessions_max;
    let limit = limit.or(promised.map(|limit| limit.logins_max));
    let limit = limit.ok_or_else(|| {
        Stop::NotApplicable(
            "the profile declares no limit of parallel logins: needs `policy.sessions_max`"
                .to_owned(),
        )
    })?;
    if limit == 0 || limit > LIMIT_MAX {
        return Err(Stop::NotApplicable(format!(
            "a limit of {limit} would take too many logins; at most {LIMIT_MAX} are made"
        )));
    }
    let overflow = trial
        .policy()
        .overflow
        .or(promised.map(|limit| match limit.policy {
            LimitPolicy::Evict => Overflow::Evict,
            LimitPolicy::Reject => Overflow::Reject,
        }));
    one_more(trial, limit, overflow).await?;
    at_once(trial, limit, overflow).await
}

/// Fills the limit one by one, then asks for one more.
async fn one_more(trial: &Trial<'_>, limit: u32, overflow: Option<Overflow>) -> Result<(), Stop> {
    const CASE: &str = "one more than the limit";
    let user = trial.user()?;
    let mut logins = Vec::new();
    for _ in 0..limit {
        logins.push(trial.login_of(&user).await?);
    }
    let last = trial.login_answer(&user, 0).await?;
    let extra = match trial.done(Operation::Login, &last) {
        true => trial.granted(&user, 0, last.clone(), None),
        false => None,
    };
    let alive_before = alive(trial, &logins).await?;
    let extra_alive = match &extra {
        Some(extra) => is_alive(trial, extra).await?,
        None => false,
    };
    let working = count(&alive_before) + u32::from(extra_alive);
    let first_alive = alive_before.first().copied().unwrap_or(false);
    let as_declared = match overflow {
        Some(Overflow::Evict) => extra_alive && !first_alive,
        Some(Overflow::Reject) => !extra_alive && first_alive,
        None => true,
    };
    let what = match extra_alive {
        true => "was let in",
        false => "was not let in",
    };
    let detail = format!(
        "{working} of {} logins work where {limit} may; the last {what}, and the first one {}",
        limit + 1,
        if first_alive { "works" } else { "has ended" }
    );
    trial.judge(CASE, working <= limit && as_declared, detail, &[&last]);
    if overflow.is_none() {
        trial.note("needs `policy.overflow` to judge what becomes of one more");
    }
    Ok(())
}

/// Logins that race for the last place.
async fn at_once(trial: &Trial<'_>, limit: u32, overflow: Option<Overflow>) -> Result<(), Stop> {
    const CASE: &str = "logins that arrive together";
    let mut worst = 0;
    let mut shown: Option<Answer> = None;
    let mut least = u32::MAX;
    for _ in 0..trial.options().rounds.max(1) {
        let user = trial.user()?;
        let mut logins = Vec::new();
        for _ in 1..limit {
            logins.push(trial.login_of(&user).await?);
        }
        let racers = (0..trial.options().racers.max(2)).map(|racer| race(trial, &user, racer));
        for (answer, login) in together(racers.collect())
            .await
            .into_iter()
            .collect::<Result<Vec<_>, Stop>>()?
        {
            shown = Some(answer);
            logins.extend(login);
        }
        let working = count(&alive(trial, &logins).await?);
        worst = worst.max(working);
        least = least.min(working);
    }
    let detail = format!(
        "at most {worst} and at least {least} logins work afterwards where {limit} may, over {} \
         rounds of {} logins at once",
        trial.options().rounds.max(1),
        trial.options().racers.max(2)
    );
    // Who makes room must not end all of them.
    let enough = overflow.is_none() || least > 0;
    let shown: Vec<&Answer> = shown.iter().collect();
    trial.judge(CASE, worst <= limit && enough, detail, &shown);
    Ok(())
}

async fn race(trial: &Trial<'_>, user: &User, racer: u32) -> Result<(Answer, Option<Login>), Stop> {
    let replica = racer as usize % trial.replicas();
    let answer = trial.login_answer(user, replica).await?;
    let login = match trial.done(Operation::Login, &answer) {
        true => trial.granted(user, replica, answer.clone(), None),
        false => None,
    };
    Ok((answer, login))
}

async fn alive(trial: &Trial<'_>, logins: &[Login]) -> Result<Vec<bool>, Stop> {
    let mut alive = Vec::with_capacity(logins.len());
    for login in logins {
        alive.push(is_alive(trial, login).await?);
    }
    Ok(alive)
}

/// Whether the login works; where a self-contained token may outlive it, its
/// renewal tells.
async fn is_alive(trial: &Trial<'_>, login: &Login) -> Result<bool, Stop> {
    if login.refresh.is_some() && trial.has(Operation::Refresh) {
        return Ok(trial.refresh_at(login, login.replica).await?.1.is_some());
    }
    Ok(trial.who(login).await?.is(&login.subject))
}

fn count(alive: &[bool]) -> u32 {
    let found = alive.iter().filter(|alive| **alive).count();
    u32::try_from(found).unwrap_or(u32::MAX)
}
