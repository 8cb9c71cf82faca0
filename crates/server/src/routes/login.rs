//! Logging in and out.

use std::sync::Arc;

use authbench_core::{
    Credentials, Decision, Issued, Presented, Receipt, Refusal, Scope, SubjectId,
};
use authbench_wire::Carried;
use authbench_wire::bodies::{LoginRequest, LoginResponse, ReceiptResponse};
use axum::extract::Request;
use axum::response::Response;
use http::HeaderMap;
use zeroize::Zeroizing;

use crate::accounts::Account;
use crate::app::App;
use crate::delivery::{Delivery, take_away};
use crate::denial::Denial;
use crate::{answer, body};

/// Trades a password for credentials. A login that the request presents is
/// ended, never taken over (ASVS 5.0 7.2.4).
pub(super) async fn login(app: Arc<App>, request: Request) -> Result<Response, Denial> {
    let (parts, body) = request.into_parts();
    let asked: LoginRequest = body::json(&parts.headers, body, &app.limits).await?;
    let (name, password) = (asked.user, Zeroizing::new(asked.password));
    let proved = app.accounts.prove(&name, password).await?;
    let account = proved.ok_or(Denial::Password)?;
    let carried = app.carried(&parts.headers).ok();
    let earlier = Presented {
        access: carried.as_ref().and_then(Carried::text),
        refresh: None,
    };
    let (subject, credentials) = issue(&app, &name, account, &earlier).await?;
    let finished = async {
        let answer = granted(&app, &subject, &credentials, &parts.headers)?;
        if earlier.access.is_some() {
            let scope = Scope::Presented(earlier);
            app.strategy.revoke(&scope, app.now()).await?;
        }
        Ok(answer)
    };
    let finished = finished.await;
    app.or_abandon(&credentials, finished).await
}

/// Ends this login. A dead credential is acknowledged like a living one, so
/// that logging out twice is harmless; without any there is nobody to
/// acknowledge to. Whoever holds a refresh token asks [`super::renew::revoke`]:
/// an access credential that has expired no longer says which login it was.
pub(super) async fn logout(app: Arc<App>, request: Request) -> Result<Response, Denial> {
    let carried = app.carried(request.headers())?;
    let scope = Scope::Presented(Presented {
        access: carried.text(),
        refresh: None,
    });
    let receipt = app.strategy.revoke(&scope, app.now()).await?;
    cleared(&app, receipt, request.headers())
}

/// Ends every login of the caller (ASVS 5.0 7.4.3).
pub(super) async fn logout_all(app: Arc<App>, request: Request) -> Result<Response, Denial> {
    let identity = app.caller(request.headers()).await?;
    let scope = Scope::Subject(&identity.subject);
    let receipt = app.strategy.revoke(&scope, app.now()).await?;
    cleared(&app, receipt, request.headers())
}

/// An acknowledgement.
pub(super) fn acknowledged(receipt: Receipt) -> Result<Response, Denial> {
    answer::json(&ReceiptResponse {
        effective_from_ms: receipt.effective_from,
    })
}

/// An acknowledgement that also takes away what the client holds.
pub(super) fn cleared(
    app: &App,
    receipt: Receipt,
    presented: &HeaderMap,
) -> Result<Response, Denial> {
    Ok(take_away(app, acknowledged(receipt)?, presented)?)
}

/// Issues a login for an account that was proved a moment ago. Whoever bars
/// the account, changes its password or its roles meanwhile first changes the
/// account and then its logins. So a login that began before that change and
/// is stored after it would escape: hence the second look.
///
/// With as many logins as the account may have, the `earlier` one that the
/// request presents makes room for its successor if it is the account's own.
async fn issue(
    app: &App,
    name: &str,
    mut proved: Account,
    earlier: &Presented<'_>,
) -> Result<(SubjectId, Credentials), Denial> {
    let mut made_room = false;
    loop {
        let subject = proved.subject();
        let credentials = match app.strategy.issue(&subject, app.now()).await? {
            Issued::Granted(credentials) => credentials,
            Issued::LimitReached { .. } if !made_room => {
                end_own(app, &subject.id, earlier).await?;
                made_room = true;
                continue;
            }
            Issued::LimitReached { .. } => return Err(Denial::TooManyLogins),
        };
        let now = app
            .accounts
            .find(name)
            .filter(|now| now.still_proved_by(&proved));
        match now {
            Some(now) if now.subject() == subject => return Ok((subject.id, credentials)),
            Some(now) => {
                app.abandon(&credentials).await;
                proved = now;
            }
            None => {
                app.abandon(&credentials).await;
                return Err(Denial::Credential(Refusal::Revoked));
            }
        }
    }
}

/// Ends the presented login if it is one of `subject`; refuses the new login
/// if not.
async fn end_own(app: &App, subject: &SubjectId, presented: &Presented<'_>) -> Result<(), Denial> {
    match app.strategy.authenticate(presented, app.now()).await? {
        Decision::Accepted(identity) if identity.subject == *subject => {
            let scope = Scope::Presented(*presented);
            app.strategy.revoke(&scope, app.now()).await?;
            Ok(())
        }
        _ => Err(Denial::TooManyLogins),
    }
}

/// Hands a new login over.
fn granted(
    app: &App,
    subject: &SubjectId,
    credentials: &Credentials,
    presented: &HeaderMap,
) -> Result<Response, Denial> {
    let delivery = Delivery::new(&app.transport, credentials, presented)?;
    let body = delivery.body.clone();
    let response = answer::json(&LoginResponse {
        subject: subject.clone(),
        login: body.login,
        expires_at_ms: body.expires_at_ms,
        access_token: body.access_token,
        token_type: body.token_type,
        refresh_token: body.refresh_token,
    })?;
    Ok(delivery.attach(response))
}
