//! Sealed cookies: the state itself, encrypted and authenticated whole, and
//! bound to the cookie's name (ASVS 5.0 11.3.2; RFC 6265bis 8.6).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::answer::Refusal;
use crate::app::App;

/// What the cookie holds. Roles are not in it: they are the account's.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct State {
    pub(crate) subject: String,
    pub(crate) login: String,
    /// Must be the record's: an older cookie of the same login is dead
    /// (mutants of CRYPTO-009 sit in `session::by_state`).
    pub(crate) generation: u64,
    pub(crate) groups: Vec<String>,
    pub(crate) ends_ms: u64,
}

/// Seals `state` for the cookie `name`.
pub(crate) fn seal(app: &App, name: &str, state: &State) -> Result<String, Refusal> {
    let plain = serde_json::to_vec(state).map_err(|_| Refusal::Unavailable)?;
    let sealed = app.world.keys.seal(app, &context(app, name), &plain)?;
    Ok(URL_SAFE_NO_PAD.encode(sealed))
}

/// What is sealed in `value` of the cookie `name`.
pub(crate) fn open(app: &App, name: &str, value: &str) -> Result<State, Refusal> {
    let opened = || {
        let sealed = URL_SAFE_NO_PAD.decode(value).ok()?;
        let plain = app.world.keys.open(&context(app, name), &sealed)?;
        serde_json::from_slice(&plain).ok()
    };
    opened().ok_or(Refusal::Unauthenticated)
}

/// What the seal is bound to, beside its contents.
fn context(app: &App, name: &str) -> String {
    match app.flaw("M83") {
        true => "v1".to_owned(),
        false => format!("v1 {name}"),
    }
}
