//! CONCURRENCY-002: logins that race a log-out-everywhere or a password change.

use authbench_results::{Level, Severity};
use authbench_wire::Operation;
use authbench_wire::profile::{Family, User};
use futures_util::future::BoxFuture;

use super::aftermath::Aftermath;
use crate::answer::Answer;
use crate::check::{Check, Cost, Eye};
use crate::checks::refresh::account::{change_password, new_password, restore_password};
use crate::login::Login;
use crate::race::{Finish, ranked, warm};
use crate::stop::Stop;
use crate::trial::Trial;

/// CONCURRENCY-002.
pub(super) const CONCURRENCY_002: Check = Check {
    id: "CONCURRENCY-002",
    statement: "logins that race a log-out-everywhere or a password change end in a state that \
                some serial order explains: none survives that the old password opened, or that \
                was there before the cut",
    level: Level::Must,
    severity: Severity::Critical,
    families: &[
        Family::Session,
        Family::Denylist,
        Family::Refresh,
        Family::Hybrid,
    ],
    seen_by: &[Eye::Http, Eye::TwoReplicas],
    operations: &[Operation::Login, Operation::Whoami],
    doors: &[],
    clauses: &["ASVS 5.0 7.4.3", "ASVS 5.0 15.4.2"],
    cwe: &[362, 367],
    mend: "Judge the password (or its version) again in the very step that stores the login, and \
           cut by a version of the account rather than by a list that was read before.",
    cost: Cost::Quick,
    run: |trial| Box::pin(run(trial)),
};

async fn run(trial: &Trial<'_>) -> Result<(), Stop> {
    let changes = passwords(trial).await;
    trial.settle("password change", changes);
    let cuts = everywhere(trial).await;
    trial.settle("log out everywhere", cuts);
    Ok(())
}

/// How many log in at once: neither guessing nor the limit of logins shall
/// matter.
pub(super) fn crowd(trial: &Trial<'_>) -> usize {
    let policy = trial.policy();
    let limits = [
        policy.guesses_max.map(|most| most.saturating_sub(2)),
        policy.sessions_max.map(|most| most.saturating_sub(2)),
    ];
    let most = limits.into_iter().flatten().min().unwrap_or(u32::MAX);
    usize::try_from(trial.options().racers.min(most).max(2)).unwrap_or(2)
}

/// All replicas that a race goes to.
pub(super) fn replicas(trial: &Trial<'_>) -> Vec<usize> {
    (0..trial.replicas().min(2)).collect()
}

/// What one racer did.
enum Did {
    /// Tried to log in.
    LoggedIn(Option<Box<Login>>, u16),
    /// Made the cut.
    Cut(Box<Answer>),
}

type Racer<'r> = BoxFuture<'r, Result<Did, Stop>>;

/// Logins of `user` that start together with `cut`, which stands in their
/// middle; each with its place, in the order of finishing.
async fn raced<'r>(
    trial: &'r Trial<'_>,
    user: &'r User,
    cut: impl Future<Output = Result<Answer, Stop>> + Send + 'r,
) -> Result<Vec<Finish<Did>>, Stop> {
    let replicas = replicas(trial);
    let places = replicas.iter().copied().cycle().take(crowd(trial));
    let mut racers: Vec<Racer<'r>> = Vec::new();
    for replica in places {
        racers.push(Box::pin(async move {
            let answer = trial.login_answer(user, replica).await?;
            let status = answer.status;
            let login = match trial.done(Operation::Login, &answer) {
                true => trial.granted(user, replica, answer, None),
                false => None,
            };
            Ok(Did::LoggedIn(login.map(Box::new), status))
        }));
    }
    let middle = racers.len() / 2;
    racers.insert(
        middle,
        Box::pin(async move { cut.await.map(|it| Did::Cut(Box::new(it))) }),
    );
    let finished = ranked(racers).await.into_iter();
    let whole =
        finished.map(|Finish { racer, outcome }| outcome.map(|outcome| Finish { racer, outcome }));
    whole.collect()
}

/// Who came in where with which status.
fn told(finished: &[Finish<Did>]) -> String {
    let each = finished.iter().map(|it| match &it.outcome {
        Did::LoggedIn(_, status) => format!("#{} {status}", it.racer),
        Did::Cut(answer) => format!("cut {}", answer.status),
    });
    each.collect::<Vec<_>>().join(", ")
}

fn logins(finished: &[Finish<Did>]) -> impl Iterator<Item = (usize, &Login)> {
    finished.iter().filter_map(|it| match &it.outcome {
        Did::LoggedIn(Some(login), _) => Some((it.racer, &**login)),
        Did::LoggedIn(None, _) | Did::Cut(_) => None,
    })
}

fn cut(finished: &[Finish<Did>]) -> Option<&Answer> {
    finished.iter().find_map(|it| match &it.outcome {
        Did::Cut(answer) => Some(&**answer),
        Did::LoggedIn(..) => None,
    })
}

async fn passwords(trial: &Trial<'_>) -> Result<(), Stop> {
    const CASE: &str = "password change";
    trial.request(Operation::PasswordChange)?;
    quiet_change(trial).await?;
    let mut left = Aftermath::new(trial);
    let rounds = trial.options().rounds.max(1);
    warm(trial, &replicas(trial), crowd(trial)).await?;
    let mut last = String::new();
    for round in 0..rounds {
        let user = trial.user()?;
        let changer = trial.login_of(&user).await?;
        let changed = User {
            password: new_password(trial),
            ..user.clone()
        };
        let gaps = [
            ("password", user.password.as_str()),
            ("new_password", changed.password.as_str()),
        ];
        let change = trial.perform(Operation::PasswordChange, &changer, &gaps);
        let finished = raced(trial, &user, change).await?;
        last = told(&finished);
        let done = cut(&finished).is_some_and(|it| trial.done(Operation::PasswordChange, it));
        if !done {
            return Err(Stop::unclear(format!(
                "round {round}: the password was not changed ({last})"
            )));
        }
        for (racer, login) in logins(&finished) {
            let how = format!("round {round}, login #{racer} with the old password ({last})");
            left.look(&how, login).await?;
        }
        restore_password(trial, &changed, &user).await?;
    }
    let detail = format!("{rounds} rounds, the last: {last}");
    left.judge(CASE, &detail).await
}

/// Without a race, a password change must end other logins, or nothing follows.
async fn quiet_change(trial: &Trial<'_>) -> Result<(), Stop> {
    let user = trial.user()?;
    let before = trial.login_of(&user).await?;
    trial.control(&before).await?;
    let changed = change_password(trial, &user).await?;
    let who = trial.who(&before).await?;
    restore_password(trial, &changed, &user).await?;
    if who.is_somebody() && trial.policy().revoke_max_ms == Some(0) {
        return Err(Stop::unclear(
            "a password change does not end other logins even without a race (REVOKE-005)",
        ));
    }
    Ok(())
}

async fn everywhere(trial: &Trial<'_>) -> Result<(), Stop> {
    const BEFORE: &str = "before a log-out-everywhere";
    const AGAIN: &str = "at the second log-out-everywhere";
    trial.request(Operation::LogoutAll)?;
    let (mut before, mut again) = (Aftermath::new(trial), Aftermath::new(trial));
    let rounds = trial.options().rounds.max(1);
    warm(trial, &replicas(trial), crowd(trial)).await?;
    let mut last = String::new();
    for round in 0..rounds {
        let user = trial.user()?;
        let caller = trial.login_of(&user).await?;
        let cutting = trial.perform(Operation::LogoutAll, &caller, &[]);
        let finished = raced(trial, &user, cutting).await?;
        last = told(&finished);
        let done = cut(&finished).is_some_and(|it| trial.done(Operation::LogoutAll, it));
        if !done {
            return Err(Stop::unclear(format!(
                "round {round}: nobody was logged out ({last})"
            )));
        }
        // The caller was there before the cut; of the racers, any may come
        // after it. But none may be out of reach of the next cut.
        let how = format!("round {round}, the login that made the cut ({last})");
        before.look(&how, &caller).await?;
        let next = trial.login_of(&user).await?;
        trial.done_by(Operation::LogoutAll, &next, &[]).await?;
        for (racer, login) in logins(&finished) {
            let how = format!("round {round}, login #{racer}, after a second cut ({last})");
            again.look(&how, login).await?;
        }
    }
    let detail = format!("{rounds} rounds, the last: {last}");
    before.judge(BEFORE, &detail).await?;
    again.judge(AGAIN, &detail).await
}
