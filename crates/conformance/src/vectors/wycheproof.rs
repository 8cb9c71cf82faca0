//! Wycheproof's form: groups of tests that share a key.

use serde::Deserialize;
use serde_json::Value;

use super::bytes::Hex;
use super::case::{Case, Expected, Question};
use super::file::Fault;
use super::primitives;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    #[serde(default)]
    algorithm: String,
    test_groups: Vec<Value>,
}

#[derive(Deserialize)]
struct Kind {
    #[serde(rename = "type")]
    kind: String,
}

/// A group of JOSE tests.
#[derive(Deserialize)]
struct Group {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    private: Option<Value>,
    #[serde(default)]
    public: Option<Value>,
    #[serde(default)]
    issuer: String,
    #[serde(default)]
    audience: String,
    #[serde(default)]
    now_s: u64,
    tests: Vec<Test>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Test {
    tc_id: u64,
    #[serde(default)]
    comment: String,
    #[serde(default)]
    jws: Option<Value>,
    #[serde(default)]
    jwe: Option<Value>,
    #[serde(default)]
    pt: Option<String>,
    result: Verdict,
}

/// What a test says is right.
#[derive(Clone, Copy, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub(super) enum Verdict {
    Valid,
    Invalid,
    Acceptable,
}

impl From<Verdict> for Expected {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Valid => Self::Valid,
            Verdict::Invalid => Self::Invalid,
            Verdict::Acceptable => Self::Either,
        }
    }
}

/// Reads a whole file.
pub(super) fn read(text: &str) -> Result<Vec<Case>, Fault> {
    let file: File = serde_json::from_str(text)?;
    let mut cases = Vec::new();
    for group in file.test_groups {
        let Kind { kind } = Kind::deserialize(&group)?;
        match kind.as_str() {
            "JsonWebSignature" | "JsonWebKey" | "JsonWebCrypto" | "JsonWebEncryption"
            | "JsonWebToken" => cases.extend(Group::deserialize(&group)?.cases()?),
            _ => cases.extend(primitives::read(&kind, &file.algorithm, &group)?),
        }
    }
    Ok(cases)
}

impl Group {
    fn cases(&self) -> Result<Vec<Case>, Fault> {
        let secret = self.private.clone().or_else(|| self.public.clone());
        let secret = secret.unwrap_or(Value::Null);
        let checking = self.public.clone().unwrap_or_else(|| secret.clone());
        let headers = self.headers();
        let mut cases = Vec::new();
        for test in &self.tests {
            let question = if let Some(token) = &test.jwe {
                Question::Jwe {
                    key: secret.clone(),
                    token: spelt(token),
                    text: test.text()?,
                }
            } else if self.kind == "JsonWebToken" {
                Question::Jwt {
                    key: checking.clone(),
                    headers: headers.clone(),
                    token: test.jws.as_ref().map(spelt).unwrap_or_default(),
                    issuer: self.issuer.clone(),
                    audience: self.audience.clone(),
                    now_s: self.now_s,
                }
            } else {
                let json = test.jws.as_ref().is_some_and(Value::is_object);
                Question::Jws {
                    key: checking.clone(),
                    headers: headers.clone(),
                    token: test.jws.as_ref().map(spelt).unwrap_or_default(),
                    payload: test.text()?,
                    // What is to be refused is put to the verifier that a
                    // server has, whatever its form.
                    json: json && test.result == Verdict::Valid,
                }
            };
            cases.push(Case {
                id: test.tc_id.to_string(),
                comment: test.comment.clone(),
                expected: test.result.into(),
                question,
            });
        }
        Ok(cases)
    }

    /// The headers of the group's good tokens: what whoever trusts the key
    /// knows of its tokens.
    fn headers(&self) -> Vec<String> {
        let good = self
            .tests
            .iter()
            .filter(|test| test.result == Verdict::Valid);
        let compact = good.filter_map(|test| test.jws.as_ref()?.as_str());
        let mut headers: Vec<String> = compact
            .filter_map(|token| Some(token.split_once('.')?.0.to_owned()))
            .collect();
        headers.sort();
        headers.dedup();
        headers
    }
}

impl Test {
    fn text(&self) -> Result<Option<Vec<u8>>, serde_json::Error> {
        let pt = self.pt.as_ref();
        pt.map(|pt| Hex::deserialize(Value::from(pt.as_str())).map(|hex| hex.0))
            .transpose()
    }
}

/// A token: its text, or its JSON serialization as a text.
fn spelt(token: &Value) -> String {
    match token {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
