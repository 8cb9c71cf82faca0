//! How large a request, and what it holds, may be (ASVS 5.0 4.2.5, 15.2.2).

use axum::body::{Body, Bytes, to_bytes};
use http::HeaderMap;

use crate::answer::Refusal;
use crate::app::App;

/// Octets of a body.
pub(crate) const BODY_OCTETS_MAX: usize = 64 * 1024;
/// Octets of a body that are read, so that who sends too much gets to read the
/// refusal.
pub(crate) const BODY_OCTETS_READ: usize = 4 * 1024 * 1024;
/// Octets of all header fields.
pub(crate) const HEAD_OCTETS_MAX: usize = 64 * 1024;
/// Octets of a head that are read.
pub(crate) const HEAD_OCTETS_READ: usize = 2 * 1024 * 1024;
/// Header fields of a request.
pub(crate) const HEADERS_MAX: usize = 100;
/// Header fields that are read.
pub(crate) const HEADERS_READ: usize = 10_000;
/// Octets of all cookies together.
pub(crate) const COOKIE_OCTETS_MAX: usize = 16 * 1024;
/// Octets of a credential.
pub(crate) const CREDENTIAL_OCTETS_MAX: usize = 8 * 1024;
/// Octets of any text that a client may leave here.
pub(crate) const TEXT_OCTETS_MAX: usize = 4096;
/// Milliseconds that `/slow` waits at most.
pub(crate) const SLOW_MS_MAX: u64 = 10_000;

/// Judges the size of a head (mutants of LIMITS-001 sit in this file).
pub(crate) fn head(app: &App, headers: &HeaderMap) -> Result<(), Refusal> {
    let octets: usize = headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len())
        .sum();
    let octets_max = match app.flaw("M196") {
        true => COOKIE_OCTETS_MAX,
        false => HEAD_OCTETS_MAX,
    };
    if octets > octets_max || headers.len() > HEADERS_MAX {
        return Err(match app.flaw("M190") {
            true => Refusal::Unavailable,
            false => Refusal::HeadTooLarge,
        });
    }
    Ok(())
}

/// Reads a body that is not too large.
pub(crate) async fn body(_app: &App, body: Body) -> Result<Bytes, Refusal> {
    let read = to_bytes(body, BODY_OCTETS_READ).await;
    read.ok()
        .filter(|octets| octets.len() <= BODY_OCTETS_MAX)
        .ok_or(Refusal::BodyTooLarge)
}
