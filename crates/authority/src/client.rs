//! A resource server's end: asks an authorization server over HTTP.

use std::error::Error;
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use authbench_core::{
    Credentials, Guarantees, Identity, Issued, Logins, Receipt, Secret, StrategyError, Subject,
    SubjectId, UnixMs,
};
use authbench_schemes::introspection::{AuthorizationServer, Ended};
use http::header::{ACCEPT, AUTHORIZATION};
use http::{HeaderMap, HeaderValue, StatusCode};
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, Url};
use serde::de::DeserializeOwned;

use crate::bodies::{
    EndBody, Introspected, IssuedBody, LimitBody, LoginsBody, LoginsQuery, ReceiptBody,
    SubjectBody, TokenForm,
};
use crate::caller::CallerSecret;
use crate::error::{AuthorityError, Fault};
use crate::routes::LAB_TIME_HEADER;

/// The longest answer that is read.
pub const MAX_ANSWER_OCTETS: usize = 4 * 1024 * 1024;

/// How long an idle connection is kept: less than the server keeps it.
const IDLE: Duration = Duration::from_secs(30);

/// How a client asks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ClientOptions {
    /// Milliseconds from the question to the last octet of the answer, after
    /// which there is none.
    pub timeout_ms: u64,
    /// Whether to tell the server at which instant the question is put. Of use
    /// only with a server that was started to listen.
    pub lab_time: bool,
}

impl Default for ClientOptions {
    /// Two seconds, and the server's own clock.
    fn default() -> Self {
        Self {
            timeout_ms: 2_000,
            lab_time: false,
        }
    }
}

/// An authorization server behind HTTP. Connections are kept alive; there is
/// no redirect, no proxy and no second try, so that a question is put once and
/// to nobody else.
pub struct HttpAuthority {
    http: Client,
    base: Url,
    promised: Guarantees,
    lab_time: bool,
}

impl HttpAuthority {
    /// Asks the server at `base_url` (`https://host` or, on this machine,
    /// `http://host`, with a port perhaps), which promises `promised`.
    ///
    /// # Errors
    /// [`AuthorityError`] when the URL is none, or tokens would travel in the
    /// clear to another machine; or when the client cannot be made.
    pub fn new(
        base_url: &str,
        secret: &CallerSecret,
        promised: Guarantees,
        options: ClientOptions,
    ) -> Result<Self, AuthorityError> {
        let base = base(base_url)?;
        let bearer = format!("Bearer {}", secret.expose());
        let mut bearer = HeaderValue::try_from(bearer).map_err(AuthorityError::Secret)?;
        bearer.set_sensitive(true);
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, bearer);
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let http = Client::builder()
            .default_headers(headers)
            .redirect(Policy::none())
            .referer(false)
            .no_proxy()
            .retry(reqwest::retry::never())
            .tcp_nodelay(true)
            .pool_idle_timeout(IDLE)
            .timeout(Duration::from_millis(options.timeout_ms))
            .build()
            .map_err(AuthorityError::Client)?;
        Ok(Self {
            http,
            base,
            promised,
            lab_time: options.lab_time,
        })
    }

    fn url(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(path);
        url
    }

    fn post(&self, path: &str, at: UnixMs) -> RequestBuilder {
        self.timed(self.http.post(self.url(path)), at)
    }

    fn timed(&self, request: RequestBuilder, at: UnixMs) -> RequestBuilder {
        if self.lab_time {
            request.header(LAB_TIME_HEADER, at.0)
        } else {
            request
        }
    }
}

impl fmt::Debug for HttpAuthority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpAuthority")
            .field("base", &self.base.as_str())
            .finish_non_exhaustive()
    }
}

fn base(base_url: &str) -> Result<Url, AuthorityError> {
    let url = || base_url.to_owned();
    let parsed = Url::parse(base_url).map_err(|source| AuthorityError::Url {
        url: url(),
        source: Some(Box::new(source)),
    })?;
    let is_bare = parsed.path() == "/" && parsed.query().is_none() && parsed.fragment().is_none();
    let host = parsed
        .host_str()
        .filter(|_| is_bare && parsed.username().is_empty() && parsed.password().is_none());
    match (parsed.scheme(), host) {
        ("https", Some(_)) => Ok(parsed),
        ("http", Some(host)) if is_loopback(host) => Ok(parsed),
        ("http", Some(_)) => Err(AuthorityError::InTheClear { url: url() }),
        _ => Err(AuthorityError::Url {
            url: url(),
            source: None,
        }),
    }
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    match bare.parse::<IpAddr>() {
        Ok(address) => address.is_loopback(),
        Err(_) => bare == "localhost",
    }
}

/// Sends a request and reads what has status `wanted`, or whatever `other`
/// makes of another status.
async fn ask<T: DeserializeOwned>(request: RequestBuilder) -> Result<T, Fault> {
    let (status, body) = send(request).await?;
    if status == StatusCode::OK {
        read(&body)
    } else {
        let status = status.as_u16();
        Err(Fault::Status { status })
    }
}

async fn send(request: RequestBuilder) -> Result<(StatusCode, Vec<u8>), Fault> {
    let mut response = request.send().await.map_err(Fault::Http)?;
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(Fault::Http)? {
        if body.len() + chunk.len() > MAX_ANSWER_OCTETS {
            return Err(Fault::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    Ok((response.status(), body))
}

/// The JSON object in `body`: serde would read the fields from an array, too.
fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Fault> {
    if !body.trim_ascii_start().starts_with(b"{") {
        return Err(Fault::NotAnObject);
    }
    serde_json::from_slice(body).map_err(|error| Fault::Malformed(Box::new(error)))
}

fn remote(operation: &'static str) -> impl Fn(Fault) -> StrategyError {
    move |fault| StrategyError::Remote {
        operation,
        source: Box::<dyn Error + Send + Sync>::from(fault),
    }
}

impl AuthorizationServer for HttpAuthority {
    fn guarantees(&self) -> Guarantees {
        self.promised
    }

    async fn issue(&self, subject: &Subject, at: UnixMs) -> Result<Issued, StrategyError> {
        let request = self.post("/issue", at).json(&SubjectBody::from(subject));
        let issued = async {
            let (status, body) = send(request).await?;
            match status {
                StatusCode::OK => {
                    let issued: IssuedBody = read(&body)?;
                    Ok(Issued::Granted(Credentials {
                        access: Secret::new(issued.access_token),
                        refresh: None,
                        login: issued.login,
                        expires_at: issued.expires_at_ms,
                    }))
                }
                StatusCode::CONFLICT => {
                    let LimitBody { logins_max, .. } = read(&body)?;
                    Ok(Issued::LimitReached { logins_max })
                }
                status => {
                    let status = status.as_u16();
                    Err(Fault::Status { status })
                }
            }
        };
        issued.await.map_err(remote("issue"))
    }

    async fn introspect(&self, token: &str, at: UnixMs) -> Result<Option<Identity>, StrategyError> {
        let request = self.post("/introspect", at).form(&TokenForm { token });
        let said: Introspected = ask(request).await.map_err(remote("introspect"))?;
        said.into_identity()
            .map_err(|error| remote("introspect")(Fault::Malformed(Box::new(error))))
    }

    async fn revoke(&self, ended: &Ended<'_>, at: UnixMs) -> Result<Receipt, StrategyError> {
        let end = |subject: &SubjectId, login, keep| {
            self.post("/end", at).json(&EndBody {
                subject: subject.clone(),
                login,
                keep,
            })
        };
        let request = match *ended {
            Ended::Token(token) => self.post("/revoke", at).form(&TokenForm { token }),
            Ended::Login { subject, login } => end(subject, Some(login), None),
            Ended::Subject(subject) => end(subject, None, None),
            Ended::Others { subject, keep } => end(subject, None, Some(keep)),
        };
        let receipt: ReceiptBody = ask(request).await.map_err(remote("revoke"))?;
        Ok(receipt.into())
    }

    async fn logins(&self, subject: &SubjectId, at: UnixMs) -> Result<Logins, StrategyError> {
        let subject = subject.clone();
        let request = self.http.get(self.url("/logins"));
        let request = self.timed(request.query(&LoginsQuery { subject }), at);
        let logins: LoginsBody = ask(request).await.map_err(remote("list logins"))?;
        Ok(logins.into())
    }

    async fn change_roles(&self, subject: &Subject, at: UnixMs) -> Result<Receipt, StrategyError> {
        let request = self.post("/roles", at).json(&SubjectBody::from(subject));
        let receipt: ReceiptBody = ask(request).await.map_err(remote("change roles"))?;
        Ok(receipt.into())
    }
}
