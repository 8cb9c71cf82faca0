//! Credentials on their way to a client: in the transport's place and nowhere
//! else.

use authbench_core::{Credentials, RefreshOffer};
use authbench_wire::bodies::RenewedResponse;
use authbench_wire::{DeliveryError, Transport, refresh_cookie};
use axum::response::Response;
use http::header::SET_COOKIE;
use http::{HeaderMap, HeaderValue};

use crate::app::App;

/// Credentials, taken apart into what stands in the body and what stands in
/// headers.
pub(crate) struct Delivery {
    pub(crate) body: RenewedResponse,
    cookies: Vec<HeaderValue>,
}

impl Delivery {
    /// Makes `credentials` ready for whoever sent the headers `presented`.
    pub(crate) fn new(
        transport: &Transport,
        credentials: &Credentials,
        presented: &HeaderMap,
    ) -> Result<Self, DeliveryError> {
        let mut body = RenewedResponse {
            login: credentials.login,
            expires_at_ms: credentials.expires_at,
            access_token: None,
            token_type: None,
            refresh_token: None,
        };
        let (access, refresh) = (credentials.access.expose(), credentials.refresh.as_ref());
        let mut cookies = Vec::new();
        match transport {
            Transport::Bearer => {
                body.access_token = Some(access.to_owned());
                body.token_type = Some("Bearer".to_owned());
                body.refresh_token = refresh.map(|token| token.expose().to_owned());
            }
            Transport::Cookie(settings) => {
                cookies = settings.set(access, presented)?;
                if let Some(token) = refresh {
                    cookies.push(refresh_cookie::set(token.expose())?);
                }
            }
        }
        Ok(Self { body, cookies })
    }

    /// The answer with the cookies.
    pub(crate) fn attach(self, response: Response) -> Response {
        with_cookies(response, self.cookies)
    }
}

/// The answer, which also takes away what its client holds.
pub(crate) fn take_away(
    app: &App,
    response: Response,
    presented: &HeaderMap,
) -> Result<Response, DeliveryError> {
    let Transport::Cookie(settings) = &app.transport else {
        return Ok(response);
    };
    let mut cookies = settings.clear(presented)?;
    if matches!(app.offer, RefreshOffer::RotatingKillsFamily { .. }) {
        cookies.push(refresh_cookie::clear()?);
    }
    Ok(with_cookies(response, cookies))
}

fn with_cookies(mut response: Response, cookies: Vec<HeaderValue>) -> Response {
    for cookie in cookies {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}
