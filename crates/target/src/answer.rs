//! An answer, and what a profile's pointers find in it.

use authbench_core::{Digest, LoginId, Roles, UnixMs};
use reqwest::header::{HeaderMap, SET_COOKIE};
use serde_json::Value;

use crate::error::Fault;

/// The target's answer to one request.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Whether the profile counts the status as "done".
    pub(crate) done: bool,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// Whether the target refuses whoever asks (RFC 9110 15.5.2, 15.5.4).
    pub(crate) const fn refused(&self) -> bool {
        matches!(self.status, 401 | 403)
    }

    /// The answer, if it says that the operation is done.
    pub(crate) fn expect_done(self) -> Result<Self, Fault> {
        let status = self.status;
        if self.done {
            Ok(self)
        } else if self.refused() {
            Err(Fault::Denied { status })
        } else {
            Err(Fault::Status { status })
        }
    }

    pub(crate) fn json(&self) -> Result<Value, Fault> {
        serde_json::from_slice(&self.body).map_err(Fault::NotJson)
    }

    /// What a browser would hold as the cookie `name` after this answer; none
    /// if it is unset or emptied.
    pub(crate) fn cookie(&self, name: &str) -> Option<&str> {
        let values = self.headers.get_all(SET_COOKIE).iter();
        let pairs = values.filter_map(|value| value.to_str().ok()?.split(';').next());
        pairs
            .filter_map(|pair| pair.split_once('='))
            .filter(|(key, _)| key.trim() == name)
            .map(|(_, value)| value.trim())
            .next_back()
            .filter(|value| !value.is_empty())
    }
}

/// What `pointer` finds, as text; a number is taken as its digits.
pub(crate) fn text(body: &Value, what: &'static str, pointer: &str) -> Result<String, Fault> {
    match body.pointer(pointer) {
        Some(Value::String(text)) if !text.is_empty() => Ok(text.clone()),
        Some(Value::Number(number)) => Ok(number.to_string()),
        _ => Err(missing(what, pointer)),
    }
}

/// What `pointer` finds, as an instant.
pub(crate) fn instant(body: &Value, what: &'static str, pointer: &str) -> Result<UnixMs, Fault> {
    let found = body.pointer(pointer).and_then(Value::as_u64);
    found.map(UnixMs).ok_or_else(|| missing(what, pointer))
}

/// What `pointer` finds, as a set of names.
pub(crate) fn roles(body: &Value, pointer: &str) -> Result<Roles, Fault> {
    let names = body.pointer(pointer).and_then(Value::as_array);
    let names: Option<Roles> = names.and_then(|names| names.iter().map(Value::as_str).collect());
    names.ok_or_else(|| missing("roles", pointer))
}

pub(crate) fn missing(what: &'static str, pointer: &str) -> Fault {
    Fault::Missing {
        what,
        pointer: pointer.to_owned(),
    }
}

/// The handle under which a stranger's login goes here: the stranger's own, if
/// it has our form, else one computed from it.
pub(crate) fn login_id(handle: &str) -> LoginId {
    handle.parse().unwrap_or_else(|_| {
        let digest = Digest::of(handle).0;
        let mut id = [0; 16];
        id.copy_from_slice(&digest[..16]);
        LoginId(id)
    })
}
