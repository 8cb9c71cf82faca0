//! REFRESH-006 and REFRESH-007: races and lost answers do not log anybody out.

use authbench_results::{Level, Severity};
use authbench_wire::Operation;
use authbench_wire::profile::{Family, GraceMode};

use super::race::{raced, racers, told};
use super::token::{Terms, Traded, holder, renew, rotating, trade};
use crate::answer::Answer;
use crate::check::{Check, Cost, Eye};
use crate::login::{Login, is_credential};
use crate::race::warm;
use crate::stop::Stop;
use crate::trial::Trial;

/// REFRESH-006.
pub(super) const REFRESH_006: Check = Check {
    id: "REFRESH-006",
    statement: "whoever loses a benign race for a refresh neither clears nor overwrites the \
                winner's cookies, and is told to try again, not to log in",
    level: Level::Must,
    severity: Severity::Medium,
    families: &[Family::Hybrid],
    seen_by: &[Eye::Http, Eye::Jar],
    operations: &[Operation::Login, Operation::Refresh, Operation::Whoami],
    doors: &[],
    clauses: &[],
    cwe: &[362],
    mend: "Leave cookies alone in a refusal, and answer a token that was spent a moment ago with \
           its successor, or with 409 or 425 and no `Set-Cookie`.",
    cost: Cost::Quick,
    run: |trial| Box::pin(losers(trial)),
};

/// REFRESH-007.
pub(super) const REFRESH_007: Check = Check {
    id: "REFRESH-007",
    statement: "when the answer to a refresh is lost, a retry within the grace restores the \
                client, or at least does not end the login",
    level: Level::Should,
    severity: Severity::Medium,
    families: &[Family::Refresh, Family::Hybrid],
    seen_by: &[Eye::Http],
    operations: &[Operation::Login, Operation::Refresh, Operation::Whoami],
    doors: &[],
    clauses: &["FAPI 2.0 5.3.2.1"],
    cwe: &[],
    mend: "For some seconds answer the predecessor of the newest token with that newest token \
           again.",
    cost: Cost::Quick,
    run: |trial| Box::pin(lost(trial)),
};

/// The statuses that ask a client to come again (RFC 9110 15.5.10, 15.6.4,
/// RFC 8470 5.2, RFC 6585 4).
const COME_AGAIN: [u16; 4] = [409, 425, 429, 503];

fn with_grace(trial: &Trial<'_>) -> Result<Terms, Stop> {
    let terms = rotating(trial)?;
    if terms.mode == Some(GraceMode::None) {
        trial.note("declared: no grace; a race or a lost answer costs the login");
        return Err(Stop::NotApplicable(
            "no grace is declared: a spent token counts as reuse at once".to_owned(),
        ));
    }
    Ok(terms)
}

async fn losers(trial: &Trial<'_>) -> Result<(), Stop> {
    const COOKIES: &str = "winner's cookies";
    const STATUS: &str = "told to try again";
    with_grace(trial)?;
    if !trial.refresh_in_cookie() {
        return Err(Stop::NotApplicable(
            "the refresh token travels in no cookie: there is no jar that tabs share".to_owned(),
        ));
    }
    let racers = racers(trial);
    warm(trial, &[0], racers).await?;
    let (mut harm, mut sent_away, mut order) = (None, None, String::new());
    for round in 0..trial.options().rounds.max(1) {
        let token = holder(trial).await?;
        let finished = raced(trial, &token, &[0], racers, false).await?;
        order = format!("round {round}: {}", told(&finished));
        let winner = finished.iter().find_map(|it| it.outcome.renewed());
        let Some(winner) = winner.cloned() else {
            return Err(Stop::unclear(format!("nobody won a race ({order})")));
        };
        for finish in &finished {
            let answer = finish.outcome.answer();
            if let Some(what) = harms(trial, &winner, answer).await?
                && harm.is_none()
            {
                let racer = finish.racer;
                harm = Some((format!("{order}; #{racer} {what}"), answer.clone()));
            }
            let told = answer.ok() || COME_AGAIN.contains(&answer.status);
            if !told && sent_away.is_none() {
                sent_away = Some((order.clone(), answer.clone()));
            }
        }
    }
    match harm {
        Some((detail, answer)) => trial.fail(COOKIES, detail, &[&answer]),
        None => trial.pass(COOKIES, format!("whole after every answer; {order}")),
    }
    match sent_away {
        Some((detail, answer)) => {
            let detail = format!(
                "a loser got {}, which is no 409, 425 or 429; {detail}",
                answer.status
            );
            trial.fail(STATUS, detail, &[&answer]);
        }
        None => trial.pass(STATUS, order),
    }
    Ok(())
}

/// What an answer would do to a jar that holds what the winner got.
async fn harms(trial: &Trial<'_>, winner: &Login, answer: &Answer) -> Result<Option<String>, Stop> {
    let profile = trial.profile();
    // Whoever came in first, a jar that all tabs share must not be emptied.
    let mut cookies = answer.set_cookies().into_iter();
    let cleared = cookies.find(|cookie| {
        is_credential(profile, &cookie.name)
            && (cookie.value.is_empty() || cookie.max_age_s.is_some_and(|age_s| age_s <= 0))
    });
    if let Some(cookie) = cleared {
        return Ok(Some(format!("clears `{}`", cookie.name)));
    }
    let mut jar = winner.jar.clone();
    trial.fill_jar(&mut jar, answer);
    for cookie in winner.jar.all() {
        if !is_credential(profile, &cookie.name) {
            continue;
        }
        match jar.value(&cookie.name) {
            None => return Ok(Some(format!("clears `{}`", cookie.name))),
            Some(value) if value == cookie.value => {}
            Some(value) if Some(value) == winner.refresh.as_deref() => {}
            Some(_) if winner.refresh.as_deref() == Some(cookie.value.as_str()) => {
                return Ok(Some(format!(
                    "overwrites `{}` with another token",
                    cookie.name
                )));
            }
            Some(value) => {
                let who = trial.who_presents(value, winner.replica).await?;
                if !who.is(&winner.subject) {
                    let (name, told) = (&cookie.name, who.told());
                    return Ok(Some(format!("overwrites `{name}` with one that is {told}")));
                }
            }
        }
    }
    Ok(None)
}

async fn lost(trial: &Trial<'_>) -> Result<(), Stop> {
    let terms = with_grace(trial)?;
    let late_ms = terms.grace_ms.map_or(0, |grace_ms| grace_ms / 2);
    for (case, wait_ms) in [("at once", 0), ("in the middle of the grace", late_ms)] {
        let first = holder(trial).await?;
        // The answer that the client never sees.
        let unseen = renew(trial, &first).await?;
        if wait_ms > 0 {
            trial.advance(wait_ms).await?;
        }
        let retry = trade(trial, &first).await?;
        match (&retry, terms.mode) {
            (Traded::Renewed(renewed, answer), _) => {
                let who = trial.who(renewed).await?;
                let works = who.is(&first.subject);
                let detail = format!("the retry was answered; its credential is {}", who.told());
                trial.judge(case, works, detail, &[answer, who.answer()]);
                if works {
                    goes_on(trial, case, renewed).await?;
                }
            }
            (_, Some(GraceMode::ReplaySuccessor)) => {
                let detail = format!("within the grace, the retry was {}", retry.told());
                trial.fail(case, detail, &[retry.answer()]);
            }
            _ => {
                trial.note(
                    "declared: within the grace a spent token is refused; a client whose \
                            answer was lost logs in again",
                );
                let after = trade(trial, &unseen).await?;
                let detail = format!(
                    "the retry was {}, and then the newest token was {}",
                    retry.told(),
                    after.told()
                );
                let lives = after.renewed().is_some();
                trial.judge(case, lives, detail, &[retry.answer(), after.answer()]);
            }
        }
    }
    Ok(())
}

/// The token of the retry must be as good as the one that was lost.
async fn goes_on(trial: &Trial<'_>, case: &str, renewed: &Login) -> Result<(), Stop> {
    let next = trade(trial, renewed).await?;
    if next.renewed().is_none() {
        let detail = format!("the refresh token of the retry was {}", next.told());
        trial.fail(case, detail, &[next.answer()]);
    }
    Ok(())
}
