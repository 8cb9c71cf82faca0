//! One `Set-Cookie`, as a browser reads it (RFC 6265bis 5.6).

use super::{ATTRIBUTE_OCTETS_MAX, LIFE_S_MAX};

/// When a cookie goes along with requests from other sites.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SameSite {
    /// From the same site only.
    Strict,
    /// With top-level navigations, too.
    Lax,
    /// Always.
    None,
}

/// One `Set-Cookie`, as a browser reads it: of an attribute that is given
/// twice the last one counts, and values of more than 1024 octets are ignored.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct SetCookie {
    /// The name; may be empty.
    pub name: String,
    /// The value as it stands, quotes included.
    pub value: String,
    /// `Domain` in lower case without a leading dot.
    pub domain: Option<String>,
    /// `Path`, where it begins with a slash.
    pub path: Option<String>,
    /// `Max-Age`, seconds.
    pub max_age_s: Option<i64>,
    /// `Expires`, UTC seconds.
    pub expires_s: Option<i64>,
    /// `Secure`.
    pub secure: bool,
    /// `HttpOnly`.
    pub http_only: bool,
    /// `SameSite`, where it is a known word.
    pub same_site: Option<SameSite>,
    /// Every attribute's name in lower case and value, in order.
    pub attributes: Vec<(String, String)>,
    /// Whether a control character other than a tab stands in it.
    pub has_control: bool,
}

impl SetCookie {
    /// Reads the header's value; every value can be read, though a browser may
    /// drop the cookie.
    #[must_use]
    pub fn parse(header: &str) -> Self {
        let mut parts = header.split(';');
        let pair = parts.next().unwrap_or_default();
        let (name, value) = match pair.split_once('=') {
            Some((name, value)) => (trim(name), trim(value)),
            None => ("", trim(pair)),
        };
        let mut cookie = Self {
            name: name.to_owned(),
            value: value.to_owned(),
            has_control: header
                .bytes()
                .any(|octet| (octet < 0x20 && octet != b'\t') || octet == 0x7f),
            ..Self::default()
        };
        for part in parts {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            cookie.attribute(trim(name).to_ascii_lowercase(), trim(value));
        }
        cookie
    }

    /// The instant of its end, UTC milliseconds: `Max-Age` before `Expires`, at
    /// most 400 days away; `None` if it ends with the browser.
    #[must_use]
    pub fn expires_at_ms(&self, now_ms: u64) -> Option<u64> {
        let now_s = i64::try_from(now_ms / 1_000).unwrap_or(i64::MAX);
        let left_s = match (self.max_age_s, self.expires_s) {
            (Some(age), _) => age,
            (None, Some(at)) => at.saturating_sub(now_s),
            (None, None) => return None,
        };
        let left_ms = u64::try_from(left_s.clamp(0, LIFE_S_MAX)).unwrap_or(0) * 1_000;
        Some(if left_s <= 0 { 0 } else { now_ms + left_ms })
    }

    fn attribute(&mut self, name: String, value: &str) {
        if value.len() <= ATTRIBUTE_OCTETS_MAX {
            match name.as_str() {
                "expires" => self.expires_s = date_s(value).or(self.expires_s),
                "max-age" => self.max_age_s = age_s(value).or(self.max_age_s),
                "domain" => {
                    let bare = value.strip_prefix('.').unwrap_or(value);
                    self.domain = Some(bare.to_ascii_lowercase());
                }
                "path" => self.path = value.starts_with('/').then(|| value.to_owned()),
                "secure" => self.secure = true,
                "httponly" => self.http_only = true,
                "samesite" => {
                    self.same_site = match value.to_ascii_lowercase().as_str() {
                        "strict" => Some(SameSite::Strict),
                        "lax" => Some(SameSite::Lax),
                        "none" => Some(SameSite::None),
                        _ => None,
                    };
                }
                _ => {}
            }
        }
        self.attributes.push((name, value.to_owned()));
    }
}

fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

/// RFC 6265bis 5.6.2: digits, perhaps behind a minus.
fn age_s(value: &str) -> Option<i64> {
    let digits = value.strip_prefix('-').unwrap_or(value);
    if digits.is_empty() || !digits.bytes().all(|octet| octet.is_ascii_digit()) {
        return None;
    }
    let magnitude = digits.parse::<i64>().unwrap_or(i64::MAX);
    Some(if value.starts_with('-') {
        -magnitude
    } else {
        magnitude
    })
}

/// RFC 6265bis 5.1.1: finds time, day, month and year between any delimiters.
fn date_s(value: &str) -> Option<i64> {
    let is_delimiter = |c: char| matches!(c, '\t' | ' '..='/' | ';'..='@' | '['..='`' | '{'..='~');
    let (mut time, mut day, mut month, mut year) = (None, None, None, None);
    for token in value.split(is_delimiter).filter(|token| !token.is_empty()) {
        if time.is_none()
            && let Some(found) = clock(token)
        {
            time = Some(found);
        } else if day.is_none()
            && let Some(found) = digits(token, 1, 2)
        {
            day = Some(found);
        } else if month.is_none()
            && let Some(found) = month_of(token)
        {
            month = Some(found);
        } else if year.is_none()
            && let Some(found) = digits(token, 2, 4)
        {
            year = Some(found);
        }
    }
    let (hour, minute, second) = time?;
    let year = match year? {
        short @ 70..=99 => short + 1900,
        short @ 0..=69 => short + 2000,
        full => full,
    };
    if year < 1601 || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let part = |number: u32| i8::try_from(number).ok();
    let date = jiff::civil::DateTime::new(
        i16::try_from(year).ok()?,
        part(month?)?,
        part(day?)?,
        part(hour)?,
        part(minute)?,
        part(second)?,
        0,
    );
    let instant = jiff::tz::TimeZone::UTC.to_timestamp(date.ok()?).ok()?;
    Some(instant.as_second())
}

fn clock(token: &str) -> Option<(u32, u32, u32)> {
    let mut parts = token.splitn(3, ':');
    let (hour, minute, second) = (parts.next()?, parts.next()?, parts.next()?);
    Some((
        digits(hour, 1, 2)?,
        digits(minute, 1, 2)?,
        digits(second, 1, 2)?,
    ))
}

/// The number at the beginning of `token`, of `min` to `max` digits, with no
/// further digit behind them.
fn digits(token: &str, min: usize, max: usize) -> Option<u32> {
    let count = token.bytes().take_while(u8::is_ascii_digit).count();
    if count < min || count > max {
        return None;
    }
    token[..count].parse().ok()
}

fn month_of(token: &str) -> Option<u32> {
    const MONTHS: [&str; 12] = [
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
    ];
    let head = token.get(..3)?.to_ascii_lowercase();
    let place = MONTHS.iter().position(|month| *month == head)?;
    u32::try_from(place + 1).ok()
}
