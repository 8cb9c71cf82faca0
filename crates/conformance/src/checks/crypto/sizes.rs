//! CRYPTO-008: keys are big enough.

use authbench_results::{Level, Severity};
use authbench_wire::profile::{Family, SigningKey};
use serde_json::Value;

use crate::check::{Check, Cost, Eye};
use crate::jose;
use crate::stop::Stop;
use crate::trial::Trial;
use crate::verifier::Answer;

/// CRYPTO-008.
pub(super) const CRYPTO_008: Check = Check {
    id: "CRYPTO-008",
    statement: "keys are big enough: a MAC's secret as long as its hash, RSA of 2048 bits, curves \
                of 256 bits",
    level: Level::Must,
    severity: Severity::High,
    families: &[
        Family::Jwt,
        Family::Denylist,
        Family::Refresh,
        Family::Hybrid,
        Family::Sealed,
    ],
    seen_by: &[Eye::Http, Eye::InProcess],
    operations: &[],
    doors: &[],
    clauses: &["RFC 7518 3.2", "RFC 7518 3.3", "ASVS 5.0 11.2.3"],
    cwe: &[326],
    mend: "Make keys with a key generator (32 random octets, `openssl genrsa 3072`, P-256 or \
           Ed25519), and let the verifier refuse smaller ones at its start.",
    cost: Cost::Quick,
    run: |trial| Box::pin(run(trial)),
};

/// RFC 7518 3.3.
const RSA_BITS_MIN: usize = 2048;
/// For 128 bits of security (ASVS 5.0 11.2.3).
const RSA_BITS_WANTED: usize = 3072;

async fn run(trial: &Trial<'_>) -> Result<(), Stop> {
    trial.settle("published keys", published(trial).await);
    trial.settle("the signing key of the profile", configured(trial));
    trial.settle("secrets that are too short", loaded(trial));
    Ok(())
}

async fn published(trial: &Trial<'_>) -> Result<(), Stop> {
    let path = trial.profile().keys.jwks_path.clone();
    let path = path.ok_or_else(|| Stop::needs("keys.jwks_path"))?;
    let answer = trial.ask_bare().path(path).send().await?;
    let set = answer.json();
    let keys = set.as_ref().and_then(|set| set.get("keys")?.as_array());
    let keys = keys.ok_or_else(|| Stop::unclear("the key set is no JWK set"))?;
    for (number, key) in keys.iter().enumerate() {
        let case = format!("published key {number}");
        match size(key) {
            Ok(size) => trial.pass(&case, size),
            Err(small) => trial.fail(&case, small, &[&answer]),
        }
        if key["kty"] == "RSA" && modulus_bits(key) < RSA_BITS_WANTED {
            trial.note(format!(
                "{case} has {} bits; {RSA_BITS_WANTED} are wanted for a security of 128 bits \
                 (ASVS 5.0 11.2.3)",
                modulus_bits(key)
            ));
        }
    }
    Ok(())
}

fn configured(trial: &Trial<'_>) -> Result<(), Stop> {
    const CASE: &str = "the signing key of the profile";
    let sign = trial.profile().keys.sign.as_ref();
    let told = match sign.ok_or_else(|| Stop::needs("keys.sign"))? {
        SigningKey::Secret(secret) => enough(secret.len(), 32),
        SigningKey::Jwk(text) => {
            let key = serde_json::from_str::<Value>(text);
            size(&key.map_err(|_| Stop::unclear("`keys.sign.jwk` is no JSON"))?)
        }
        SigningKey::JwkFile(_) => {
            return Err(Stop::NotApplicable(
                "the key is in a file: the published keys are judged".to_owned(),
            ));
        }
    };
    match told {
        Ok(size) => trial.pass(CASE, size),
        Err(small) => trial.fail(CASE, small, &[]),
    }
    Ok(())
}

fn loaded(trial: &Trial<'_>) -> Result<(), Stop> {
    let verifier = trial.verifier()?;
    // No repeated octet, so that nobody takes it for another kind of input.
    let secret: Vec<u8> = (0..32).map(|at| at * 7 + 3).collect();
    match verifier.load_secret(&secret) {
        Answer::Accepted(()) => {}
        Answer::NotSupported(reason) => return Err(Stop::NotApplicable(reason)),
        Answer::Refused => return Err(Stop::unclear("a secret of 32 octets is refused")),
    }
    for octets in [0, 1, 16, 31] {
        let refused = verifier.load_secret(&secret[..octets]) == Answer::Refused;
        let case = format!("a secret of {octets} octets");
        let detail = if refused { "refused" } else { "loaded" };
        trial.judge(&case, refused, detail, &[]);
    }
    Ok(())
}

/// How big a key is, or how small.
fn size(key: &Value) -> Result<String, String> {
    match key["kty"].as_str().unwrap_or("") {
        "RSA" => {
            let bits = modulus_bits(key);
            let text = format!("an RSA modulus of {bits} bits");
            if bits >= RSA_BITS_MIN {
                Ok(text)
            } else {
                Err(text)
            }
        }
        "EC" | "OKP" => {
            let curve = key["crv"].as_str().unwrap_or("");
            let known = [
                "P-256",
                "P-384",
                "P-521",
                "secp256k1",
                "Ed25519",
                "Ed448",
                "X25519",
                "X448",
            ];
            let text = format!("the curve `{curve}`");
            if known.contains(&curve) {
                Ok(text)
            } else {
                Err(text)
            }
        }
        "oct" => {
            let octets = key["k"].as_str().and_then(jose::decode);
            let least = match key["alg"].as_str().unwrap_or("") {
                "HS384" => 48,
                "HS512" => 64,
                _ => 32,
            };
            enough(octets.map_or(0, |octets| octets.len()), least)
        }
        other => Err(format!("a key of the unknown type {other:?}")),
    }
}

fn enough(octets: usize, least: usize) -> Result<String, String> {
    let text = format!("a secret of {octets} octets, where the hash has {least}");
    if octets >= least { Ok(text) } else { Err(text) }
}

fn modulus_bits(key: &Value) -> usize {
    let modulus = key["n"].as_str().and_then(jose::decode).unwrap_or_default();
    let zeros = modulus.iter().take_while(|octet| **octet == 0).count();
    let digits = &modulus[zeros..];
    let unused = digits
        .first()
        .map_or(0, |first| first.leading_zeros() as usize);
    digits.len() * 8 - unused
}
