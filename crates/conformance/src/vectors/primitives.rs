//! Wycheproof's groups of primitives: signatures, MACs, authenticated
//! encryption. Keys are put as JWKs, algorithms called by their names in JOSE.

use serde::Deserialize;
use serde_json::{Value, json};

use super::bytes::Hex;
use super::case::{Case, Question};
use super::file::Fault;
use super::wycheproof::Verdict;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Signatures {
    #[serde(default)]
    sha: String,
    #[serde(default)]
    mgf_sha: String,
    #[serde(default)]
    s_len: usize,
    public_key: PublicKey,
    tests: Vec<Signature>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PublicKey {
    #[serde(default)]
    curve: String,
    #[serde(default)]
    wx: Hex,
    #[serde(default)]
    wy: Hex,
    #[serde(default)]
    pk: Hex,
    #[serde(default)]
    modulus: Hex,
    #[serde(default)]
    public_exponent: Hex,
}

#[derive(Deserialize)]
struct Signature {
    #[serde(rename = "tcId")]
    id: u64,
    #[serde(default)]
    comment: String,
    msg: Hex,
    sig: Hex,
    result: Verdict,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Macs {
    tag_size: usize,
    tests: Vec<Mac>,
}

#[derive(Deserialize)]
struct Mac {
    #[serde(rename = "tcId")]
    id: u64,
    #[serde(default)]
    comment: String,
    key: Hex,
    msg: Hex,
    tag: Hex,
    result: Verdict,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Aeads {
    key_size: usize,
    tests: Vec<Aead>,
}

#[derive(Deserialize)]
struct Aead {
    #[serde(rename = "tcId")]
    id: u64,
    #[serde(default)]
    comment: String,
    key: Hex,
    iv: Hex,
    aad: Hex,
    msg: Hex,
    ct: Hex,
    tag: Hex,
    result: Verdict,
}

/// Reads one group of the type `kind`, in a file about `algorithm`.
pub(super) fn read(kind: &str, algorithm: &str, group: &Value) -> Result<Vec<Case>, Fault> {
    Ok(match kind {
        "EcdsaP1363Verify" | "EddsaVerify" | "RsassaPkcs1Verify" | "RsassaPssVerify" => {
            signatures(kind, Signatures::deserialize(group)?)
        }
        "MacTest" => macs(algorithm, Macs::deserialize(group)?),
        "AeadTest" => aeads(algorithm, Aeads::deserialize(group)?),
        _ => return Err(Fault::Kind(kind.to_owned())),
    })
}

fn signatures(kind: &str, group: Signatures) -> Vec<Case> {
    let (algorithm, mut key) = match kind {
        "EcdsaP1363Verify" => group.ecdsa(),
        "EddsaVerify" => group.eddsa(),
        _ => group.rsa(kind == "RsassaPssVerify"),
    };
    key["alg"] = algorithm.as_str().into();
    let question = |message, signature| Question::Signature {
        algorithm: algorithm.clone(),
        key: key.clone(),
        message,
        signature,
    };
    let case = |test: Signature| Case {
        id: test.id.to_string(),
        comment: test.comment,
        expected: test.result.into(),
        question: question(test.msg.0, test.sig.0),
    };
    group.tests.into_iter().map(case).collect()
}

impl Signatures {
    fn ecdsa(&self) -> (String, Value) {
        let (curve, octets) = match self.public_key.curve.as_str() {
            "secp256r1" => ("P-256", 32),
            "secp384r1" => ("P-384", 48),
            "secp521r1" => ("P-521", 66),
            other => (other, 0),
        };
        let algorithm = match (curve, self.sha.as_str()) {
            ("P-256", "SHA-256") => "ES256".to_owned(),
            ("P-384", "SHA-384") => "ES384".to_owned(),
            ("P-521", "SHA-512") => "ES512".to_owned(),
            ("secp256k1", "SHA-256") => "ES256K".to_owned(),
            (curve, sha) => format!("ECDSA on {curve} with {sha}"),
        };
        let (x, y) = (&self.public_key.wx, &self.public_key.wy);
        let (x, y) = (x.as_coordinate(octets), y.as_coordinate(octets));
        (
            algorithm,
            json!({ "kty": "EC", "crv": curve, "x": x, "y": y }),
        )
    }

    fn eddsa(&self) -> (String, Value) {
        let (algorithm, curve) = match self.public_key.curve.as_str() {
            "edwards25519" => ("EdDSA", "Ed25519"),
            other => ("EdDSA on another curve", other),
        };
        let x = self.public_key.pk.as_base64();
        let key = json!({ "kty": "OKP", "crv": curve, "x": x });
        (algorithm.to_owned(), key)
    }

    fn rsa(&self, pss: bool) -> (String, Value) {
        let bits = self.sha.strip_prefix("SHA-").filter(|bits| bits.len() == 3);
        let plain = bits.filter(|bits| matches!(*bits, "256" | "384" | "512"));
        let algorithm = match plain {
            Some(bits) if !pss => format!("RS{bits}"),
            Some(bits) if self.mgf_sha == self.sha && bits.parse() == Ok(self.s_len * 8) => {
                format!("PS{bits}")
            }
            _ if pss => format!(
                "RSASSA-PSS with {}, {} and {} octets of salt",
                self.sha, self.mgf_sha, self.s_len
            ),
            _ => format!("RSASSA-PKCS1-v1_5 with {}", self.sha),
        };
        let n = self.public_key.modulus.as_number();
        let e = self.public_key.public_exponent.as_number();
        (algorithm, json!({ "kty": "RSA", "n": n, "e": e }))
    }
}

fn macs(algorithm: &str, group: Macs) -> Vec<Case> {
    let bits = algorithm.strip_prefix("HMACSHA").unwrap_or("");
    let algorithm = if bits.parse() == Ok(group.tag_size) {
        format!("HS{bits}")
    } else {
        format!("{algorithm} cut to {} bits", group.tag_size)
    };
    let case = |test: Mac| Case {
        id: test.id.to_string(),
        comment: test.comment,
        expected: test.result.into(),
        question: Question::Signature {
            algorithm: algorithm.clone(),
            key: json!({ "kty": "oct", "alg": &algorithm, "k": test.key.as_base64() }),
            message: test.msg.0,
            signature: test.tag.0,
        },
    };
    group.tests.into_iter().map(case).collect()
}

fn aeads(algorithm: &str, group: Aeads) -> Vec<Case> {
    let algorithm = match algorithm {
        "AES-GCM" => format!("A{}GCM", group.key_size),
        "CHACHA20-POLY1305" => "C20P".to_owned(),
        "XCHACHA20-POLY1305" => "XC20P".to_owned(),
        other => other.to_owned(),
    };
    let case = |test: Aead| Case {
        id: test.id.to_string(),
        comment: test.comment,
        expected: test.result.into(),
        question: Question::Encrypted {
            algorithm: algorithm.clone(),
            key: test.key.0,
            nonce: test.iv.0,
            aad: test.aad.0,
            text: test.ct.0,
            tag: test.tag.0,
            plain: test.msg.0,
        },
    };
    group.tests.into_iter().map(case).collect()
}
