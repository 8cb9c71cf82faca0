//! Cookies: set, clear, read.

use axum::response::Response;
use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderValue};

use crate::answer::Refusal;
use crate::app::App;
use crate::grant::Granted;
use crate::kind::Kind;
use crate::{csrf, limits};

/// The refresh token's cookie; it goes with `/refresh` and below only.
pub(crate) const REFRESH: &str = "__Secure-refresh";
/// A second sealed cookie, which proves nothing.
pub(crate) const PREFS: &str = "__Host-prefs";

/// The anti-forgery token's cookie, which the site's own pages read.
pub(crate) const CSRF: &str = "__Host-csrf";

/// A cookie's name and path.
type Place = (&'static str, &'static str);

/// All cookies that a server of this kind sets.
fn places(app: &App) -> Vec<Place> {
    let mut places = vec![(app.kind.access_cookie(), "/")];
    match app.kind {
        Kind::Hybrid if app.flaw("M72") => places.push((REFRESH, "/")),
        Kind::Hybrid => places.push((REFRESH, "/refresh")),
        Kind::Sealed => places.push((PREFS, "/")),
        Kind::SessionCookie => places.push((CSRF, "/")),
        _ => {}
    }
    places
}

/// Puts the credentials of a login into cookies.
pub(crate) fn set_all(app: &App, granted: &Granted, response: &mut Response) {
    let token = csrf::token(app, &granted.access);
    let second = granted.refresh.as_ref().or(granted.prefs.as_ref());
    let values = [&granted.access, second.unwrap_or(&token)];
    for (place, value) in places(app).into_iter().zip(values) {
        set(app, place, value, response);
    }
}

/// One `Set-Cookie` line. No expiry: the cookie ends with the browser, and the
/// server judges time itself (mutants of COOKIE-001 to COOKIE-007 sit here).
fn set(app: &App, (name, path): Place, value: &str, response: &mut Response) {
    let bare = app.flaw("M01") && name == app.kind.access_cookie();
    let secure = if bare { "" } else { "; Secure" };
    let hidden = if name == CSRF { "" } else { "; HttpOnly" };
    let same_site = if app.flaw("M02") {
        ""
    } else {
        "; SameSite=Strict"
    };
    let domain = if app.flaw("M05") {
        "; Domain=127.0.0.1"
    } else {
        ""
    };
    let twice = if app.flaw("M04") { "; Path=/" } else { "" };
    let line = format!("{name}={value}; Path={path}{secure}{hidden}{same_site}{domain}{twice}");
    append(response, &line);
}

/// Clears every cookie that [`set_all`] can set, by the same name and path
/// (mutants of COOKIE-008 sit here).
pub(crate) fn clear_all(app: &App, response: &mut Response) {
    if !app.kind.in_cookie() {
        return;
    }
    for (name, path) in places(app) {
        let path = if app.flaw("M06") { "/logout" } else { path };
        // Without the prefix's own conditions a browser would not even look.
        let line = format!("{name}=; Path={path}; Secure; HttpOnly; SameSite=Strict; Max-Age=0");
        append(response, &line);
    }
}

/// Flaw M62: takes the access cookie away.
pub(crate) fn clear_access(app: &App, response: &mut Response) {
    let name = app.kind.access_cookie();
    let line = format!("{name}=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0");
    append(response, &line);
}

fn append(response: &mut Response, line: &str) {
    if let Ok(value) = HeaderValue::from_str(line) {
        response.headers_mut().append(SET_COOKIE, value);
    }
}

/// The value of the cookie `name`; two of that name are refused, for one of
/// them was planted (mutants of COOKIE-010 sit here).
pub(crate) fn read(app: &App, headers: &HeaderMap, name: &str) -> Result<Option<String>, Refusal> {
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
            if found.is_some() && !app.flaw("M08") {
                return Err(Refusal::Unauthenticated);
            }
            // The flaw: the first replica takes the first one, the second the last.
            if found.is_none() || app.replica > 0 {
                found = Some(value.trim_ascii().to_owned());
            }
        }
    }
    Ok(found)
}
