//! REFRESH-009: whom a refresh token works for.

use authbench_results::{Level, Severity};
use authbench_wire::Operation;
use authbench_wire::profile::{Client, Family};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::token::{Guard, holder, presenting, renew, sorted};
use crate::check::{Check, Cost, Eye};
use crate::stop::Stop;
use crate::trial::Trial;

/// REFRESH-009.
pub(super) const REFRESH_009: Check = Check {
    id: "REFRESH-009",
    statement: "a refresh token works for the client and the user that it was issued to only, and \
                a stranger's attempt that is refused does not burn it",
    level: Level::Must,
    severity: Severity::High,
    families: &[Family::Refresh, Family::Hybrid],
    seen_by: &[Eye::Http],
    operations: &[Operation::Login, Operation::Refresh, Operation::Whoami],
    doors: &[],
    clauses: &["RFC 9700 4.14.1", "RFC 9700 4.14.2"],
    cwe: &[639],
    mend: "Keep the client beside the refresh token, compare it before anything is spent, and \
           refuse without a change.",
    cost: Cost::Quick,
    run: |trial| Box::pin(run(trial)),
};

async fn run(trial: &Trial<'_>) -> Result<(), Stop> {
    beside_another(trial).await?;
    let outcome = is_bound(trial).await;
    trial.settle("another client", outcome);
    Ok(())
}

/// `Authorization: Basic` of a client (RFC 7617 2).
pub(super) fn basic(client: &Client, secret: &str) -> String {
    format!(
        "Basic {}",
        STANDARD.encode(format!("{}:{secret}", client.id))
    )
}

/// A client that logins are not issued to.
///
/// # Errors
/// [`Stop::NotApplicable`] when the profile names none.
pub(super) fn stranger<'t>(trial: &'t Trial<'_>) -> Result<&'t Client, Stop> {
    let second = trial.profile().clients.get(1);
    second.ok_or_else(|| Stop::needs("clients (two of them)"))
}

/// A refresh token beside another user's access credential: it renews its own
/// login, or is refused unharmed.
async fn beside_another(trial: &Trial<'_>) -> Result<(), Stop> {
    const CASE: &str = "beside another user's access credential";
    let (own, other) = (holder(trial).await?, holder(trial).await?);
    let ask = trial.ask(Operation::Refresh)?.with(&own);
    let answer = ask.access(other.access.clone()).send().await?;
    let traded = sorted(trial, &own, own.replica, answer);
    let Some(renewed) = traded.renewed() else {
        let after = renew(trial, &own).await;
        let held = after.is_ok();
        let detail = format!(
            "it was {}, and then {} alone",
            traded.told(),
            if held { "worked" } else { "was dead" }
        );
        trial.judge(CASE, held, detail, &[traded.answer()]);
        return Ok(());
    };
    let who = trial.who(renewed).await?;
    let detail = format!(
        "the refresh token of `{}` beside an access credential of `{}`: the new one is {}",
        own.subject,
        other.subject,
        who.told()
    );
    trial.judge(
        CASE,
        who.is(&own.subject),
        detail,
        &[traded.answer(), who.answer()],
    );
    Ok(())
}

async fn is_bound(trial: &Trial<'_>) -> Result<(), Stop> {
    let client = stranger(trial)?;
    let mut guard = Guard::new(trial).await?;
    let own = holder(trial).await?;
    let tries = [
        ("another client", basic(client, &client.secret)),
        ("a client with a wrong secret", wrong(trial)?),
    ];
    let mut refused = true;
    for (case, header) in tries {
        let ask = presenting(trial, &own, own.replica)?.header("authorization", header);
        let what = format!("a refresh token that {case} presents");
        let traded = guard.must_refuse_ask(case, &what, &own, ask).await?;
        refused &= traded.renewed().is_none();
    }
    if !refused {
        return Ok(());
    }
    const CASE: &str = "not burnt";
    match renew(trial, &own).await {
        Ok(_) => trial.pass(CASE, "after the refused attempts the token still works"),
        Err(Stop::Inconclusive(_)) => trial.fail(
            CASE,
            "after the refused attempts of strangers the owner's token is dead: who learns a \
             token can end the login without being let in",
            &[],
        ),
        Err(other) => return Err(other),
    }
    Ok(())
}

fn wrong(trial: &Trial<'_>) -> Result<String, Stop> {
    let first = trial.profile().clients.first();
    let first = first.ok_or_else(|| Stop::needs("clients"))?;
    let never = trial.never_valid(&format!("{}0", first.secret));
    Ok(basic(first, &never))
}

/// What stands in for rotation: the token is worth nothing in other hands.
///
/// # Errors
/// [`Stop`] when that cannot be told.
pub(super) async fn is_constrained(trial: &Trial<'_>, case: &str) -> Result<(), Stop> {
    let own = holder(trial).await?;
    let mut guard = Guard::new(trial).await?;
    let Ok(client) = stranger(trial) else {
        let renewed = renew(trial, &own).await?;
        trial.fail(
            case,
            "a refresh token that does not rotate was accepted from a client that showed nothing \
             but the token (name two [[clients]] if they prove themselves)",
            &[&renewed.answer],
        );
        return Ok(());
    };
    let ask = presenting(trial, &own, own.replica)?;
    let ask = ask.header("authorization", basic(client, &client.secret));
    let what = "a refresh token that does not rotate, presented by another client,";
    guard.must_refuse_ask(case, what, &own, ask).await?;
    Ok(())
}
