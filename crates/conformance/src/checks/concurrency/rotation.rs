//! CONCURRENCY-006: requests in flight while the identifier changes.

use authbench_core::RefreshOffer;
use authbench_results::{Level, Severity};
use authbench_wire::Operation;
use authbench_wire::profile::Family;
use futures_util::future::BoxFuture;

use super::logins::replicas;
use crate::answer::Answer;
use crate::check::{Check, Cost, Eye};
use crate::login::Login;
use crate::race::{ranked, warm};
use crate::stop::Stop;
use crate::trial::{Trial, Who};

/// CONCURRENCY-006.
pub(super) const CONCURRENCY_006: Check = Check {
    id: "CONCURRENCY-006",
    statement: "while the identifier changes under parallel requests, each request acts as the \
                right user or is refused: never as nobody, never as another, and no acknowledged \
                write is lost",
    level: Level::Must,
    severity: Severity::High,
    families: &[Family::Session, Family::Sealed, Family::Hybrid],
    seen_by: &[Eye::Http],
    operations: &[Operation::Login, Operation::Whoami],
    doors: &[],
    clauses: &["ASVS 5.0 15.4.1", "OWASP Session Management"],
    cwe: &[362],
    mend: "Make the new identifier readable before the old one is taken away, move the record \
           instead of copying it, and answer 401 to what is neither.",
    cost: Cost::Quick,
    run: |trial| Box::pin(run(trial)),
};

/// What one racer did.
enum Did {
    Asked(Who),
    Wrote(Answer),
    Changed(Answer),
}

type Racer<'r> = BoxFuture<'r, Result<Did, Stop>>;

/// What all rounds show.
#[derive(Default)]
struct Seen {
    wrong: Option<(String, Answer)>,
    lost: Option<(String, Answer)>,
    unclear: Option<String>,
    last: String,
    writes: u32,
}

async fn run(trial: &Trial<'_>) -> Result<(), Stop> {
    const WHO: &str = "whom requests act as";
    const LOST: &str = "acknowledged writes";
    let changing = changing(trial)?;
    let racers = usize::try_from(trial.options().racers.max(3)).unwrap_or(3);
    warm(trial, &replicas(trial), racers).await?;
    let mut seen = Seen::default();
    let rounds = trial.options().rounds.max(1);
    for round in 0..rounds {
        one_round(trial, changing, round, racers, &mut seen).await?;
    }
    let last = &seen.last;
    match (&seen.wrong, &seen.unclear) {
        (Some((detail, answer)), _) => trial.fail(WHO, detail.clone(), &[answer]),
        (None, Some(detail)) => trial.inconclusive(WHO, detail.clone(), &[]),
        (None, None) => trial.pass(WHO, format!("{rounds} rounds, the last: {last}")),
    }
    let writes = seen.writes;
    match &seen.lost {
        Some((detail, answer)) => trial.fail(LOST, detail.clone(), &[answer]),
        None if !can_read(trial) => {
            let both = [Operation::Mutate, Operation::ReadState];
            let lacking = both
                .into_iter()
                .try_for_each(|it| trial.request(it).map(drop));
            trial.settle(LOST, lacking);
        }
        None => trial.pass(
            LOST,
            format!("{writes} were acknowledged in {rounds} rounds, and read afterwards"),
        ),
    }
    Ok(())
}

/// The operation that changes the identifier of a login.
fn changing(trial: &Trial<'_>) -> Result<Operation, Stop> {
    if trial.has(Operation::StepUp) {
        return Ok(Operation::StepUp);
    }
    if trial.profile().guarantees.refresh == RefreshOffer::SwapsAccess {
        trial.request(Operation::Refresh)?;
        return Ok(Operation::Refresh);
    }
    trial.request(Operation::StepUp).map(|_| Operation::StepUp)
}

fn can_read(trial: &Trial<'_>) -> bool {
    trial.has(Operation::Mutate) && trial.has(Operation::ReadState)
}

async fn one_round(
    trial: &Trial<'_>,
    changing: Operation,
    round: u32,
    racers: usize,
    seen: &mut Seen,
) -> Result<(), Stop> {
    let login = trial.login().await?;
    trial.control(&login).await?;
    let value = format!("round-{round}");
    let finished = raced(trial, &login, changing, &value, racers).await?;
    let order: Vec<_> = finished
        .iter()
        .map(|(racer, did)| told(*racer, did))
        .collect();
    let order = format!("round {round}: {}", order.join(", "));
    let (mut newest, mut wrote) = (login.clone(), false);
    for (racer, did) in finished {
        match did {
            Did::Asked(who) => match &who {
                Who::Is(subject, _) if *subject == login.subject => {}
                Who::Refused(_) => {}
                Who::Unclear(answer) if answer.status >= 500 => {
                    seen.unclear.get_or_insert(order.clone());
                }
                _ => {
                    let detail = format!("#{racer} was {} ({order})", who.told());
                    seen.wrong.get_or_insert((detail, who.answer().clone()));
                }
            },
            Did::Wrote(answer) => wrote = trial.done(Operation::Mutate, &answer),
            Did::Changed(answer) => match trial.done(changing, &answer) {
                true => {
                    let granted = trial.granted(&login.user, login.replica, answer, Some(&login));
                    newest = granted.unwrap_or(newest);
                }
                false => {
                    seen.unclear.get_or_insert(order.clone());
                }
            },
        }
    }
    after(trial, &newest, &order, seen).await?;
    if wrote && can_read(trial) {
        seen.writes += 1;
        let read = trial.done_by(Operation::ReadState, &newest, &[]).await?;
        let pointer = trial.request(Operation::ReadState)?.value.as_deref();
        let found = read.pointed(pointer.unwrap_or("/value"));
        if found.as_deref() != Some(value.as_str()) {
            let detail = format!("`{value}` was acknowledged, {found:?} was read ({order})");
            seen.lost.get_or_insert((detail, read));
        }
    }
    seen.last = order;
    Ok(())
}

/// What the change brought must work at once, and everywhere.
async fn after(
    trial: &Trial<'_>,
    newest: &Login,
    order: &str,
    seen: &mut Seen,
) -> Result<(), Stop> {
    for replica in replicas(trial) {
        let who = trial.who_at(newest, replica).await?;
        if !who.is(&newest.subject) {
            let told = who.told();
            let detail = format!("the new credential is {told} at replica {replica} ({order})");
            seen.wrong.get_or_insert((detail, who.answer().clone()));
        }
    }
    Ok(())
}

async fn raced(
    trial: &Trial<'_>,
    login: &Login,
    changing: Operation,
    value: &str,
    racers: usize,
) -> Result<Vec<(usize, Did)>, Stop> {
    let mut all: Vec<Racer<'_>> = Vec::new();
    let replicas = replicas(trial);
    for replica in replicas.iter().copied().cycle().take(racers) {
        all.push(Box::pin(async move {
            Ok(Did::Asked(trial.who_at(login, replica).await?))
        }));
    }
    let password = login.user.password.clone();
    let change = Box::pin(async move {
        let ask = trial.ask(changing)?.with(login);
        let ask = match changing {
            Operation::StepUp => ask.gap("password", password),
            _ => ask,
        };
        Ok(Did::Changed(ask.send().await?))
    });
    // The first of all, so that all others meet it on its way.
    all.insert(0, change);
    if can_read(trial) {
        all.insert(
            1,
            Box::pin(async move {
                let gaps = [("value", value)];
                let wrote = trial.perform(Operation::Mutate, login, &gaps).await?;
                Ok(Did::Wrote(wrote))
            }),
        );
    }
    let finished = ranked(all).await.into_iter();
    finished.map(|it| Ok((it.racer, it.outcome?))).collect()
}

fn told(racer: usize, did: &Did) -> String {
    match did {
        Did::Asked(who) => format!("#{racer} {}", who.answer().status),
        Did::Wrote(answer) => format!("write {}", answer.status),
        Did::Changed(answer) => format!("change {}", answer.status),
    }
}
