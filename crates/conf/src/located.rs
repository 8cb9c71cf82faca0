//! A value that remembers where in its file it stood.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde::{Serialize, Serializer};

/// A value and its place, for errors found only after parsing (an unknown strategy name, say).
///
/// Read through this crate it knows its place; through another format, or inside an enum with
/// `#[serde(tag)]`, its place is 0:0 (unknown). It serialises as the bare value, and only the
/// value takes part in comparisons.
#[derive(Clone, Copy, Debug, Default)]
pub struct Located<T> {
    /// The value.
    pub value: T,
    /// Line from 1; 0 when unknown.
    pub line: u32,
    /// Column in characters from 1; 0 when unknown.
    pub column: u32,
}

impl<T> From<T> for Located<T> {
    /// A value whose place is unknown.
    fn from(value: T) -> Self {
        Self {
            value,
            line: 0,
            column: 0,
        }
    }
}

impl<T: PartialEq> PartialEq for Located<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<T: Eq> Eq for Located<T> {}

impl<T: PartialOrd> PartialOrd for Located<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        self.value.partial_cmp(&other.value)
    }
}

impl<T: Ord> Ord for Located<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.value.cmp(&other.value)
    }
}

impl<T: Hash> Hash for Located<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.value.hash(state);
    }
}

impl<T: fmt::Display> fmt::Display for Located<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}

impl<T: Serialize> Serialize for Located<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value.serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Located<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(NAME, LocatedVisitor(PhantomData))
    }
}

/// The newtype's name by which [`crate::de`] knows that a place is wanted.
pub(crate) const NAME: &str = "$authbench_conf_located";
/// Names of the fields in the order in which [`crate::de`] hands them over.
pub(crate) const FIELDS: [&str; 3] = ["$line", "$column", "$value"];

struct LocatedVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for LocatedVisitor<T> {
    type Value = Located<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, bare: D) -> Result<Located<T>, D::Error> {
        T::deserialize(bare).map(Located::from)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        expect_key(&mut map, FIELDS[0])?;
        let line = map.next_value()?;
        expect_key(&mut map, FIELDS[1])?;
        let column = map.next_value()?;
        expect_key(&mut map, FIELDS[2])?;
        Ok(Located {
            value: map.next_value()?,
            line,
            column,
        })
    }
}

fn expect_key<'de, A: MapAccess<'de>>(map: &mut A, key: &'static str) -> Result<(), A::Error> {
    match map.next_key::<String>()? {
        Some(found) if found == key => Ok(()),
        _ => Err(A::Error::custom(format_args!(
            "a located value lacks `{key}`"
        ))),
    }
}
