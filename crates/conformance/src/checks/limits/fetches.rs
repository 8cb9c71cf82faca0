//! LIMITS-004: garbage does not make the target fetch keys.

use authbench_results::{Level, Severity};
use authbench_wire::Operation;
use authbench_wire::profile::Family;
use serde_json::Value;

use crate::check::{Check, Cost, Eye};
use crate::hooks::Door;
use crate::jose::{self, Token, encode};
use crate::stop::Stop;
use crate::trial::Trial;

/// LIMITS-004.
pub(super) const LIMITS_004: Check = Check {
    id: "LIMITS-004",
    statement: "random `kid` values and garbage tokens cause at most one fetch of the key set per \
                interval",
    level: Level::Must,
    severity: Severity::Medium,
    families: &[Family::Denylist, Family::Jwt, Family::Refresh],
    seen_by: &[Eye::Http, Eye::Listener],
    operations: &[Operation::Login, Operation::Whoami],
    doors: &[Door::KeyFetches],
    clauses: &["RFC 8725 2.9", "ASVS 5.0 15.2.2"],
    cwe: &[400],
    mend: "Fetch the key set for an unknown `kid` at most once per interval, whatever tokens name, \
           and remember what was not found.",
    cost: Cost::Quick,
    run: |trial| Box::pin(run(trial)),
};

/// Tokens that name a key that is not there.
const TOKENS: u64 = 60;

async fn run(trial: &Trial<'_>) -> Result<(), Stop> {
    const CASE: &str = "unknown keys";
    let control = trial.login().await?;
    trial.control(&control).await?;
    let token = Token::parse(&control.access).ok_or_else(|| {
        Stop::NotApplicable("its access credentials are no JWS: no key is looked up".to_owned())
    })?;
    let began_ms = trial.now_ms().await?;
    let before = trial.hooks().key_fetches().await?;
    for number in 0..TOKENS {
        let kid: u64 = trial.random(rand::Rng::next_u64);
        let mut header = token.header.clone();
        header.insert("kid".to_owned(), Value::from(format!("none-{kid:016x}")));
        let garbage = match number % 3 {
            0 => trial.never_valid(&control.access),
            _ => format!(
                "{}.{}.{}",
                encode(jose::text_of(&header)),
                token.segments[1],
                token.segments[2]
            ),
        };
        let who = trial.who_presents(&garbage, 0).await?;
        if who.is_somebody() {
            trial.fail(CASE, format!("garbage was {}", who.told()), &[who.answer()]);
            return Ok(());
        }
    }
    let fetched = trial.hooks().key_fetches().await?.saturating_sub(before);
    let passed_ms = trial.now_ms().await?.saturating_sub(began_ms);
    trial.control(&control).await?;
    trial.measured(
        "key_fetches",
        f64::from(u32::try_from(fetched).unwrap_or(u32::MAX)),
    );
    let detail = format!("{fetched} fetches within {passed_ms} ms for {TOKENS} tokens");
    match trial.policy().keys_fetch_interval_ms {
        Some(interval_ms) => {
            let allowed = 1 + passed_ms / interval_ms.max(1);
            trial.judge(CASE, fetched <= allowed, detail, &[]);
        }
        None if fetched <= 1 => trial.pass(CASE, detail),
        None if fetched >= TOKENS / 3 => trial.fail(CASE, detail, &[]),
        None => trial.inconclusive(
            CASE,
            format!("{detail}; needs `policy.keys_fetch_interval_ms`"),
            &[],
        ),
    }
    Ok(())
}
