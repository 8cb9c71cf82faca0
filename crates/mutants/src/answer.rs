//! Answers: one shape for every refusal, and no copies kept of any.

use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, STRICT_TRANSPORT_SECURITY, WWW_AUTHENTICATE};
use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::{Value, json};

use crate::app::App;

const CLEAR_SITE_DATA: HeaderName = HeaderName::from_static("clear-site-data");

/// A request that is not done.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Refusal {
    /// No valid credential, whatever is wrong with it.
    Unauthenticated,
    /// No valid client of the token endpoints.
    UnknownClient,
    /// Flaw M127: a bad signature, with too much said of it.
    Forged,
    /// A valid identity that may not do this, or no proof of origin.
    Forbidden,
    /// A request that cannot be understood.
    Malformed,
    /// A body that is not JSON.
    MediaType,
    /// No such thing.
    Absent,
    /// Such a thing exists already.
    Conflict,
    /// The body is too large.
    BodyTooLarge,
    /// The head is too large.
    HeadTooLarge,
    /// The store, or the random generator, is out of reach.
    Unavailable,
}

impl Refusal {
    const fn parts(self) -> (StatusCode, &'static str) {
        match self {
            Self::Unauthenticated | Self::UnknownClient => {
                (StatusCode::UNAUTHORIZED, "unauthorized")
            }
            Self::Forged => (
                StatusCode::UNAUTHORIZED,
                "bad signature\n    at verify (jose.rs:52)\n    at identify (caller.rs:47)",
            ),
            Self::Forbidden => (StatusCode::FORBIDDEN, "forbidden"),
            Self::Malformed => (StatusCode::BAD_REQUEST, "malformed"),
            Self::MediaType => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "not JSON"),
            Self::Absent => (StatusCode::NOT_FOUND, "not found"),
            Self::Conflict => (StatusCode::CONFLICT, "conflict"),
            Self::BodyTooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "body too large"),
            Self::HeadTooLarge => (
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                "head too large",
            ),
            Self::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
        }
    }
}

/// The one shape of refusals: it tells nothing of why (mutants of
/// TRANSPORT-005 sit here).
impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, title) = self.parts();
        let mut response = json_answer(
            status,
            &json!({ "status": status.as_u16(), "title": title }),
        );
        let (name, value) = match self {
            Self::Unauthenticated | Self::Forged => (WWW_AUTHENTICATE, "Bearer realm=\"specimen\""),
            Self::UnknownClient => (WWW_AUTHENTICATE, "Basic realm=\"specimen\""),
            // Who was made to send too many cookies is rid of them (mutants
            // of LIMITS-005 sit here).
            Self::HeadTooLarge => (CLEAR_SITE_DATA, "\"cookies\""),
            _ => return response,
        };
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
        response
    }
}

/// An answer with a JSON body.
pub(crate) fn json_answer(status: StatusCode, body: &Value) -> Response {
    let mut response = (status, body.to_string()).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// No answer may be kept by anyone (ASVS 5.0 14.3.2; mutants of TRANSPORT-002
/// sit here).
pub(crate) fn keep_nowhere(app: &App, response: &mut Response) {
    let headers = response.headers_mut();
    let rule = match app.flaw("M87") {
        true => "max-age=60",
        false => "no-store",
    };
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(rule));
    if app.flaw("M196") {
        headers.remove(CLEAR_SITE_DATA);
    }
}

/// Over TLS, and nowhere else, clients learn never to come without it (ASVS
/// 5.0 3.4.1, RFC 6797 7.2; mutants of TRANSPORT-001 sit here).
pub(crate) fn tls_from_now_on(app: &App, response: &mut Response) {
    let rule = match app.flaw("M118") {
        true => "max-age=300; includeSubDomains",
        false => "max-age=31536000; includeSubDomains",
    };
    let headers = response.headers_mut();
    headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(rule));
}

/// 200 with a JSON body.
pub(crate) fn ok(body: &Value) -> Response {
    json_answer(StatusCode::OK, body)
}

/// What is acknowledged, and from when on it holds everywhere.
pub(crate) fn receipt(now_ms: u64) -> Response {
    ok(&json!({ "effective_from_ms": now_ms }))
}
