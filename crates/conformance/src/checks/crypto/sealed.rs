//! CRYPTO-005: a sealed cookie is authenticated whole.

use std::sync::Arc;

use authbench_results::{Level, Severity};
use authbench_wire::Operation;
use authbench_wire::profile::Family;

use crate::check::{Check, Cost, Eye};
use crate::jose;
use crate::login::Login;
use crate::stop::Stop;
use crate::trial::{Trial, Who};
use crate::verifier::{Answer, Sealer, Verifier};

/// CRYPTO-005.
pub(super) const CRYPTO_005: Check = Check {
    id: "CRYPTO-005",
    statement: "an encrypted cookie is authenticated whole and bound to its name: flipped bits, \
                cuts, splices, another name and another version are refused, and all refusals \
                look alike",
    level: Level::Must,
    severity: Severity::Critical,
    families: &[Family::Sealed],
    seen_by: &[Eye::Http, Eye::InProcess],
    operations: &[Operation::Login, Operation::Whoami],
    doors: &[],
    clauses: &["ASVS 5.0 11.3.2", "ASVS 5.0 11.3.3", "ASVS 5.0 11.2.5"],
    cwe: &[353, 209],
    mend: "Use an authenticated cipher with the cookie's name and the layout's version as \
           associated data, and answer every failure in one way.",
    cost: Cost::Quick,
    run: |trial| Box::pin(run(trial)),
};

/// Bits that are flipped over HTTP, spread over the whole text.
const FLIPS: usize = 24;

async fn run(trial: &Trial<'_>) -> Result<(), Stop> {
    trial.settle("in process", in_process(trial).await);
    let (ada, bob) = (trial.login().await?, trial.login().await?);
    trial.negative_control(&ada).await?;
    let mut looks = Vec::new();
    for (case, text) in forgeries(&ada.access, &bob.access) {
        trial.control(&ada).await?;
        let who = trial.who_presents(&text, ada.replica).await?;
        let detail = format!("{case}: {}", who.told());
        if let Who::Refused(answer) = &who {
            looks.push((case.clone(), answer.status, answer.text()));
        }
        match who.is_somebody() {
            true => trial.fail(&case, detail, &[who.answer()]),
            false => trial.pass(&case, detail),
        }
    }
    trial.control(&ada).await?;
    alike(trial, &ada, &looks).await
}

/// Every refusal is the same answer, so that none is an oracle.
async fn alike(
    trial: &Trial<'_>,
    login: &Login,
    looks: &[(String, u16, String)],
) -> Result<(), Stop> {
    let never = trial.never_valid(&login.access);
    let plain = trial.who_presents(&never, login.replica).await?;
    let (status, text) = (plain.answer().status, plain.answer().text());
    let other = looks.iter().find(|look| look.1 != status || look.2 != text);
    let detail = match other {
        None => format!("{} refusals are one and the same answer", looks.len()),
        Some((case, ..)) => format!("the refusal of \"{case}\" is told apart from others"),
    };
    trial.judge(
        "all refusals look alike",
        other.is_none(),
        detail,
        &[plain.answer()],
    );
    Ok(())
}

/// Texts that are made of two good ones; the case and the text.
fn forgeries(ada: &str, bob: &str) -> Vec<(String, String)> {
    let (Some(one), Some(two)) = (jose::decode(ada), jose::decode(bob)) else {
        return Vec::new();
    };
    let mut made = Vec::new();
    let mut add = |case: String, octets: &[u8]| made.push((case, jose::encode(octets)));
    for number in 0..FLIPS {
        let at = number * one.len() / FLIPS;
        let mut octets = one.clone();
        octets[at] ^= 1 << (number % 8);
        add(format!("a bit of octet {at} flipped"), &octets);
    }
    let last = one.len() - 1;
    let mut octets = one.clone();
    octets[last] ^= 1;
    add("the last bit flipped".to_owned(), &octets);
    for cut in [1, 4, 8, 16] {
        add(
            format!("{cut} octets cut off"),
            &one[..one.len().saturating_sub(cut)],
        );
        add(
            format!("the first {cut} octets cut off"),
            &one[cut.min(one.len())..],
        );
    }
    add("an octet behind".to_owned(), &[&one[..], &[0]].concat());
    for at in [4, 12, 16, 32, one.len() / 2, one.len().saturating_sub(16)] {
        if at < one.len().min(two.len()) && one[..at] != two[..at] {
            let spliced = [&one[..at], &two[at..]].concat();
            add(
                format!("spliced with another user's at octet {at}"),
                &spliced,
            );
        }
    }
    made.push(("another version before it".to_owned(), format!("v0.{ada}")));
    made.retain(|(_, text)| text != ada && text != bob);
    made
}

async fn in_process(trial: &Trial<'_>) -> Result<(), Stop> {
    let verifier = Arc::clone(trial.verifier()?);
    let trying = tokio::task::spawn_blocking(move || tried(&*verifier));
    let found = trying
        .await
        .map_err(|error| Stop::unclear(error.to_string()))??;
    match found.is_empty() {
        true => trial.pass(
            "in process",
            "every bit counts, and so does the cookie's name",
        ),
        false => trial.fail("in process", format!("accepted: {}", found.join(", ")), &[]),
    }
    Ok(())
}

/// What was accepted and must not be.
fn tried(verifier: &dyn Verifier) -> Result<Vec<String>, Stop> {
    let sealer = verifier.sealer();
    let sealer = sealer.ok_or_else(|| Stop::NotApplicable("nothing is sealed".to_owned()))?;
    let sealed = |name: &str, subject: &str| {
        let text = sealer.seal(name, subject);
        text.map_err(|error| Stop::unclear(crate::trial::cause_chain(&*error)))
    };
    let (ada, bob) = (sealed("sealed", "ada")?, sealed("sealed", "bob")?);
    if sealer.open("sealed", &ada) != Answer::Accepted("ada".to_owned()) {
        return Err(Stop::unclear("a cookie that was just sealed does not open"));
    }
    let is_open = |name: &str, text: &str| matches!(sealer.open(name, text), Answer::Accepted(_));
    let mut found: Vec<String> = forgeries(&ada, &bob)
        .into_iter()
        .filter(|(_, text)| is_open("sealed", text))
        .map(|(case, _)| case)
        .collect();
    found.extend(flips(sealer, &ada));
    for name in ["prefs", "Sealed", "sealed2", "seale", ""] {
        if is_open(name, &ada) {
            found.push(format!("a cookie `sealed` under the name `{name}`"));
        }
    }
    Ok(found)
}

/// Every bit of the text, flipped.
fn flips(sealer: &dyn Sealer, text: &str) -> Vec<String> {
    let octets = jose::decode(text).unwrap_or_default();
    let bits = 0..octets.len() * 8;
    let opens = bits.filter(|bit| {
        let mut flipped = octets.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        matches!(
            sealer.open("sealed", &jose::encode(flipped)),
            Answer::Accepted(_)
        )
    });
    opens.map(|bit| format!("bit {bit} flipped")).collect()
}
