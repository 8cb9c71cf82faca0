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
use crate::burn::{Burn, Burning};
use crate::denial::Denial;

/// The routes that `app` serves, slowed down if there is something to burn.
pub(crate) fn router(app: Arc<App>, burn: Option<&Burn>) -> Router {
    let mut router = Router::new();
    for route in Route::ALL {
        if serves(&app, route) {
            let burn = burn.filter(|burn| burn.precedes(route)).cloned();
            router = router.route(route.path(), handler(Place { route, burn }));
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

fn handler(place: Place) -> MethodRouter<Arc<App>> {
    match place.route {
        Route::Admin => place.serve(admin::admin),
        Route::Disable => place.serve(admin::disable),
        Route::EndSession => place.serve(own::end_session),
        Route::Health => place.serve(open::health),
        Route::Jwks => place.serve(open::jwks),
        Route::LabChain => place.serve(lab::chain),
        Route::LabClock => place.serve(lab::clock),
        Route::LabKeysSign => place.serve(lab::signing_key),
        Route::LabRotateKeys => place.serve(lab::rotate_keys),
        Route::LabStats => place.serve(lab::stats),
        Route::LabStore => place.serve(lab::store),
        Route::LabStorePeek => place.serve(lab::peek_store),
        Route::LabStoreWipe => place.serve(lab::wipe_store),
        Route::Login => place.serve(login::login),
        Route::Logout => place.serve(login::logout),
        Route::LogoutAll => place.serve(login::logout_all),
        Route::Me => place.serve(own::me),
        Route::Note => place.serve(own::note),
        Route::Password => place.serve(own::password),
        Route::ReadNote => place.serve(own::read_note),
        Route::Refresh => place.serve(renew::refresh),
        Route::Revoke => place.serve(renew::revoke),
        Route::Sessions => place.serve(own::sessions),
        Route::SetRoles => place.serve(admin::set_roles),
        Route::Slow => place.serve(own::slow),
        Route::UserNote => place.serve(own::user_note),
    }
}

/// Where a handler goes.
struct Place {
    route: Route,
    /// What is burnt before it.
    burn: Option<Burn>,
}

impl Place {
    fn serve<F, Fut>(self, run: F) -> MethodRouter<Arc<App>>
    where
        F: Fn(Arc<App>, Request) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = Result<Response, Denial>> + Send + 'static,
    {
        let Self { route, burn } = self;
        let filter = filter(&route.method());
        let endpoint = Endpoint { route, run };
        match burn {
            None => on(filter, endpoint),
            Some(burn) => on(
                filter,
                Burning {
                    burn,
                    then: endpoint,
                },
            ),
        }
    }
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
