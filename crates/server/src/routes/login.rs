//! Logging in and out.

use std::sync::Arc;

use authbench_core::{
    Credentials, Decision, Presented, Receipt, Refreshed, Refusal, Scope, SubjectId,
};
use authbench_wire::bodies::{LoginRequest, LoginResponse, ReceiptResponse, RefreshRequest};
use authbench_wire::{DeliveryError, Transport};
use axum::extract::Request;
use axum::response::Response;
use http::header::SET_COOKIE;
use zeroize::Zeroizing;

use crate::accounts::Account;
use crate::app::App;
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
    let (subject, credentials) = issue(&app, &name, account).await?;
    let finished = async {
        let answer = granted(&app.transport, &subject, &credentials)?;
        if let Ok(text) = app.carried(&parts.headers) {
            let earlier = Scope::Presented(Presented::access(text));
            app.strategy.revoke(&earlier, app.now()).await?;
        }
        Ok(answer)
    };
    match finished.await {
        Ok(answer) => Ok(answer),
        Err(denial) => {
            app.abandon(&credentials).await;
            Err(denial)
        }
    }
}

/// Swaps credentials.
pub(super) async fn refresh(app: Arc<App>, request: Request) -> Result<Response, Denial> {
    let (parts, body) = request.into_parts();
    let asked: RefreshRequest = body::json(&parts.headers, body, &app.limits).await?;
    let token = asked.refresh_token.map(Zeroizing::new);
    let presented = Presented {
        access: app.carried(&parts.headers).ok(),
        refresh: token.as_ref().map(|text| text.as_str()),
    };
    let credentials = match app.strategy.refresh(&presented, app.now()).await? {
        Refreshed::Renewed(credentials) => credentials,
        Refreshed::Refused(refusal) => return Err(Denial::Credential(refusal)),
        Refreshed::NotOffered => return Err(Denial::NotFound),
    };
    // Only the new credential says whose it is.
    let presented = credentials.present();
    match app.strategy.authenticate(&presented, app.now()).await? {
        Decision::Accepted(identity) => {
            Ok(granted(&app.transport, &identity.subject, &credentials)?)
        }
        Decision::Refused(refusal) => Err(Denial::Credential(refusal)),
    }
}

/// Ends this login. A dead credential is acknowledged like a living one, so
/// that logging out twice is harmless; without any there is nobody to
/// acknowledge to.
pub(super) async fn logout(app: Arc<App>, request: Request) -> Result<Response, Denial> {
    let presented = Presented::access(app.carried(request.headers())?);
    let scope = Scope::Presented(presented);
    let receipt = app.strategy.revoke(&scope, app.now()).await?;
    cleared(&app.transport, receipt)
}

/// Ends every login of the caller (ASVS 5.0 7.4.3).
pub(super) async fn logout_all(app: Arc<App>, request: Request) -> Result<Response, Denial> {
    let identity = app.caller(request.headers()).await?;
    let scope = Scope::Subject(&identity.subject);
    let receipt = app.strategy.revoke(&scope, app.now()).await?;
    cleared(&app.transport, receipt)
}

/// An acknowledgement.
pub(super) fn acknowledged(receipt: Receipt) -> Result<Response, Denial> {
    answer::json(&ReceiptResponse {
        effective_from_ms: receipt.effective_from,
    })
}

/// An acknowledgement that also takes the cookie away.
pub(super) fn cleared(transport: &Transport, receipt: Receipt) -> Result<Response, Denial> {
    let mut response = acknowledged(receipt)?;
    if let Transport::Cookie(settings) = transport {
        response.headers_mut().insert(SET_COOKIE, settings.clear()?);
    }
    Ok(response)
}

/// Issues a login for an account that was proved a moment ago. Whoever bars
/// the account, changes its password or its roles meanwhile first changes the
/// account and then its logins. So a login that began before that change and
/// is stored after it would escape: hence the second look.
async fn issue(
    app: &App,
    name: &str,
    mut proved: Account,
) -> Result<(SubjectId, Credentials), Denial> {
    loop {
        let subject = proved.subject();
        let issued = app.strategy.issue(&subject, app.now()).await?;
        let credentials = issued.granted().ok_or(Denial::TooManyLogins)?;
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

/// Hands credentials over in the transport's place and nowhere else.
fn granted(
    transport: &Transport,
    subject: &SubjectId,
    credentials: &Credentials,
) -> Result<Response, Denial> {
    let mut granted = LoginResponse {
        subject: subject.clone(),
        login: credentials.login,
        expires_at_ms: credentials.expires_at,
        access_token: None,
        token_type: None,
        refresh_token: None,
    };
    match transport {
        Transport::Bearer => {
            granted.access_token = Some(credentials.access.expose().to_owned());
            granted.token_type = Some("Bearer".to_owned());
            granted.refresh_token = credentials
                .refresh
                .as_ref()
                .map(|token| token.expose().to_owned());
            answer::json(&granted)
        }
        Transport::Cookie(settings) => {
            let cookie = settings
                .set(credentials.access.expose())
                .map_err(|cause: DeliveryError| Denial::Undeliverable(cause))?;
            let mut response = answer::json(&granted)?;
            response.headers_mut().insert(SET_COOKIE, cookie);
            Ok(response)
        }
    }
}
