//! Routes without a caller: health, public keys, and the lab's doors.

use std::sync::Arc;

use authbench_core::Clock as _;
use authbench_wire::bodies::{ClockRequest, ClockResponse};
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

/// The public keys (RFC 7517). They change only with the process, but a
/// verifier should see a new process's keys within minutes.
pub(super) async fn jwks(app: Arc<App>, _: Request) -> Result<Response, Denial> {
    let cache = HeaderValue::from_static("public, max-age=300");
    let keys = app.jwks.clone().ok_or(Denial::NotFound)?;
    Ok(answer::public(answer::JWK_SET, cache, keys))
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
