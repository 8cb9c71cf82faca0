//! The key of a table as a value: a text, a name of an enum, a number, or any of them located.

use std::ops::Range;

use serde::de::{self, Error as _, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;
use toml::de::DeString;

use super::access::Place;
use super::name_deserializer;
use crate::error::Fault;
use crate::located;
use crate::source::Source;

pub(super) struct Key<'s> {
    pub(super) source: &'s Source<'s>,
    pub(super) span: Range<usize>,
    pub(super) text: DeString<'s>,
}

macro_rules! numbers {
    ($($method:ident: $visit:ident),*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
            match self.text.parse() {
                Ok(number) => visitor.$visit(number),
                Err(_) => Err(Fault::invalid_type(de::Unexpected::Str(&self.text), &visitor)),
            }
        }
    )*};
}

impl<'de> de::Deserializer<'de> for Key<'_> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_str(&self.text)
    }

    numbers! {
        deserialize_bool: visit_bool, deserialize_i8: visit_i64, deserialize_i16: visit_i64,
        deserialize_i32: visit_i64, deserialize_i64: visit_i64, deserialize_u8: visit_u64,
        deserialize_u16: visit_u64, deserialize_u32: visit_u64, deserialize_u64: visit_u64
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
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_enum(name_deserializer(&self.text))
    }

    forward_to_deserialize_any! {
        i128 u128 f32 f64 char str string bytes byte_buf option unit unit_struct seq tuple
        tuple_struct struct map identifier ignored_any
    }
}

impl<'de> IntoDeserializer<'de, Fault> for Key<'_> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}
