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

/// Judges a request of any method and route, logins included.
pub(crate) fn judge(app: &App, method: &Method, headers: &HeaderMap) -> Result<(), Refusal> {
    // Mutants of CSRF-001, CSRF-003, CSRF-005 and CSRF-006 sit in this file.
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
        (Some("same-origin"), None) => Ok(()),
        (Some("same-origin") | None, Some(origin)) if own(origin) => Ok(()),
        _ => Err(Refusal::Forbidden),
    }
}

fn single<'h>(headers: &'h HeaderMap, name: &str) -> Result<Option<&'h str>, Refusal> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(|_| Refusal::Forbidden),
        (Some(_), Some(_)) => Err(Refusal::Forbidden),
    }
}
