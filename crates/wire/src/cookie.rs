//! The cookie that carries an access credential (RFC 6265bis), or, where that
//! is allowed, the several that carry a large one.

use std::fmt::Write as _;

use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};
use serde::{Deserialize, Serialize};

use crate::chunk::{self, CHUNKS_MAX};
use crate::transport::{Carried, DeliveryError};

/// The most octets that name and value of a cookie may have together; a
/// browser drops a larger cookie without a word (RFC 6265bis 5.6).
pub const COOKIE_OCTETS_MAX: usize = 4096;

/// The attributes of the credential's cookie. `Secure`, `HttpOnly`, `Path=/`
/// and the absence of `Domain` are not settings: the `__Host-` name demands
/// or implies them (RFC 6265bis 4.1.3.2, ASVS 5.0 3.3.1 to 3.3.4).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CookieSettings {
    name: String,
    same_site: SameSite,
    chunks_max: Option<u8>,
}

/// The `SameSite` attribute; `None` is not offered (ASVS 5.0 3.3.2).
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SameSite {
    /// Sent with top-level navigations from elsewhere.
    Lax,
    /// Sent from the site's own pages only.
    #[default]
    Strict,
}

/// The settings name no cookie that could be set.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CookieSettingsError {
    /// The name is not a `__Host-` name made of token characters.
    #[error(
        "`{name}` cannot name the cookie: it must be `__Host-` and then letters, digits, `-` or `_`"
    )]
    Name {
        /// The name that was given.
        name: String,
    },
    /// The number of cookies for one credential is out of bounds.
    #[error("a credential may be split over 2 to {CHUNKS_MAX} cookies, not {chunks_max}")]
    Chunks {
        /// The number that was given.
        chunks_max: u8,
    },
}

impl CookieSettings {
    /// The name that is used unless a recipe says otherwise.
    pub const DEFAULT_NAME: &'static str = "__Host-auth";

    /// Settings for one cookie of this name.
    ///
    /// # Errors
    /// [`CookieSettingsError::Name`] unless the name begins with `__Host-`,
    /// goes on with at least one letter, digit, `-` or `_`, and has no other.
    pub fn new(name: &str, same_site: SameSite) -> Result<Self, CookieSettingsError> {
        let good = name.strip_prefix("__Host-").is_some_and(|rest| {
            !rest.is_empty()
                && rest
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        });
        if good {
            Ok(Self {
                name: name.to_owned(),
                same_site,
                chunks_max: None,
            })
        } else {
            Err(CookieSettingsError::Name {
                name: name.to_owned(),
            })
        }
    }

    /// The same settings, but a credential that is too large for one cookie is
    /// split over at most `chunks_max`, as [`chunk`] describes.
    ///
    /// # Errors
    /// [`CookieSettingsError::Chunks`] unless it is 2 to [`CHUNKS_MAX`].
    pub fn with_chunks(self, chunks_max: u8) -> Result<Self, CookieSettingsError> {
        if (2..=CHUNKS_MAX).contains(&chunks_max) {
            Ok(Self {
                chunks_max: Some(chunks_max),
                ..self
            })
        } else {
            Err(CookieSettingsError::Chunks { chunks_max })
        }
    }

    /// The cookie's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Over how many cookies a credential may be split; none if it may not.
    #[must_use]
    pub const fn chunks_max(&self) -> Option<u8> {
        self.chunks_max
    }

    /// The `Set-Cookie` values that give `credential` to a browser until it is
    /// closed; no `Max-Age`, so that the credential does not outlive the
    /// browser (NIST SP 800-63B-4 5.1). Where credentials may be split, they
    /// also take away what the request, whose headers are `presented`, shows
    /// of an earlier one: a piece that stays would spoil the new one.
    ///
    /// # Errors
    /// [`DeliveryError`] when a browser would not keep or send it.
    pub fn set(
        &self,
        credential: &str,
        presented: &HeaderMap,
    ) -> Result<Vec<HeaderValue>, DeliveryError> {
        if !credential.bytes().all(is_cookie_octet) {
            return Err(DeliveryError::Unprintable);
        }
        let pieces = self.pieces(credential)?;
        let mut headers = Vec::with_capacity(1);
        for (name, value) in &pieces {
            headers.push(self.header(name, value, "")?);
        }
        for name in self.presented(presented) {
            if pieces.iter().all(|(kept, _)| *kept != name) {
                headers.push(self.header(&name, "", MAX_AGE_NONE)?);
            }
        }
        Ok(headers)
    }

    /// The `Set-Cookie` values that take the cookie away, and each piece that
    /// the request, whose headers are `presented`, shows: same name, path and
    /// (absent) domain (RFC 6265bis 5.7).
    ///
    /// # Errors
    /// None that a name accepted by [`CookieSettings::new`] could cause.
    pub fn clear(&self, presented: &HeaderMap) -> Result<Vec<HeaderValue>, DeliveryError> {
        let mut names = self.presented(presented);
        if !names.contains(&self.name) {
            names.insert(0, self.name.clone());
        }
        names
            .iter()
            .map(|name| self.header(name, "", MAX_AGE_NONE))
            .collect()
    }

    /// What the request carries: the cookie, or all of its pieces and nothing
    /// beside them.
    pub(crate) fn extract<'h>(&self, headers: &'h HeaderMap) -> Carried<'h> {
        let Some(chunks_max) = self.chunks_max else {
            return single(headers, &self.name);
        };
        let mut whole = None;
        let mut pieces = [None; CHUNKS_MAX as usize];
        for pair in pairs(headers) {
            let Some((name, value)) = pair else {
                return Carried::Ambiguous;
            };
            let place = match self.part(name) {
                None => continue,
                Some(Part::Whole) => &mut whole,
                Some(Part::Piece(index)) => match pieces.get_mut(usize::from(index)) {
                    Some(place) => place,
                    None => return Carried::Ambiguous,
                },
            };
            if place.replace(value).is_some() {
                return Carried::Ambiguous;
            }
        }
        let shown = pieces.iter().filter(|piece| piece.is_some()).count();
        match whole {
            None if shown == 0 => Carried::Nothing,
            Some(value) if shown == 0 => Carried::One(value),
            None if shown <= usize::from(chunks_max) => {
                // With a gap there are fewer from the beginning than in all.
                let values: Vec<_> = pieces.into_iter().map_while(|piece| piece).collect();
                let joined = (values.len() == shown).then(|| chunk::join(&self.name, &values));
                joined.flatten().map_or(Carried::Ambiguous, Carried::Joined)
            }
            _ => Carried::Ambiguous,
        }
    }

    /// The cookies that carry the credential.
    fn pieces(&self, credential: &str) -> Result<Vec<(String, String)>, DeliveryError> {
        if chunk::fits(&self.name, credential) {
            return Ok(vec![(self.name.clone(), credential.to_owned())]);
        }
        let octets = self.name.len() + credential.len();
        let too_large = DeliveryError::TooLarge { octets };
        let chunks_max = self.chunks_max.ok_or(too_large)?;
        let values = chunk::split(&self.name, credential)
            .filter(|values| values.len() <= usize::from(chunks_max))
            .ok_or(DeliveryError::TooManyChunks { octets, chunks_max })?;
        let names = (0..CHUNKS_MAX).map(|index| chunk::name(&self.name, index));
        Ok(names.zip(values).collect())
    }

    /// The names of the credential's cookies in a request, each once; none
    /// where credentials are never split, since one cookie replaces itself.
    fn presented(&self, headers: &HeaderMap) -> Vec<String> {
        let mut names = Vec::new();
        if self.chunks_max.is_none() {
            return names;
        }
        for (name, _) in pairs(headers).flatten() {
            if self.part(name).is_some() && names.iter().all(|known| known != name) {
                names.push(name.to_owned());
            }
        }
        names
    }

    fn part(&self, name: &str) -> Option<Part> {
        match name.strip_prefix(&self.name)? {
            "" => Some(Part::Whole),
            rest => chunk::index(rest).map(Part::Piece),
        }
    }

    fn header(&self, name: &str, value: &str, more: &str) -> Result<HeaderValue, DeliveryError> {
        header(name, value, "/", self.same_site, more)
    }
}

/// What takes a cookie away.
pub(crate) const MAX_AGE_NONE: &str = "; Max-Age=0";

/// RFC 6265bis 4.1.1, `cookie-octet`.
pub(crate) const fn is_cookie_octet(byte: u8) -> bool {
    matches!(byte, 0x21 | 0x23..=0x2B | 0x2D..=0x3A | 0x3C..=0x5B | 0x5D..=0x7E)
}

/// A `Set-Cookie` value that no log shows.
pub(crate) fn header(
    name: &str,
    value: &str,
    path: &str,
    same_site: SameSite,
    more: &str,
) -> Result<HeaderValue, DeliveryError> {
    let same_site = match same_site {
        SameSite::Lax => "Lax",
        SameSite::Strict => "Strict",
    };
    let mut text = String::with_capacity(name.len() + value.len() + 64);
    let written = write!(
        text,
        "{name}={value}; Path={path}; Secure; HttpOnly; SameSite={same_site}{more}"
    );
    debug_assert!(written.is_ok(), "writing into a string does not fail");
    let mut header = HeaderValue::try_from(text).map_err(|_| DeliveryError::Unprintable)?;
    header.set_sensitive(true);
    Ok(header)
}

/// What the request carries as the one cookie `name`.
pub(crate) fn single<'h>(headers: &'h HeaderMap, name: &str) -> Carried<'h> {
    let mut found = Carried::Nothing;
    for pair in pairs(headers) {
        match pair {
            None => return Carried::Ambiguous,
            Some((own, value)) if own == name => {
                if found != Carried::Nothing {
                    return Carried::Ambiguous;
                }
                found = Carried::One(value);
            }
            Some(_) => {}
        }
    }
    found
}

enum Part {
    Whole,
    Piece(u8),
}

/// The cookies of a request (RFC 6265bis 5.8.3). None for a header that is no
/// visible text: another site's cookie may hold such octets, but then nobody
/// can say which cookie is which.
fn pairs(headers: &HeaderMap) -> impl Iterator<Item = Option<(&str, &str)>> {
    let lines = headers.get_all(COOKIE).iter();
    lines.flat_map(|line| {
        let text = line.to_str().ok();
        let unreadable = text.is_none().then_some(None);
        let pairs = text.unwrap_or_default().split(';').filter_map(|pair| {
            let pair = pair.trim_matches([' ', '\t']);
            pair.split_once('=').map(Some)
        });
        unreadable.into_iter().chain(pairs)
    })
}

#[cfg(test)]
mod tests;
