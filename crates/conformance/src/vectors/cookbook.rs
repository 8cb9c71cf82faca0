//! The form of the RFC 7520 cookbook: one example a file, all of them good.

use serde::Deserialize;
use serde_json::Value;

use super::case::{Case, Expected, Question};
use super::file::Fault;

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    title: String,
    input: Input,
    output: Output,
}

#[derive(Deserialize)]
struct Input {
    #[serde(default)]
    payload: Option<Value>,
    #[serde(default)]
    plaintext: Option<Value>,
    #[serde(default)]
    key: Value,
    #[serde(default)]
    alg: Value,
}

#[derive(Deserialize)]
struct Output {
    #[serde(default)]
    compact: Option<String>,
    #[serde(default)]
    json: Option<Value>,
    #[serde(default)]
    json_flat: Option<Value>,
}

/// Reads one example: its spellings are its cases.
pub(super) fn read(text: &str) -> Result<Vec<Case>, Fault> {
    let File {
        title,
        input,
        output,
    } = serde_json::from_str(text)?;
    let forms = [
        ("compact", output.compact.map(Value::String)),
        ("json", output.json),
        ("json_flat", output.json_flat),
    ];
    let cases = forms.into_iter().filter_map(|(form, token)| {
        Some(Case {
            id: form.to_owned(),
            comment: title.clone(),
            expected: Expected::Valid,
            question: input.question(&token?),
        })
    });
    Ok(cases.collect())
}

impl Input {
    fn question(&self, token: &Value) -> Question {
        let octets = |value: &Option<Value>| {
            let text = value.as_ref()?.as_str()?;
            Some(text.as_bytes().to_vec())
        };
        let compact = token.as_str();
        let token = compact.map_or_else(|| token.to_string(), str::to_owned);
        let header = compact.and_then(|text| text.split_once('.'));
        if self.plaintext.is_some() {
            return Question::Jwe {
                key: self.key(),
                token,
                text: octets(&self.plaintext),
            };
        }
        Question::Jws {
            key: self.key(),
            headers: header
                .map(|(header, _)| header.to_owned())
                .into_iter()
                .collect(),
            payload: octets(&self.payload),
            json: compact.is_none(),
            token,
        }
    }

    /// The key, which is for the example's algorithm though it may not say so.
    fn key(&self) -> Value {
        let mut key = self.key.clone();
        if let Value::Object(members) = &mut key
            && self.alg.is_string()
        {
            members.entry("alg").or_insert_with(|| self.alg.clone());
        }
        key
    }
}
