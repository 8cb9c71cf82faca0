//! JWT-013 and JWT-014: whom a token is for, and who made it.

use authbench_results::{Level, Severity};
use authbench_wire::Operation;
use serde_json::{Map, Value, json};

use super::ground::{Forger, Forgery, TOKENS, load, made};
use crate::check::{Check, Cost, Eye};
use crate::jose::{SignKey, text_of, with, without};
use crate::stop::Stop;
use crate::trial::Trial;

/// JWT-013.
pub(super) const JWT_013: Check = Check {
    id: "JWT-013",
    statement: "a token without the right audience is refused: `aud` is compared whole and exactly, \
                an array of them as a set",
    level: Level::Must,
    severity: Severity::High,
    families: TOKENS,
    seen_by: &[Eye::Http],
    operations: &[Operation::Login, Operation::Whoami],
    doors: &[],
    clauses: &[
        "RFC 7519 4.1.3",
        "RFC 8725 3.9",
        "ASVS 5.0 9.2.3",
        "ASVS 5.0 9.2.4",
        "ASVS 5.0 10.3.1",
        "RFC 9068 4",
        "RFC 9700 2.3",
    ],
    cwe: &[345],
    mend: "Give the verifier its own name as the required audience.",
    cost: Cost::Quick,
    run: |trial| Box::pin(audience(trial)),
};

/// JWT-014.
pub(super) const JWT_014: Check = Check {
    id: "JWT-014",
    statement: "`iss` is compared exactly, and the key that verifies belongs to that issuer: a \
                second trusted issuer cannot speak for the first",
    level: Level::Must,
    severity: Severity::High,
    families: TOKENS,
    seen_by: &[Eye::Http],
    operations: &[Operation::Login, Operation::Whoami],
    doors: &[],
    clauses: &[
        "RFC 8725 3.8",
        "RFC 9068 4",
        "ASVS 5.0 6.8.1",
        "ASVS 5.0 10.3.3",
    ],
    cwe: &[346],
    mend: "Look the key up among those of the issuer that `iss` names, and only there.",
    cost: Cost::Quick,
    run: |trial| Box::pin(issuer(trial)),
};

const FOREIGN: &str = "https://authbench.invalid";

async fn audience(trial: &Trial<'_>) -> Result<(), Stop> {
    let forger = Forger::new(trial).await?;
    let ground = &forger.ground;
    let foreign = [
        json!(FOREIGN),
        json!([FOREIGN]),
        json!([FOREIGN, "https://other.invalid"]),
        json!([]),
        json!(""),
        json!([""]),
        json!("*"),
    ];
    let forged = of_values(&forger, "aud", foreign)?;
    ground.refuse_each("foreign `aud`", forged).await?;
    let Some(own) = own_name(&forger, "aud") else {
        trial.not_applicable("missing `aud`", "its tokens have no `aud`");
        return forger.honest_copy().await;
    };
    let missing = forger.claiming(&text_of(&without(forger.claims(), "aud")))?;
    ground
        .refuse_each("missing `aud`", vec![Forgery::new("no `aud`", missing)])
        .await?;
    let near = near(&own);
    let forged = of_values(&forger, "aud", near.iter().map(|text| json!(text)))?;
    ground.refuse_each("nearly the right `aud`", forged).await?;
    let forged = of_values(
        &forger,
        "aud",
        [json!(near), json!([format!("{own} {FOREIGN}")])],
    )?;
    ground
        .refuse_each("an array of nearly right ones", forged)
        .await?;
    set(&forger, &own).await?;
    forger.honest_copy().await
}

/// RFC 7519 4.1.3: the verifier is one of several.
async fn set(forger: &Forger<'_>, own: &str) -> Result<(), Stop> {
    const CASE: &str = "the right `aud` among others";
    let login = &forger.ground.login;
    let mut wrong = Vec::new();
    for value in [json!([own]), json!([FOREIGN, own]), json!([own, FOREIGN])] {
        let text = forger.with_claim("aud", value.clone())?;
        let who = forger.trial().who_presents(&text, login.replica).await?;
        if !who.is(&login.subject) {
            wrong.push((value, who));
        }
    }
    let names: Vec<_> = wrong
        .iter()
        .map(|(value, who)| format!("{value} was {}", who.told()))
        .collect();
    let answers: Vec<_> = wrong.iter().map(|(_, who)| who.answer()).collect();
    match wrong.is_empty() {
        true => forger.trial().pass(CASE, "an array is read as a set"),
        false => forger.trial().fail(CASE, names.join("; "), &answers),
    }
    Ok(())
}

async fn issuer(trial: &Trial<'_>) -> Result<(), Stop> {
    let forger = Forger::new(trial).await?;
    let ground = &forger.ground;
    match own_name(&forger, "iss") {
        None => trial.not_applicable("`iss`", "its tokens have no `iss`"),
        Some(own) => {
            let missing = forger.claiming(&text_of(&without(forger.claims(), "iss")))?;
            let missing = Forgery::new("no `iss`", missing);
            ground.refuse_each("missing `iss`", vec![missing]).await?;
            let near = near(&own).into_iter().map(Value::from);
            let others = near.chain([
                json!(FOREIGN),
                json!(""),
                json!([own]),
                json!([own, FOREIGN]),
            ]);
            let forged = of_values(&forger, "iss", others)?;
            ground.refuse_each("another `iss`", forged).await?;
        }
    }
    trial.settle("a second issuer", second_issuer(&forger).await);
    forger.honest_copy().await
}

/// Two issuers, each with its key: neither key signs for the other.
async fn second_issuer(forger: &Forger<'_>) -> Result<(), Stop> {
    let trial = forger.trial();
    let second = trial.profile().keys.second_issuer.as_ref();
    let second = second.ok_or_else(|| Stop::needs("keys.second_issuer"))?;
    let key = load(trial, &second.sign)?;
    let own = own_name(forger, "iss");
    let own = own.ok_or_else(|| Stop::NotApplicable("its tokens have no `iss`".to_owned()))?;
    let subject = match &second.subject {
        Some(subject) => with(forger.claims(), "sub", subject.as_str()),
        None => forger.claims().clone(),
    };
    let theirs = by(forger, &key, &with(&subject, "iss", second.issuer.as_str()))?;
    let who = trial.who_presents(&theirs, 0).await?;
    if !who.is_somebody() {
        return Err(Stop::unclear(format!(
            "an honest token of `keys.second_issuer` was {}",
            who.told()
        )));
    }
    let mut forged = vec![Forgery::new(
        "the second issuer's key for the first",
        by(forger, &key, forger.claims())?,
    )];
    let whole = with(&subject, "iss", own.as_str());
    forged.push(Forgery::new(
        "the second issuer's subject in the first one's name",
        by(forger, &key, &whole)?,
    ));
    // The header that goes with the first key, too: a verifier may look keys up
    // by `kid` alone.
    let claims = text_of(&with(forger.claims(), "iss", own.as_str()));
    let header = forger.ground.header_text("alg", key.alg.as_str());
    forged.extend(
        made(&key, &key.alg, &header, &claims)
            .map(|text| Forgery::new("the same under the first key's `kid`", text)),
    );
    let crossed = with(&subject, "iss", second.issuer.as_str());
    forged.push(Forgery::new(
        "the first issuer's key for the second",
        forger.claiming(&text_of(&crossed))?,
    ));
    forger
        .ground
        .refuse_each("one issuer for the other", forged)
        .await
}

/// `claims` under the header of `key`, signed by it.
fn by(forger: &Forger<'_>, key: &SignKey, claims: &Map<String, Value>) -> Result<String, Stop> {
    let mut header = forger.ground.token.header_with("alg", key.alg.as_str());
    header = match &key.kid {
        Some(kid) => with(&header, "kid", kid.as_str()),
        None => without(&header, "kid"),
    };
    let text = made(key, &key.alg, &text_of(&header), &text_of(claims));
    text.ok_or_else(|| Stop::unclear("`keys.second_issuer` makes no signature of its `alg`"))
}

/// The real token's name under `claim`: the only one, or the first.
fn own_name(forger: &Forger<'_>, claim: &str) -> Option<String> {
    match forger.claims().get(claim)? {
        Value::String(own) => Some(own.clone()),
        Value::Array(several) => several.first()?.as_str().map(str::to_owned),
        _ => None,
    }
}

fn of_values(
    forger: &Forger<'_>,
    claim: &str,
    values: impl IntoIterator<Item = Value>,
) -> Result<Vec<Forgery>, Stop> {
    let forged = values.into_iter().map(|value| {
        let text = forger.with_claim(claim, value.clone())?;
        Ok(Forgery::new(value.to_string(), text))
    });
    forged.collect()
}

/// Texts that some comparison takes for `name`.
fn near(name: &str) -> Vec<String> {
    let middle = name.chars().skip(1).collect::<String>();
    let mut cut = name.to_owned();
    cut.pop();
    let mut texts = vec![
        cut,
        middle,
        format!("{name}x"),
        format!("x{name}"),
        format!("{name}/"),
        format!("{name}/x"),
        format!("{name}.invalid"),
        format!("{name} "),
        format!(" {name}"),
        format!("{name}\n"),
        format!("{name}\0"),
        format!("{FOREIGN}/{name}"),
        name.to_uppercase(),
        name.to_lowercase(),
        name.replace("https://", "http://"),
        name.replace("https://", ""),
    ];
    texts.retain(|text| text != name && !text.is_empty());
    texts.sort();
    texts.dedup();
    texts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearly_is_not_the_same() {
        for name in ["https://api.test", "api", "A"] {
            let texts = near(name);
            assert!(texts.len() > 8);
            assert!(texts.iter().all(|text| text != name && !text.is_empty()));
        }
    }
}
