//! REFRESH-004: the grace for spent refresh tokens has bounds.

use authbench_results::{Level, Severity};
use authbench_wire::Operation;
use authbench_wire::profile::{Family, GraceMode, RefreshCarrier};

use super::binding::{basic, stranger};
use super::rotation::outlast;
use super::token::{Guard, Traded, holder, presenting, renew, rotating, trade};
use crate::check::{Check, Cost, Eye};
use crate::login::Login;
use crate::stop::Stop;
use crate::trial::Trial;

/// Replays that are tried where no number is declared.
const REPLAYS_TRIED: u32 = 16;

/// REFRESH-004.
pub(super) const REFRESH_004: Check = Check {
    id: "REFRESH-004",
    statement: "the grace is bounded: it ends in time and in number, covers the direct \
                predecessor of the newest token only, and opens to no other client or carrier",
    level: Level::Must,
    severity: Severity::High,
    families: &[Family::Refresh, Family::Hybrid],
    seen_by: &[Eye::Http, Eye::Clock],
    operations: &[Operation::Login, Operation::Refresh, Operation::Whoami],
    doors: &[],
    clauses: &["RFC 9700 4.14.2", "ASVS 5.0 10.4.5"],
    cwe: &[294, 613],
    mend: "Let the window begin at the first use and be moved by nothing; answer the predecessor \
           of the newest token only, count the answers, and check the client as ever.",
    cost: Cost::Quick,
    run: |trial| Box::pin(run(trial)),
};

async fn run(trial: &Trial<'_>) -> Result<(), Stop> {
    let terms = rotating(trial)?;
    if terms.mode == Some(GraceMode::None) {
        return Err(Stop::NotApplicable(
            "no grace is declared: a spent token counts as reuse at once".to_owned(),
        ));
    }
    let mut guard = Guard::new(trial).await?;
    not_chainable(&mut guard, trial).await?;
    if terms.mode != Some(GraceMode::Strict) {
        number(trial, terms.mode).await?;
        let outcome = other_client(&mut guard, trial).await;
        trial.settle("another client", outcome);
        other_carrier(&mut guard, trial).await?;
    }
    // Last, for it steps the clock.
    let Some(grace_ms) = terms.grace_ms else {
        return end_unknown(trial).await;
    };
    let (first, _) = spent(trial).await?;
    outlast(trial, grace_ms).await?;
    let what = "a spent token, after the grace,";
    guard.must_refuse("end of the grace", what, &first).await?;
    Ok(())
}

/// A login whose token was just used, and what it was used for.
async fn spent(trial: &Trial<'_>) -> Result<(Login, Login), Stop> {
    let first = holder(trial).await?;
    let second = renew(trial, &first).await?;
    if second.refresh == first.refresh {
        return Err(Stop::unclear(
            "refresh tokens do not change at their use (REFRESH-001)",
        ));
    }
    Ok((first, second))
}

async fn not_chainable(guard: &mut Guard<'_>, trial: &Trial<'_>) -> Result<(), Stop> {
    let (first, second) = spent(trial).await?;
    renew(trial, &second).await?;
    let what = "within the grace, the predecessor of a predecessor";
    guard.must_refuse("not chainable", what, &first).await?;
    Ok(())
}

/// Replays of one spent token: the same successor, and not for ever.
async fn number(trial: &Trial<'_>, mode: Option<GraceMode>) -> Result<(), Stop> {
    const SAME: &str = "replays bring the same successor";
    const MOST: &str = "number of replays";
    let declared = trial.policy().grace_replays_max;
    let tries = declared.map_or(REPLAYS_TRIED, |most| most.saturating_add(1));
    let (first, second) = spent(trial).await?;
    let (mut answered, mut last) = (0, None);
    for _ in 0..tries {
        let traded = trade(trial, &first).await?;
        if let Traded::Renewed(renewed, answer) = &traded
            && renewed.refresh != second.refresh
        {
            let detail = format!("replay {} brought another successor", answered + 1);
            trial.fail(SAME, detail, &[answer]);
            return Ok(());
        }
        answered += u32::from(traded.renewed().is_some());
        let over = traded.renewed().is_none();
        last = Some(traded);
        if over {
            break;
        }
    }
    trial.measured("replays_answered", f64::from(answered));
    let shown: Vec<_> = last.iter().map(Traded::answer).collect();
    match mode {
        Some(GraceMode::ReplaySuccessor) if answered == 0 => trial.inconclusive(
            SAME,
            "within the declared grace a spent token was not answered (REFRESH-007)",
            &shown,
        ),
        _ => trial.pass(SAME, format!("{answered} replays, one successor")),
    }
    let Some(most) = declared else {
        let lacks = "needs `policy.grace_replays_max` in the profile";
        let detail = format!("{lacks}; {answered} of {tries} replays were answered");
        trial.not_applicable(MOST, detail);
        return Ok(());
    };
    let detail = format!("{answered} replays were answered, {most} are declared at most");
    trial.judge(MOST, answered <= most, detail, &shown);
    Ok(())
}

async fn other_client(guard: &mut Guard<'_>, trial: &Trial<'_>) -> Result<(), Stop> {
    let client = stranger(trial)?;
    let (first, _) = spent(trial).await?;
    let ask = presenting(trial, &first, first.replica)?;
    let ask = ask.header("authorization", basic(client, &client.secret));
    let what = "within the grace, a spent token that another client presents";
    guard
        .must_refuse_ask("another client", what, &first, ask)
        .await?;
    Ok(())
}

/// The same token where no refresh token is expected.
async fn other_carrier(guard: &mut Guard<'_>, trial: &Trial<'_>) -> Result<(), Stop> {
    const CASE: &str = "another carrier";
    let (first, _) = spent(trial).await?;
    let token = first.refresh.clone().unwrap_or_default();
    let ask = presenting(trial, &first, first.replica)?.without_refresh();
    let ask = match trial.profile().refresh {
        Some(RefreshCarrier::Cookie { .. }) => ask
            .body(serde_json::json!({ "refresh_token": token }).to_string())
            .content_type(Some("application/json")),
        _ => ask.header("authorization", format!("Bearer {token}")),
    };
    let what = "within the grace, a spent token in another place of the request";
    guard.must_refuse_ask(CASE, what, &first, ask).await?;
    Ok(())
}

async fn end_unknown(trial: &Trial<'_>) -> Result<(), Stop> {
    let (first, _) = spent(trial).await?;
    let traded = trade(trial, &first).await?;
    let detail = format!(
        "needs `policy.grace_ms`; at once, a spent token was {}",
        traded.told()
    );
    trial.inconclusive("end of the grace", detail, &[traded.answer()]);
    Ok(())
}
