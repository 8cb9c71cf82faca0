//! What can be wrong with a file, and where.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::de::{Expected, Unexpected};

use crate::located::Located;
use crate::nearest::nearest;
use crate::source::Source;

/// A fault in a file, shown as a compiler shows it: `path:line:column: message`.
///
/// ```text
/// scenarios/load/x.toml:12:5: unknown key `arival`; did you mean `arrival`? (valid keys: ..)
/// ```
#[derive(Debug)]
pub struct ConfError {
    /// The file as the caller named it.
    pub file: PathBuf,
    /// Line from 1; 0 when the fault has no place in the text.
    pub line: u32,
    /// Column in characters from 1; 0 when the fault has no place in the text.
    pub column: u32,
    /// What is wrong.
    pub kind: ConfErrorKind,
}

/// What is wrong with a file. `valid` lists are in the order of declaration.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfErrorKind {
    /// Not TOML.
    #[error("{message}")]
    Syntax {
        /// What the parser says.
        message: String,
    },
    /// A key that the table does not know.
    #[error("unknown key `{found}`{}", hint(nearest.as_deref(), "keys", valid))]
    UnknownKey {
        /// The key in the file.
        found: String,
        /// The valid key that was probably meant.
        nearest: Option<String>,
        /// All valid keys.
        valid: Vec<String>,
    },
    /// A name that is none of a fixed list.
    #[error("unknown name `{found}`{}", hint(nearest.as_deref(), "names", valid))]
    UnknownVariant {
        /// The name in the file.
        found: String,
        /// The valid name that was probably meant.
        nearest: Option<String>,
        /// All valid names.
        valid: Vec<String>,
    },
    /// A value of another type than wanted.
    #[error("expected {expected}, found {found}")]
    WrongType {
        /// What was wanted.
        expected: String,
        /// What stands there.
        found: String,
    },
    /// A key that must be there; the place is the header (or the brace) of its table.
    #[error("missing key `{key}`")]
    MissingKey {
        /// The missing key.
        key: String,
    },
    /// A value of the right type that is out of its range or breaks its form.
    #[error("{message}")]
    InvalidValue {
        /// What is wrong with it.
        message: String,
    },
    /// A key given twice.
    #[error("duplicate key `{key}`")]
    DuplicateKey {
        /// The key.
        key: String,
    },
    /// Well-formed, but it makes no sense: found by the caller, see [`ConfError::semantic`].
    #[error("{message}")]
    Semantic {
        /// What is wrong, and preferably the way out.
        message: String,
    },
    /// The file cannot be read.
    #[error("cannot be read")]
    Unreadable {
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

impl ConfError {
    /// A fault that the caller found in a value that was well-formed.
    #[must_use]
    pub fn semantic<T>(file: &Path, at: &Located<T>, message: impl Into<String>) -> Self {
        Self::at(
            file,
            at,
            ConfErrorKind::Semantic {
                message: message.into(),
            },
        )
    }

    /// A name that is none of `valid` (a strategy that no file defines, say).
    #[must_use]
    pub fn unknown_name<T: AsRef<str>, N: AsRef<str>>(
        file: &Path,
        at: &Located<T>,
        valid: &[N],
    ) -> Self {
        let (found, nearest, valid) = unknown(at.value.as_ref(), valid);
        Self::at(
            file,
            at,
            ConfErrorKind::UnknownVariant {
                found,
                nearest,
                valid,
            },
        )
    }

    fn at<T>(file: &Path, at: &Located<T>, kind: ConfErrorKind) -> Self {
        Self {
            file: file.to_owned(),
            line: at.line,
            column: at.column,
            kind,
        }
    }
}

impl fmt::Display for ConfError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.file.display())?;
        if self.line > 0 {
            write!(f, "{}:{}:", self.line, self.column)?;
        }
        write!(f, " {}", self.kind)
    }
}

impl std::error::Error for ConfError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        std::error::Error::source(&self.kind)
    }
}

/// A fault on its way out of the deserialiser: it takes the place of the innermost piece.
#[derive(Debug)]
pub(crate) struct Fault {
    kind: ConfErrorKind,
    span: Option<Range<usize>>,
}

impl Fault {
    pub(crate) fn new(span: Range<usize>, kind: ConfErrorKind) -> Self {
        Self {
            kind,
            span: Some(span),
        }
    }

    pub(crate) fn unknown_key(span: Range<usize>, found: &str, valid: &[&str]) -> Self {
        let (found, nearest, valid) = unknown(found, valid);
        Self::new(
            span,
            ConfErrorKind::UnknownKey {
                found,
                nearest,
                valid,
            },
        )
    }

    /// A fault of the parser. Its only trace of a duplicate key is its message.
    pub(crate) fn syntax(source: &Source<'_>, error: &toml::de::Error) -> Self {
        let span = error.span().unwrap_or_default();
        let kind = match source.text.get(span.clone()) {
            Some(key) if error.message() == "duplicate key" => ConfErrorKind::DuplicateKey {
                key: key.to_owned(),
            },
            _ => ConfErrorKind::Syntax {
                message: error.message().to_owned(),
            },
        };
        Self::new(span, kind)
    }

    /// Takes `span` as its place unless it has one.
    pub(crate) fn or_at(mut self, span: &Range<usize>) -> Self {
        self.span.get_or_insert_with(|| span.clone());
        self
    }

    pub(crate) fn kind(&self) -> &ConfErrorKind {
        &self.kind
    }

    /// The key of the file that the fault is about, if it is about one.
    pub(crate) fn key(&self) -> Option<&str> {
        match &self.kind {
            ConfErrorKind::UnknownKey { found: key, .. } | ConfErrorKind::DuplicateKey { key } => {
                Some(key)
            }
            _ => None,
        }
    }

    pub(crate) fn locate(self, file: &Path, source: &Source<'_>) -> ConfError {
        let (line, column) = source.position(self.span.map_or(0, |span| span.start));
        ConfError {
            file: file.to_owned(),
            line,
            column,
            kind: self.kind,
        }
    }

    fn placeless(kind: ConfErrorKind) -> Self {
        Self { kind, span: None }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.fmt(f)
    }
}

impl std::error::Error for Fault {}

impl serde::de::Error for Fault {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::placeless(ConfErrorKind::InvalidValue {
            message: message.to_string(),
        })
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::placeless(ConfErrorKind::WrongType {
            expected: plain_expectation(&expected.to_string()),
            found: plain_finding(found),
        })
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let expected = plain_expectation(&expected.to_string());
        let found = plain_finding(found);
        Self::custom(format_args!("expected {expected}, found {found}"))
    }

    fn invalid_length(length: usize, expected: &dyn Expected) -> Self {
        let expected = plain_expectation(&expected.to_string());
        Self::custom(format_args!("expected {expected}, found {length} elements"))
    }

    fn unknown_variant(found: &str, valid: &'static [&'static str]) -> Self {
        let (found, nearest, valid) = unknown(found, valid);
        Self::placeless(ConfErrorKind::UnknownVariant {
            found,
            nearest,
            valid,
        })
    }

    fn unknown_field(found: &str, valid: &'static [&'static str]) -> Self {
        let (found, nearest, valid) = unknown(found, valid);
        Self::placeless(ConfErrorKind::UnknownKey {
            found,
            nearest,
            valid,
        })
    }

    fn missing_field(key: &'static str) -> Self {
        Self::placeless(ConfErrorKind::MissingKey {
            key: key.to_owned(),
        })
    }

    fn duplicate_field(key: &'static str) -> Self {
        Self::placeless(ConfErrorKind::DuplicateKey {
            key: key.to_owned(),
        })
    }
}

fn unknown<N: AsRef<str>>(found: &str, valid: &[N]) -> (String, Option<String>, Vec<String>) {
    (
        found.to_owned(),
        nearest(found, valid).map(str::to_owned),
        valid.iter().map(|name| name.as_ref().to_owned()).collect(),
    )
}

fn hint(nearest: Option<&str>, what: &str, valid: &[String]) -> String {
    let guess = nearest
        .map(|name| format!("; did you mean `{name}`?"))
        .unwrap_or_default();
    let list = if valid.is_empty() {
        "none".to_owned()
    } else {
        valid.join(", ")
    };
    format!("{guess} (valid {what}: {list})")
}

/// Says in the words of a TOML author what a Rust type wants.
fn plain_expectation(rust: &str) -> String {
    let plain = match rust {
        "i8" => "an integer from -128 to 127",
        "i16" => "an integer from -32768 to 32767",
        "i32" => "an integer from -2147483648 to 2147483647",
        "i64" | "i128" | "isize" => "an integer",
        "u8" => "an integer from 0 to 255",
        "u16" => "an integer from 0 to 65535",
        "u32" => "an integer from 0 to 4294967295",
        "u64" | "u128" | "usize" => "an integer from 0",
        "f32" | "f64" => "a number",
        "a sequence" => "an array",
        "a map" => "a table",
        other => other,
    };
    plain.to_owned()
}

fn plain_finding(found: Unexpected<'_>) -> String {
    match found {
        Unexpected::Bool(value) => format!("the boolean `{value}`"),
        Unexpected::Signed(value) => format!("the integer `{value}`"),
        Unexpected::Unsigned(value) => format!("the integer `{value}`"),
        Unexpected::Float(value) => format!("the number `{value}`"),
        Unexpected::Str(text) => format!("the string {text:?}"),
        Unexpected::Map | Unexpected::StructVariant => "a table".to_owned(),
        Unexpected::Seq | Unexpected::TupleVariant => "an array".to_owned(),
        Unexpected::UnitVariant => "only a name".to_owned(),
        other => other.to_string(),
    }
}
