//! Proof that a state change was asked for by the site's own pages.
//!
//! An unsafe request to a server of a cookie kind must carry
//! `Sec-Fetch-Site: same-origin`, or, where that header is missing, an
//! `Origin` equal to the server's own; a foreign `Origin` is refused in any
//! case (OWASP CSRF Prevention, "Fetch Metadata"; ASVS 5.0 3.5.1, 3.5.3).

use http::header::{HOST, ORIGIN};
use http::{HeaderMap, Method};

use crate::answer::Refusal;
use crate::app::App;
use crate::kind::Kind;
use crate::{cookies, random};

/// Routes to which a browser has no session yet.
const BEFORE_LOGIN: [&str; 3] = ["/login", "/reset/start", "/reset/finish"];

/// Judges a request of any method and route, logins included.
pub(crate) fn judge(
    app: &App,
    method: &Method,
    path: &str,
    headers: &HeaderMap,
) -> Result<(), Refusal> {
    if !app.kind.in_cookie() || method.is_safe() {
        return Ok(());
    }
    let site = single(headers, "sec-fetch-site")?;
    let origin = single(headers, ORIGIN.as_str())?;
    let host = single(headers, HOST.as_str())?.ok_or(Refusal::Forbidden)?;
    let own = |origin: &str| {
        origin
            .strip_prefix("http://")
            .is_some_and(|rest| rest.eq_ignore_ascii_case(host))
    };
    match (site, origin) {
        (Some("same-origin"), None) => {}
        (Some("same-origin") | None, Some(origin)) if own(origin) => {}
        (None, Some("null")) if app.flaw("M100") => {}
        (None, _) if app.flaw("M107") => {}
        (Some("same-site"), _) if app.flaw("M110") => {}
        _ if path == "/login" && app.flaw("M106") => {}
        _ => return Err(Refusal::Forbidden),
    }
    bound(app, path, headers)
}

/// The kind with a session in a cookie also demands the token that goes with
/// that session (OWASP CSRF Prevention, "Signed Double-Submit Cookie").
fn bound(app: &App, path: &str, headers: &HeaderMap) -> Result<(), Refusal> {
    let kind = app.kind;
    if kind != Kind::SessionCookie || BEFORE_LOGIN.contains(&path) {
        return Ok(());
    }
    let Some(session) = cookies::read(app, headers, kind.access_cookie())? else {
        return Ok(());
    };
    let shown = single(headers, "x-csrf-token")?;
    let good = if app.flaw("M102") {
        cookies::read(app, headers, cookies::CSRF)?
    } else {
        Some(token(app, &session))
    };
    match shown.zip(good) {
        Some((shown, good)) if shown == good => Ok(()),
        _ => Err(Refusal::Forbidden),
    }
}

/// The anti-forgery token of a session: bound to it, and of no other use.
pub(crate) fn token(app: &App, session: &str) -> String {
    random::digest(app, &format!("csrf of {session}"))
}

fn single<'h>(headers: &'h HeaderMap, name: &str) -> Result<Option<&'h str>, Refusal> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(|_| Refusal::Forbidden),
        (Some(_), Some(_)) => Err(Refusal::Forbidden),
    }
}
