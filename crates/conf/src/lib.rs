//! Strict TOML: a typed value, or an error that names the file, the line, the column and,
//! where a name is wrong, the nearest valid one.
//!
//! The text is parsed to a tree that knows where each piece stands, and a `serde` deserialiser
//! of our own walks it. So every error of a `Deserialize` implementation arrives as a value with
//! its place, never as text to be taken apart.
//!
//! Rules beyond TOML 1.1:
//!
//! - A struct refuses unknown keys, whether or not it says `deny_unknown_fields`.
//! - An enum may be written as a name (`"poisson"`), as a table of one key
//!   (`{ poisson = { rate = 5 } }`), or as a table with its name under `kind`
//!   (`{ kind = "poisson", rate = 5 }`). All three suit one plain `derive(Deserialize)`: prefer
//!   it to `#[serde(tag = "kind")]`, which buffers the table and so loses places.
//! - Entries are visited in the order of the file, so the first error is the topmost one.
//! - A date or time deserialises as its text.

mod de;
mod error;
mod located;
mod nearest;
mod source;

use std::path::Path;

use serde::de::DeserializeOwned;

pub use error::{ConfError, ConfErrorKind};
pub use located::Located;
pub use nearest::nearest;

/// Reads `text` as TOML; `file` only names it in errors.
///
/// # Errors
/// [`ConfError`] with the place of the topmost fault; see [`ConfErrorKind`].
pub fn parse<T: DeserializeOwned>(file: &Path, text: &str) -> Result<T, ConfError> {
    let source = source::Source::new(text);
    de::deserialize(&source).map_err(|fault| fault.locate(file, &source))
}

/// Reads the file at `path` as TOML.
///
/// # Errors
/// [`ConfErrorKind::Unreadable`] when the file cannot be read or is not UTF-8, and whatever
/// [`parse`] finds in it.
pub fn read<T: DeserializeOwned>(path: &Path) -> Result<T, ConfError> {
    parse(path, &read_text(path)?)
}

/// Reads a text file that is not TOML.
///
/// # Errors
/// [`ConfErrorKind::Unreadable`] when the file cannot be read or is not UTF-8.
pub fn read_text(path: &Path) -> Result<String, ConfError> {
    std::fs::read_to_string(path).map_err(|source| ConfError {
        file: path.to_owned(),
        line: 0,
        column: 0,
        kind: ConfErrorKind::Unreadable { source },
    })
}

#[cfg(test)]
mod tests;
