//! JWT-008: secrets that are none.

use authbench_results::{Level, Severity};
use authbench_wire::Operation;

use super::ground::{Forgery, Ground, TOKENS, made};
use crate::check::{Check, Cost, Eye};
use crate::jose::{SignKey, text_of, without};
use crate::stop::Stop;
use crate::trial::Trial;

/// JWT-008.
pub(super) const JWT_008: Check = Check {
    id: "JWT-008",
    statement: "an empty secret or one of a single octet verifies nothing, and the secret of a \
                captured token is not in a list of common ones",
    level: Level::Must,
    severity: Severity::Critical,
    families: TOKENS,
    seen_by: &[Eye::Http],
    operations: &[Operation::Login, Operation::Whoami],
    doors: &[],
    clauses: &[
        "RFC 7518 3.2",
        "RFC 8725 2.2",
        "RFC 8725 3.5",
        "ASVS 5.0 11.2.3",
        "WSTG-SESS-10",
    ],
    cwe: &[326, 1391],
    mend: "Take a secret of random octets, at least as many as the hash has, from a secret store; \
           refuse to start with anything else.",
    cost: Cost::Quick,
    run: |trial| Box::pin(weak(trial)),
};

/// Words that documents, tutorials and default settings use as secrets.
const COMMON: &str = include_str!("common_secrets.txt");
/// What people append to them.
const ENDINGS: [&str; 9] = ["", "1", "12", "123", "1234", "!", "123!", "2024", "2025"];
/// The algorithms whose key is a secret (RFC 7518 3.2).
const HMACS: [&str; 3] = ["HS256", "HS384", "HS512"];

async fn weak(trial: &Trial<'_>) -> Result<(), Stop> {
    let ground = Ground::new(trial).await?;
    let claims = text_of(&ground.token.claims);
    let secrets: [(&str, &[u8]); 7] = [
        ("an empty secret", b""),
        ("a zero octet", b"\0"),
        ("a line end", b"\n"),
        ("a space", b" "),
        ("`0`", b"0"),
        ("`1`", b"1"),
        ("`a`", b"a"),
    ];
    for alg in HMACS {
        let named = ground.token.header_with("alg", alg);
        let nameless = without(&named, "kid");
        let mut forged = Vec::new();
        for (what, secret) in secrets {
            let key = SignKey::secret(alg, secret);
            for header in [&named, &nameless] {
                let text = made(&key, alg, &text_of(header), &claims);
                forged.extend(text.map(|text| Forgery::new(what, text)));
            }
        }
        let case = format!("void secrets of {alg}");
        ground.refuse_each(&case, forged).await?;
    }
    guess(&ground);
    Ok(())
}

/// Guesses the secret of the captured token, without a request.
fn guess(ground: &Ground<'_>) {
    const CASE: &str = "common secrets";
    let (trial, token) = (ground.trial, &ground.token);
    let alg = token.alg().unwrap_or_default();
    if !HMACS.contains(&alg) {
        trial.not_applicable(CASE, format!("{alg} has no secret that could be guessed"));
        return;
    }
    let (input, signature) = (token.signed_part(), token.signature());
    let mut words: Vec<String> = COMMON.lines().map(str::to_owned).collect();
    words.extend(own_words(ground));
    let mut tried = 0_u32;
    for secret in words.iter().flat_map(|word| guesses(word)).chain(octets()) {
        tried += 1;
        if SignKey::secret(alg, &secret).made(alg, input.as_bytes(), &signature) {
            let word = String::from_utf8_lossy(&secret).into_owned();
            let detail = format!(
                "guess {tried} is the secret: `{}...`, {} octets",
                word.chars().take(2).collect::<String>(),
                secret.len()
            );
            trial.fail(CASE, detail, &[&ground.login.answer]);
            return;
        }
    }
    trial.pass(CASE, format!("none of {tried} guesses is the secret"));
}

/// What the target itself tells: its names.
fn own_words(ground: &Ground<'_>) -> Vec<String> {
    let mut words = vec![ground.trial.profile().name.clone()];
    for name in ["iss", "aud"] {
        let text = ground
            .token
            .claims
            .get(name)
            .and_then(serde_json::Value::as_str);
        if let Some(text) = text {
            words.push(text.to_owned());
            let host = text.split("://").nth(1).unwrap_or(text);
            words.extend(host.split(['.', '/', ':']).map(str::to_owned));
        }
    }
    let kid = ground
        .token
        .header
        .get("kid")
        .and_then(serde_json::Value::as_str);
    words.extend(kid.map(str::to_owned));
    words.retain(|word| !word.is_empty());
    words
}

/// A word, its spellings, and what people make of it.
fn guesses(word: &str) -> Vec<Vec<u8>> {
    let mut capital = word.to_owned();
    if let Some(first) = capital.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    let mut spellings = vec![word.to_owned(), word.to_uppercase(), capital];
    spellings.dedup();
    let mut all = Vec::new();
    for spelling in &spellings {
        all.extend(
            ENDINGS
                .iter()
                .map(|ending| format!("{spelling}{ending}").into_bytes()),
        );
    }
    all.push(word.repeat(2).into_bytes());
    // Drawn out to the length that a library demands.
    for octets in [32, 48, 64] {
        if word.len() < octets {
            let repeated = word.as_bytes().iter().copied().cycle();
            all.push(repeated.take(octets).collect());
            let mut padded = word.as_bytes().to_vec();
            padded.resize(octets, 0);
            all.push(padded);
        }
    }
    all
}

/// Every single octet, and such octets drawn out.
fn octets() -> impl Iterator<Item = Vec<u8>> {
    (0..=255_u8).flat_map(|octet| [1, 16, 32, 48, 64].map(|length| vec![octet; length]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_clean_and_the_guesses_are_many() {
        let words: Vec<_> = COMMON.lines().collect();
        for (index, word) in words.iter().enumerate() {
            assert!(!word.is_empty() && word.trim() == *word, "{word:?}");
            assert!(!words[..index].contains(word), "{word} stands twice");
        }
        assert!(words.len() > 150, "{}", words.len());
        for wanted in ["secret", "Secret123", "SECRET", "secretsecret"] {
            assert!(
                guesses("secret").contains(&wanted.as_bytes().to_vec()),
                "{wanted}"
            );
        }
    }
}
