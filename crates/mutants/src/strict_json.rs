//! JSON objects without repeated members (RFC 7519 4), at any depth.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// The object that `text` is; nothing if it is anything else, or if any
/// member of it or within it is repeated (mutants of JWT-017 sit here).
pub(crate) fn object(text: &[u8]) -> Option<Map<String, Value>> {
    read(Twice::Refused, text)
}

/// The object that `text` is, in which the first of two members counts.
pub(crate) fn first_of_two(text: &[u8]) -> Option<Map<String, Value>> {
    read(Twice::First, text)
}

/// The same, in which the last one counts (RFC 7519 4 allows that).
pub(crate) fn last_of_two(text: &[u8]) -> Option<Map<String, Value>> {
    read(Twice::Last, text)
}

fn read(twice: Twice, text: &[u8]) -> Option<Map<String, Value>> {
    let mut reader = serde_json::Deserializer::from_slice(text);
    let value = twice.deserialize(&mut reader).ok()?;
    reader.end().ok()?;
    match value {
        Value::Object(members) => Some(members),
        _ => None,
    }
}

/// What becomes of a repeated member.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Twice {
    Refused,
    First,
    Last,
}

impl<'de> DeserializeSeed<'de> for Twice {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Twice {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON without repeated members")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value)
            .map(Value::Number)
            .ok_or_else(|| E::custom("not a number"))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut out = Vec::new();
        while let Some(item) = items.next_element_seed(self)? {
            out.push(item);
        }
        Ok(Value::Array(out))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut out = Map::new();
        while let Some(key) = members.next_key::<String>()? {
            let value = members.next_value_seed(self)?;
            match (out.contains_key(&key), self) {
                (true, Self::Refused) => return Err(A::Error::custom("a member is repeated")),
                (true, Self::First) => {}
                _ => {
                    out.insert(key, value);
                }
            }
        }
        Ok(Value::Object(out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeated_member_is_refused_at_any_depth() {
        assert!(object(br#"{"a":1,"b":{"c":[{"d":2}]}}"#).is_some());
        for text in [
            &br#"{"a":1,"a":1}"#[..],
            br#"{"a":{"b":1,"\u0062":2}}"#,
            br#"{"a":1} {}"#,
            br#"{"a":1e400}"#,
            b"[]",
        ] {
            assert!(object(text).is_none(), "{}", String::from_utf8_lossy(text));
        }
    }
}
