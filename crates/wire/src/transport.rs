//! How a credential travels: in a cookie or in the `Authorization` header.
//! A strategy reads its own transport and no other: a credential in a second
//! carrier of the same request is not looked at (RFC 6750 2, ASVS 5.0 15.3.7).

use authbench_core::Secret;
use http::HeaderMap;
use http::header::AUTHORIZATION;

use crate::cookie::{COOKIE_OCTETS_MAX, CookieSettings};

/// How credentials travel.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Transport {
    /// `Authorization: Bearer` (RFC 6750 2.1); a refresh token stands in
    /// bodies.
    Bearer,
    /// A cookie (RFC 6265bis); a refresh token has one of its own
    /// ([`crate::refresh_cookie`]).
    Cookie(CookieSettings),
}

/// The credential does not fit the transport.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DeliveryError {
    /// Browsers would drop the cookie.
    #[error(
        "name and value of the cookie have {octets} octets; browsers drop more than {COOKIE_OCTETS_MAX}"
    )]
    TooLarge {
        /// Octets of name and value together.
        octets: usize,
    },
    /// The credential needs more cookies than it may be split over.
    #[error(
        "name and value of the cookie have {octets} octets; more than {chunks_max} cookies hold"
    )]
    TooManyChunks {
        /// Octets of name and value together.
        octets: usize,
        /// Over how many cookies it may be split.
        chunks_max: u8,
    },
    /// The text has a character that the carrier cannot hold.
    #[error("the credential has a character that a header cannot carry")]
    Unprintable,
}

/// What a request carries in a transport's place.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Carried<'h> {
    /// Nothing.
    Nothing,
    /// One credential.
    One(&'h str),
    /// One credential, put together of several cookies.
    Joined(Secret),
    /// Two, or one that cannot be read, or pieces that make none: to be
    /// refused whatever they are (RFC 6265bis 8.6).
    Ambiguous,
}

impl Carried<'_> {
    /// The credential, if there is exactly one.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::One(text) => Some(text),
            Self::Joined(whole) => Some(whole.expose()),
            Self::Nothing | Self::Ambiguous => None,
        }
    }
}

impl Transport {
    /// The name in recipes and results.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Bearer => "bearer",
            Self::Cookie(_) => "cookie",
        }
    }

    /// Whether browsers attach the credential by themselves, so that unsafe
    /// requests need a proof of origin.
    #[must_use]
    pub const fn is_ambient(&self) -> bool {
        matches!(self, Self::Cookie(_))
    }

    /// What the request carries in this transport's place.
    #[must_use]
    pub fn extract<'h>(&self, headers: &'h HeaderMap) -> Carried<'h> {
        match self {
            Self::Bearer => bearer(headers),
            Self::Cookie(settings) => settings.extract(headers),
        }
    }
}

fn bearer(headers: &HeaderMap) -> Carried<'_> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (first, second) = (values.next(), values.next());
    let Some(value) = first else {
        return Carried::Nothing;
    };
    let Ok(text) = value.to_str() else {
        return Carried::Ambiguous;
    };
    if second.is_some() {
        return Carried::Ambiguous;
    }
    // The scheme's name may have any case (RFC 9110 11.1).
    match text.split_at_checked(7) {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("Bearer ") => Carried::One(token),
        _ => Carried::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn bearer_is_one_header() {
        let headers = |texts: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for text in texts {
                headers.append(AUTHORIZATION, HeaderValue::from_static(text));
            }
            headers
        };
        let none = headers(&[]);
        assert_eq!(Transport::Bearer.extract(&none), Carried::Nothing);
        let basic = headers(&["Basic abc"]);
        assert_eq!(Transport::Bearer.extract(&basic), Carried::Nothing);
        let two = headers(&["Bearer a", "Bearer a"]);
        assert_eq!(Transport::Bearer.extract(&two), Carried::Ambiguous);
        let lower = headers(&["bearer a.b.c"]);
        assert_eq!(Transport::Bearer.extract(&lower), Carried::One("a.b.c"));
    }
}
