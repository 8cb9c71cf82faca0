//! One token, one spelling (RFC 7515 2, RFC 4648 3.5, RFC 8725 2.13).

use super::*;

/// Every single bit of every octet, for every algorithm. The eighth bit of an
/// octet would make the text no text.
#[test]
fn no_changed_bit_is_accepted() {
    for algorithm in Algorithm::ALL {
        let known = known(algorithm);
        let credentials = known.issue();
        let token = credentials.access.expose();
        assert_eq!(known.verdict(token), Ok(()));
        for at in 0..token.len() {
            for bit in 0..7 {
                let mut octets = token.as_bytes().to_vec();
                octets[at] ^= 1 << bit;
                let changed = String::from_utf8(octets).unwrap();
                assert!(
                    known.verdict(&changed).is_err(),
                    "{algorithm}: bit {bit} of octet {at}"
                );
            }
        }
    }
}

#[test]
fn no_part_of_a_token_is_accepted() {
    for algorithm in Algorithm::ALL {
        let known = known(algorithm);
        let credentials = known.issue();
        let token = credentials.access.expose();
        for at in 0..token.len() {
            assert!(known.verdict(&token[..at]).is_err());
            assert!(at == 0 || known.verdict(&token[at..]).is_err());
        }
    }
}

#[test]
fn no_other_spelling_is_accepted() {
    for algorithm in Algorithm::ALL {
        let known = known(algorithm);
        let credentials = known.issue();
        let token = credentials.access.expose();
        let [header, payload, signature] = segments(token);
        let spellings = [
            format!("{token}="),
            format!("{token}=="),
            format!("{header}=.{payload}.{signature}"),
            format!("{header}.{payload}=.{signature}"),
            format!("{header}.{payload}==.{signature}"),
            format!(" {token}"),
            format!("{token} "),
            format!("{token}\n"),
            format!("{header}.{payload}. {signature}"),
            format!("{header} .{payload}.{signature}"),
            format!("{header}.\r\n{payload}.{signature}"),
            format!("{token}."),
            format!(".{token}"),
            format!("{token}.{signature}"),
            format!("{header}..{payload}.{signature}"),
            format!("{header}.{payload}.."),
            format!("{token}\0"),
            format!("Bearer {token}"),
            format!(
                "{{\"payload\":\"{payload}\",\"protected\":\"{header}\",\"signature\":\"{signature}\"}}"
            ),
            format!("{token}{}", "A".repeat(1 << 20)),
        ];
        for spelling in &spellings {
            assert!(
                known.verdict(spelling).is_err(),
                "{algorithm}: {spelling:.200}"
            );
        }
        for (index, segment) in [header, payload, signature].into_iter().enumerate() {
            let other = segment.replace('-', "+").replace('_', "/");
            let mut parts = [header, payload, signature];
            parts[index] = &other;
            assert!(other == segment || known.verdict(&parts.join(".")).is_err());
        }
    }
}

/// The last character of a segment may carry bits that no octet holds.
#[test]
fn stray_bits_are_refused() {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    for algorithm in Algorithm::ALL {
        let known = known(algorithm);
        let credentials = known.issue();
        let token = credentials.access.expose();
        let mut accepted = 0;
        for other in ALPHABET.chars() {
            let respelt = format!("{}{other}", &token[..token.len() - 1]);
            accepted += u32::from(known.verdict(&respelt).is_ok());
        }
        assert_eq!(accepted, 1, "{algorithm}");
    }
}

/// A payload that its own signer spelt badly.
#[test]
fn a_badly_spelt_payload_is_refused_though_signed() {
    for algorithm in Algorithm::ALL {
        let known = known(algorithm);
        let mut claims = good_claims();
        // Twelve characters more or less move the payload through all lengths.
        for filler in ["", "x", "xx"] {
            claims["filler"] = filler.into();
            let payload = compact::encode(claims.to_string().as_bytes());
            assert_eq!(known.verdict(&known.sign(known.header(), &payload)), Ok(()));
            let mut stray = payload.clone();
            let last = stray.pop().unwrap();
            stray.push(char::from(last as u8 + 1));
            let spaced = format!("{} {}", &payload[..8], &payload[8..]);
            let lined = format!("{payload}\n");
            let mut wrong = vec![format!("{payload}="), format!("{payload}=="), spaced, lined];
            if !payload.len().is_multiple_of(4) {
                wrong.push(stray);
            }
            for spelling in wrong {
                let verdict = known.verdict(&known.sign(known.header(), &spelling));
                assert_eq!(verdict, Err(Refusal::Malformed), "{algorithm}: {spelling}");
            }
            let dotted = format!("{}.{}", &payload[..8], &payload[8..]);
            let verdict = known.verdict(&known.sign(known.header(), &dotted));
            assert_eq!(verdict, Err(Refusal::Malformed));
        }
    }
}
