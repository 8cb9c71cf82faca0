//! REVOKE-009: no other spelling of a revoked token lives.

use std::fmt::Write as _;

use authbench_results::{Level, Severity};
use authbench_wire::Operation;
use authbench_wire::profile::Family;

use super::dead::declared_late;
use crate::check::{Check, Cost, Eye};
use crate::jose::{SignKey, Token, encode, signing_input, text_of};
use crate::stop::Stop;
use crate::trial::{Trial, Who};

/// REVOKE-009.
pub(super) const REVOKE_009: Check = Check {
    id: "REVOKE-009",
    statement: "no other spelling of a revoked token is accepted: padding, the other base64 \
                alphabet, idle bits, white space, the twin of an ECDSA signature, another header",
    level: Level::Must,
    severity: Severity::Critical,
    families: &[Family::Denylist, Family::Hybrid],
    seen_by: &[Eye::Http],
    operations: &[Operation::Login, Operation::Logout, Operation::Whoami],
    doors: &[],
    clauses: &["OWASP JWT", "RFC 7515 2"],
    cwe: &[347],
    mend: "Deny a token by its `jti` or by its login, never by a hash of its text; and read base64 \
           strictly.",
    cost: Cost::Quick,
    run: |trial| Box::pin(run(trial)),
};

/// A way to write a token otherwise, with the text.
type Spelling = (&'static str, String);

async fn run(trial: &Trial<'_>) -> Result<(), Stop> {
    let (revoked, live) = (trial.login().await?, trial.login().await?);
    let parse = |text: &str| {
        let why = "the access credential is no JSON Web Token".to_owned();
        Token::parse(text).ok_or(Stop::NotApplicable(why))
    };
    let (dead_token, live_token) = (parse(&revoked.access)?, parse(&live.access)?);
    let keys = trial.profile().keys.sign.as_ref();
    let key = keys.and_then(|key| SignKey::load(key, trial.target().profile_file()).ok());
    if key.is_none() {
        trial.not_applicable("signed again", "needs `keys.sign` in the profile");
    }
    for login in [&revoked, &live] {
        trial.control(login).await?;
    }
    trial.done_by(Operation::Logout, &revoked, &[]).await?;
    let plain = trial.who(&revoked).await?;
    if plain.is_somebody() {
        match trial.policy().revoke_max_ms {
            Some(bound_ms @ 1..) => {
                declared_late(trial, bound_ms);
                let why = "the token itself lives on until the declared bound";
                return Err(Stop::NotApplicable(why.to_owned()));
            }
            _ => {
                let told = format!("the revoked token itself was {}", plain.told());
                return Err(Stop::unclear(told));
            }
        }
    }
    let mut accepted_alive = 0;
    let spelt_alive = spellings(&live_token, key.as_ref());
    for (name, text) in spellings(&dead_token, key.as_ref()) {
        let living = spelt_alive.iter().find(|(other, _)| *other == name);
        if let Some((_, text)) = living
            && let Ok(who) = trial.who_presents(text, 0).await
        {
            accepted_alive += u32::from(who.is(&live.subject));
        }
        let who = match trial.who_presents(&text, 0).await {
            Ok(who) => who,
            Err(Stop::Inconclusive(why)) => {
                trial.not_applicable(name, why);
                continue;
            }
            Err(stop) => return Err(stop),
        };
        match &who {
            Who::Unclear(answer) if answer.status >= 500 => {
                trial.inconclusive(name, who.told(), &[answer]);
            }
            _ => trial.judge(name, !who.is_somebody(), who.told(), &[who.answer()]),
        }
    }
    trial.control(&live).await?;
    trial.measured(
        "spellings_accepted_of_a_live_token",
        f64::from(accepted_alive),
    );
    Ok(())
}

fn spellings(token: &Token, key: Option<&SignKey>) -> Vec<Spelling> {
    let [header, claims, signature] = &token.segments;
    let text = token.segments.join(".");
    let other_alphabet = |segment: &str| segment.replace('-', "+").replace('_', "/");
    let mut made = vec![
        ("padded signature", format!("{text}=")),
        ("twice padded signature", format!("{text}==")),
        ("padded header", format!("{header}=.{claims}.{signature}")),
        ("padded claims", format!("{header}.{claims}=.{signature}")),
        (
            "other alphabet",
            format!("{header}.{claims}.{}", other_alphabet(signature)),
        ),
        ("space before", format!(" {text}")),
        ("space within", format!("{header}.{claims}. {signature}")),
        ("quoted", format!("\"{text}\"")),
        ("percent-encoded dots", text.replace('.', "%2E")),
        ("dot after", format!("{text}.")),
        ("last character left out", text[..text.len() - 1].to_owned()),
    ];
    // Without a character of its own the other alphabet is the same text.
    made.retain(|(_, spelt)| *spelt != text);
    made.extend(idle_bits(token));
    if let Some(twin) = twin(&token.signature(), token.alg()) {
        made.push(("twin of the ECDSA signature", token.with_signature(&twin)));
    }
    if let Some(key) = key {
        made.extend(signed_again(token, key));
    }
    made
}

/// The last character of a segment may carry bits that no octet holds
/// (RFC 4648 3.5).
fn idle_bits(token: &Token) -> Vec<Spelling> {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut made = Vec::new();
    let names = [
        "idle bits of the header",
        "idle bits of the claims",
        "idle bits of the signature",
    ];
    for (index, name) in names.into_iter().enumerate() {
        let segment = &token.segments[index];
        let idle = match segment.len() % 4 {
            2 => 4,
            3 => 2,
            _ => continue,
        };
        let last = segment.bytes().last();
        let Some(place) = last.and_then(|last| ALPHABET.iter().position(|it| *it == last)) else {
            continue;
        };
        let other = char::from(ALPHABET[place ^ ((1 << idle) - 1)]);
        let mut segments = token.segments.clone();
        segments[index] = format!("{}{other}", &segment[..segment.len() - 1]);
        made.push((name, segments.join(".")));
    }
    made
}

/// The same claims under headers that say the same in other words.
fn signed_again(token: &Token, key: &SignKey) -> Vec<Spelling> {
    let Some(alg) = token.alg() else {
        return Vec::new();
    };
    let mut backwards = String::from("{");
    for (index, (name, value)) in token.header.iter().rev().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        let _ = write!(
            backwards,
            "{comma}{}:{value}",
            serde_json::Value::from(name.as_str())
        );
    }
    backwards.push('}');
    let claims = text_of(&token.claims);
    let spaced = format!(" {}", text_of(&token.header));
    let made = [
        (
            "signed again",
            signed(key, alg, &text_of(&token.header), &claims),
        ),
        ("header backwards", signed(key, alg, &backwards, &claims)),
        ("header with a space", signed(key, alg, &spaced, &claims)),
        (
            "claims with a space",
            signed(key, alg, &text_of(&token.header), &format!("{claims} ")),
        ),
    ];
    let made = made.into_iter();
    made.filter_map(|(name, text)| Some((name, text?)))
        .collect()
}

fn signed(key: &SignKey, alg: &str, header: &str, claims: &str) -> Option<String> {
    let input = signing_input(header, claims);
    let signature = key.sign(alg, input.as_bytes())?;
    Some(format!("{input}.{}", encode(signature)))
}

/// The order of P-256 (SEC 2 2.4.2).
const ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

/// `(r, n - s)` verifies whenever `(r, s)` does.
fn twin(signature: &[u8], alg: Option<&str>) -> Option<Vec<u8>> {
    if alg != Some("ES256") || signature.len() != 64 {
        return None;
    }
    let mut made = signature.to_vec();
    let mut borrow = false;
    for place in (0..32).rev() {
        let (part, first) = ORDER[place].overflowing_sub(signature[32 + place]);
        let (part, second) = part.overflowing_sub(u8::from(borrow));
        made[32 + place] = part;
        borrow = first || second;
    }
    (!borrow).then_some(made)
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};

    fn token() -> (SignKey, Token) {
        let key = SignKey::generate("ES256").unwrap();
        let text = key
            .token(
                "ES256",
                r#"{"alg":"ES256","typ":"JWT"}"#,
                r#"{"jti":"a","sub":"b"}"#,
            )
            .unwrap();
        (key, Token::parse(&text).unwrap())
    }

    #[test]
    fn the_twin_of_a_signature_verifies() {
        let (key, token) = token();
        let jwk = key.public_jwk().unwrap();
        let mut point = vec![4];
        for name in ["x", "y"] {
            point.extend(crate::jose::decode(jwk[name].as_str().unwrap()).unwrap());
        }
        let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point);
        let input = token.signed_part();
        let twin = twin(&token.signature(), token.alg()).unwrap();
        assert_ne!(twin, token.signature());
        public.verify(input.as_bytes(), &token.signature()).unwrap();
        public.verify(input.as_bytes(), &twin).unwrap();
        assert_eq!(super::twin(&twin, token.alg()).unwrap(), token.signature());
    }

    #[test]
    fn every_spelling_is_another_text_and_idle_bits_are_idle() {
        let (key, token) = token();
        let text = token.segments.join(".");
        for (name, spelt) in spellings(&token, Some(&key)) {
            assert_ne!(spelt, text, "{name}");
        }
        let lax = base64::engine::GeneralPurpose::new(
            &base64::alphabet::URL_SAFE,
            base64::engine::general_purpose::NO_PAD.with_decode_allow_trailing_bits(true),
        );
        let idle = idle_bits(&token);
        assert!(!idle.is_empty());
        for (name, spelt) in idle {
            for (one, other) in spelt.split('.').zip(&token.segments) {
                use base64::Engine as _;
                assert_eq!(
                    lax.decode(one).unwrap(),
                    lax.decode(other).unwrap(),
                    "{name}"
                );
            }
        }
    }
}
