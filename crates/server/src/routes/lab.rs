//! The lab's doors.

use std::sync::Arc;

use authbench_core::{Clock as _, StoreError};
use authbench_wire::bodies::{
    ClockRequest, ClockResponse, RotateKeysResponse, StorePeekResponse, StoreRequest,
};
use axum::extract::Request;
use axum::response::Response;

use crate::app::App;
use crate::denial::Denial;
use crate::next::{self, HOPS_MAX};
use crate::{answer, body};

/// The longest delay of a store, microseconds.
const DELAY_US_MAX: u64 = 10_000_000;

/// Changes the signing key.
pub(super) async fn rotate_keys(app: Arc<App>, _: Request) -> Result<Response, Denial> {
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
pub(super) async fn clock(app: Arc<App>, request: Request) -> Result<Response, Denial> {
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
pub(super) async fn stats(app: Arc<App>, _: Request) -> Result<Response, Denial> {
    let stats = app.stats.as_ref().map(|count| count());
    answer::json(&stats.unwrap_or_default())
}

/// Breaks, slows or mends this server's store: all of its operations, those in
/// the background but the sweeping of a table in memory included. A cache in
/// front of the store answers on. Answers with what is now so; 409 where the
/// strategy has no store, as nothing would happen.
pub(super) async fn store(app: Arc<App>, request: Request) -> Result<Response, Denial> {
    let (parts, body) = request.into_parts();
    let asked: StoreRequest = body::json(&parts.headers, body, &app.limits).await?;
    if asked.delay_us > DELAY_US_MAX {
        return Err(Denial::BadRequest("a delay has at most 10000000 us"));
    }
    let set = app.set_store.as_ref().ok_or(Denial::NoStore)?;
    set(asked).map_err(Denial::StoreSwitch)?;
    answer::json(&asked)
}

/// Everything that the store holds; 409 where the strategy has none.
pub(super) async fn peek_store(app: Arc<App>, _: Request) -> Result<Response, Denial> {
    let contents = app.store_contents.as_ref().ok_or(Denial::NoStore)?;
    answer::json(&contents.peek().await.map_err(unseen)?)
}

/// Loses everything that the store holds; 409 where the strategy has none.
pub(super) async fn wipe_store(app: Arc<App>, _: Request) -> Result<Response, Denial> {
    let contents = app.store_contents.as_ref().ok_or(Denial::NoStore)?;
    contents.wipe().await.map_err(unseen)?;
    answer::json(&StorePeekResponse::default())
}

fn unseen(cause: StoreError) -> Denial {
    Denial::StoreSwitch(Box::new(cause))
}

/// The key that signs now, its private half included, as a set of one
/// (RFC 7517 5).
pub(super) async fn signing_key(app: Arc<App>, _: Request) -> Result<Response, Denial> {
    let key = app.signing_key.as_ref().ok_or(Denial::NotFound)?;
    let jwk = key(app.now()).map_err(Denial::SigningKey)?;
    answer::json(&serde_json::json!({ "keys": [jwk] }))
}

/// Who the caller is, after this service and each behind it has judged the
/// credential by itself.
pub(super) async fn chain(app: Arc<App>, request: Request) -> Result<Response, Denial> {
    let headers = request.headers();
    let identity = app.caller(headers).await?;
    let place = next::place(headers).ok_or(Denial::BadRequest("a chain has at most 8 services"))?;
    let behind = match &app.next {
        None => 0,
        Some(_) if place >= HOPS_MAX => {
            return Err(Denial::BadRequest("a chain has at most 8 services"));
        }
        Some(next) => next.ask(headers, place, &identity).await?,
    };
    answer::chain(identity, behind + 1)
}
