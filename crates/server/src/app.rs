//! What every request shares: the parts of the server, the judgement on the
//! caller, and the frame around each route.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use authbench_core::{
    Clock, Credentials, Decision, DynStrategy, Entropy, Identity, Presented, RefreshOffer, Refusal,
    Scope, UnixMs,
};
use authbench_wire::{Carried, Route, Transport, csrf};
use axum::extract::Request;
use axum::handler::Handler;
use axum::response::Response;
use http::{HeaderMap, HeaderValue};
use tracing::{error, trace};

use crate::accounts::Accounts;
use crate::config::{Limits, ServerClock, SetStore, StatsSource, StoreContents};
use crate::denial::Denial;
use crate::keys::{PublishedKeys, RotateKeys, SigningKey};
use crate::next::NextService;

/// The parts of a server.
pub(crate) struct App {
    pub(crate) strategy: Arc<dyn DynStrategy>,
    /// What the strategy renews.
    pub(crate) offer: RefreshOffer,
    pub(crate) transport: Transport,
    pub(crate) accounts: Arc<Accounts>,
    pub(crate) clock: Arc<ServerClock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    /// There only if they had a set when the server was bound.
    pub(crate) jwks: Option<PublishedKeys>,
    pub(crate) rotate_keys: Option<RotateKeys>,
    pub(crate) stats: Option<StatsSource>,
    pub(crate) set_store: Option<SetStore>,
    pub(crate) store_contents: Option<Arc<dyn StoreContents>>,
    pub(crate) signing_key: Option<SigningKey>,
    pub(crate) next: Option<NextService>,
    pub(crate) limits: Limits,
    /// Goes with every 401.
    pub(crate) challenge: HeaderValue,
    /// `http` or `https`, as clients reach this server.
    pub(crate) scheme: &'static str,
    pub(crate) lab: bool,
}

impl App {
    pub(crate) fn now(&self) -> UnixMs {
        self.clock.now()
    }

    /// The credential in its place, or the reason why there is none.
    pub(crate) fn carried<'h>(&self, headers: &'h HeaderMap) -> Result<Carried<'h>, Denial> {
        match self.transport.extract(headers) {
            Carried::Nothing => Err(Denial::Credential(Refusal::Missing)),
            Carried::Ambiguous => Err(Denial::Credential(Refusal::Malformed)),
            one => Ok(one),
        }
    }

    /// Who is calling.
    pub(crate) async fn caller(&self, headers: &HeaderMap) -> Result<Identity, Denial> {
        let carried = self.carried(headers)?;
        let presented = Presented {
            access: carried.text(),
            refresh: None,
        };
        match self.strategy.authenticate(&presented, self.now()).await? {
            Decision::Accepted(identity) => Ok(identity),
            Decision::Refused(refusal) => Err(Denial::Credential(refusal)),
        }
    }

    /// Who is calling, if it is an administrator.
    pub(crate) async fn admin(&self, headers: &HeaderMap) -> Result<Identity, Denial> {
        let identity = self.caller(headers).await?;
        if identity.roles.contains("admin") {
            Ok(identity)
        } else {
            Err(Denial::NotAllowed)
        }
    }

    /// Ends a login that its client never got to hold. If that fails it can
    /// only be logged: the request fails anyway, for the first cause.
    pub(crate) async fn abandon(&self, credentials: &Credentials) {
        let scope = Scope::Presented(credentials.present());
        if let Err(cause) = self.strategy.revoke(&scope, self.now()).await {
            let error: &(dyn std::error::Error + 'static) = &cause;
            error!(login = %credentials.login, error, "an abandoned login could not be ended");
        }
    }

    /// The outcome; a failure abandons the credentials that it was about.
    pub(crate) async fn or_abandon<T>(
        &self,
        credentials: &Credentials,
        outcome: Result<T, Denial>,
    ) -> Result<T, Denial> {
        if outcome.is_err() {
            self.abandon(credentials).await;
        }
        outcome
    }

    /// Unsafe requests with an ambient credential need a proof of origin,
    /// logging in and out included (ASVS 5.0 3.5.1). The lab's doors take no
    /// credential, so there is nothing that a foreign page could ride on.
    fn admit(&self, route: Route, headers: &HeaderMap) -> Result<(), Denial> {
        let takes_none = matches!(
            route,
            Route::LabClock | Route::LabRotateKeys | Route::LabStore | Route::LabStoreWipe
        );
        if self.transport.is_ambient() && !route.method().is_safe() && !takes_none {
            csrf::same_origin(headers, self.scheme)?;
        }
        Ok(())
    }

    /// Logs a denial and tells the client as much of it as it may know.
    pub(crate) fn deny(&self, route: Route, denial: &Denial) -> Response {
        denial.log(route);
        denial.answer(&self.challenge)
    }
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App")
            .field("transport", &self.transport)
            .field("limits", &self.limits)
            .field("scheme", &self.scheme)
            .field("lab", &self.lab)
            .finish_non_exhaustive()
    }
}

/// A route and what it does, as axum takes it. Extractors and layers would
/// come to the same; but the hot route is measured in microseconds, and this
/// takes each request apart once.
#[derive(Clone, Copy)]
pub(crate) struct Endpoint<F> {
    pub(crate) route: Route,
    pub(crate) run: F,
}

impl<F, Fut> Handler<(), Arc<App>> for Endpoint<F>
where
    F: Fn(Arc<App>, Request) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Result<Response, Denial>> + Send + 'static,
{
    type Future = Pin<Box<dyn Future<Output = Response> + Send>>;

    fn call(self, request: Request, app: Arc<App>) -> Self::Future {
        let Self { route, run } = self;
        Box::pin(async move {
            let outcome = match app.admit(route, request.headers()) {
                Ok(()) => run(Arc::clone(&app), request).await,
                Err(denial) => Err(denial),
            };
            match outcome {
                Ok(response) => {
                    trace!(route = route.path(), status = 200, "answered");
                    response
                }
                Err(denial) => app.deny(route, &denial),
            }
        })
    }
}
