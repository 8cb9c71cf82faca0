//! COOKIE-007: the cookie ends with the credential, and the credential ends by
//! itself.

use authbench_results::{Level, Severity};
use authbench_wire::Operation;

use super::tour::{IN_COOKIES, in_cookies, tour};
use crate::check::{Check, Cost, Eye};
use crate::hooks::Door;
use crate::jar::LIFE_S_MAX;
use crate::stop::Stop;
use crate::trial::Trial;

/// COOKIE-007.
pub(super) const COOKIE_007: Check = Check {
    id: "COOKIE-007",
    statement: "`Max-Age` or `Expires` end no later than the credential and never beyond 400 days, \
                and the server enforces its own expiry when a client ignores them",
    level: Level::Must,
    severity: Severity::Medium,
    families: IN_COOKIES,
    seen_by: &[Eye::Http, Eye::Clock],
    operations: &[Operation::Login, Operation::Whoami],
    doors: &[Door::Clock],
    clauses: &[
        "RFC 6265bis 4.1.2.2",
        "RFC 6265bis 5.5",
        "NIST SP 800-63B-4 5.1",
        "NIST SP 800-63B-4 5.1.1",
    ],
    cwe: &[613],
    mend: "Keep the instant of expiry on the server, or in the sealed credential, and judge it at \
           every request: `Max-Age` only asks browsers to forget.",
    cost: Cost::Slow,
    run: |trial| Box::pin(run(trial)),
};

async fn run(trial: &Trial<'_>) -> Result<(), Stop> {
    in_cookies(trial)?;
    attributes(trial).await?;
    own_expiry(trial).await
}

async fn attributes(trial: &Trial<'_>) -> Result<(), Stop> {
    const CASE: &str = "attribute";
    let policy = trial.policy();
    let tour = tour(trial).await?;
    let longest_ms = [policy.absolute_ms, policy.refresh_ttl_ms]
        .into_iter()
        .flatten()
        .max();
    let mut persistent = false;
    for set in tour.credentials(trial) {
        let now_s = i64::try_from(set.answer.began_ms / 1_000).unwrap_or(i64::MAX);
        let left_s = match (set.cookie.max_age_s, set.cookie.expires_s) {
            (Some(age_s), _) => age_s,
            (None, Some(at_s)) => at_s - now_s,
            (None, None) => continue,
        };
        persistent = true;
        // A second of rounding, and a minute between this clock and theirs.
        let bound_s = longest_ms.map_or(LIFE_S_MAX, |ms| {
            i64::try_from(ms / 1_000).unwrap_or(LIFE_S_MAX) + 61
        });
        if left_s > bound_s.min(LIFE_S_MAX) {
            let detail = format!(
                "`{}` is to be kept for {left_s} s; the credential, or the bound of 400 days, \
                 allows {} s",
                set.cookie.name,
                bound_s.min(LIFE_S_MAX)
            );
            trial.fail(CASE, detail, &[set.answer]);
            return Ok(());
        }
    }
    trial.pass(
        CASE,
        match persistent {
            true => "no cookie is kept longer than its credential",
            false => "the cookies end with the browser",
        },
    );
    if persistent && !policy.persistent {
        trial.note(
            "the cookie survives a restart of the browser; NIST SP 800-63B-4 5.1 says that it \
             SHOULD not",
        );
    }
    Ok(())
}

async fn own_expiry(trial: &Trial<'_>) -> Result<(), Stop> {
    let policy = trial.policy();
    let life_ms = policy.access_ttl_ms.or(policy.absolute_ms);
    let life_ms = life_ms.ok_or_else(|| Stop::needs("policy.absolute_ms"))?;
    let skew_ms = policy.skew_ms.unwrap_or(0);
    let login = trial.login().await?;
    trial.control(&login).await?;
    // Steady use, so that no idle timeout hides a missing end.
    let step_ms = policy
        .idle_ms
        .map_or(life_ms, |idle_ms| (idle_ms / 2).max(1));
    let mut passed_ms = 0;
    while passed_ms + step_ms < life_ms {
        trial.advance(step_ms).await?;
        trial.who(&login).await?;
        passed_ms += step_ms;
    }
    trial.advance(life_ms - passed_ms + skew_ms + 1_000).await?;
    let who = trial.who(&login).await?;
    let detail = format!(
        "past its expiry the credential, still sent by the client, is {}",
        who.told()
    );
    trial.judge("own expiry", !who.is_somebody(), detail, &[who.answer()]);
    Ok(())
}
