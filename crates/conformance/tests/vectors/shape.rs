//! Public keys in the forms in which somebody takes them for a secret.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::keys;

/// Every form of the public key of `algorithm`, with its name.
pub(crate) fn disguises(algorithm: &str) -> Vec<(&'static str, Vec<u8>)> {
    let mut forms = Vec::new();
    let spki = spki(algorithm);
    forms.extend(pems("PUBLIC KEY", &spki));
    forms.push(("the DER of the SPKI", spki));
    if algorithm == "RS256" {
        let pkcs1 = pkcs1();
        forms.extend(pems("RSA PUBLIC KEY", &pkcs1));
        forms.push(("the DER of PKCS#1", pkcs1));
        forms.push(("the octets of `n`", keys::decode(keys::RSA_N)));
        forms.push(("the text of `n`", keys::RSA_N.as_bytes().to_vec()));
    } else if algorithm == "ES256" {
        let point = keys::p256_point();
        forms.push(("the octets of the point", point.clone()));
        forms.push(("the octets of `x`", point[1..33].to_vec()));
    } else {
        forms.push(("the octets of `x`", keys::ed_public()));
    }
    let jwk = keys::jwk(algorithm);
    forms.push(("the text of the JWK", jwk.to_string().into_bytes()));
    let pretty = serde_json::to_vec_pretty(&jwk).unwrap();
    forms.push(("the indented text of the JWK", pretty));
    forms.push(("the kid", keys::kid(algorithm).into_bytes()));
    forms.push(("nothing", Vec::new()));
    forms
}

fn pems(label: &str, der: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let body = STANDARD.encode(der);
    let lines: Vec<&str> = body
        .as_bytes()
        .chunks(64)
        .map(|line| std::str::from_utf8(line).unwrap())
        .collect();
    let bare = format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----",
        lines.join("\n")
    );
    vec![
        ("a PEM", bare.clone().into_bytes()),
        (
            "a PEM with a last line's end",
            format!("{bare}\n").into_bytes(),
        ),
        (
            "a PEM with CR LF",
            format!("{}\r\n", bare.replace('\n', "\r\n")).into_bytes(),
        ),
        ("a PEM behind a space", format!(" {bare}\n").into_bytes()),
        (
            "a PEM behind a line's end",
            format!("\n{bare}\n").into_bytes(),
        ),
        (
            "a PEM behind a BOM",
            format!("\u{feff}{bare}\n").into_bytes(),
        ),
    ]
}

/// One DER element.
fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap().to_be_bytes();
    let head = match content.len() {
        0..0x80 => vec![tag, length[1]],
        0x80..0x100 => vec![tag, 0x81, length[1]],
        _ => vec![tag, 0x82, length[0], length[1]],
    };
    [head, content.to_vec()].concat()
}

fn pkcs1() -> Vec<u8> {
    let n = [vec![0], keys::decode(keys::RSA_N)].concat();
    der(0x30, &[der(2, &n), der(2, &[1, 0, 1])].concat())
}

fn spki(algorithm: &str) -> Vec<u8> {
    let (algorithm, key) = match algorithm {
        "RS256" => {
            let rsa = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1];
            ([der(6, &rsa), vec![5, 0]].concat(), pkcs1())
        }
        "ES256" => {
            let ec = der(6, &[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1]);
            let curve = der(6, &[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7]);
            ([ec, curve].concat(), keys::p256_point())
        }
        _ => (der(6, &[0x2b, 0x65, 0x70]), keys::ed_public()),
    };
    let bits = der(3, &[vec![0], key].concat());
    der(0x30, &[der(0x30, &algorithm), bits].concat())
}
