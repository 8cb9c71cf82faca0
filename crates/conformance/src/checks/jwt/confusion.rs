//! JWT-003 and JWT-004: a key is of one kind, and for one algorithm.

use authbench_results::{Level, Severity};
use authbench_wire::Operation;

use super::ground::{Forger, Forgery, Ground, TOKENS, made, public_keys};
use crate::check::{Check, Cost, Eye};
use crate::jose::{SignKey, disguises, encode, signing_input, text_of, without};
use crate::stop::Stop;
use crate::trial::Trial;

/// JWT-003.
pub(super) const JWT_003: Check = Check {
    id: "JWT-003",
    statement: "a public key never works as the secret of an HMAC, in whatever form it is written",
    level: Level::Must,
    severity: Severity::Critical,
    families: TOKENS,
    seen_by: &[Eye::Http],
    operations: &[Operation::Login, Operation::Whoami],
    doors: &[],
    clauses: &[
        "RFC 8725 2.1",
        "RFC 8725 3.1",
        "ASVS 5.0 9.1.2",
        "WSTG-SESS-10",
    ],
    cwe: &[347],
    mend: "Bind each key to one algorithm when it is loaded, and let the key, not the token's \
           `alg`, choose how a signature is verified.",
    cost: Cost::Quick,
    run: |trial| Box::pin(public_as_secret(trial)),
};

/// JWT-004.
pub(super) const JWT_004: Check = Check {
    id: "JWT-004",
    statement: "one key, one algorithm: a token signed with the right key by another algorithm, or \
                under another name of it, is refused",
    level: Level::Must,
    severity: Severity::High,
    families: TOKENS,
    seen_by: &[Eye::Http],
    operations: &[Operation::Login, Operation::Whoami],
    doors: &[],
    clauses: &[
        "RFC 8725 3.1",
        "RFC 8725bis 3.1",
        "RFC 7515 10.7",
        "ASVS 5.0 9.1.2",
    ],
    cwe: &[327],
    mend: "Store the algorithm with each key and compare the token's `alg` with it, by its exact \
           text.",
    cost: Cost::Quick,
    run: |trial| Box::pin(other_algorithm(trial)),
};

/// The most published keys that are tried.
const KEYS_MAX: usize = 3;
/// The algorithms whose key is a secret (RFC 7518 3.2).
const HMACS: [&str; 3] = ["HS256", "HS384", "HS512"];
/// Names that a token's `alg` may have (RFC 7518 3.1, RFC 8037 3.1, RFC 9864
/// 2), and some that it may not.
const NAMES: [&str; 19] = [
    "HS256",
    "HS384",
    "HS512",
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "ES256K",
    "EdDSA",
    "Ed25519",
    "Ed448",
    "HS1",
    "RS1",
    "HMACSHA256",
];

async fn public_as_secret(trial: &Trial<'_>) -> Result<(), Stop> {
    let ground = Ground::new(trial).await?;
    let keys = public_keys(trial).await?;
    let claims = text_of(&ground.token.claims);
    for (number, key) in keys.iter().take(KEYS_MAX).enumerate() {
        let forms = disguises(key);
        let kid = key.get("kid").cloned();
        for alg in HMACS {
            let mut header = ground.token.header_with("alg", alg);
            if let Some(kid) = &kid {
                header.insert("kid".to_owned(), kid.clone());
            }
            let header = text_of(&header);
            let forged = forms.iter().filter_map(|(form, octets)| {
                let secret = SignKey::secret(alg, octets);
                Some(Forgery::new(form, made(&secret, alg, &header, &claims)?))
            });
            let case = format!("public key {} as the secret of {alg}", number + 1);
            ground.refuse_each(&case, forged.collect()).await?;
        }
    }
    Ok(())
}

async fn other_algorithm(trial: &Trial<'_>) -> Result<(), Stop> {
    let forger = Forger::new(trial).await?;
    let (own, ground) = (forger.alg.as_str(), &forger.ground);
    let claims = text_of(forger.claims());
    let (mut signed, mut named) = (Vec::new(), Vec::new());
    for alg in NAMES.into_iter().filter(|alg| *alg != own) {
        let header = ground.header_text("alg", alg);
        if let Some(text) = by_another(&forger, alg, &header, &claims) {
            signed.push(Forgery::new(format!("signed by {alg}"), text));
        }
        // Its own algorithm under another name.
        named.push(Forgery::new(
            format!("named {alg}"),
            forger.headed(&header)?,
        ));
    }
    for alg in [
        own.to_lowercase(),
        own.to_uppercase(),
        format!("{own} "),
        format!(" {own}"),
    ] {
        if alg != own {
            let header = ground.header_text("alg", alg.as_str());
            named.push(Forgery::new(
                format!("named {alg:?}"),
                forger.headed(&header)?,
            ));
        }
    }
    let unnamed = text_of(&without(&ground.token.header, "alg"));
    named.push(Forgery::new("without a name", forger.headed(&unnamed)?));
    const CASE: &str = "another algorithm";
    match signed.is_empty() {
        true => trial.not_applicable(CASE, format!("its key signs by nothing but {own}")),
        false => ground.refuse_each(CASE, signed).await?,
    }
    ground.refuse_each("another name", named).await?;
    forger.honest_copy().await
}

/// A token that the key signs by another algorithm than its own, if it can.
fn by_another(forger: &Forger<'_>, alg: &str, header: &str, claims: &str) -> Option<String> {
    let input = signing_input(header, claims);
    let made = forger.key.sign(alg, input.as_bytes())?;
    // Keys of one algorithm alone make the same signature under every name.
    if forger.key.made(&forger.alg, input.as_bytes(), &made) {
        return None;
    }
    Some(format!("{input}.{}", encode(made)))
}
