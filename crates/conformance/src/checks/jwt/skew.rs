//! JWT-011: how far clocks may differ.

use authbench_results::{Level, Severity};
use authbench_wire::Operation;
use serde_json::{Map, Value};

use super::ground::{Forger, TOKENS};
use super::time::{FEW_MINUTES_MS, lived_until};
use crate::check::{Check, Cost, Eye};
use crate::jose::{text_of, with};
use crate::stop::Stop;
use crate::trial::{Trial, Who};

/// JWT-011.
pub(super) const JWT_011: Check = Check {
    id: "JWT-011",
    statement: "a token whose `nbf` (by policy, whose `iat`) lies in the future is refused, and \
                the tolerated skew in both directions is no more than the policy's and than a few \
                minutes",
    level: Level::Must,
    severity: Severity::High,
    families: TOKENS,
    seen_by: &[Eye::Http],
    operations: &[Operation::Login, Operation::Whoami],
    doors: &[],
    clauses: &[
        "RFC 7519 4.1.5",
        "RFC 7519 4.1.4",
        "RFC 9068 4",
        "ASVS 5.0 9.2.1",
    ],
    cwe: &[613],
    mend: "Compare `nbf` and `exp` with the clock, with a tolerance of seconds at most.",
    cost: Cost::Quick,
    run: |trial| Box::pin(skew(trial)),
};

/// The farthest that is tried, seconds: twice a few minutes.
const FAR_S: i64 = 600;
/// The life of a forged token behind its beginning, seconds.
const LIFE_S: i64 = 3_600;

/// One way in which a token can be out of time.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Way {
    /// Its `nbf` lies in the future.
    Nbf,
    /// Its `iat` does.
    Iat,
    /// Its `exp` lies in the past.
    Exp,
}

/// What a bisection found: how far out of time a token still was accepted.
struct Found {
    /// The farthest that was accepted for certain, milliseconds; negative if
    /// even a token within its time was only accepted by so much.
    accepted_ms: i64,
    who: Option<Who>,
    /// The farthest that was tried was accepted as well.
    unbounded: bool,
}

async fn skew(trial: &Trial<'_>) -> Result<(), Stop> {
    let forger = Forger::new(trial).await?;
    for way in [Way::Nbf, Way::Exp] {
        let found = bisect(&forger, way).await?;
        judge(trial, way, &found);
    }
    let iat = bisect(&forger, Way::Iat).await?;
    if trial.policy().future_iat_refused {
        judge(trial, Way::Iat, &iat);
    } else {
        trial.measured(Way::Iat.figure(), millis(iat.accepted_ms));
        trial.not_applicable(
            Way::Iat.case(),
            "RFC 7519 has no rule for an `iat` in the future, and the profile sets none \
             (`policy.future_iat_refused`)",
        );
    }
    forger.honest_copy().await
}

fn judge(trial: &Trial<'_>, way: Way, found: &Found) {
    let tolerated_ms = u64::try_from(found.accepted_ms).unwrap_or(0);
    trial.measured(way.figure(), millis(found.accepted_ms));
    let answers: Vec<_> = found.who.iter().map(Who::answer).collect();
    let what = match found.unbounded {
        true => format!("at least {tolerated_ms} ms are tolerated: there may be no bound at all"),
        false => format!("{tolerated_ms} ms are tolerated"),
    };
    if found.unbounded || tolerated_ms > FEW_MINUTES_MS {
        let detail = format!("{what}; a few minutes are the most");
        trial.fail(way.case(), detail, &answers);
        return;
    }
    match trial.policy().skew_ms {
        Some(most_ms) => {
            let detail = format!("{what}; the policy says {most_ms} ms");
            trial.judge(way.case(), tolerated_ms <= most_ms, detail, &answers);
        }
        None => trial.inconclusive(
            way.case(),
            format!("{what}; the profile has no `policy.skew_ms` to hold them to"),
            &[],
        ),
    }
}

/// Finds how far out of time a token may be, to about a second. Each answer
/// proves something about an instant between two looks at the target's clock,
/// however slow it was.
async fn bisect(forger: &Forger<'_>, way: Way) -> Result<Found, Stop> {
    let mut found = Found {
        accepted_ms: i64::MIN,
        who: None,
        unbounded: false,
    };
    // In time by a minute: accepted, or nothing can be told.
    if !probe(forger, way, -60, &mut found).await? {
        return Err(Stop::unclear(format!(
            "an honest copy with {} is refused",
            way.within()
        )));
    }
    if probe(forger, way, FAR_S, &mut found).await? {
        found.unbounded = true;
        return Ok(found);
    }
    let (mut good_s, mut bad_s) = (-60, FAR_S);
    while bad_s - good_s > 1 {
        let middle_s = good_s + (bad_s - good_s) / 2;
        match probe(forger, way, middle_s, &mut found).await? {
            true => good_s = middle_s,
            false => bad_s = middle_s,
        }
    }
    Ok(found)
}

/// Whether a token that is out of time by `by_s` seconds is accepted.
async fn probe(forger: &Forger<'_>, way: Way, by_s: i64, found: &mut Found) -> Result<bool, Stop> {
    let trial = forger.trial();
    let before_ms = signed(trial.now_ms().await?);
    let at_s = match way {
        Way::Nbf | Way::Iat => before_ms / 1000 + by_s,
        // The last second that is over by so much.
        Way::Exp => before_ms / 1000 - by_s,
    };
    let claims = way.claims(forger.claims(), at_s, before_ms / 1000);
    let text = forger.claiming(&text_of(&claims))?;
    let who = trial
        .who_presents(&text, forger.ground.login.replica)
        .await?;
    let after_ms = signed(trial.now_ms().await?);
    if !who.is(&forger.ground.login.subject) {
        return Ok(false);
    }
    let proven_ms = match way {
        Way::Nbf | Way::Iat => at_s * 1000 - after_ms,
        Way::Exp => before_ms - at_s * 1000,
    };
    if proven_ms > found.accepted_ms {
        found.accepted_ms = proven_ms;
        found.who = Some(who);
    }
    Ok(true)
}

impl Way {
    const fn case(self) -> &'static str {
        match self {
            Self::Nbf => "`nbf` in the future",
            Self::Iat => "`iat` in the future",
            Self::Exp => "`exp` in the past",
        }
    }

    const fn figure(self) -> &'static str {
        match self {
            Self::Nbf => "nbf_skew_ms",
            Self::Iat => "iat_skew_ms",
            Self::Exp => "exp_skew_ms",
        }
    }

    const fn within(self) -> &'static str {
        match self {
            Self::Nbf => "an `nbf` of a minute ago",
            Self::Iat => "an `iat` of a minute ago",
            Self::Exp => "a minute left",
        }
    }

    fn claims(self, real: &Map<String, Value>, at_s: i64, now_s: i64) -> Map<String, Value> {
        let real_exp_s = real.get("exp").and_then(Value::as_i64).unwrap_or(0);
        match self {
            Self::Nbf | Self::Iat => {
                let name = if self == Self::Nbf { "nbf" } else { "iat" };
                let mut claims = with(real, name, at_s);
                // A token that begins after its end is refused for that.
                if at_s >= real_exp_s {
                    claims = with(&claims, "exp", at_s.max(now_s) + LIFE_S);
                }
                claims
            }
            Self::Exp => lived_until(real, u64::try_from(at_s).unwrap_or(0)),
        }
    }
}

fn signed(ms: u64) -> i64 {
    i64::try_from(ms).unwrap_or(i64::MAX)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "at most some hundred thousand milliseconds"
)]
fn millis(ms: i64) -> f64 {
    ms.max(0) as f64
}
