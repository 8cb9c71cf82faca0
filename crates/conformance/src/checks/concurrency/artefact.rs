//! CONCURRENCY-007: what is good for one use, used many times at once.

use authbench_results::{Level, Severity};
use authbench_wire::Operation;
use authbench_wire::profile::User;

use super::logins::replicas;
use crate::answer::Answer;
use crate::check::{Check, Cost, Eye};
use crate::checks::refresh::account::new_password;
use crate::race::{Finish, ranked, warm};
use crate::stop::Stop;
use crate::trial::Trial;

/// CONCURRENCY-007.
pub(super) const CONCURRENCY_007: Check = Check {
    id: "CONCURRENCY-007",
    statement: "an artefact for one use, as a reset link, is redeemed at most once by any number \
                of parallel tries",
    level: Level::Must,
    severity: Severity::High,
    families: &[],
    seen_by: &[Eye::Http, Eye::TwoReplicas],
    operations: &[
        Operation::Login,
        Operation::ResetStart,
        Operation::ResetFinish,
        Operation::Whoami,
    ],
    doors: &[],
    clauses: &["ASVS 5.0 6.5.1", "ASVS 5.0 10.4.2", "ASVS 5.0 15.4.2"],
    cwe: &[367],
    mend: "Take the artefact out of the store and act on it in one step; whoever finds nothing to \
           take is refused.",
    cost: Cost::Quick,
    run: |trial| Box::pin(run(trial)),
};

async fn run(trial: &Trial<'_>) -> Result<(), Stop> {
    const ONCE: &str = "parallel tries";
    const LATER: &str = "one try later";
    let racers = usize::try_from(trial.options().racers.max(2)).unwrap_or(2);
    let rounds = trial.options().rounds.max(1);
    warm(trial, &replicas(trial), racers).await?;
    let (mut twice, mut again) = (None, None);
    let mut last = String::new();
    for round in 0..rounds {
        let user = trial.user()?;
        let artefact = artefact(trial, &user).await?;
        let finished = raced(trial, &user, &artefact, racers).await?;
        last = format!("round {round}: {}", told(&finished));
        let winners: Vec<_> = finished
            .iter()
            .map(|it| &it.outcome)
            .filter(|(_, answer)| trial.done(Operation::ResetFinish, answer))
            .collect();
        let Some((winner, _)) = winners.first() else {
            return Err(Stop::unclear(format!("nobody could redeem it ({last})")));
        };
        if winners.len() > 1 && twice.is_none() {
            let answers = winners.iter().map(|(_, answer)| answer.clone());
            let detail = format!("{} tries succeeded; {last}", winners.len());
            twice = Some((detail, answers.collect::<Vec<_>>()));
        }
        if winners.len() == 1 {
            let login = trial.login_of(winner).await?;
            trial.control(&login).await?;
        }
        let late = finish(trial, &artefact, &new_password(trial), 0).await?;
        if trial.done(Operation::ResetFinish, &late) {
            again.get_or_insert((last.clone(), late));
        }
        restored(trial, &user).await?;
    }
    match &twice {
        Some((detail, answers)) => {
            let shown: Vec<_> = answers.iter().collect();
            trial.fail(ONCE, detail.clone(), &shown);
        }
        None => {
            let detail = format!("{rounds} rounds of {racers}, one success each; {last}");
            trial.pass(ONCE, detail);
        }
    }
    match &again {
        Some((detail, answer)) => {
            let detail = format!("it was redeemed once more afterwards; {detail}");
            trial.fail(LATER, detail, &[answer]);
        }
        None => trial.pass(LATER, "refused"),
    }
    Ok(())
}

/// What a mail would bring to `user`.
async fn artefact(trial: &Trial<'_>, user: &User) -> Result<String, Stop> {
    let pointer = trial.request(Operation::ResetStart)?.token.as_ref();
    let pointer = pointer.ok_or_else(|| Stop::needs("operations.reset-start.token"))?;
    let ask = trial.ask(Operation::ResetStart)?;
    let answer = ask.gap("user", &user.user).send().await?;
    let token = answer.pointed(pointer).ok_or_else(|| {
        Stop::unclear(format!(
            "`reset-start` brought no artefact at `{pointer}`: {}",
            trial.evidence(&answer).received
        ))
    })?;
    trial.hide(&token);
    Ok(token)
}

async fn finish(
    trial: &Trial<'_>,
    artefact: &str,
    password: &str,
    replica: usize,
) -> Result<Answer, Stop> {
    let ask = trial.ask(Operation::ResetFinish)?.at(replica);
    let ask = ask.gap("token", artefact).gap("new_password", password);
    ask.send().await
}

/// Tries to set as many different passwords at once.
async fn raced(
    trial: &Trial<'_>,
    user: &User,
    artefact: &str,
    racers: usize,
) -> Result<Vec<Finish<(User, Answer)>>, Stop> {
    let replicas = replicas(trial);
    let places = replicas.iter().copied().cycle().take(racers);
    let running = places.map(|replica| {
        let wanted = User {
            password: new_password(trial),
            ..user.clone()
        };
        async move {
            let answer = finish(trial, artefact, &wanted.password, replica).await?;
            Ok((wanted, answer))
        }
    });
    let finished = ranked(running.collect()).await.into_iter();
    let whole = finished.map(|Finish { racer, outcome }| {
        let outcome: Result<_, Stop> = outcome;
        outcome.map(|outcome| Finish { racer, outcome })
    });
    whole.collect()
}

fn told(finished: &[Finish<(User, Answer)>]) -> String {
    let each = finished
        .iter()
        .map(|it| format!("#{} {}", it.racer, it.outcome.1.status));
    each.collect::<Vec<_>>().join(", ")
}

/// Gives the account back the password that the profile names.
async fn restored(trial: &Trial<'_>, user: &User) -> Result<(), Stop> {
    let artefact = artefact(trial, user).await?;
    let answer = finish(trial, &artefact, &user.password, 0).await?;
    if trial.done(Operation::ResetFinish, &answer) {
        return Ok(());
    }
    Err(Stop::unclear(format!(
        "the password of `{}` could not be set back: {}",
        user.user, answer.status
    )))
}
