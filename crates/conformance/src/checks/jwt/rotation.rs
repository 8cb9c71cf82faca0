//! JWT-020: keys change.

use authbench_results::{Level, Severity};
use authbench_wire::Operation;
use serde_json::Value;

use super::ground::{Forger, Ground, TOKENS, published_keys};
use super::time::FEW_MINUTES_MS;
use crate::check::{Check, Cost, Eye};
use crate::hooks::Door;
use crate::jose::{Token, encode, private_members, text_of};
use crate::login::Login;
use crate::stop::Stop;
use crate::trial::{Trial, Who};

/// JWT-020.
pub(super) const JWT_020: Check = Check {
    id: "JWT-020",
    statement: "when keys change, every replica accepts the new one from its first use and none \
                the retired one after the overlap, and the published key set holds public members \
                only",
    level: Level::Must,
    severity: Severity::High,
    families: TOKENS,
    seen_by: &[Eye::Http, Eye::TwoReplicas, Eye::Clock],
    operations: &[Operation::Login, Operation::Whoami],
    doors: &[],
    clauses: &["ASVS 5.0 11.2.2", "ASVS 5.0 13.3.4", "ASVS 5.0 9.1.3"],
    cwe: &[321],
    mend: "Publish a key before it signs, keep a retired one for the longest life of its tokens \
           and then remove it, and publish `kty`, `crv`, `x`, `y`, `n` and `e` only.",
    cost: Cost::Slow,
    run: |trial| Box::pin(rotation(trial)),
};

const PUBLIC_ONLY: &str = "the key set is public";
const NEW_KEY: &str = "the new key on every replica";
const RETIRED: &str = "the retired key after the overlap";
/// How long is waited at once for the new key to sign, milliseconds: less than
/// any token lives.
const STEP_MS: u64 = 30_000;
/// How often that is waited for: an hour in all.
const STEPS_MAX: u32 = 120;
/// What is added to the overlap, milliseconds: a second for the whole seconds
/// of times in tokens, and some more.
const MARGIN_MS: u64 = 5_000;

async fn rotation(trial: &Trial<'_>) -> Result<(), Stop> {
    let ground = Ground::new(trial).await?;
    trial.settle(PUBLIC_ONLY, public_only(trial, PUBLIC_ONLY).await);
    // What signs now is retired soon; without it, the end cannot be told.
    let retired = Forger::new(trial).await;
    if let Err(stop) = trial.door(Door::RotateKeys) {
        trial.settle(NEW_KEY, Err(stop));
        return Ok(());
    }
    trial.hooks().rotate_keys().await?;
    let is_old = |token: &Token| match &retired {
        Ok(retired) => retired.signed_this(token),
        Err(_) => token.header == ground.token.header,
    };
    let last_old = match until_it_signs(&ground, is_old).await {
        Ok(last_old) => last_old,
        Err(stop) => {
            trial.settle(NEW_KEY, Err(stop));
            return Ok(());
        }
    };
    new_key(trial, &last_old).await?;
    let again = "the key set is public after the change";
    trial.settle(again, public_only(trial, again).await);
    match retired {
        Ok(retired) => trial.settle(RETIRED, after_overlap(&retired).await),
        Err(stop) => trial.settle(RETIRED, Err(stop)),
    }
    Ok(())
}

/// Lets time pass until every replica signs with the new key, which may be
/// published for a while before; the last login that the old one signed.
async fn until_it_signs(
    before: &Ground<'_>,
    is_old: impl Fn(&Token) -> bool,
) -> Result<Login, Stop> {
    let trial = before.trial;
    let (user, mut last_old) = (trial.user()?, before.login.clone());
    for _ in 0..STEPS_MAX {
        let mut changed = true;
        for replica in 0..trial.replicas() {
            let login = trial.login_at(&user, replica).await?;
            if Token::parse(&login.access).is_some_and(|token| is_old(&token)) {
                (last_old, changed) = (login, false);
            }
        }
        if changed {
            return Ok(last_old);
        }
        trial.advance(STEP_MS).await?;
    }
    Err(Stop::unclear(format!(
        "the old key still signs {} ms after the change, or the header of tokens names no key",
        u64::from(STEPS_MAX) * STEP_MS
    )))
}

async fn public_only(trial: &Trial<'_>, case: &str) -> Result<(), Stop> {
    let mut leaks = Vec::new();
    for replica in 0..trial.replicas() {
        for key in published_keys(trial, replica).await? {
            let members = private_members(&key);
            let is_secret = key.get("kty").is_some_and(|kty| kty == "oct");
            if !members.is_empty() || is_secret {
                let kid = key.get("kid").and_then(Value::as_str).unwrap_or("(no kid)");
                leaks.push(format!("{kid}: {}", members.join(", ")));
            }
            for member in members {
                if let Some(secret) = key.get(member).and_then(Value::as_str) {
                    trial.hide(secret);
                }
            }
        }
    }
    let detail = match leaks.is_empty() {
        true => "public members only".to_owned(),
        false => format!("private members are published: {}", leaks.join("; ")),
    };
    trial.judge(case, leaks.is_empty(), detail, &[]);
    Ok(())
}

/// New logins, at each replica, are good on all of them at once; so are the old
/// ones, for their time.
async fn new_key(trial: &Trial<'_>, last_old: &Login) -> Result<(), Stop> {
    let user = trial.user()?;
    let mut refused = Vec::new();
    for from in 0..trial.replicas() {
        let login = trial.login_at(&user, from).await?;
        let what = format!("a token of replica {from}");
        refused.extend(refusals(trial, &login, &what).await?);
    }
    judge(trial, NEW_KEY, &refused);
    let refused = refusals(trial, last_old, "its last token").await?;
    judge(trial, "what the old key signed, within its time", &refused);
    Ok(())
}

/// Which replicas do not take a login for what it is.
async fn refusals(
    trial: &Trial<'_>,
    login: &Login,
    what: &str,
) -> Result<Vec<(String, Who)>, Stop> {
    let mut refused = Vec::new();
    for at in 0..trial.replicas() {
        let who = trial.who_at(login, at).await?;
        if !who.is(&login.subject) {
            refused.push((format!("{what} at replica {at} was {}", who.told()), who));
        }
    }
    Ok(refused)
}

fn judge(trial: &Trial<'_>, case: &str, refused: &[(String, Who)]) {
    let told: Vec<_> = refused.iter().map(|(text, _)| text.as_str()).collect();
    let answers: Vec<_> = refused.iter().map(|(_, who)| who.answer()).collect();
    let detail = match refused.is_empty() {
        true => "accepted by every replica".to_owned(),
        false => told.join("; "),
    };
    trial.judge(case, refused.is_empty(), detail, &answers);
}

/// A token that the retired key signs when no token of it can be alive any
/// more.
async fn after_overlap(retired: &Forger<'_>) -> Result<(), Stop> {
    let trial = retired.trial();
    let claims = retired.claims();
    let life_ms = |name: &str| claims.get(name).and_then(Value::as_u64).map(|s| s * 1000);
    let told = life_ms("exp")
        .zip(life_ms("iat"))
        .map(|(exp, iat)| exp.saturating_sub(iat));
    let life_ms = trial.policy().access_ttl_ms.or(told);
    let life_ms = life_ms.ok_or_else(|| Stop::needs("policy.access_ttl_ms"))?;
    let skew_ms = trial.policy().skew_ms.unwrap_or(FEW_MINUTES_MS);
    trial.advance(life_ms + 2 * skew_ms + MARGIN_MS).await?;
    // The claims of a login that is good now, in the retired key's name.
    let fresh = Ground::new(trial).await?;
    let forged = by_retired(retired, &fresh.token)?;
    for replica in 0..trial.replicas() {
        let case = match replica {
            0 => RETIRED.to_owned(),
            other => format!("{RETIRED}, replica {other}"),
        };
        trial
            .must_refuse_at(&case, &fresh.login, &forged, replica)
            .await?;
    }
    Ok(())
}

fn by_retired(retired: &Forger<'_>, fresh: &Token) -> Result<String, Stop> {
    if retired.signed_this(fresh) {
        return Err(Stop::unclear("the old key signs again"));
    }
    let claims = encode(text_of(&fresh.claims));
    retired.signed(&format!("{}.{claims}", retired.ground.token.segments[0]))
}
