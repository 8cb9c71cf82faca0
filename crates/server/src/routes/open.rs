//! Routes without a caller: health and public keys.

use std::sync::Arc;

use axum::extract::Request;
use axum::response::Response;
use bytes::Bytes;
use http::HeaderValue;

use crate::answer;
use crate::app::App;
use crate::denial::Denial;

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
