//! Where a database server is, and what is ours in it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The address of a database server, as its client library reads it, e.g.
/// `postgres://user:password@host:5432/database`. Its debug text shows no
/// password.
#[derive(Clone, Deserialize, Eq, PartialEq, Serialize)]
#[serde(transparent)]
pub struct ServerUrl(String);

impl ServerUrl {
    /// The address with its password.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for ServerUrl {
    fn from(url: String) -> Self {
        Self(url)
    }
}

impl From<&str> for ServerUrl {
    fn from(url: &str) -> Self {
        Self(url.to_owned())
    }
}

impl fmt::Debug for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A password may also stand among the parameters.
        let (scheme, rest) = self.0.split_once("://").unwrap_or(("", &self.0));
        let rest = rest.split_once('?').map_or(rest, |(rest, _)| rest);
        let place = rest.rsplit_once('@').map_or(rest, |(_, place)| place);
        write!(f, "ServerUrl({scheme}://{place})")
    }
}

/// A name that is no name for our part of a database.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is no schema name: 1 to 63 of a-z, 0-9 and _, not beginning with a digit or pg_")]
pub(crate) struct SchemaNameError(String);

/// Whether `name` can stand in a statement as it is: names cannot be bound.
pub(crate) fn check_schema_name(name: &str) -> Result<(), SchemaNameError> {
    let letters = |c: char| c.is_ascii_lowercase() || c == '_';
    let fits = (1..=63).contains(&name.len())
        && name.starts_with(letters)
        && name.chars().all(|c| letters(c) || c.is_ascii_digit())
        && !name.starts_with("pg_");
    if fits {
        Ok(())
    } else {
        Err(SchemaNameError(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_text_has_no_password() {
        let url = ServerUrl::from("postgres://me:s3cr@t@db:1/x?password=s3cret");
        assert_eq!(format!("{url:?}"), "ServerUrl(postgres://db:1/x)");
        let url = ServerUrl::from("me:s3cret@db");
        assert_eq!(format!("{url:?}"), "ServerUrl(://db)");
    }

    #[test]
    fn schema_names_need_no_quotes() {
        let longest = "a".repeat(63);
        for name in ["authbench", "_1", "a", &longest] {
            assert!(check_schema_name(name).is_ok(), "{name}");
        }
        let too_long = "a".repeat(64);
        for name in ["", "1a", "A", "a-b", "a;b", "a\"", "ä", "pg_x", &too_long] {
            assert!(check_schema_name(name).is_err(), "{name}");
        }
    }
}
