//! The `serde` deserialiser over TOML values that know their place.

mod access;
mod choice;
mod key;

use std::collections::HashMap;
use std::marker::PhantomData;
use std::ops::Range;

use serde::de::value::StrDeserializer;
use serde::de::{
    self, DeserializeOwned, DeserializeSeed, Error as _, Expected, IntoDeserializer, Visitor,
};
use serde::forward_to_deserialize_any;
use toml::Spanned;
use toml::de::{DeFloat, DeInteger, DeTable, DeValue};

use self::access::{Elements, Entries, Place};
use crate::error::{ConfErrorKind, Fault};
use crate::located;
use crate::source::Source;

/// Parses and deserialises a whole document.
pub(crate) fn deserialize<T: DeserializeOwned>(source: &Source<'_>) -> Result<T, Fault> {
    let root = DeTable::parse(source.text).map_err(|error| Fault::syntax(source, &error))?;
    let span = root.span();
    let value = DeValue::Table(root.into_inner());
    Node {
        source,
        span,
        value,
    }
    .read(PhantomData)
}

/// One value and its place.
struct Node<'s> {
    source: &'s Source<'s>,
    span: Range<usize>,
    value: DeValue<'s>,
}

impl<'s> Node<'s> {
    fn new(source: &'s Source<'s>, value: Spanned<DeValue<'s>>) -> Self {
        Self {
            source,
            span: value.span(),
            value: value.into_inner(),
        }
    }

    /// Deserialises this value. A fault that comes back without a place (serde lost it by
    /// buffering a table) takes that of the key it names, or else of this value.
    fn read<'de, S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Fault> {
        let span = self.span.clone();
        let mut keys = HashMap::new();
        collect_keys(&self.value, &mut keys);
        seed.deserialize(self).map_err(|fault| {
            let key = fault.key().and_then(|key| keys.get(key));
            fault.or_at(key.unwrap_or(&span))
        })
    }

    /// The fault of a value that is not `expected`.
    fn mistyped(&self, expected: &dyn Expected) -> Fault {
        let described;
        let found = match &self.value {
            DeValue::Table(_) => de::Unexpected::Map,
            DeValue::Array(_) => de::Unexpected::Seq,
            DeValue::String(text) => de::Unexpected::Str(text),
            DeValue::Boolean(value) => de::Unexpected::Bool(*value),
            DeValue::Datetime(_) => de::Unexpected::Other("a date or time"),
            DeValue::Integer(number) => {
                described = format!("the integer `{number}`");
                de::Unexpected::Other(&described)
            }
            DeValue::Float(number) => {
                described = format!("the number `{number}`");
                de::Unexpected::Other(&described)
            }
        };
        Fault::invalid_type(found, expected).or_at(&self.span)
    }

    fn visit_table<'de, V: Visitor<'de>>(
        self,
        valid: Option<&'static [&'static str]>,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match self.value {
            DeValue::Table(table) => {
                let entries = Entries::new(self.source, table, valid);
                visitor
                    .visit_map(entries)
                    .map_err(|fault| fault.or_at(&self.span))
            }
            _ => Err(self.mistyped(&"a table")),
        }
    }

    fn visit_array<'de, V: Visitor<'de>>(
        self,
        length: Option<usize>,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match self.value {
            DeValue::Array(array) => {
                let found = array.len();
                match length {
                    Some(wanted) if wanted != found => {
                        let wanted = format!("an array of {wanted}");
                        Err(Fault::invalid_length(found, &wanted.as_str()).or_at(&self.span))
                    }
                    _ => visitor
                        .visit_seq(Elements::new(self.source, array))
                        .map_err(|fault| fault.or_at(&self.span)),
                }
            }
            _ => Err(self.mistyped(&"an array")),
        }
    }
}

impl<'de> de::Deserializer<'de> for Node<'_> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let span = self.span.clone();
        match self.value {
            DeValue::Table(_) => self.visit_table(None, visitor),
            DeValue::Array(_) => self.visit_array(None, visitor),
            DeValue::String(text) => visitor.visit_str(&text),
            DeValue::Boolean(value) => visitor.visit_bool(value),
            DeValue::Datetime(instant) => visitor.visit_string(instant.to_string()),
            DeValue::Integer(number) => visit_integer(&number, visitor),
            DeValue::Float(number) => visit_float(&number, visitor),
        }
        .map_err(|fault| fault.or_at(&span))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        if name == located::NAME {
            let (line, column) = self.source.position(self.span.start);
            return visitor.visit_map(Place::new(line, column, self));
        }
        let span = self.span.clone();
        visitor
            .visit_newtype_struct(self)
            .map_err(|fault| fault.or_at(&span))
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.visit_table(None, visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.visit_table(Some(fields), visitor)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.visit_array(None, visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.visit_array(Some(length), visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.visit_array(Some(length), visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let span = self.span.clone();
        let choice = choice::Choice::new(self, variants)?;
        visitor
            .visit_enum(choice)
            .map_err(|fault| fault.or_at(&span))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
        unit unit_struct identifier ignored_any
    }
}

impl<'de> IntoDeserializer<'de, Fault> for Node<'_> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

fn visit_integer<'de, V: Visitor<'de>>(
    number: &DeInteger<'_>,
    visitor: V,
) -> Result<V::Value, Fault> {
    let (digits, radix) = (number.as_str(), number.radix());
    if let Ok(value) = i64::from_str_radix(digits, radix) {
        visitor.visit_i64(value)
    } else if let Ok(value) = u64::from_str_radix(digits, radix) {
        visitor.visit_u64(value)
    } else {
        Err(Fault::custom(format_args!(
            "the integer `{number}` is beyond 64 bits"
        )))
    }
}

fn visit_float<'de, V: Visitor<'de>>(number: &DeFloat<'_>, visitor: V) -> Result<V::Value, Fault> {
    let text = number.as_str();
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() || text.ends_with("inf") || text.ends_with("nan") => {
            visitor.visit_f64(value)
        }
        _ => Err(Fault::custom(format_args!(
            "the number `{text}` is beyond double precision"
        ))),
    }
}

/// Where the keys of a table stand, those of inner tables too; of equal keys the first.
fn collect_keys(value: &DeValue<'_>, keys: &mut HashMap<String, Range<usize>>) {
    match value {
        DeValue::Table(table) => {
            for (key, value) in table {
                keys.entry(key.get_ref().to_string())
                    .or_insert_with(|| key.span());
                collect_keys(value.get_ref(), keys);
            }
        }
        DeValue::Array(array) => array
            .iter()
            .for_each(|each| collect_keys(each.get_ref(), keys)),
        _ => {}
    }
}

/// A deserialiser of a field's or a variant's name.
fn name_deserializer(name: &str) -> StrDeserializer<'_, Fault> {
    name.into_deserializer()
}

/// The fault of a table that lacks `key`.
fn missing(span: &Range<usize>, key: &str) -> Fault {
    Fault::new(
        span.clone(),
        ConfErrorKind::MissingKey {
            key: key.to_owned(),
        },
    )
}
