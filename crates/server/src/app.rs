//! What every request shares: the parts of the server, the judgement on the
//! caller, and the frame around each route.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use authbench_core::{
    Clock, Credentials, Decision, DynStrategy, Entropy, Identity, Presented, Refusal, Scope,
    SteppedClock, UnixMs,
};
use authbench_wire::{Carried, Route, Transport, csrf};
use axum::extract::Request;
use axum::handler::Handler;
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use tracing::{error, trace};

use crate::accounts::Accounts;
use crate::config::{Limits, StatsSource};
use crate::denial::Denial;

/// The parts of a server.
pub(crate) struct App {
    pub(crate) strategy: Arc<dyn DynStrategy>,
    pub(crate) transport: Transport,
    pub(crate) accounts: Arc<Accounts>,
    pub(crate) clock: SteppedClock<Arc<dyn Clock>>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) jwks: Option<Bytes>,
    pub(crate) stats: Option<StatsSource>,
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
    pub(crate) fn carried<'h>(&self, headers: &'h HeaderMap) -> Result<&'h str, Denial> {
        match self.transport.extract(headers) {
            Carried::One(text) => Ok(text),
            Carried::Nothing => Err(Denial::Credential(Refusal::Missing)),
            Carried::Ambiguous => Err(Denial::Credential(Refusal::Malformed)),
        }
    }

    /// Who is calling.
    pub(crate) async fn caller(&self, headers: &HeaderMap) -> Result<Identity, Denial> {
        let presented = Presented::access(self.carried(headers)?);
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

    /// Unsafe requests with an ambient credential need a proof of origin,
    /// logging in and out included (ASVS 5.0 3.5.1). The lab's clock takes no
    /// credential, so there is nothing that a foreign page could ride on.
    fn admit(&self, route: Route, headers: &HeaderMap) -> Result<(), Denial> {
        if self.transport.is_ambient() && !route.method().is_safe() && route != Route::LabClock {
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
