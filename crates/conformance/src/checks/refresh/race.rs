//! REFRESH-003: simultaneous uses of one refresh token end in one lineage.

use std::collections::BTreeSet;

use authbench_results::{Level, Severity};
use authbench_wire::Operation;
use authbench_wire::profile::{Family, GraceMode};

use super::token::{Terms, Traded, holder, presenting, renew, rotating, sorted, trade};
use crate::answer::Answer;
use crate::check::{Check, Cost, Eye};
use crate::login::Login;
use crate::race::{Finish, ranked, warm};
use crate::stop::Stop;
use crate::trial::Trial;

/// REFRESH-003.
pub(super) const REFRESH_003: Check = Check {
    id: "REFRESH-003",
    statement: "simultaneous refreshes with one token end in one lineage: one winner, or the same \
                successor for all as declared, and never two successors that live",
    level: Level::Must,
    severity: Severity::Critical,
    families: &[Family::Refresh, Family::Hybrid],
    seen_by: &[Eye::Http],
    operations: &[Operation::Login, Operation::Refresh, Operation::Whoami],
    doors: &[],
    clauses: &["ASVS 5.0 15.4.2", "RFC 9700 4.14.2"],
    cwe: &[362, 367],
    mend: "Spend the token by one atomic operation of the store (compare and set, or a row lock), \
           not by a read and a later write.",
    cost: Cost::Quick,
    run: |trial| Box::pin(async move { one_lineage(trial, &[0]).await }),
};

/// Races the uses of one token at `replicas` in turn, in several rounds on
/// kept and on new connections, and judges what is left of each.
pub(in crate::checks) async fn one_lineage(
    trial: &Trial<'_>,
    replicas: &[usize],
) -> Result<(), Stop> {
    let terms = rotating(trial)?;
    // One that is alone must be renewed, or nothing follows from a race.
    let first = holder(trial).await?;
    let second = renew(trial, &first).await?;
    if second.refresh == first.refresh {
        return Err(Stop::unclear(
            "refresh tokens do not change at their use (REFRESH-001)",
        ));
    }
    let racers = racers(trial);
    warm(trial, replicas, racers).await?;
    for (case, fresh) in [("kept connections", false), ("new connections", true)] {
        let mut rounds = Rounds::default();
        for round in 0..trial.options().rounds.max(1) {
            let token = holder(trial).await?;
            let finished = raced(trial, &token, replicas, racers, fresh).await?;
            let found = judged(trial, terms, &finished).await?;
            rounds.add(round, found, &finished);
        }
        rounds.tell(trial, case, terms, racers);
    }
    Ok(())
}

/// How many race: at least two, and no more than a grace answers.
pub(super) fn racers(trial: &Trial<'_>) -> usize {
    let most = trial.policy().grace_replays_max;
    let most = most.map_or(u32::MAX, |replays| replays.saturating_add(1));
    usize::try_from(trial.options().racers.min(most).max(2)).unwrap_or(2)
}

/// Presents one token many times at once.
pub(super) async fn raced(
    trial: &Trial<'_>,
    token: &Login,
    replicas: &[usize],
    racers: usize,
    fresh: bool,
) -> Result<Vec<Finish<Traded>>, Stop> {
    let places = replicas.iter().copied().cycle().take(racers);
    let asks = places.map(|replica| {
        let ask = presenting(trial, token, replica)?;
        Ok((replica, if fresh { ask.on_new_connection() } else { ask }))
    });
    let asks = asks.collect::<Result<Vec<_>, Stop>>()?;
    let running = asks.into_iter().map(|(replica, ask)| async move {
        let answer = ask.send().await?;
        Ok(sorted(trial, token, replica, answer))
    });
    let finished = ranked(running.collect()).await.into_iter();
    let whole = finished.map(|Finish { racer, outcome }| {
        let outcome: Result<Traded, Stop> = outcome;
        outcome.map(|outcome| Finish { racer, outcome })
    });
    whole.collect()
}

/// Who came in where with which status, in the order of finishing.
pub(super) fn told(finished: &[Finish<Traded>]) -> String {
    let each = finished
        .iter()
        .map(|it| format!("#{} {}", it.racer, it.outcome.answer().status));
    each.collect::<Vec<_>>().join(", ")
}

/// What one round shows.
enum Found {
    /// One lineage, as declared.
    Sound,
    /// The breach.
    Breach(String),
    /// The target failed.
    Unclear,
}

async fn judged(
    trial: &Trial<'_>,
    terms: Terms,
    finished: &[Finish<Traded>],
) -> Result<Found, Stop> {
    if finished
        .iter()
        .any(|it| matches!(it.outcome, Traded::Unclear(_)))
    {
        return Ok(Found::Unclear);
    }
    let winners: Vec<&Login> = finished
        .iter()
        .filter_map(|it| it.outcome.renewed())
        .collect();
    let successors: BTreeSet<_> = winners.iter().map(|it| it.refresh.clone()).collect();
    if successors.len() > 1 {
        let mut alive = 0;
        for successor in &successors {
            let holder = winners.iter().find(|it| it.refresh == *successor);
            if let Some(holder) = holder
                && trade(trial, holder).await?.renewed().is_some()
            {
                alive += 1;
            }
        }
        let count = successors.len();
        return Ok(Found::Breach(format!(
            "{count} different successors, {alive} of which could be used"
        )));
    }
    let (won, ran) = (winners.len(), finished.len());
    let breach = |what: String| Ok(Found::Breach(what));
    match (terms.mode, winners.first()) {
        // Each loser is a reuse, which may end the family before the winner.
        (Some(GraceMode::None), _) if won <= 1 => Ok(Found::Sound),
        (Some(GraceMode::None | GraceMode::Strict), _) if won > 1 => {
            breach(format!("{won} winners where one is declared"))
        }
        (Some(GraceMode::ReplaySuccessor), _) if won < ran => breach(format!(
            "{} of {ran} were refused within the grace",
            ran - won
        )),
        (None, None) => Ok(Found::Sound),
        (_, None) => breach("nobody won".to_owned()),
        (_, Some(winner)) => match trade(trial, winner).await? {
            Traded::Renewed(..) => Ok(Found::Sound),
            Traded::Unclear(_) => Ok(Found::Unclear),
            // Without a declared mode the losers may count as reuse.
            Traded::Refused(_) if terms.mode.is_none() && won < ran => Ok(Found::Sound),
            Traded::Refused(_) => breach("the one successor was dead after the race".to_owned()),
        },
    }
}

/// What all rounds of a case show.
#[derive(Default)]
struct Rounds {
    made: u32,
    breaches: Vec<String>,
    unclear: Vec<String>,
    shown: Vec<Answer>,
    sample: String,
}

impl Rounds {
    fn add(&mut self, round: u32, found: Found, finished: &[Finish<Traded>]) {
        self.made += 1;
        let order = told(finished);
        match found {
            Found::Sound => {}
            Found::Breach(what) => {
                self.breaches
                    .push(format!("round {round}: {what} ({order})"));
                if self.shown.is_empty() {
                    let answers = finished.iter().map(|it| it.outcome.answer().clone());
                    self.shown.extend(answers.take(4));
                }
            }
            Found::Unclear => self.unclear.push(format!("round {round}: {order}")),
        }
        self.sample = order;
    }

    fn tell(self, trial: &Trial<'_>, case: &str, terms: Terms, racers: usize) {
        let shown: Vec<_> = self.shown.iter().collect();
        if let Some(first) = self.breaches.first() {
            let (bad, made) = (self.breaches.len(), self.made);
            trial.fail(case, format!("{bad} of {made} rounds: {first}"), &shown);
        } else if let Some(first) = self.unclear.first() {
            trial.inconclusive(case, format!("the target failed; {first}"), &[]);
        } else {
            let mode = match terms.mode {
                Some(GraceMode::None) => "no grace",
                Some(GraceMode::Strict) => "strict",
                Some(GraceMode::ReplaySuccessor) => "replay-successor",
                None => "undeclared grace",
            };
            let (made, last) = (self.made, &self.sample);
            let detail = format!("{made} rounds of {racers} racers, {mode}; the last: {last}");
            trial.pass(case, detail);
        }
    }
}
