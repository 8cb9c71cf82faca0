//! The form of PASETO's test vectors.

use serde::Deserialize;

use super::bytes::Hex;
use super::case::{Case, Expected, Question};
use super::file::Fault;
use crate::verifier::PasetoKey;

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    name: String,
    tests: Vec<Test>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Test {
    name: String,
    expect_fail: bool,
    #[serde(default)]
    key: Option<Hex>,
    #[serde(default)]
    secret_key_seed: Option<Hex>,
    token: String,
    #[serde(default)]
    payload: Option<String>,
    #[serde(default)]
    footer: String,
    #[serde(default)]
    implicit_assertion: String,
}

/// Reads a whole file.
pub(super) fn read(text: &str) -> Result<Vec<Case>, Fault> {
    let File { name, tests } = serde_json::from_str(text)?;
    let case = |test: Test| Case {
        comment: name.clone(),
        expected: if test.expect_fail {
            Expected::Invalid
        } else {
            Expected::Valid
        },
        question: Question::Paseto {
            key: match (test.key, test.secret_key_seed) {
                (Some(Hex(key)), _) => PasetoKey::Local(key),
                (None, Some(Hex(seed))) => PasetoKey::Seed(seed),
                (None, None) => PasetoKey::Other,
            },
            token: test.token,
            footer: test.footer.into_bytes(),
            assertion: test.implicit_assertion.into_bytes(),
            payload: test.payload.map(String::into_bytes),
        },
        id: test.name,
    };
    Ok(tests.into_iter().map(case).collect())
}
