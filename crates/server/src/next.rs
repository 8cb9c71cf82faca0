//! The service behind this one: a chain of services, each of which judges the
//! caller's credential by itself, as microservices do that do not trust their
//! network.

use std::time::Duration;

use authbench_core::Identity;
use authbench_wire::Route;
use authbench_wire::bodies::ChainResponse;
use bytes::Bytes;
use http::header::{AUTHORIZATION, COOKIE};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use crate::denial::Denial;

/// The most services of one chain.
pub const HOPS_MAX: u8 = 8;

/// Says how many services have judged before this one, so that a chain that
/// leads back to itself ends.
const HOPS: HeaderName = HeaderName::from_static("authbench-lab-hops");

/// How long the services behind may take together.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long an idle connection is kept: less than our servers keep it.
const IDLE: Duration = Duration::from_secs(30);
/// The longest answer that is read.
const ANSWER_OCTETS_MAX: usize = 64 * 1024;

/// The service behind this one. Connections to it are kept alive and shared by
/// all requests; clones share them, too.
#[derive(Clone, Debug)]
pub struct NextService {
    uri: Uri,
    client: Client<HttpConnector, Empty<Bytes>>,
}

/// The service behind gave no judgement, or could not be named.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NextError {
    /// Not `http://HOST:PORT`. Credentials travel on in the clear, so this is
    /// for the lab alone.
    #[error("`{url}` is not the URL of a lab server: wanted is http://HOST:PORT")]
    Url {
        /// What was given.
        url: String,
        /// Why it is none, where the text is no URL at all.
        #[source]
        source: Option<http::uri::InvalidUri>,
    },
    /// No request could be made for it.
    #[error("the service behind cannot be asked")]
    Request(#[from] http::Error),
    /// No connection, or it broke.
    #[error("the service behind does not answer")]
    Connection(#[from] hyper_util::client::legacy::Error),
    /// It did not answer within ten seconds.
    #[error("the service behind takes too long")]
    TooLate(#[from] tokio::time::error::Elapsed),
    /// It failed by itself.
    #[error("the service behind answers {status}")]
    Status {
        /// With which status.
        status: StatusCode,
    },
    /// The answer broke off, or is longer than any answer may be.
    #[error("the answer of the service behind cannot be read")]
    Body(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The answer is not the one of this route.
    #[error("the service behind answers something else")]
    Malformed(#[from] serde_json::Error),
    /// It takes the same credential for another login.
    #[error("the service behind takes the caller for somebody else")]
    SomebodyElse,
}

impl NextService {
    /// The service at `url`, `http://HOST:PORT`. It need not run yet.
    ///
    /// # Errors
    /// [`NextError::Url`] when it is anything else.
    pub fn new(url: &str) -> Result<Self, NextError> {
        let wrong = |source| NextError::Url {
            url: url.to_owned(),
            source,
        };
        let base: Uri = url.parse().map_err(|error| wrong(Some(error)))?;
        let is_bare = base.path() == "/" && base.query().is_none();
        let authority = base.authority().filter(|it| !it.as_str().contains('@'));
        if base.scheme_str() != Some("http") || !is_bare || authority.is_none() {
            return Err(wrong(None));
        }
        let mut parts = base.into_parts();
        parts.path_and_query = Some(PathAndQuery::from_static(Route::LabChain.path()));
        let uri = Uri::from_parts(parts).map_err(|_| wrong(None))?;
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(PATIENCE));
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .build(connector);
        Ok(Self { uri, client })
    }

    /// How many services behind this one accept the credential in `headers`,
    /// which is passed on as it came; `place` services have judged it so far.
    pub(crate) async fn ask(
        &self,
        headers: &HeaderMap,
        place: u8,
        identity: &Identity,
    ) -> Result<u8, Denial> {
        let asked = tokio::time::timeout(PATIENCE, self.judge(headers, place));
        let Some(said) = asked.await.map_err(NextError::from)?? else {
            return Err(Denial::RefusedBehind);
        };
        if (&said.me.subject, said.me.login) != (&identity.subject, identity.login) {
            return Err(NextError::SomebodyElse.into());
        }
        Ok(said.hops.min(HOPS_MAX))
    }

    /// What the service behind says; nothing where it refuses the credential.
    async fn judge(
        &self,
        headers: &HeaderMap,
        place: u8,
    ) -> Result<Option<ChainResponse>, NextError> {
        let mut request = Request::get(self.uri.clone()).body(Empty::new())?;
        let onward = request.headers_mut();
        for name in [AUTHORIZATION, COOKIE] {
            for value in headers.get_all(&name) {
                onward.append(name.clone(), value.clone());
            }
        }
        onward.insert(HOPS, HeaderValue::from(u16::from(place)));
        let answer = self.client.request(request).await?;
        let status = answer.status();
        // Read to its end whatever it is, or the connection is lost.
        let body = Limited::new(answer.into_body(), ANSWER_OCTETS_MAX).collect();
        let body = body.await.map_err(NextError::Body)?.to_bytes();
        match status {
            StatusCode::OK => Ok(Some(serde_json::from_slice(&body)?)),
            StatusCode::UNAUTHORIZED => Ok(None),
            status => Err(NextError::Status { status }),
        }
    }
}

/// The place of this service in its chain, 1 for the first; nothing if more
/// than [`HOPS_MAX`] or no number stand before it.
pub(crate) fn place(headers: &HeaderMap) -> Option<u8> {
    let before = match headers.get(HOPS) {
        None => 0,
        Some(value) => value.to_str().ok()?.parse::<u8>().ok()?,
    };
    before.checked_add(1).filter(|place| *place <= HOPS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_addresses_are_next() {
        for good in ["http://127.0.0.1:8080", "http://localhost:1/"] {
            let next = NextService::new(good).unwrap();
            assert_eq!(next.uri.path(), "/lab/chain");
        }
        for wrong in [
            "",
            "127.0.0.1:8080",
            "https://127.0.0.1:8080",
            "http://127.0.0.1:8080/x",
            "http://127.0.0.1:8080/?x",
            "http://me:pw@127.0.0.1:8080",
            "http://",
        ] {
            let error = NextService::new(wrong).err();
            assert!(matches!(error, Some(NextError::Url { .. })), "{wrong}");
        }
    }

    #[test]
    fn a_chain_has_an_end() {
        let place_after = |before: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(HOPS, HeaderValue::from_static(before));
            place(&headers)
        };
        assert_eq!(place(&HeaderMap::new()), Some(1));
        assert_eq!(place_after("7"), Some(8));
        for wrong in ["8", "255", "256", "-1", "x", ""] {
            assert_eq!(place_after(wrong), None, "{wrong}");
        }
    }
}
