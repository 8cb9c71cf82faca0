//! An answer of the target.

use std::time::Duration;

use http::HeaderMap;
use http::header::SET_COOKIE;
use serde_json::Value;

use crate::client::Wire;
use crate::jar::SetCookie;

/// An answer of the target.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, cut at 8 MiB.
    pub body: Vec<u8>,
    /// When the request began, by this machine's clock, UTC milliseconds.
    pub began_ms: u64,
    /// From request to the answer's end.
    pub took: Duration,
    /// What was sent.
    pub wire: Wire,
}

impl Answer {
    /// Whether the target says that it did what was asked (2xx).
    #[must_use]
    pub const fn ok(&self) -> bool {
        self.status >= 200 && self.status < 300
    }

    /// Whether the target refuses the request as a client's fault (4xx).
    #[must_use]
    pub const fn refused(&self) -> bool {
        self.status >= 400 && self.status < 500
    }

    /// The body as JSON.
    #[must_use]
    pub fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// What a JSON pointer finds in the body, numbers as text.
    #[must_use]
    pub fn pointed(&self, pointer: &str) -> Option<String> {
        match self.json()?.pointer(pointer)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        }
    }

    /// The body as text, broken octets replaced.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A header's first value, if it is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// All values of a header, joined by commas.
    #[must_use]
    pub fn header_list(&self, name: &str) -> String {
        let values = self.headers.get_all(name).iter();
        let texts: Vec<_> = values.filter_map(|value| value.to_str().ok()).collect();
        texts.join(", ")
    }

    /// Every `Set-Cookie`.
    #[must_use]
    pub fn set_cookies(&self) -> Vec<SetCookie> {
        let values = self.headers.get_all(SET_COOKIE).iter();
        values
            .map(|value| SetCookie::parse(&String::from_utf8_lossy(value.as_bytes())))
            .collect()
    }
}
