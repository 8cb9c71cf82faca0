//! JWT-005: keys that a token carries.

use authbench_results::{Level, Severity};
use authbench_wire::Operation;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::ground::{Forgery, Ground, TOKENS, made};
use crate::check::{Check, Cost, Eye};
use crate::jose::{SignKey, encode, text_of, with, without};
use crate::stop::Stop;
use crate::trial::{Trial, cause_chain};

/// JWT-005.
pub(super) const JWT_005: Check = Check {
    id: "JWT-005",
    statement: "a key or a certificate that the token itself carries (`jwk`, `x5c`) is never \
                trusted",
    level: Level::Must,
    severity: Severity::Critical,
    families: TOKENS,
    seen_by: &[Eye::Http],
    operations: &[Operation::Login, Operation::Whoami],
    doors: &[],
    clauses: &["ASVS 5.0 9.1.3", "OWASP JWT", "RFC 8725 3.10"],
    cwe: &[345],
    mend: "Look keys up in your own store only; ignore or refuse `jwk` and `x5c` in headers.",
    cost: Cost::Quick,
    run: |trial| Box::pin(carried(trial)),
};

async fn carried(trial: &Trial<'_>) -> Result<(), Stop> {
    let ground = Ground::new(trial).await?;
    let mut algs = vec!["ES256".to_owned(), "EdDSA".to_owned(), "HS256".to_owned()];
    let own = ground.alg()?;
    if !algs.contains(&own) {
        algs.push(own);
    }
    for alg in algs {
        let Ok(key) = SignKey::generate(&alg) else {
            continue;
        };
        let jwk = match (key.public_jwk(), key.secret_octets()) {
            (Some(jwk), _) => jwk,
            (None, secret) => json!({ "kty": "oct", "k": encode(secret.unwrap_or_default()) }),
        };
        let case = format!("`jwk` of {alg}");
        let forged = with_key(&ground, &key, &alg, "jwk", &jwk);
        ground.refuse_each(&case, forged).await?;
    }
    let (key, certificate) = certified()?;
    let chain = json!([STANDARD.encode(&certificate)]);
    let forged = with_key(&ground, &key, "ES256", "x5c", &chain);
    ground.refuse_each("`x5c`", forged).await
}

/// Tokens signed by `key` that carry it as `member`, under every `kid` that a
/// verifier might look at first.
pub(super) fn with_key(
    ground: &Ground<'_>,
    key: &SignKey,
    alg: &str,
    member: &str,
    value: &Value,
) -> Vec<Forgery> {
    let header = with(&ground.token.header_with("alg", alg), member, value.clone());
    let mut bare = Map::new();
    bare.insert("alg".to_owned(), alg.into());
    bare.insert(member.to_owned(), value.clone());
    let mut headers = vec![
        ("without `kid`", without(&header, "kid")),
        ("with another `kid`", with(&header, "kid", "authbench")),
        ("and nothing else in the header", bare),
    ];
    if header.contains_key("kid") {
        headers.push(("with the real `kid`", header));
    }
    let claims = text_of(&ground.token.claims);
    let forged = headers.into_iter().filter_map(|(what, mut header)| {
        // The carried key goes by the name that the header asks for.
        let kid = header.get("kid").cloned();
        let carried = header.get_mut(member).and_then(Value::as_object_mut);
        if let (Some(kid), Some(carried)) = (kid, carried) {
            carried.insert("kid".to_owned(), kid);
        }
        let text = made(key, alg, &text_of(&header), &claims)?;
        Some(Forgery::new(format!("`{member}` {what}"), text))
    });
    forged.collect()
}

/// A key with a certificate (DER) that nobody has signed but itself.
pub(super) fn certified() -> Result<(SignKey, Vec<u8>), Stop> {
    let failed = |error: rcgen::Error| Stop::unclear(cause_chain(&error));
    let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).map_err(failed)?;
    let names = vec!["authbench.invalid".to_owned()];
    let parameters = rcgen::CertificateParams::new(names).map_err(failed)?;
    let certificate = parameters.self_signed(&pair).map_err(failed)?;
    let key = SignKey::es256_from_pkcs8(&pair.serialize_der());
    let key = key.map_err(|error| Stop::unclear(cause_chain(&error)))?;
    Ok((key, certificate.der().to_vec()))
}
