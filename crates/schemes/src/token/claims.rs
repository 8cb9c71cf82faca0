//! The claims of formats that are JSON inside: those of RFC 9068 2.2 that a
//! login needs, and no personal data (a signed token is readable by whoever
//! holds it). The formats differ in how they write an instant.

use std::borrow::Cow;
use std::fmt;

use authbench_core::{LoginId, Roles, SubjectId, UnixMs};
use serde::de::{Deserializer, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};

/// How a format writes an instant.
pub(crate) trait ClaimTime {
    /// The instant, if milliseconds since 1970 can hold it.
    fn instant(&self) -> Option<UnixMs>;
}

/// Whole seconds since 1970 (RFC 7519 2, `NumericDate`).
impl ClaimTime for u64 {
    fn instant(&self) -> Option<UnixMs> {
        self.checked_mul(1000).map(UnixMs)
    }
}

/// The claims as they are issued, in whole seconds.
#[derive(Debug, Serialize)]
pub(crate) struct Issued<'a, T> {
    pub(crate) iss: &'a str,
    pub(crate) sub: &'a SubjectId,
    pub(crate) aud: &'a str,
    /// RFC 7519 4.1.4.
    pub(crate) exp: T,
    /// Rounded down (RFC 7519 4.1.6).
    pub(crate) iat: T,
    /// The token's name, 128 random bits (RFC 7519 4.1.7): the login's handle
    /// unless there is a `sid`.
    pub(crate) jti: LoginId,
    /// RFC 9068 2.2.3.1.
    pub(crate) roles: &'a Roles,
    /// The login's handle, where it has several tokens (OpenID Connect
    /// Front-Channel Logout 1.0, 3).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sid: Option<LoginId>,
    /// What a scheme with server-side state compares; a private claim (RFC 7519
    /// 4.3).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) stamp: Option<u64>,
}

/// The claims as they are read: borrowed from the payload where the text
/// allows it. A member of the wrong type is an error, never "absent"
/// (CVE-2026-25537), and so is a second member of one name (RFC 7519 4).
/// Members that are not named here are ignored (RFC 7519 4).
#[derive(Debug, Deserialize)]
pub(crate) struct Claims<'a, T> {
    #[serde(borrow)]
    pub(crate) iss: Cow<'a, str>,
    pub(crate) sub: SubjectId,
    #[serde(borrow)]
    pub(crate) aud: Audience<'a>,
    pub(crate) exp: T,
    pub(crate) iat: T,
    #[serde(default, deserialize_with = "present")]
    pub(crate) nbf: Option<T>,
    #[serde(borrow)]
    pub(crate) jti: Cow<'a, str>,
    #[serde(default)]
    pub(crate) roles: Roles,
    #[serde(borrow, default, deserialize_with = "present_text")]
    pub(crate) sid: Option<Cow<'a, str>>,
    #[serde(default, deserialize_with = "present")]
    pub(crate) stamp: Option<u64>,
}

impl<'a, T: Deserialize<'a> + Default> Claims<'a, T> {
    /// Reads a payload, unless it is not one JSON object with such claims.
    pub(crate) fn read(payload: &'a [u8]) -> Option<Self> {
        Self::read_text(std::str::from_utf8(payload).ok()?)
    }

    /// The same of a text.
    pub(crate) fn read_text(text: &'a str) -> Option<Self> {
        // The derived reader would also take an array of the claims' values.
        if !text.trim_ascii_start().starts_with('{') {
            return None;
        }
        serde_json::from_str(text).ok()
    }
}

/// Whom a token is for: one name, or a set of names (RFC 7519 4.1.3).
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Audience<'a> {
    One(Cow<'a, str>),
    Several(Vec<Cow<'a, str>>),
}

impl Audience<'_> {
    /// Whether `name` is meant, by its whole and exact text.
    pub(crate) fn contains(&self, name: &str) -> bool {
        match self {
            Self::One(only) => only == name,
            Self::Several(names) => names.iter().any(|one| one == name),
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Audience<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AudienceVisitor)
    }
}

struct AudienceVisitor;

impl<'de> Visitor<'de> for AudienceVisitor {
    type Value = Audience<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string or an array of strings")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Audience::One(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Audience::One(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut names = Vec::new();
        while let Some(Text(name)) = seq.next_element()? {
            names.push(name);
        }
        Ok(Audience::Several(names))
    }
}

/// A string that is borrowed where it can be, inside another value.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// Reads a member that may be absent but, if it is there, is a `T`: `null` is
/// not "absent".
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// The same for a text.
fn present_text<'de: 'a, 'a, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Cow<'a, str>>, D::Error> {
    Text::deserialize(deserializer).map(|Text(text)| Some(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = r#"{"iss":"i","sub":"s","aud":"a","exp":2,"iat":1,"jti":"j"}"#;

    #[test]
    fn reads_claims_in_any_order_and_ignores_others() {
        let text = r#" {"x":[{"exp":9}],"roles":["b","a"],"jti":"j","iat":1,"nbf":0,
            "exp":2,"aud":["b","\u0061"],"sub":"s\"","iss":"i"} "#;
        let claims = Claims::<u64>::read(text.as_bytes()).unwrap();
        assert_eq!((claims.exp, claims.iat, claims.nbf), (2, 1, Some(0)));
        assert_eq!(claims.sub.as_str(), "s\"");
        assert!(claims.aud.contains("a") && claims.aud.contains("b") && !claims.aud.contains("A"));
        assert_eq!(claims.roles.iter().collect::<Vec<_>>(), ["a", "b"]);
        let whole = Claims::<u64>::read(WHOLE.as_bytes()).unwrap();
        assert!(matches!(whole.iss, Cow::Borrowed("i")));
        assert!(whole.roles.is_empty() && whole.nbf.is_none());
    }

    #[test]
    fn refuses_what_is_no_object_of_claims() {
        let array = r#"["i","s","a",2,1,0,"j",[]]"#;
        let duplicate = WHOLE.replace(r#""iat""#, r#""\u0065xp":3,"iat""#);
        let trailing = format!("{WHOLE}{WHOLE}");
        for text in [
            "",
            "null",
            "{}",
            array,
            &duplicate,
            &trailing,
            &WHOLE[..WHOLE.len() - 1],
        ] {
            assert!(Claims::<u64>::read(text.as_bytes()).is_none(), "{text}");
        }
        let mut not_utf8 = WHOLE.replace(r#""iat""#, r#""x":"?","iat""#).into_bytes();
        assert!(Claims::<u64>::read(&not_utf8).is_some());
        let at = not_utf8.iter().position(|&octet| octet == b'?').unwrap();
        not_utf8[at] = 0xff;
        assert!(Claims::<u64>::read(&not_utf8).is_none());
    }
}
