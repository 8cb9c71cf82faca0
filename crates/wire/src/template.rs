//! Text with named gaps, as profiles use it for paths and bodies:
//! `/sessions/{login}`. A gap is a lower-case word in braces; a brace that
//! begins no gap stands for itself, so that JSON needs no escapes.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Text with named gaps.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Template {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum Part {
    Text(String),
    Gap(String),
}

/// A gap for which nothing was given.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the template has a gap `{{{gap}}}` for which this operation has no value")]
pub struct GapError {
    /// The gap's name.
    pub gap: String,
}

impl Template {
    /// Reads the text; every text is a template.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(open) = rest.find('{') {
            let (before, from_brace) = rest.split_at(open);
            plain.push_str(before);
            let name_length = from_brace[1..]
                .bytes()
                .take_while(|b| b.is_ascii_lowercase() || *b == b'_')
                .count();
            let closed = from_brace.as_bytes().get(1 + name_length) == Some(&b'}');
            if name_length > 0 && closed {
                if !plain.is_empty() {
                    parts.push(Part::Text(std::mem::take(&mut plain)));
                }
                parts.push(Part::Gap(from_brace[1..=name_length].to_owned()));
                rest = &from_brace[name_length + 2..];
            } else {
                plain.push('{');
                rest = &from_brace[1..];
            }
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            parts.push(Part::Text(plain));
        }
        Self { parts }
    }

    /// The names of the gaps, in order.
    pub fn gaps(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Gap(name) => Some(name.as_str()),
            Part::Text(_) => None,
        })
    }

    /// The text with each gap filled by what `value` gives for its name.
    ///
    /// # Errors
    /// [`GapError`] for the first gap for which `value` gives nothing.
    pub fn fill<'v>(&self, value: impl Fn(&str) -> Option<&'v str>) -> Result<String, GapError> {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Text(plain) => text.push_str(plain),
                Part::Gap(gap) => {
                    text.push_str(value(gap).ok_or_else(|| GapError { gap: gap.clone() })?);
                }
            }
        }
        Ok(text)
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in &self.parts {
            match part {
                Part::Text(plain) => f.write_str(plain)?,
                Part::Gap(gap) => write!(f, "{{{gap}}}")?,
            }
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for Template {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::parse(&String::deserialize(deserializer)?))
    }
}

impl Serialize for Template {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn json_needs_no_escapes() {
        let template = Template::parse(r#"{"user":"{user}","n":{"a":1}}"#);
        assert_eq!(template.gaps().collect::<Vec<_>>(), ["user"]);
        let filled = template
            .fill(|gap| (gap == "user").then_some("bob"))
            .unwrap();
        assert_eq!(filled, r#"{"user":"bob","n":{"a":1}}"#);
        assert_eq!(
            template.fill(|_| None),
            Err(GapError {
                gap: "user".to_owned()
            })
        );
    }

    proptest! {
        #[test]
        fn display_gives_the_text_back(text in "[{}a-z_A\" é]{0,40}") {
            prop_assert_eq!(Template::parse(&text).to_string(), text);
        }
    }
}
