//! TRANSPORT-005: what refusals tell.

use authbench_results::{Level, Severity};
use authbench_wire::Operation;
use serde_json::Value;

use crate::answer::Answer;
use crate::check::{Check, Cost, Eye};
use crate::hooks::Door;
use crate::jose::Token;
use crate::login::Login;
use crate::stop::Stop;
use crate::trial::Trial;

/// TRANSPORT-005.
pub(super) const TRANSPORT_005: Check = Check {
    id: "TRANSPORT-005",
    statement: "refusals are 401 with a challenge (403 only for a valid identity), alike in shape \
                and size for bad, expired, revoked and unknown credentials, and tell nothing else",
    level: Level::Must,
    severity: Severity::Medium,
    families: &[],
    seen_by: &[Eye::Http],
    operations: &[Operation::Login, Operation::Whoami],
    doors: &[],
    clauses: &[
        "RFC 9110 15.5.2",
        "RFC 6750 3.1",
        "RFC 9068 4",
        "ASVS 5.0 16.5.1",
    ],
    cwe: &[209],
    mend: "Answer every invalid credential with one and the same 401 and `WWW-Authenticate`; write \
           what was wrong with it to the log.",
    cost: Cost::Quick,
    run: |trial| Box::pin(run(trial)),
};

/// What shows that an answer tells of the server's inside.
const INSIDE: [&str; 16] = [
    "Traceback (most recent",
    "stack trace",
    "stacktrace",
    "\tat ",
    "\\n    at ",
    "\n    at ",
    "panicked at",
    ".rs:",
    ".js:",
    ".py\"",
    ".go:",
    ".java:",
    "Exception",
    "node_modules",
    "RUST_BACKTRACE",
    "BEGIN PUBLIC KEY",
];

struct Refusal {
    kind: &'static str,
    answer: Answer,
    /// The credential that was refused.
    access: String,
}

async fn run(trial: &Trial<'_>) -> Result<(), Stop> {
    let control = trial.login().await?;
    trial.control(&control).await?;
    let missing = trial.ask(Operation::Whoami)?.send().await?;
    status(trial, "no credential", &missing);
    let mut refusals = refusals(trial, &control).await?;
    trial.control(&control).await?;
    trial.settle("revoked", revoked(trial, &mut refusals).await);
    trial.settle("403 for a valid identity", forbidden(trial, &control).await);
    trial.settle("expired", expired(trial, &mut refusals).await);
    for refusal in &refusals {
        status(trial, refusal.kind, &refusal.answer);
    }
    alike(trial, &refusals);
    silent(trial, &refusals);
    Ok(())
}

/// Bad signature or unknown identifier, and no credential at all.
async fn refusals(trial: &Trial<'_>, control: &Login) -> Result<Vec<Refusal>, Stop> {
    let mut found = Vec::new();
    let is_token = Token::parse(&control.access).is_some();
    let never = trial.never_valid(&control.access);
    found.push(
        refused(
            trial,
            if is_token { "bad signature" } else { "unknown" },
            never,
        )
        .await?,
    );
    let mut cut = control.access.clone();
    cut.pop();
    found.push(refused(trial, "cut short", cut).await?);
    found.push(
        refused(
            trial,
            "no credential's form",
            "x".repeat(control.access.len()),
        )
        .await?,
    );
    if let Some(token) = Token::parse(&control.access) {
        let header = format!("{{\"alg\":\"none\",\"typ\":\"{}\"}}", "JWT");
        let claims = crate::jose::text_of(&token.claims);
        let unsigned = format!("{}.", crate::jose::signing_input(&header, &claims));
        found.push(refused(trial, "unsigned", unsigned).await?);
    }
    Ok(found)
}

async fn refused(trial: &Trial<'_>, kind: &'static str, access: String) -> Result<Refusal, Stop> {
    let who = trial.who_presents(&access, 0).await?;
    if who.is_somebody() {
        return Err(Stop::unclear(format!(
            "a credential that is no good ({kind}) was {}",
            who.told()
        )));
    }
    Ok(Refusal {
        kind,
        answer: who.answer().clone(),
        access,
    })
}

/// A credential whose login has ended, where that takes effect at once.
async fn revoked(trial: &Trial<'_>, found: &mut Vec<Refusal>) -> Result<(), Stop> {
    trial.request(Operation::Logout)?;
    let login = trial.login().await?;
    trial.done_by(Operation::Logout, &login, &[]).await?;
    let who = trial.who(&login).await?;
    if who.is_somebody() {
        return Err(Stop::NotApplicable(
            "an ended credential is accepted for a while, as REVOKE-008 measures".to_owned(),
        ));
    }
    found.push(Refusal {
        kind: "revoked",
        answer: who.answer().clone(),
        access: login.access,
    });
    Ok(())
}

async fn expired(trial: &Trial<'_>, found: &mut Vec<Refusal>) -> Result<(), Stop> {
    trial.door(Door::Clock)?;
    let login = trial.login().await?;
    trial.control(&login).await?;
    let promised = &trial.profile().guarantees;
    let life_ms = trial.policy().access_ttl_ms.unwrap_or(promised.lifetime_ms);
    let slack_ms = promised
        .expiry_slack_ms
        .max(trial.policy().skew_ms.unwrap_or(0));
    trial.advance(life_ms + slack_ms + 2_000).await?;
    let who = trial.who(&login).await?;
    if who.is_somebody() {
        return Err(Stop::unclear(
            "a credential is accepted after the end that the profile declares",
        ));
    }
    found.push(Refusal {
        kind: "expired",
        answer: who.answer().clone(),
        access: login.access,
    });
    let control = trial.login().await?;
    trial.control(&control).await
}

async fn forbidden(trial: &Trial<'_>, control: &Login) -> Result<(), Stop> {
    const CASE: &str = "403 for a valid identity";
    let answer = trial.perform(Operation::Admin, control, &[]).await?;
    if trial.done(Operation::Admin, &answer) {
        return Err(Stop::unclear(
            "the negative control failed: an ordinary account may do what is for administrators",
        ));
    }
    // 404 hides that there is such a thing (RFC 9110 15.5.4).
    let holds = matches!(answer.status, 403 | 404);
    trial.judge(
        CASE,
        holds,
        format!("it was answered {}", answer.status),
        &[&answer],
    );
    Ok(())
}

fn status(trial: &Trial<'_>, kind: &str, answer: &Answer) {
    let challenged = !answer.header_list("www-authenticate").trim().is_empty();
    let detail = match challenged {
        true => format!("{} with a challenge", answer.status),
        false => format!("{} without a challenge", answer.status),
    };
    if answer.status >= 500 {
        trial.inconclusive(kind, detail, &[answer]);
    } else {
        trial.judge(kind, answer.status == 401 && challenged, detail, &[answer]);
    }
}

/// Status, challenge, media type, members and size are the same.
fn alike(trial: &Trial<'_>, refusals: &[Refusal]) {
    const CASE: &str = "alike";
    let Some((first, rest)) = refusals.split_first() else {
        return;
    };
    let shape = shape(&first.answer);
    match rest
        .iter()
        .find(|other| self::shape(&other.answer) != shape)
    {
        None => trial.pass(
            CASE,
            format!("{} refusals cannot be told apart", refusals.len()),
        ),
        Some(other) => trial.fail(
            CASE,
            format!("`{}` and `{}` can be told apart", first.kind, other.kind),
            &[&first.answer, &other.answer],
        ),
    }
}

type Shape = (u16, String, String, usize, Option<Value>);

fn shape(answer: &Answer) -> Shape {
    (
        answer.status,
        answer.header_list("www-authenticate"),
        answer.header_list("content-type"),
        answer.body.len(),
        answer.json().map(stable),
    )
}

/// What is no number of this very request: texts without a digit stay, all
/// others become their length.
fn stable(value: Value) -> Value {
    match value {
        Value::Object(object) => object
            .into_iter()
            .map(|(name, member)| (name, stable(member)))
            .collect(),
        Value::Array(list) => list.into_iter().map(stable).collect(),
        Value::String(text) if text.bytes().any(|octet| octet.is_ascii_digit()) => {
            Value::from(text.len())
        }
        other => other,
    }
}

fn silent(trial: &Trial<'_>, refusals: &[Refusal]) {
    const CASE: &str = "silent";
    let told = refusals.iter().find_map(|refusal| {
        let text = format!(
            "{}\n{}",
            refusal.answer.text(),
            refusal.answer.header_list("www-authenticate")
        );
        let what = tells(&text, &refusal.access)?;
        Some((what, &refusal.answer))
    });
    match told {
        None => trial.pass(CASE, "no stack, key, claim or token in any refusal"),
        Some((what, answer)) => trial.fail(CASE, format!("a refusal holds {what}"), &[answer]),
    }
}

fn tells(text: &str, access: &str) -> Option<String> {
    /// Shorter pieces stand in any text.
    const PIECE: usize = 12;
    if let Some(sign) = INSIDE.iter().find(|sign| text.contains(**sign)) {
        return Some(format!("`{}`, as from the inside", sign.trim()));
    }
    let mut pieces = access.split('.').filter(|piece| piece.len() >= PIECE);
    if pieces.any(|piece| text.contains(piece)) {
        return Some("the token's text".to_owned());
    }
    let claims = Token::parse(access)?.claims;
    let texts = claims
        .iter()
        .filter_map(|(name, value)| Some((name, value.as_str()?)));
    let mut long = texts.filter(|(_, value)| value.len() >= 6);
    let (name, _) = long.find(|(_, value)| text.contains(*value))?;
    Some(format!("the claim `{name}`"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{stable, tells};

    #[test]
    fn what_is_told_is_found() {
        assert!(tells("{\"title\":\"unauthorized\"}", "abc").is_none());
        assert!(tells("x\n    at verify (a.js:1)", "abc").is_some());
        assert!(tells("unknown: abcdefghijklmnop", "abcdefghijklmnop").is_some());
    }

    #[test]
    fn request_numbers_are_no_difference() {
        let one = stable(json!({ "title": "no", "id": "a1b2", "list": ["x"] }));
        let other = stable(json!({ "title": "no", "id": "c3d4", "list": ["x"] }));
        assert_eq!(one, other);
        assert_ne!(
            one,
            stable(json!({ "title": "ex", "id": "c3d4", "list": ["x"] }))
        );
    }
}
