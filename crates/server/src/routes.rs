//! The routes, each mounted only if the strategy can serve it.

mod admin;
mod lab;
mod login;
mod open;
mod own;
mod renew;

use std::sync::Arc;

use authbench_core::{Listing, RefreshOffer};
use authbench_wire::Route;
use axum::Router;
use axum::extract::Request;
use axum::response::Response;
use axum::routing::{MethodFilter, MethodRouter, on};
use http::{Method, StatusCode};

use crate::answer;
use crate::app::{App, Endpoint};
use crate::denial::Denial;

/// The routes that `app` serves.
pub(crate) fn router(app: Arc<App>) -> Router {
    let mut router = Router::new();
    for route in Route::ALL {
        if serves(&app, route) {
            router = router.route(route.path(), handler(route));
        }
    }
    router
        .fallback(|| async { status_only(StatusCode::NOT_FOUND) })
        .method_not_allowed_fallback(|| async { status_only(StatusCode::METHOD_NOT_ALLOWED) })
        .with_state(app)
}

fn serves(app: &App, route: Route) -> bool {
    let promised = app.strategy.guarantees();
    match route {
        Route::Refresh => app.offer != RefreshOffer::None,
        Route::Revoke => matches!(app.offer, RefreshOffer::RotatingKillsFamily { .. }),
        Route::EndSession | Route::Sessions => promised.listing == Listing::Exact,
        Route::Jwks => app.jwks.is_some(),
        Route::LabChain
        | Route::LabClock
        | Route::LabStats
        | Route::LabStore
        | Route::LabStorePeek
        | Route::LabStoreWipe => app.lab,
        Route::LabKeysSign => app.lab && app.signing_key.is_some(),
        Route::LabRotateKeys => app.lab && app.rotate_keys.is_some(),
        Route::Admin
        | Route::Disable
        | Route::Health
        | Route::Login
        | Route::Logout
        | Route::LogoutAll
        | Route::Me
        | Route::Note
        | Route::Password
        | Route::ReadNote
        | Route::SetRoles
        | Route::Slow
        | Route::UserNote => true,
    }
}

fn handler(route: Route) -> MethodRouter<Arc<App>> {
    match route {
        Route::Admin => mount(route, admin::admin),
        Route::Disable => mount(route, admin::disable),
        Route::EndSession => mount(route, own::end_session),
        Route::Health => mount(route, open::health),
        Route::Jwks => mount(route, open::jwks),
        Route::LabChain => mount(route, lab::chain),
        Route::LabClock => mount(route, lab::clock),
        Route::LabKeysSign => mount(route, lab::signing_key),
        Route::LabRotateKeys => mount(route, lab::rotate_keys),
        Route::LabStats => mount(route, lab::stats),
        Route::LabStore => mount(route, lab::store),
        Route::LabStorePeek => mount(route, lab::peek_store),
        Route::LabStoreWipe => mount(route, lab::wipe_store),
        Route::Login => mount(route, login::login),
        Route::Logout => mount(route, login::logout),
        Route::LogoutAll => mount(route, login::logout_all),
        Route::Me => mount(route, own::me),
        Route::Note => mount(route, own::note),
        Route::Password => mount(route, own::password),
        Route::ReadNote => mount(route, own::read_note),
        Route::Refresh => mount(route, renew::refresh),
        Route::Revoke => mount(route, renew::revoke),
        Route::Sessions => mount(route, own::sessions),
        Route::SetRoles => mount(route, admin::set_roles),
        Route::Slow => mount(route, own::slow),
        Route::UserNote => mount(route, own::user_note),
    }
}

fn mount<F, Fut>(route: Route, run: F) -> MethodRouter<Arc<App>>
where
    F: Fn(Arc<App>, Request) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Result<Response, Denial>> + Send + 'static,
{
    on(filter(&route.method()), Endpoint { route, run })
}

/// The filter of a method that a route has; axum answers HEAD where it
/// answers GET.
fn filter(method: &Method) -> MethodFilter {
    match *method {
        Method::DELETE => MethodFilter::DELETE,
        Method::PUT => MethodFilter::PUT,
        Method::POST => MethodFilter::POST,
        _ => MethodFilter::GET,
    }
}

fn status_only(status: StatusCode) -> Response {
    answer::problem(status, status.canonical_reason().unwrap_or("Error"))
}
