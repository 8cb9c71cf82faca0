//! Routes without a caller: health, public keys, and the lab's doors.

use std::sync::Arc;

use authbench_core::Clock as _;
use authbench_wire::bodies::{ClockRequest, ClockResponse, RotateKeysResponse};
use axum::extract::Request;
use axum::response::Response;
use bytes::Bytes;
use http::HeaderValue;

use crate::app::App;
use crate::denial::Denial;
use crate::{answer, body};

/// Whether the server serves.
pub(super) async fn health(_: Arc<App>, _: Request) -> Result<Response, Denial> {
    let cache = HeaderValue::from_static("no-cache");
    let text = Bytes::from_static(b"{\"status\":\"ok\"}");
    Ok(answer::public(answer::JSON, cache, text))
}

/// The public keys as they are now (RFC 7517).
pub(super) async fn jwks(app: Arc<App>, _: Request) -> Result<Response, Denial> {
    let keys = app.jwks.as_ref().ok_or(Denial::NotFound)?;
    let document = keys.document(app.now())?.ok_or(Denial::NotFound)?;
    Ok(answer::public(answer::JWK_SET, keys.cache(), document))
}

/// Changes the signing key.
pub(super) async fn lab_rotate_keys(app: Arc<App>, _: Request) -> Result<Response, Denial> {
    let rotate = app.rotate_keys.clone().ok_or(Denial::NotFound)?;
    let at_ms = app.now();
    // An RSA key takes its time.
    let rotated = tokio::task::spawn_blocking(move || rotate(at_ms)).await;
    rotated
        .map_err(|cut| Denial::KeyRotation(Box::new(cut)))?
        .map_err(Denial::KeyRotation)?;
    answer::json(&RotateKeysResponse { at_ms })
}

/// The longest step, milliseconds: 400 days, as long as any cookie lives
/// (RFC 6265bis 5.5).
const STEP_MS_MAX: u64 = 400 * 24 * 60 * 60 * 1000;

/// Steps this server's view of the clock.
pub(super) async fn lab_clock(app: Arc<App>, request: Request) -> Result<Response, Denial> {
    let (parts, body) = request.into_parts();
    let asked: ClockRequest = body::json(&parts.headers, body, &app.limits).await?;
    if asked.step_ms > STEP_MS_MAX {
        return Err(Denial::BadRequest("a step has at most 34560000000 ms"));
    }
    let ahead_ms = app.clock.step_ms(asked.step_ms);
    answer::json(&ClockResponse {
        now_ms: app.clock.now(),
        ahead_ms,
    })
}

/// What the server counted.
pub(super) async fn lab_stats(app: Arc<App>, _: Request) -> Result<Response, Denial> {
    let stats = app.stats.as_ref().map(|count| count());
    answer::json(&stats.unwrap_or_default())
}
