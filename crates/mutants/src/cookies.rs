//! Cookies: set, clear, read.

use axum::response::Response;
use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderValue};

use crate::answer::Refusal;
use crate::app::App;
use crate::grant::Granted;
use crate::kind::Kind;
use crate::limits;

/// The refresh token's cookie; it goes with `/refresh` and below only.
pub(crate) const REFRESH: &str = "__Secure-refresh";
/// A second sealed cookie, which proves nothing.
pub(crate) const PREFS: &str = "__Host-prefs";

/// A cookie's name and path.
type Place = (&'static str, &'static str);

/// All cookies that a server of this kind sets.
fn places(kind: Kind) -> Vec<Place> {
    let mut places = vec![(kind.access_cookie(), "/")];
    match kind {
        Kind::Hybrid => places.push((REFRESH, "/refresh")),
        Kind::Sealed => places.push((PREFS, "/")),
        _ => {}
    }
    places
}

/// Puts the credentials of a login into cookies.
pub(crate) fn set_all(app: &App, granted: &Granted, response: &mut Response) {
    let values = [
        Some(&granted.access),
        granted.refresh.as_ref().or(granted.prefs.as_ref()),
    ];
    for (place, value) in places(app.kind)
        .into_iter()
        .zip(values.into_iter().flatten())
    {
        set(app, place, value, response);
    }
}

/// One `Set-Cookie` line. No expiry: the cookie ends with the browser, and the
/// server judges time itself (mutants of COOKIE-001 to COOKIE-007 sit here).
fn set(app: &App, (name, path): Place, value: &str, response: &mut Response) {
    let secure = if app.flaw("M01") { "" } else { "; Secure" };
    let line = format!("{name}={value}; Path={path}{secure}; HttpOnly; SameSite=Strict");
    append(response, &line);
}

/// Clears every cookie that [`set_all`] can set, by the same name and path
/// (mutants of COOKIE-008 sit here).
pub(crate) fn clear_all(app: &App, response: &mut Response) {
    if !app.kind.in_cookie() {
        return;
    }
    for (name, path) in places(app.kind) {
        let line = format!("{name}=; Path={path}; Secure; HttpOnly; SameSite=Strict; Max-Age=0");
        append(response, &line);
    }
}

fn append(response: &mut Response, line: &str) {
    if let Ok(value) = HeaderValue::from_str(line) {
        response.headers_mut().append(SET_COOKIE, value);
    }
}

/// The value of the cookie `name`; two of that name are refused, for one of
/// them was planted (mutants of COOKIE-010 sit here).
pub(crate) fn read(_app: &App, headers: &HeaderMap, name: &str) -> Result<Option<String>, Refusal> {
    let mut found = None;
    let mut octets = 0;
    for header in headers.get_all(COOKIE) {
        octets += header.len();
        if octets > limits::COOKIE_OCTETS_MAX {
            return Err(Refusal::HeadTooLarge);
        }
        let text = header.to_str().map_err(|_| Refusal::Unauthenticated)?;
        for (key, value) in text.split(';').filter_map(|pair| pair.split_once('=')) {
            if key.trim_ascii() != name {
                continue;
            }
            if found.is_some() {
                return Err(Refusal::Unauthenticated);
            }
            found = Some(value.trim_ascii().to_owned());
        }
    }
    Ok(found)
}
