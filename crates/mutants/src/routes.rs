//! All routes, and what every request passes through.

mod account;
mod admin;
mod login;
mod me;
mod sessions;
mod tokens;

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use http::Method;
use http::header::COOKIE;
use serde_json::json;

use crate::answer::{self, Refusal};
use crate::app::App;
use crate::{carrier, cors, csrf, limits};

/// The routes of one replica.
pub(crate) fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/login", post(login::login))
        .route("/logout", post(login::logout))
        .route("/logout-all", post(login::logout_all))
        .route("/me", get(me::me))
        .route("/me/note", get(me::note).put(me::set_note))
        .route("/me/email", post(account::email))
        .route("/slow", get(me::slow))
        .route("/refresh", post(tokens::refresh))
        .route("/refresh/revoke", post(tokens::revoke))
        .route("/introspect", post(tokens::introspect))
        .route("/password", post(account::password))
        .route("/reset/start", post(account::reset_start))
        .route("/reset/finish", post(account::reset_finish))
        .route("/step-up", post(account::step_up))
        .route("/sessions", get(sessions::list))
        .route("/sessions/{id}", delete(sessions::end))
        .route("/users/{user}/note", get(me::note_of))
        .route("/admin", get(admin::admin))
        .route("/admin/users", post(admin::create))
        .route("/admin/users/{user}", delete(admin::delete))
        .route("/admin/users/{user}/roles", post(admin::roles))
        .route("/admin/users/{user}/disable", post(admin::disable))
        .route("/.well-known/jwks.json", get(tokens::jwks))
        .route("/healthz", get(healthz))
        .fallback(absent)
        .method_not_allowed_fallback(absent)
        .layer(DefaultBodyLimit::disable())
        .layer(middleware::from_fn_with_state(Arc::clone(&app), around))
        .with_state(app)
}

/// The same routes, behind TLS.
pub(crate) fn over_tls(app: Arc<App>) -> Router {
    let routes = router(Arc::clone(&app));
    routes.layer(middleware::map_response_with_state(app, with_hsts))
}

/// The port without TLS beside them: everything is refused, whatever it brings
/// (ASVS 5.0 12.2.1; mutants of TRANSPORT-001 sit here).
pub(crate) fn without_tls(app: Arc<App>) -> Router {
    if app.flaw("M125") {
        return router(app);
    }
    Router::new().fallback(|| async { Refusal::Forbidden })
}

async fn with_hsts(State(app): State<Arc<App>>, mut response: Response) -> Response {
    answer::tls_from_now_on(&app, &mut response);
    response
}

/// What every request passes through: limits, preflights, proof of origin, the
/// log.
async fn around(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let (method, headers) = (request.method().clone(), request.headers().clone());
    let path = request.uri().path().to_owned();
    let mut response = if method == Method::OPTIONS {
        cors::preflight(&app, &headers)
    } else {
        match admitted(&app, request).await {
            Ok(request) => next.run(request).await,
            Err(refusal) => refusal.into_response(),
        }
    };
    cors::grant(&app, &headers, &mut response);
    answer::keep_nowhere(&app, &mut response);
    app.world.log.request(
        app.replica,
        method.as_str(),
        &path,
        response.status().as_u16(),
    );
    if app.flaw("M25")
        && let Some(cookie) = headers.get(COOKIE)
    {
        app.world.log.failure(&cookie.to_str().unwrap_or_default());
    }
    response
}

/// The request, if it is neither too large nor forged.
async fn admitted(app: &App, request: Request) -> Result<Request, Refusal> {
    let (mut parts, body) = request.into_parts();
    carrier::misread(app, &mut parts);
    let body = limits::body(app, body).await?;
    limits::head(app, &parts.headers)?;
    csrf::judge(app, &parts.method, parts.uri.path(), &parts.headers)?;
    Ok(Request::from_parts(parts, body.into()))
}

async fn healthz() -> Response {
    answer::ok(&json!({ "status": "ok" }))
}

async fn absent() -> Refusal {
    Refusal::Absent
}
