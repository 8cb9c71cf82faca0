//! JWT-018: a token has one spelling.

use authbench_results::{Level, Severity};
use authbench_wire::Operation;
use serde_json::json;

use super::ground::{Forger, Forgery, Ground, TOKENS};
use crate::check::{Check, Cost, Eye};
use crate::stop::Stop;
use crate::trial::Trial;

/// JWT-018.
pub(super) const JWT_018: Check = Check {
    id: "JWT-018",
    statement: "only the canonical compact form is accepted: no padding, no other alphabet, no \
                whitespace, no stray bits, no fourth segment, no JSON",
    level: Level::Must,
    severity: Severity::Medium,
    families: TOKENS,
    seen_by: &[Eye::Http],
    operations: &[Operation::Login, Operation::Whoami],
    doors: &[],
    clauses: &[
        "RFC 8725bis 2.13",
        "RFC 8725bis 3.14",
        "RFC 7519 1",
        "RFC 4648 3.5",
        "RFC 4648 12",
    ],
    cwe: &[180],
    mend: "Decode with a strict base64url decoder; never with one that skips what it does not \
           know.",
    cost: Cost::Quick,
    run: |trial| Box::pin(spellings(trial)),
};

const PARTS: [&str; 3] = ["header", "claims", "signature"];
/// Logins until a signature has one of the two characters that the alphabets
/// differ in; a fifteenth of the signatures of 64 octets has none.
const LOGINS_MAX: usize = 8;
/// The base64url alphabet (RFC 4648 5).
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

async fn spellings(trial: &Trial<'_>) -> Result<(), Stop> {
    let ground = Ground::new(trial).await?;
    let segments = &ground.token.segments;
    let resigned = Forger::new(trial).await;
    for (case, respell) in [
        ("padding", padded as fn(&str) -> Vec<String>),
        ("stray bits in the last character", stray_bits),
        ("characters of no alphabet", strange),
    ] {
        let mut forged: Vec<_> = respell(&segments[2])
            .into_iter()
            .map(|text| respelt(segments, 2, text))
            .collect();
        if let Ok(forger) = &resigned {
            let own = &forger.ground.token.segments;
            for part in 0..2 {
                for text in respell(&own[part]) {
                    // The signature is over the text as it is now.
                    let whole = respelt(own, part, text);
                    let (input, _) = whole.text.rsplit_once('.').unwrap_or(("", ""));
                    forged.push(Forgery::new(whole.what, forger.signed(input)?));
                }
            }
        }
        ground.refuse_each(case, forged).await?;
    }
    other_alphabet(trial).await?;
    more_segments(&ground).await?;
    as_json(&ground).await?;
    if let Err(stop) = resigned {
        trial.settle("header and claims, signed anew", Err(stop));
    }
    Ok(())
}

fn respelt(segments: &[String; 3], part: usize, text: String) -> Forgery {
    let mut segments = segments.clone();
    segments[part] = text;
    Forgery::new(
        format!("{}: {}", PARTS[part], end(&segments[part])),
        segments.join("."),
    )
}

/// The last characters of a segment, as they show in reports.
fn end(segment: &str) -> String {
    let last: String = segment.chars().rev().take(4).collect();
    format!(
        "...{}",
        last.chars().rev().collect::<String>().escape_default()
    )
}

fn padded(segment: &str) -> Vec<String> {
    let due = "=".repeat((4 - segment.len() % 4) % 4);
    let mut texts = vec![
        format!("{segment}{due}"),
        format!("{segment}="),
        format!("{segment}=="),
        format!("{segment}===="),
        format!("={segment}"),
    ];
    texts.retain(|text| text != segment);
    texts.dedup();
    texts
}

/// All texts that decode to the same octets in a decoder that does not look at
/// the unused bits (RFC 4648 3.5).
fn stray_bits(segment: &str) -> Vec<String> {
    let unused = match segment.len() % 4 {
        2 => 4,
        3 => 2,
        _ => return Vec::new(),
    };
    let Some(last) = segment.bytes().last() else {
        return Vec::new();
    };
    let value = ALPHABET.iter().position(|character| *character == last);
    let Some(value) = value else {
        return Vec::new();
    };
    let head = &segment[..segment.len() - 1];
    let strays = (1..1_usize << unused).map(|bits| (value >> unused << unused) | bits);
    strays
        .filter(|other| *other != value)
        .map(|other| format!("{head}{}", char::from(ALPHABET[other])))
        .collect()
}

/// Characters that a lenient decoder skips. None stands at an end of the
/// credential, where HTTP itself takes whitespace away (RFC 9110 5.5).
fn strange(segment: &str) -> Vec<String> {
    let (head, tail) = segment.split_at(segment.len() / 2);
    let between = [
        " ", "\t", "!", "*", "~", ":", "'", "%20", "\\", "\u{e9}", "\u{200b}",
    ];
    between
        .iter()
        .map(|character| format!("{head}{character}{tail}"))
        .collect()
}

/// `+` and `/` for `-` and `_` (RFC 4648 4).
async fn other_alphabet(trial: &Trial<'_>) -> Result<(), Stop> {
    const CASE: &str = "the other alphabet";
    for _ in 0..LOGINS_MAX {
        let ground = Ground::new(trial).await?;
        let signature = &ground.token.segments[2];
        let other = signature.replace('-', "+").replace('_', "/");
        if other != *signature {
            let forged = respelt(&ground.token.segments, 2, other);
            return ground.refuse_each(CASE, vec![forged]).await;
        }
    }
    trial.not_applicable(
        CASE,
        format!("{LOGINS_MAX} signatures have neither `-` nor `_`"),
    );
    Ok(())
}

async fn more_segments(ground: &Ground<'_>) -> Result<(), Stop> {
    let [header, claims, signature] = &ground.token.segments;
    let access = &ground.login.access;
    let forged = vec![
        Forgery::new("an empty fourth segment", format!("{access}.")),
        Forgery::new("a fourth segment", format!("{access}.AAAA")),
        Forgery::new("an empty first segment", format!(".{access}")),
        Forgery::new("two empty ones behind it", format!("{access}..")),
        Forgery::new(
            "an empty one within",
            format!("{header}..{claims}.{signature}"),
        ),
        Forgery::new(
            "a space behind the point",
            format!("{header}.{claims}. {signature}"),
        ),
        Forgery::new(
            "another separator",
            format!("{header}:{claims}:{signature}"),
        ),
        Forgery::new("itself twice", format!("{access}.{access}")),
        Forgery::new("itself twice, with a comma", format!("{access},{access}")),
    ];
    ground.refuse_each("other segments", forged).await
}

/// RFC 7515 7.2; RFC 7519 1 has the compact form only.
async fn as_json(ground: &Ground<'_>) -> Result<(), Stop> {
    let [header, claims, signature] = &ground.token.segments;
    let flat = json!({ "payload": claims, "protected": header, "signature": signature });
    let signed = json!({ "protected": header, "signature": signature });
    let general = json!({ "payload": claims, "signatures": [signed] });
    let forged = vec![
        Forgery::new("flattened JSON", flat.to_string()),
        Forgery::new("general JSON", general.to_string()),
        Forgery::new("JSON in base64url", crate::jose::encode(flat.to_string())),
    ];
    ground.refuse_each("JSON", forged).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strays_decode_alike_where_bits_are_not_looked_at() {
        use base64::Engine as _;
        use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
        let lenient = GeneralPurpose::new(
            &base64::alphabet::URL_SAFE,
            GeneralPurposeConfig::new()
                .with_decode_allow_trailing_bits(true)
                .with_decode_padding_mode(DecodePaddingMode::Indifferent),
        );
        for octets in [vec![1, 2, 3, 200], vec![7; 32], vec![9; 64]] {
            let segment = crate::jose::encode(&octets);
            let strays = stray_bits(&segment);
            let wanted = if segment.len() % 4 == 2 { 15 } else { 3 };
            assert_eq!(strays.len(), wanted, "{segment}");
            for stray in strays.into_iter().chain([padded(&segment).remove(0)]) {
                assert_ne!(stray, segment);
                assert_eq!(lenient.decode(&stray).unwrap(), octets);
                assert_eq!(crate::jose::decode(&stray), None);
            }
        }
        assert!(stray_bits(&crate::jose::encode([1, 2, 3])).is_empty());
    }
}
