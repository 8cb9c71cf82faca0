//! JWT-010: a token ends.

use authbench_results::{Level, Severity};
use authbench_wire::Operation;
use serde_json::{Map, Value};

use super::ground::{Forger, Forgery, Ground, TOKENS};
use crate::check::{Check, Cost, Eye};
use crate::hooks::Door;
use crate::jose::{text_of, without};
use crate::stop::Stop;
use crate::trial::Trial;

/// JWT-010.
pub(super) const JWT_010: Check = Check {
    id: "JWT-010",
    statement: "a token is refused after its `exp` and the tolerated skew, and so is a correctly \
                signed one without `exp`",
    level: Level::Must,
    severity: Severity::Critical,
    families: TOKENS,
    seen_by: &[Eye::Http, Eye::Clock],
    operations: &[Operation::Login, Operation::Whoami],
    doors: &[],
    clauses: &[
        "RFC 7519 4.1.4",
        "ASVS 5.0 9.2.1",
        "RFC 9068 2.2",
        "RFC 9068 4",
    ],
    cwe: &[613],
    mend: "Make `exp` a required claim of the verifier and keep the tolerance at seconds.",
    cost: Cost::Quick,
    run: |trial| Box::pin(expired(trial)),
};

/// "No more than a few minutes" (RFC 7519 4.1.4): the skew where the profile
/// names none, milliseconds.
pub(super) const FEW_MINUTES_MS: u64 = 300_000;
/// How far behind the bound a token must be dead, milliseconds.
const MARGIN_MS: u64 = 2_000;

async fn expired(trial: &Trial<'_>) -> Result<(), Stop> {
    trial.settle("forged", forged(trial).await);
    by_clock(trial).await
}

async fn forged(trial: &Trial<'_>) -> Result<(), Stop> {
    let forger = Forger::new(trial).await?;
    let now_ms = trial.now_ms().await?;
    let skew_ms = trial.policy().skew_ms.unwrap_or(FEW_MINUTES_MS);
    let mut past = Vec::new();
    for ago_ms in [
        skew_ms + MARGIN_MS,
        skew_ms + 3_600_000,
        skew_ms + 86_400_000 * 365,
    ] {
        let exp_s = now_ms.saturating_sub(ago_ms) / 1000;
        let claims = lived_until(forger.claims(), exp_s);
        let what = format!("ended {} s ago", ago_ms / 1000);
        past.push(Forgery::new(what, forger.claiming(&text_of(&claims))?));
    }
    for exp_s in [0, 1] {
        let claims = lived_until(forger.claims(), exp_s);
        let what = format!("`exp` {exp_s}");
        past.push(Forgery::new(what, forger.claiming(&text_of(&claims))?));
    }
    let ground = &forger.ground;
    ground.refuse_each("past its `exp`", past).await?;
    let endless = forger.claiming(&text_of(&without(forger.claims(), "exp")))?;
    ground
        .refuse_each("without `exp`", vec![Forgery::new("no `exp`", endless)])
        .await?;
    forger.honest_copy().await
}

/// A real token, after its time.
async fn by_clock(trial: &Trial<'_>) -> Result<(), Stop> {
    const CASE: &str = "a real token after its time";
    let ground = Ground::new(trial).await?;
    let Some(exp_s) = ground.token.claims.get("exp").and_then(Value::as_f64) else {
        trial.fail(CASE, "its tokens have no `exp`", &[&ground.login.answer]);
        return Ok(());
    };
    if trial.options().quick && !trial.hooks().has(Door::Clock) {
        trial.not_applicable(
            CASE,
            "it would have to be waited for; only quick checks are made",
        );
        return Ok(());
    }
    let now_ms = trial.now_ms().await?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "seconds since 1970 of a token that ends in this era"
    )]
    let ends_ms = (exp_s.max(0.0) * 1000.0) as u64;
    let skew_ms = trial.policy().skew_ms.unwrap_or(FEW_MINUTES_MS);
    let wait_ms = ends_ms.saturating_sub(now_ms) + skew_ms + MARGIN_MS;
    trial.control(&ground.login).await?;
    if let Err(stop) = trial.advance(wait_ms).await {
        trial.settle(CASE, Err(stop));
        return Ok(());
    }
    let who = trial.who(&ground.login).await?;
    trial.control(&trial.login().await?).await?;
    let detail = format!(
        "{} ms after its `exp` it was {}",
        skew_ms + MARGIN_MS,
        who.told()
    );
    trial.judge(CASE, !who.is_somebody(), detail, &[who.answer()]);
    Ok(())
}

/// The claims of a token that lived its whole life before `exp_s`.
pub(super) fn lived_until(claims: &Map<String, Value>, exp_s: u64) -> Map<String, Value> {
    let mut claims = claims.clone();
    claims.insert("exp".to_owned(), exp_s.into());
    for name in ["iat", "nbf", "auth_time"] {
        if claims.contains_key(name) {
            let began_s = exp_s.saturating_sub(600);
            claims.insert(name.to_owned(), began_s.into());
        }
    }
    claims
}
