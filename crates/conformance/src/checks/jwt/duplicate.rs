//! JWT-017: members that stand twice.

use authbench_results::{Level, Severity};
use authbench_wire::Operation;
use serde_json::Value;

use super::ground::{Forger, TOKENS};
use crate::check::{Check, Cost, Eye};
use crate::jose::{Place, text_of, text_with_second};
use crate::stop::Stop;
use crate::trial::{Trial, Who};

/// JWT-017.
pub(super) const JWT_017: Check = Check {
    id: "JWT-017",
    statement: "members that stand twice in header or claims lead to one decision on every verifier \
                of the system: the token is refused, or the last one counts",
    level: Level::Must,
    severity: Severity::Medium,
    families: TOKENS,
    seen_by: &[Eye::Http, Eye::TwoReplicas],
    operations: &[Operation::Login, Operation::Whoami],
    doors: &[],
    clauses: &["RFC 7519 4", "RFC 7515 4"],
    cwe: &[436],
    mend: "Parse header and claims once, with a parser that refuses duplicate names, and give all \
           verifiers the same one.",
    cost: Cost::Quick,
    run: |trial| Box::pin(duplicates(trial)),
};

/// A second member, and what its order must lead to.
struct Double {
    name: &'static str,
    /// JSON that makes the token worthless or somebody else's.
    other: String,
    in_header: bool,
}

async fn duplicates(trial: &Trial<'_>) -> Result<(), Stop> {
    let forger = Forger::new(trial).await?;
    let stranger = trial.login().await?.subject;
    let mut doubles = vec![
        claim("exp", "1"),
        claim("nbf", "4102444800"),
        claim("aud", "\"https://authbench.invalid\""),
        claim("iss", "\"https://authbench.invalid\""),
        claim("sub", &Value::from(stranger).to_string()),
        Double {
            in_header: true,
            ..claim("alg", "\"none\"")
        },
        Double {
            in_header: true,
            ..claim("typ", "\"authbench+jwt\"")
        },
    ];
    doubles.retain(|double| {
        let token = &forger.ground.token;
        let members = if double.in_header {
            &token.header
        } else {
            &token.claims
        };
        members.contains_key(double.name)
    });
    for double in &doubles {
        one(&forger, double).await?;
    }
    forger.honest_copy().await
}

fn claim(name: &'static str, other: &str) -> Double {
    Double {
        name,
        other: other.to_owned(),
        in_header: false,
    }
}

/// The other value behind the real one must not leave the token what it was,
/// and in both orders all verifiers decide alike.
async fn one(forger: &Forger<'_>, double: &Double) -> Result<(), Stop> {
    let trial = forger.trial();
    let login = &forger.ground.login;
    let part = if double.in_header { "header" } else { "claims" };
    // Where the other value alone changes nothing, the order shows nothing.
    let alone = trial
        .who_presents(&replaced(forger, double)?, login.replica)
        .await?;
    if alone.is(&login.subject) {
        let why = format!("the target does not look at `{}`", double.name);
        trial.not_applicable(&format!("`{}` twice in the {part}", double.name), why);
        return Ok(());
    }
    for place in [Place::First, Place::Last] {
        let order = match place {
            Place::First => "the real one last",
            Place::Last => "the real one first",
        };
        let case = format!("`{}` twice in the {part}, {order}", double.name);
        let text = forged(forger, double, place)?;
        let mut seen = Vec::new();
        for replica in 0..trial.replicas() {
            // In the same state of the target, which one would have counted?
            trial.control(login).await?;
            seen.push(trial.who_presents(&text, replica).await?);
        }
        judge(forger, &case, double, place, &seen).await?;
    }
    trial.control(login).await
}

/// A token with the other value only.
fn replaced(forger: &Forger<'_>, double: &Double) -> Result<String, Stop> {
    let token = &forger.ground.token;
    let other: Value = serde_json::from_str(&double.other)
        .map_err(|_| Stop::unclear(format!("`{}` is no JSON", double.other)))?;
    let (mut header, mut claims) = (token.header.clone(), token.claims.clone());
    if double.in_header {
        header.insert(double.name.to_owned(), other);
        forger.headed(&text_of(&header))
    } else {
        claims.insert(double.name.to_owned(), other);
        forger.claiming(&text_of(&claims))
    }
}

fn forged(forger: &Forger<'_>, double: &Double, place: Place) -> Result<String, Stop> {
    let token = &forger.ground.token;
    if double.in_header {
        let header = text_with_second(&token.header, double.name, &double.other, place);
        forger.headed(&header)
    } else {
        let claims = text_with_second(&token.claims, double.name, &double.other, place);
        forger.claiming(&claims)
    }
}

async fn judge(
    forger: &Forger<'_>,
    case: &str,
    double: &Double,
    place: Place,
    seen: &[Who],
) -> Result<(), Stop> {
    let trial = forger.trial();
    let own = &forger.ground.login.subject;
    let told: Vec<_> = seen.iter().map(Who::told).collect();
    let answers: Vec<_> = seen.iter().map(Who::answer).collect();
    let failed = seen.iter().any(|who| who.answer().status >= 500);
    let decided: Vec<_> = seen.iter().map(subject).collect();
    let alike = decided.iter().all(|one| *one == decided[0]);
    // The first counts if it stays the login's own token though the last says
    // otherwise; for `sub` also if it becomes the other's though the last is
    // the real one.
    let first_counts = decided.iter().any(|one| match (place, one) {
        (_, None) => false,
        (Place::Last, Some(subject)) => subject == own,
        (Place::First, Some(subject)) => subject != own,
    });
    if failed {
        trial.inconclusive(case, told.join("; "), &answers);
    } else if !alike {
        trial.fail(
            case,
            format!("verifiers differ: {}", told.join("; ")),
            &answers,
        );
    } else if first_counts {
        let detail = format!("the first `{}` counts: {}", double.name, told.join("; "));
        trial.fail(case, detail, &answers);
    } else {
        trial.pass(case, told.join("; "));
    }
    Ok(())
}

fn subject(who: &Who) -> Option<String> {
    match who {
        Who::Is(subject, _) => Some(subject.clone()),
        _ => None,
    }
}
