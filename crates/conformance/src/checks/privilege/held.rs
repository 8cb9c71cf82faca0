//! PRIVILEGE-004: what the client holds cannot be made to say otherwise.

use std::collections::BTreeSet;

use authbench_results::{Level, Severity};
use authbench_wire::Operation;
use authbench_wire::profile::{Carrier, Family};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use crate::check::{Check, Cost, Eye};
use crate::jose::{Token, encode, text_of};
use crate::login::{Login, cookie_pairs, is_credential};
use crate::stop::Stop;
use crate::trial::Trial;

/// PRIVILEGE-004.
pub(super) const PRIVILEGE_004: Check = Check {
    id: "PRIVILEGE-004",
    statement: "state that the client holds cannot be altered, put together from two credentials, \
                or brought in under another cookie's name",
    level: Level::Must,
    severity: Severity::Critical,
    families: &[Family::Sealed, Family::Jwt, Family::Hybrid],
    seen_by: &[Eye::Http],
    operations: &[Operation::Login, Operation::Whoami],
    doors: &[],
    clauses: &["RFC 6265bis 8.4", "RFC 6265bis 8.6", "ASVS 5.0 8.3.1"],
    cwe: &[565],
    mend: "Authenticate the whole credential together with its purpose (the cookie's name, `typ`), \
           and decide nothing by what is not authenticated.",
    cost: Cost::Quick,
    run: |trial| Box::pin(run(trial)),
};

/// Places at which a credential is altered, at most.
const PLACES_MAX: usize = 48;

async fn run(trial: &Trial<'_>) -> Result<(), Stop> {
    let users = trial.users(2)?;
    let own = trial.login_of(&users[0]).await?;
    let other = trial.login_of(&users[1]).await?;
    for login in [&own, &other] {
        trial.control(login).await?;
    }
    trial.negative_control(&own).await?;
    refused(trial, "altered", &altered(&own.access), &own).await?;
    refused(trial, "altered claims", &claimed(&own, &other), &own).await?;
    let spliced = spliced(&own.access, &other.access);
    refused(trial, "put together from two", &spliced, &own).await?;
    moved(trial, &own, &other).await?;
    beside(trial, &own, &other).await?;
    trial.control(&own).await
}

/// Demands that none of `texts` is anybody's credential.
async fn refused(
    trial: &Trial<'_>,
    case: &str,
    texts: &[String],
    control: &Login,
) -> Result<(), Stop> {
    if texts.is_empty() {
        trial.not_applicable(case, "the credential's form leaves nothing to alter");
        return Ok(());
    }
    for text in texts {
        let who = trial.who_presents(text, control.replica).await?;
        if who.is_somebody() {
            trial.fail(case, who.told(), &[who.answer()]);
            return Ok(());
        }
        if who.answer().status >= 500 {
            trial.inconclusive(case, who.told(), &[who.answer()]);
            return Ok(());
        }
    }
    trial.control(control).await?;
    trial.pass(case, format!("{} forms were refused", texts.len()));
    Ok(())
}

/// One bit changed in each of some octets, over the whole length.
fn altered(access: &str) -> Vec<String> {
    let (head, octets) = match access.rsplit_once('.') {
        // What is signed and what signs are altered apart.
        Some((head, signature)) => (format!("{head}."), URL_SAFE_NO_PAD.decode(signature)),
        None => (String::new(), URL_SAFE_NO_PAD.decode(access)),
    };
    let Ok(octets) = octets else {
        return Vec::new();
    };
    let step = octets.len().div_ceil(PLACES_MAX).max(1);
    let places = (0..octets.len()).step_by(step);
    places
        .map(|place| {
            let mut octets = octets.clone();
            octets[place] ^= 1;
            format!("{head}{}", encode(octets))
        })
        .collect()
}

/// A token whose claims say more, under its old signature.
fn claimed(own: &Login, other: &Login) -> Vec<String> {
    let Some(token) = Token::parse(&own.access) else {
        return Vec::new();
    };
    let with = |name: &str, value: Value| {
        let mut claims: Map<String, Value> = token.claims.clone();
        claims.insert(name.to_owned(), value);
        let [header, _, signature] = &token.segments;
        format!("{header}.{}.{signature}", encode(text_of(&claims)))
    };
    vec![
        with("sub", other.subject.clone().into()),
        with("roles", serde_json::json!(["admin"])),
        with("role", "admin".into()),
        with("admin", true.into()),
        with("exp", 99_999_999_999_u64.into()),
    ]
}

/// Pieces of one credential in the other.
fn spliced(own: &str, other: &str) -> Vec<String> {
    let mut made = BTreeSet::new();
    let (mine, theirs): (Vec<_>, Vec<_>) = (own.split('.').collect(), other.split('.').collect());
    if mine.len() == theirs.len() && mine.len() > 1 {
        for place in 0..mine.len() {
            let mut parts = mine.clone();
            parts[place] = theirs[place];
            made.insert(parts.join("."));
        }
    } else if let (Ok(mine), Ok(theirs)) =
        (URL_SAFE_NO_PAD.decode(own), URL_SAFE_NO_PAD.decode(other))
    {
        // At the borders of a cipher's blocks.
        let shorter = mine.len().min(theirs.len());
        for cut in (16..shorter).step_by(16) {
            made.insert(encode([&mine[..cut], &theirs[cut..]].concat()));
            made.insert(encode([&theirs[..cut], &mine[cut..]].concat()));
        }
    }
    made.into_iter()
        .filter(|text| text != own && text != other)
        .take(2 * PLACES_MAX)
        .collect()
}

/// Every other cookie of the login, under the credential's name.
async fn moved(trial: &Trial<'_>, own: &Login, other: &Login) -> Result<(), Stop> {
    const CASE: &str = "another cookie's value";
    let Carrier::Cookie { name } = &trial.profile().carrier else {
        trial.not_applicable(CASE, "the credential travels in no cookie");
        return Ok(());
    };
    let jars = own.jar.all().iter().chain(other.jar.all());
    let texts: Vec<_> = jars
        .filter(|cookie| {
            cookie.name != *name
                && !cookie.name.starts_with(&format!("{name}."))
                && !cookie.value.is_empty()
        })
        .map(|cookie| cookie.value.clone())
        .collect();
    if texts.is_empty() {
        trial.not_applicable(CASE, "the login sets no other cookie");
        return Ok(());
    }
    refused(trial, CASE, &texts, own).await?;
    const UNDER: &str = "under another cookie's name";
    let names = own.jar.all().iter().map(|cookie| &cookie.name);
    for under in names.filter(|under| !is_credential(trial.profile(), under)) {
        let pairs = cookie_pairs(under, &own.access).join("; ");
        let ask = trial.ask(Operation::Whoami)?.cookie(pairs);
        let who = trial.identity(ask.send().await?);
        let detail = format!("the credential as `{under}` was {}", who.told());
        trial.judge(UNDER, !who.is_somebody(), detail, &[who.answer()]);
    }
    Ok(())
}

/// Plain claims beside the credential, in the names that frameworks use.
async fn beside(trial: &Trial<'_>, own: &Login, other: &Login) -> Result<(), Stop> {
    const CASE: &str = "plain claims beside it";
    let whoami = trial.request(Operation::Whoami)?;
    let roles = |answer: &crate::answer::Answer| {
        let pointer = whoami.roles.as_ref()?;
        answer.json()?.pointer(pointer).cloned()
    };
    let before = trial.who(own).await?;
    let subject = other.subject.as_str();
    let pairs = [
        "role=admin".to_owned(),
        "roles=admin".to_owned(),
        "is_admin=true".to_owned(),
        "admin=1".to_owned(),
        format!("user={subject}"),
        format!("user_id={subject}"),
        format!("sub={subject}"),
        format!("tenant={subject}"),
    ];
    for pair in &pairs {
        let ask = trial
            .ask(Operation::Whoami)?
            .with(own)
            .cookie(pair.as_str());
        let answer = ask.send().await?;
        let who = trial.identity(answer.clone());
        // A target may refuse the whole request.
        let same = who.is(&own.subject) && roles(&answer) == roles(before.answer());
        if who.is_somebody() && !same {
            let told = format!("with the cookie `{pair}` it was {}", who.told());
            trial.fail(
                CASE,
                format!("{told}, with other rights"),
                &[before.answer(), &answer],
            );
            return Ok(());
        }
        if trial.has(Operation::Admin) {
            let ask = trial.ask(Operation::Admin)?.with(own).cookie(pair.as_str());
            let answer = ask.send().await?;
            if trial.done(Operation::Admin, &answer) {
                trial.fail(
                    CASE,
                    format!("the cookie `{pair}` opens `admin`"),
                    &[&answer],
                );
                return Ok(());
            }
        }
    }
    trial.pass(CASE, format!("{} cookies changed nothing", pairs.len()));
    Ok(())
}
