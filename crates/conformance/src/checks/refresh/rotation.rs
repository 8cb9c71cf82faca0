//! REFRESH-001 and REFRESH-002: a refresh token is used once, and a second use
//! ends the login.

use authbench_results::{Level, Severity};
use authbench_wire::Operation;
use authbench_wire::profile::Family;

use super::binding::is_constrained;
use super::token::{Guard, MARGIN_MS, Terms, Traded, holder, renew, rotating, terms, trade};
use crate::check::{Check, Cost, Eye};
use crate::login::Login;
use crate::stop::Stop;
use crate::trial::Trial;

/// REFRESH-001.
pub(super) const REFRESH_001: Check = Check {
    id: "REFRESH-001",
    statement: "each refresh brings another refresh token, and the one that was used stops \
                working; where tokens do not change, they work for the client they were issued \
                to only",
    level: Level::Must,
    severity: Severity::Critical,
    families: &[Family::Refresh, Family::Hybrid],
    seen_by: &[Eye::Http],
    operations: &[Operation::Login, Operation::Refresh, Operation::Whoami],
    doors: &[],
    clauses: &[
        "RFC 9700 2.2.2",
        "RFC 9700 4.14.2",
        "ASVS 5.0 10.4.5",
        "OAuth browser-based apps 6.3.2.3",
    ],
    cwe: &[294],
    mend: "Spend the refresh token in the same step that makes its successor, and refuse it from \
           then on; or bind it to the client's key or secret.",
    cost: Cost::Quick,
    run: |trial| Box::pin(once(trial)),
};

/// REFRESH-002.
pub(super) const REFRESH_002: Check = Check {
    id: "REFRESH-002",
    statement: "a spent refresh token that is used again, outside the grace, ends the whole \
                family: the newest refresh token dies with it",
    level: Level::Must,
    severity: Severity::Critical,
    families: &[Family::Refresh, Family::Hybrid],
    seen_by: &[Eye::Http],
    operations: &[Operation::Login, Operation::Refresh, Operation::Whoami],
    doors: &[],
    clauses: &["RFC 9700 4.14.2", "ASVS 5.0 10.4.5"],
    cwe: &[294],
    mend: "Keep spent tokens (or the generation of the newest) for as long as the family lives; \
           when one comes back, end every token of that login.",
    cost: Cost::Quick,
    run: |trial| Box::pin(reuse(trial)),
};

async fn once(trial: &Trial<'_>) -> Result<(), Stop> {
    const CASE: &str = "another token";
    let terms = terms(trial);
    let first = holder(trial).await?;
    let second = renew(trial, &first).await?;
    let rotates = second.refresh != first.refresh;
    if !rotates && terms.rotates != Some(true) {
        trial.note("refresh tokens do not rotate here (FAPI 2.0 5.3.2.1 asks for that)");
        return is_constrained(trial, "sender constraint").await;
    }
    let detail = match rotates {
        true => "the refresh brought another refresh token",
        false => "the refresh brought the same refresh token again, or none",
    };
    trial.judge(CASE, rotates, detail, &[&second.answer]);
    if !rotates {
        return Ok(());
    }
    let third = renew(trial, &second).await?;
    used(trial, terms, &first, &third).await
}

/// The first token of three, when the grace is over.
async fn used(trial: &Trial<'_>, terms: Terms, first: &Login, newest: &Login) -> Result<(), Stop> {
    const CASE: &str = "used token";
    let Some(grace_ms) = terms.grace_ms else {
        let traded = trade(trial, first).await?;
        let detail = format!(
            "at once, a used token was {}; needs `policy.grace_ms` to tell whether that is meant",
            traded.told()
        );
        match &traded {
            Traded::Refused(_) => trial.pass(CASE, traded.told()),
            _ => trial.inconclusive(CASE, detail, &[traded.answer()]),
        }
        return Ok(());
    };
    outlast(trial, grace_ms).await?;
    trial.measured("grace_ms", grace_ms as f64);
    let mut guard = Guard::new(trial).await?;
    let what = "the first refresh token of a chain of three, after the grace,";
    let traded = guard.must_refuse(CASE, what, first).await?;
    if let Some(renewed) = traded.renewed() {
        let alive = trade(trial, newest).await?.renewed().is_some();
        let same = renewed.refresh == newest.refresh;
        trial.note(format!(
            "the newest refresh token {} then; the used one brought {}",
            if alive { "still worked" } else { "was dead" },
            if same {
                "the same one"
            } else {
                "another one, or none"
            },
        ));
    }
    Ok(())
}

/// Lets the grace of a token that was just spent end.
pub(super) async fn outlast(trial: &Trial<'_>, grace_ms: u64) -> Result<(), Stop> {
    match grace_ms {
        0 => Ok(()),
        _ => trial.advance(grace_ms + MARGIN_MS).await,
    }
}

async fn reuse(trial: &Trial<'_>) -> Result<(), Stop> {
    let terms = rotating(trial)?;
    let mut guard = Guard::new(trial).await?;
    for (case, renewals) in [("parent of the newest", 1), ("older token", 2)] {
        let first = holder(trial).await?;
        let mut newest = first.clone();
        for _ in 0..renewals {
            newest = renew(trial, &newest).await?;
        }
        if newest.refresh == first.refresh {
            return Err(Stop::unclear(
                "refresh tokens do not change at their use (REFRESH-001)",
            ));
        }
        let Some(grace_ms) = terms.grace_ms else {
            return undeclared(trial, case, &first, &newest).await;
        };
        outlast(trial, grace_ms).await?;
        let again = trade(trial, &first).await?;
        let what = format!(
            "after a spent token was used again ({}), the newest one of its family",
            again.told()
        );
        guard.must_refuse(case, &what, &newest).await?;
    }
    Ok(())
}

/// Without the length of the grace, only a family that dies can be judged.
async fn undeclared(
    trial: &Trial<'_>,
    case: &str,
    first: &Login,
    newest: &Login,
) -> Result<(), Stop> {
    let again = trade(trial, first).await?;
    let after = trade(trial, newest).await?;
    let detail = format!(
        "a spent token used again at once was {}, and then the newest one was {}",
        again.told(),
        after.told()
    );
    match &after {
        Traded::Refused(_) => trial.pass(case, detail),
        _ => {
            let detail = format!("{detail}; needs `policy.grace_ms` to tell whether that is meant");
            trial.inconclusive(case, detail, &[again.answer(), after.answer()]);
        }
    }
    Ok(())
}
