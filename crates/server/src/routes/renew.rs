//! Swapping credentials, and ending a login by its refresh token.

use std::sync::Arc;

use authbench_core::{
    Credentials, Presented, Receipt, RefreshOffer, Refreshed, Refusal, Scope, Secret,
};
use authbench_wire::bodies::{ChangeResponse, RefreshRequest};
use authbench_wire::{Carried, Transport, refresh_cookie};
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use http::HeaderMap;

use super::login::cleared;
use crate::app::App;
use crate::delivery::Delivery;
use crate::denial::Denial;
use crate::{answer, body};

/// Swaps credentials.
pub(super) async fn refresh(app: Arc<App>, request: Request) -> Result<Response, Denial> {
    let (parts, body) = request.into_parts();
    let shown = Shown::read(&app, &parts.headers, body).await?;
    let credentials = swap(&app, &shown.presented()).await?;
    let handed_over = Delivery::new(&app.transport, &credentials, &parts.headers)
        .map_err(Denial::from)
        .and_then(|delivery| {
            let response = answer::json(&delivery.body)?;
            Ok(delivery.attach(response))
        });
    app.or_abandon(&credentials, handed_over).await
}

/// Ends the login that a refresh token belongs to, whether or not its access
/// credential still works. A token that proves nothing is acknowledged like a
/// living one (RFC 7009 2.2); without any there is nobody to acknowledge to.
pub(super) async fn revoke(app: Arc<App>, request: Request) -> Result<Response, Denial> {
    let (parts, body) = request.into_parts();
    let shown = Shown::read(&app, &parts.headers, body).await?;
    let scope = Scope::Presented(shown.presented());
    let receipt = app.strategy.revoke(&scope, app.now()).await?;
    cleared(&app, receipt, &parts.headers)
}

/// Acknowledges a change of the caller's own password or rights, with a new
/// credential in the place of the one that `presented` has, where the strategy
/// can do that: what was seen or guessed before opens nothing after it
/// (ASVS 5.0 7.2.4).
pub(super) async fn own_change(
    app: &App,
    receipt: Receipt,
    presented: &HeaderMap,
) -> Result<Response, Denial> {
    let mut change = ChangeResponse {
        effective_from_ms: receipt.effective_from,
        renewed: None,
    };
    if app.offer != RefreshOffer::SwapsAccess {
        return answer::json(&change);
    }
    let carried = app.carried(presented)?;
    let access = Presented {
        access: carried.text(),
        refresh: None,
    };
    let credentials = swap(app, &access).await?;
    let handed_over = Delivery::new(&app.transport, &credentials, presented)
        .map_err(Denial::from)
        .and_then(|delivery| {
            change.renewed = Some(delivery.body.clone());
            let response = answer::json(&change)?;
            Ok(delivery.attach(response))
        });
    app.or_abandon(&credentials, handed_over).await
}

async fn swap(app: &App, presented: &Presented<'_>) -> Result<Credentials, Denial> {
    match app.strategy.refresh(presented, app.now()).await? {
        Refreshed::Renewed(credentials) => Ok(credentials),
        Refreshed::Refused(refusal) => Err(Denial::Credential(refusal)),
        Refreshed::NotOffered => Err(Denial::NotFound),
    }
}

/// What a request shows of a login: at least one of the two.
struct Shown<'h> {
    access: Carried<'h>,
    refresh: Option<Secret>,
}

impl<'h> Shown<'h> {
    /// Each from its own place: a refresh token in a body is not looked at
    /// where it travels in a cookie.
    async fn read(app: &App, headers: &'h HeaderMap, body: Body) -> Result<Self, Denial> {
        let refresh = match &app.transport {
            Transport::Bearer => {
                let asked: RefreshRequest = body::json_or_none(headers, body, &app.limits).await?;
                asked.refresh_token.map(Secret::new)
            }
            Transport::Cookie(_) => match refresh_cookie::extract(headers) {
                Carried::Ambiguous => return Err(Denial::Credential(Refusal::Malformed)),
                carried => carried.text().map(|text| Secret::new(text.to_owned())),
            },
        };
        match app.transport.extract(headers) {
            Carried::Ambiguous => Err(Denial::Credential(Refusal::Malformed)),
            Carried::Nothing if refresh.is_none() => Err(Denial::Credential(Refusal::Missing)),
            access => Ok(Self { access, refresh }),
        }
    }

    fn presented(&self) -> Presented<'_> {
        Presented {
            access: self.access.text(),
            refresh: self.refresh.as_ref().map(Secret::expose),
        }
    }
}
