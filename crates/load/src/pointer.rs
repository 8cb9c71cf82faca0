//! Looks one value up in a JSON text by its pointer (RFC 6901), reading the
//! whole text once and building nothing.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// A JSON pointer, taken apart.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Pointer(Box<[Box<str>]>);

/// A scalar that a pointer leads to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Scalar<'j> {
    /// A string.
    Text(Cow<'j, str>),
    /// An integer from 0.
    Unsigned(u64),
    /// An integer below 0.
    Negative(i64),
}

impl Scalar<'_> {
    /// Whether it is `text`, or a number written so: some servers number their
    /// accounts.
    pub(crate) fn is(&self, text: &str) -> bool {
        match self {
            Self::Text(own) => own == text,
            Self::Unsigned(number) => text.parse() == Ok(*number),
            Self::Negative(number) => text.parse() == Ok(*number),
        }
    }

    /// As text.
    pub(crate) fn into_text(self) -> String {
        match self {
            Self::Text(own) => own.into_owned(),
            Self::Unsigned(number) => number.to_string(),
            Self::Negative(number) => number.to_string(),
        }
    }
}

impl Pointer {
    /// Takes the text apart; nothing if it neither is empty nor begins with a
    /// slash.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if text.is_empty() {
            return Some(Self(Box::default()));
        }
        let rest = text.strip_prefix('/')?;
        Some(Self(
            rest.split('/')
                .map(|key| key.replace("~1", "/").replace("~0", "~").into())
                .collect(),
        ))
    }

    /// The scalar that it leads to in `json`; `None` when it leads nowhere, or
    /// to something else.
    ///
    /// # Errors
    /// When `json` is not one JSON value.
    pub(crate) fn find<'j>(&self, json: &'j [u8]) -> Result<Option<Scalar<'j>>, serde_json::Error> {
        let mut deserializer = serde_json::Deserializer::from_slice(json);
        let found = Walk(&self.0).deserialize(&mut deserializer)?;
        deserializer.end()?;
        Ok(found)
    }
}

/// Walks down the keys that are left.
#[derive(Clone, Copy)]
struct Walk<'p>(&'p [Box<str>]);

impl<'j> DeserializeSeed<'j> for Walk<'_> {
    type Value = Option<Scalar<'j>>;

    fn deserialize<D: Deserializer<'j>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'j> Walk<'_> {
    fn here(self, scalar: Scalar<'j>) -> Option<Scalar<'j>> {
        self.0.is_empty().then_some(scalar)
    }
}

impl<'j> Visitor<'j> for Walk<'_> {
    type Value = Option<Scalar<'j>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Self::Value, E> {
        Ok(self.here(Scalar::Negative(value)))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Self::Value, E> {
        Ok(self.here(Scalar::Unsigned(value)))
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(self.here(Scalar::Text(Cow::Owned(text.to_owned()))))
    }

    fn visit_borrowed_str<E: Error>(self, text: &'j str) -> Result<Self::Value, E> {
        Ok(self.here(Scalar::Text(Cow::Borrowed(text))))
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_seq<A: SeqAccess<'j>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let wanted = self
            .0
            .split_first()
            .and_then(|(key, rest)| Some((index(key)?, rest)));
        let mut found = None;
        for at in 0_usize.. {
            let more = match wanted {
                Some((wanted, rest)) if wanted == at => {
                    seq.next_element_seed(Walk(rest))?.map(|here| found = here)
                }
                _ => seq.next_element::<IgnoredAny>()?.map(|_| ()),
            };
            if more.is_none() {
                break;
            }
        }
        Ok(found)
    }

    fn visit_map<A: MapAccess<'j>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(key) = map.next_key_seed(Key)? {
            match self.0.split_first() {
                Some((wanted, rest)) if **wanted == *key => {
                    found = map.next_value_seed(Walk(rest))?;
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(found)
    }
}

/// A key, borrowed where it has no escapes.
struct Key;

impl<'j> DeserializeSeed<'j> for Key {
    type Value = Cow<'j, str>;

    fn deserialize<D: Deserializer<'j>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'j> Visitor<'j> for Key {
    type Value = Cow<'j, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }

    fn visit_borrowed_str<E: Error>(self, text: &'j str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }
}

/// RFC 6901 4: no leading zeros.
fn index(key: &str) -> Option<usize> {
    let canonical = key == "0" || !key.starts_with(['0', '+']);
    key.parse().ok().filter(|_| canonical)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn find(pointer: &str, json: &str) -> Option<String> {
        Pointer::parse(pointer)
            .unwrap()
            .find(json.as_bytes())
            .unwrap()
            .map(Scalar::into_text)
    }

    #[test]
    fn leads_to_scalars() {
        let json = r#"{"a":{"b":["x","y\n",-3]},"n":42,"t":true,"~/":"odd"}"#;
        assert_eq!(find("/a/b/1", json).as_deref(), Some("y\n"));
        assert_eq!(find("/a/b/2", json).as_deref(), Some("-3"));
        assert_eq!(find("/n", json).as_deref(), Some("42"));
        assert_eq!(find("/~0~1", json).as_deref(), Some("odd"));
        for nowhere in ["/a", "/a/b/3", "/a/b/01", "/t", "/n/x", "/none", "", "/"] {
            assert_eq!(find(nowhere, json), None, "{nowhere}");
        }
        assert_eq!(Pointer::parse("a/b"), None);
        assert!(Scalar::Unsigned(7).is("7") && !Scalar::Unsigned(7).is("8"));
    }

    #[test]
    fn half_a_text_is_an_error() {
        let pointer = Pointer::parse("/a").unwrap();
        for text in ["", "{\"a\":1", "{\"a\":1} x", "{\"a\":1,}", "\u{1}"] {
            assert!(pointer.find(text.as_bytes()).is_err(), "{text}");
        }
    }

    fn tree() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<u64>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "[a~/\"é]{0,3}".prop_map(Value::from),
            Just(Value::Null),
            Just(json!(1.5)),
        ];
        leaf.prop_recursive(4, 30, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::btree_map("[ab~/]{0,2}", inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn agrees_with_the_library(tree in tree(), pointer in "(/([ab0-3]|~0|~1){0,2}){0,4}") {
            let expected = tree.pointer(&pointer).and_then(|value| match value {
                Value::String(text) => Some(text.clone()),
                Value::Number(number) if !number.is_f64() => Some(number.to_string()),
                _ => None,
            });
            let text = tree.to_string();
            prop_assert_eq!(find(&pointer, &text), expected);
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = Pointer::parse("/a/0").unwrap().find(&bytes);
        }
    }
}
