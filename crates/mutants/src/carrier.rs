//! Where credentials travel: in one place for each kind, and in no other.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::AUTHORIZATION;
use http::request::Parts;
use http::{HeaderMap, HeaderValue};

use crate::answer::Refusal;
use crate::app::App;
use crate::{cookies, limits};

/// The access credential of a request. Cookie kinds never look at
/// `Authorization`, bearer kinds never at cookies, and none at the query
/// (mutants of TRANSPORT-003 and TRANSPORT-004 sit here).
pub(crate) fn access(app: &App, headers: &HeaderMap) -> Result<String, Refusal> {
    found(app, headers)?.ok_or(Refusal::Unauthenticated)
}

/// The same, where a request may go without.
pub(crate) fn found(app: &App, headers: &HeaderMap) -> Result<Option<String>, Refusal> {
    let value = if app.kind.in_cookie() {
        cookies::read(app, headers, app.kind.access_cookie())?
    } else {
        authorization(headers, "bearer ")?.map(str::to_owned)
    };
    match value {
        Some(value) if value.len() > limits::CREDENTIAL_OCTETS_MAX => Err(Refusal::Unauthenticated),
        value => Ok(value.filter(|value| !value.is_empty())),
    }
}

/// Flaws M75 and M114: credentials from where none belong.
pub(crate) fn misread(app: &App, parts: &mut Parts) {
    let named = parts.uri.query().and_then(|query| {
        let mut pairs = query.split('&');
        pairs.find_map(|pair| pair.strip_prefix("access_token="))
    });
    if app.flaw("M75")
        && !parts.headers.contains_key(AUTHORIZATION)
        && let Some(token) = named
        && let Ok(value) = HeaderValue::try_from(format!("Bearer {token}"))
    {
        parts.headers.insert(AUTHORIZATION, value);
    }
    let last = parts.headers.get_all(AUTHORIZATION).iter().next_back();
    if app.flaw("M114")
        && parts.uri.path() == "/me/note"
        && let Some(last) = last.cloned()
    {
        parts.headers.insert(AUTHORIZATION, last);
    }
}

/// The client that shows itself by HTTP Basic (RFC 6749 2.3.1); none if the
/// request does not try.
///
/// # Errors
/// [`Refusal::UnknownClient`] when what it brings is wrong.
pub(crate) fn client(app: &App, headers: &HeaderMap) -> Result<Option<&'static str>, Refusal> {
    let Some(encoded) = authorization(headers, "basic ").map_err(|_| Refusal::UnknownClient)?
    else {
        return Ok(None);
    };
    let text = STANDARD
        .decode(encoded)
        .map_err(|_| Refusal::UnknownClient)?;
    let text = String::from_utf8(text).map_err(|_| Refusal::UnknownClient)?;
    let (id, secret) = text.split_once(':').ok_or(Refusal::UnknownClient)?;
    app.world
        .clients
        .iter()
        .find(|client| {
            client.id == id
                && aws_lc_rs::constant_time::verify_slices_are_equal(
                    client.secret.as_bytes(),
                    secret.as_bytes(),
                )
                .is_ok()
        })
        .map(|client| Some(client.id))
        .ok_or(Refusal::UnknownClient)
}

/// What follows the scheme; two `Authorization` fields are refused.
fn authorization<'h>(headers: &'h HeaderMap, scheme: &str) -> Result<Option<&'h str>, Refusal> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return if headers.contains_key(AUTHORIZATION) {
            Err(Refusal::Unauthenticated)
        } else {
            Ok(None)
        };
    };
    let text = value.to_str().map_err(|_| Refusal::Unauthenticated)?;
    Ok(text
        .get(..scheme.len())
        .filter(|start| start.eq_ignore_ascii_case(scheme))
        .map(|_| &text[scheme.len()..]))
}
