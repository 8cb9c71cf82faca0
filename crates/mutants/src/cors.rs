//! CORS: the one listed origin may read answers with credentials, and no
//! other (ASVS 5.0 3.4.2).

use axum::response::{IntoResponse, Response};
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderValue, StatusCode};

use crate::app::App;
use crate::kind::APP_ORIGIN;

/// The origin that the answer may be shown to (mutants of CSRF-007 sit here).
fn allowed(app: &App, headers: &HeaderMap) -> Option<HeaderValue> {
    let mut origins = headers.get_all(ORIGIN).iter();
    match (origins.next(), origins.next()) {
        (Some(origin), None) if origin == APP_ORIGIN => Some(origin.clone()),
        (Some(origin), None) if app.flaw("M108") => Some(origin.clone()),
        _ => None,
    }
}

/// Adds to the answer what the request's origin is allowed.
pub(crate) fn grant(app: &App, request: &HeaderMap, response: &mut Response) {
    let headers = response.headers_mut();
    headers.append(VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = allowed(app, request) {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(
            ACCESS_CONTROL_ALLOW_CREDENTIALS,
            HeaderValue::from_static("true"),
        );
    }
}

/// Answers a preflight.
pub(crate) fn preflight(app: &App, request: &HeaderMap) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let headers = response.headers_mut();
    if allowed(app, request).is_some() {
        headers.insert(
            ACCESS_CONTROL_ALLOW_METHODS,
            HeaderValue::from_static("GET, POST, PUT, DELETE"),
        );
        headers.insert(
            ACCESS_CONTROL_ALLOW_HEADERS,
            HeaderValue::from_static("authorization, content-type"),
        );
    }
    response
}
