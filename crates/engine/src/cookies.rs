//! `Set-Cookie` fields of an answer.

/// What one `Set-Cookie` field says (RFC 6265 4.1, read as 5.2 says).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SetCookie<'b> {
    /// The cookie's name.
    pub name: &'b [u8],
    /// Its value; empty often means that it is taken away.
    pub value: &'b [u8],
    /// What follows the first `;`, as it stands; empty if nothing does.
    pub attributes: &'b [u8],
}

/// The cookies that an answer sets, in order. See
/// [`View::set_cookies`](crate::View::set_cookies).
#[derive(Clone, Debug)]
pub struct SetCookies<'b> {
    /// Field lines that have not been looked at.
    rest: &'b [u8],
}

impl<'b> SetCookies<'b> {
    /// Those among these field lines.
    pub(crate) fn of(lines: &'b [u8]) -> Self {
        Self { rest: lines }
    }
}

impl<'b> Iterator for SetCookies<'b> {
    type Item = SetCookie<'b>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.rest.is_empty() {
            let (line, rest) = split(self.rest, b'\n').unwrap_or((self.rest, b""));
            self.rest = rest;
            if let Some((name, value)) = split(line, b':')
                && is_set_cookie(name)
                && let Some(cookie) = cookie(value)
            {
                return Some(cookie);
            }
        }
        None
    }
}

/// Whether a field of this name sets a cookie.
pub(crate) fn is_set_cookie(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(b"set-cookie")
}

/// A field without `=` or without a name is to be ignored.
fn cookie(field: &[u8]) -> Option<SetCookie<'_>> {
    let (pair, attributes) = split(field, b';').unwrap_or((field, b""));
    let (name, value) = split(pair, b'=')?;
    let name = name.trim_ascii();
    (!name.is_empty()).then_some(SetCookie {
        name,
        value: value.trim_ascii(),
        attributes: attributes.trim_ascii(),
    })
}

/// What is before and after the first `at`.
fn split(bytes: &[u8], at: u8) -> Option<(&[u8], &[u8])> {
    let place = bytes.iter().position(|byte| *byte == at)?;
    Some((&bytes[..place], &bytes[place + 1..]))
}
