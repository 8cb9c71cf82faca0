//! Entries of a table, elements of an array, and the parts of a located value.

use std::vec;

use serde::de::{DeserializeSeed, IntoDeserializer, MapAccess, SeqAccess};
use toml::Spanned;
use toml::de::{DeArray, DeString, DeTable, DeValue};

use super::key::Key;
use super::{Node, name_deserializer};
use crate::error::Fault;
use crate::located::FIELDS;
use crate::source::Source;

/// The entries of a table in the order of the file.
pub(super) struct Entries<'s> {
    source: &'s Source<'s>,
    entries: vec::IntoIter<(Spanned<DeString<'s>>, Spanned<DeValue<'s>>)>,
    value: Option<Spanned<DeValue<'s>>>,
    /// The keys of a struct; `None` for a table of free keys.
    valid: Option<&'static [&'static str]>,
}

impl<'s> Entries<'s> {
    pub(super) fn new(
        source: &'s Source<'s>,
        table: DeTable<'s>,
        valid: Option<&'static [&'static str]>,
    ) -> Self {
        let mut entries: Vec<_> = table.into_iter().collect();
        entries.sort_by_key(|(key, _)| key.span().start);
        Self {
            source,
            entries: entries.into_iter(),
            value: None,
            valid,
        }
    }
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Fault> {
        let Some((key, value)) = self.entries.next() else {
            return Ok(None);
        };
        self.value = Some(value);
        let span = key.span();
        let key = key.into_inner();
        match self.valid {
            Some(valid) if !valid.contains(&key.as_ref()) => {
                Err(Fault::unknown_key(span, &key, valid))
            }
            _ => {
                let key = Key {
                    source: self.source,
                    span: span.clone(),
                    text: key,
                };
                seed.deserialize(key)
                    .map(Some)
                    .map_err(|fault| fault.or_at(&span))
            }
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        let value = self.value.take().ok_or_else(out_of_turn)?;
        Node::new(self.source, value).read(seed)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.entries.len())
    }
}

/// The elements of an array.
pub(super) struct Elements<'s> {
    source: &'s Source<'s>,
    elements: vec::IntoIter<Spanned<DeValue<'s>>>,
}

impl<'s> Elements<'s> {
    pub(super) fn new(source: &'s Source<'s>, array: DeArray<'s>) -> Self {
        Self {
            source,
            elements: array.into_iter(),
        }
    }
}

impl<'de> SeqAccess<'de> for Elements<'_> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Fault> {
        let Some(element) = self.elements.next() else {
            return Ok(None);
        };
        Node::new(self.source, element).read(seed).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.elements.len())
    }
}

/// Hands a [`Located`](crate::Located) its line, its column and its value.
pub(super) struct Place<D> {
    numbers: [u32; 2],
    value: Option<D>,
    next: usize,
}

impl<D> Place<D> {
    pub(super) fn new(line: u32, column: u32, value: D) -> Self {
        Self {
            numbers: [line, column],
            value: Some(value),
            next: 0,
        }
    }
}

impl<'de, D: IntoDeserializer<'de, Fault>> MapAccess<'de> for Place<D> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Fault> {
        match FIELDS.get(self.next) {
            Some(field) => seed.deserialize(name_deserializer(field)).map(Some),
            None => Ok(None),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        let number = self.numbers.get(self.next).copied();
        self.next += 1;
        match number {
            Some(number) => seed.deserialize(number.into_deserializer()),
            None => {
                let value = self.value.take().ok_or_else(out_of_turn)?;
                seed.deserialize(value.into_deserializer())
            }
        }
    }
}

fn out_of_turn() -> Fault {
    serde::de::Error::custom("a value was asked for before its key")
}
