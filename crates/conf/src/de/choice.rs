//! An enum: a name, `{ name = settings }`, or `{ kind = "name", settings.. }`.

use std::ops::Range;

use serde::de::{DeserializeSeed, EnumAccess, Error as _, VariantAccess, Visitor};
use toml::de::{DeTable, DeValue};

use super::{Node, missing, name_deserializer};
use crate::error::{ConfErrorKind, Fault};

/// The key of a table that holds the name of an enum's variant.
const TAG: &str = "kind";

/// A chosen variant: its name, where the name stands, and what it holds.
pub(super) struct Choice<'s> {
    name: String,
    name_span: Range<usize>,
    payload: Payload<'s>,
}

/// What stands with the name of a variant.
pub(super) struct Payload<'s> {
    name: String,
    node: Node<'s>,
    /// Only a name was written: `node` is an empty table in its place.
    bare: bool,
}

impl<'s> Choice<'s> {
    /// # Errors
    /// When `node` has none of the three forms.
    pub(super) fn new(node: Node<'s>, variants: &'static [&'static str]) -> Result<Self, Fault> {
        let Node {
            source,
            span,
            value,
        } = node;
        match value {
            DeValue::String(name) => {
                let node = Node {
                    source,
                    span: span.clone(),
                    value: empty_table(),
                };
                Ok(Self::of(name.into_owned(), span, node, true))
            }
            DeValue::Table(table) if is_single(&table, variants) => {
                let Some((key, value)) = table.into_iter().next() else {
                    return Err(missing(&span, TAG));
                };
                let name_span = key.span();
                let name = key.into_inner().into_owned();
                Ok(Self::of(name, name_span, Node::new(source, value), false))
            }
            DeValue::Table(mut table) => {
                let tag = table.remove(TAG).ok_or_else(|| missing(&span, TAG))?;
                let tag = Node::new(source, tag);
                let DeValue::String(name) = tag.value else {
                    return Err(tag.mistyped(&"a string"));
                };
                let node = Node {
                    source,
                    span,
                    value: DeValue::Table(table),
                };
                Ok(Self::of(name.into_owned(), tag.span, node, false))
            }
            value => {
                let node = Node {
                    source,
                    span,
                    value,
                };
                Err(node.mistyped(&"a string or a table"))
            }
        }
    }

    fn of(name: String, name_span: Range<usize>, node: Node<'s>, bare: bool) -> Self {
        Self {
            payload: Payload {
                name: name.clone(),
                node,
                bare,
            },
            name,
            name_span,
        }
    }
}

/// Whether `table` is of the form `{ name = settings }`. A single unknown key is taken for a
/// misspelt name, so that the fault can list the valid ones.
fn is_single(table: &DeTable<'_>, variants: &[&str]) -> bool {
    let mut keys = table.keys().map(|key| key.get_ref().as_ref());
    match (keys.next(), keys.next()) {
        (Some(key), None) => key != TAG || variants.contains(&TAG),
        _ => false,
    }
}

fn empty_table<'s>() -> DeValue<'s> {
    DeValue::Table(DeTable::new())
}

impl<'de, 's> EnumAccess<'de> for Choice<'s> {
    type Error = Fault;
    type Variant = Payload<'s>;

    fn variant_seed<V: DeserializeSeed<'de>>(
        self,
        seed: V,
    ) -> Result<(V::Value, Payload<'s>), Fault> {
        let variant = seed
            .deserialize(name_deserializer(&self.name))
            .map_err(|fault| fault.or_at(&self.name_span))?;
        Ok((variant, self.payload))
    }
}

impl<'de> VariantAccess<'de> for Payload<'_> {
    type Error = Fault;

    fn unit_variant(self) -> Result<(), Fault> {
        match self.node.value {
            DeValue::Table(table) => match table.iter().min_by_key(|(key, _)| key.span().start) {
                Some((key, _)) => Err(Fault::unknown_key(key.span(), key.get_ref(), &[])),
                None => Ok(()),
            },
            _ => Err(self.node.mistyped(&"no settings")),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Fault> {
        let Self { name, node, bare } = self;
        let span = node.span.clone();
        seed.deserialize(node).map_err(|fault| match fault.kind() {
            ConfErrorKind::WrongType { expected, .. } if bare => Fault::custom(format_args!(
                "`{name}` needs a value, {expected}: write {{ {name} = .. }}"
            ))
            .or_at(&span),
            _ => fault,
        })
    }

    fn tuple_variant<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, Fault> {
        self.node.visit_array(Some(length), visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.node.visit_table(Some(fields), visitor)
    }
}
