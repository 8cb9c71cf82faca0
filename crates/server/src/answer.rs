//! Answers: JSON with headers that are made once.

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};
use serde::Serialize;

use authbench_core::Identity;
use authbench_wire::bodies::{ChainResponse, MeResponse, Problem};

use crate::denial::Denial;

pub(crate) const JSON: HeaderValue = HeaderValue::from_static("application/json");
/// RFC 7517 8.5.2.
pub(crate) const JWK_SET: HeaderValue = HeaderValue::from_static("application/jwk-set+json");
/// RFC 9457 6.1.
const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");
/// Every answer but the public ones: credentials and private data stay out of
/// caches (ASVS 5.0 14.3.2).
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// 200 with `value` as JSON.
pub(crate) fn json<T: Serialize>(value: &T) -> Result<Response, Denial> {
    json_of_about(value, 128)
}

/// 200 with the caller's identity. This is the answer that load runs ask for,
/// so its buffer is sized to fit.
pub(crate) fn me(identity: Identity) -> Result<Response, Denial> {
    let me = me_of(identity);
    json_of_about(&me, octets_of(&me))
}

/// The same with the number of services that judged.
pub(crate) fn chain(identity: Identity, hops: u8) -> Result<Response, Denial> {
    let me = me_of(identity);
    let octets = octets_of(&me) + r#","hops":1"#.len();
    json_of_about(&ChainResponse { me, hops }, octets)
}

fn me_of(identity: Identity) -> MeResponse {
    MeResponse {
        subject: identity.subject,
        roles: identity.roles,
        login: identity.login,
    }
}

/// How long `me` is as JSON, unless a name has characters to escape.
fn octets_of(me: &MeResponse) -> usize {
    const FRAME: usize = r#"{"subject":"","roles":[],"login":""}"#.len();
    const LOGIN: usize = 22;
    let names: usize = me.roles.iter().map(|role| role.len() + 3).sum();
    FRAME + LOGIN + me.subject.as_str().len() + names.saturating_sub(1)
}

fn json_of_about<T: Serialize>(value: &T, octets: usize) -> Result<Response, Denial> {
    let mut text = Vec::with_capacity(octets);
    serde_json::to_writer(&mut text, value)?;
    Ok(private(StatusCode::OK, JSON, text.into()))
}

/// A problem (RFC 9457), the same for every cause of this status and title.
pub(crate) fn problem(status: StatusCode, title: &str) -> Response {
    let problem = Problem {
        status: status.as_u16(),
        title: title.to_owned(),
    };
    let text = serde_json::to_vec(&problem).unwrap_or_default();
    private(status, PROBLEM_JSON, text.into())
}

/// A public answer that caches may keep as `cache` says.
pub(crate) fn public(media_type: HeaderValue, cache: HeaderValue, body: Bytes) -> Response {
    answer(StatusCode::OK, media_type, cache, body)
}

fn private(status: StatusCode, media_type: HeaderValue, body: Bytes) -> Response {
    answer(status, media_type, NO_STORE, body)
}

fn answer(
    status: StatusCode,
    media_type: HeaderValue,
    cache: HeaderValue,
    body: Bytes,
) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, media_type);
    headers.insert(CACHE_CONTROL, cache);
    response
}

#[cfg(test)]
mod tests {
    use authbench_core::{LoginId, SubjectId};

    use super::*;

    #[test]
    fn the_buffer_of_me_fits_exactly() {
        for roles in [&[][..], &["user"], &["admin", "auditor", "user"]] {
            let me = MeResponse {
                subject: SubjectId::new("acct-000123"),
                roles: roles.iter().collect(),
                login: LoginId([7; 16]),
            };
            let written = serde_json::to_vec(&me).unwrap();
            assert_eq!(written.len(), octets_of(&me), "{roles:?}");
        }
    }
}
