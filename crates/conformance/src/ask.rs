//! A request under construction: an operation of the profile, with whatever a
//! check changes about it.

use authbench_wire::Operation;
use authbench_wire::profile::{Carrier, CsrfProof, RefreshCarrier, Request};
use authbench_wire::template::Template;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, COOKIE, ORIGIN};
use http::{HeaderName, HeaderValue, Method};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::answer::Answer;
use crate::client::{Broken, Wire};
use crate::login::{Login, cookie_pairs, is_credential};
use crate::stop::Stop;
use crate::trial::Trial;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
/// RFC 3986 2.3: everything else is encoded.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// A request under construction. Without more it carries no credential.
#[must_use]
pub struct Ask<'t> {
    trial: &'t Trial<'t>,
    request: Option<Request>,
    operation: Option<Operation>,
    replica: usize,
    origin: Option<String>,
    method: Option<Method>,
    path: Option<String>,
    values: Vec<(String, String)>,
    access: Option<String>,
    refresh: Option<String>,
    cookies: Vec<String>,
    headers: Vec<(HeaderName, HeaderValue)>,
    proof: bool,
    body: Option<Vec<u8>>,
    content_type: Option<Option<String>>,
    fresh: bool,
    bad_header: bool,
}

impl<'t> Ask<'t> {
    pub(crate) fn operation(trial: &'t Trial<'t>, operation: Operation) -> Result<Self, Stop> {
        let request = trial.request(operation)?.clone();
        Ok(Self {
            request: Some(request),
            operation: Some(operation),
            ..Self::bare(trial)
        })
    }

    /// A request that is no operation of the profile: `GET /` unless told
    /// otherwise.
    pub(crate) fn bare(trial: &'t Trial<'t>) -> Self {
        Self {
            trial,
            request: None,
            operation: None,
            replica: 0,
            origin: None,
            method: None,
            path: None,
            values: Vec::new(),
            access: None,
            refresh: None,
            cookies: Vec::new(),
            headers: Vec::new(),
            proof: true,
            body: None,
            content_type: None,
            fresh: false,
            bad_header: false,
        }
    }

    /// Asks this replica.
    pub fn at(mut self, replica: usize) -> Self {
        self.replica = replica;
        self
    }

    /// Asks another door of the target: scheme, host and port, as the profile
    /// names it (`tls.plain_url`).
    pub fn at_origin(mut self, origin: &str) -> Self {
        self.origin = Some(origin.trim_end_matches('/').to_owned());
        self
    }

    /// Presents what `login` holds: the access credential; the refresh token
    /// where the operation is about it; and the cookies of its jar that are no
    /// credentials. Asks the replica of the login.
    pub fn with(mut self, login: &Login) -> Self {
        self.access = Some(login.access.clone());
        self.refresh = login.refresh.clone();
        let profile = self.trial.profile();
        let others = login.jar.all().iter();
        self.cookies.extend(
            others
                .filter(|cookie| !is_credential(profile, &cookie.name))
                .map(|cookie| format!("{}={}", cookie.name, cookie.value)),
        );
        self.replica = login.replica;
        self
    }

    /// Presents this text as the access credential.
    pub fn access(mut self, text: impl Into<String>) -> Self {
        self.access = Some(text.into());
        self
    }

    /// Presents no access credential.
    pub fn without_access(mut self) -> Self {
        self.access = None;
        self
    }

    /// Presents this text as the refresh token, where the operation is about
    /// it.
    pub fn refresh(mut self, text: impl Into<String>) -> Self {
        self.refresh = Some(text.into());
        self
    }

    /// Presents no refresh token.
    pub fn without_refresh(mut self) -> Self {
        self.refresh = None;
        self
    }

    /// Adds a pair to the `Cookie` header, behind those of the credentials.
    pub fn cookie(mut self, pair: impl Into<String>) -> Self {
        self.cookies.push(pair.into());
        self
    }

    /// Puts a pair in the place of all cookies that are no credentials.
    pub fn only_cookie(mut self, pair: impl Into<String>) -> Self {
        self.cookies = vec![pair.into()];
        self
    }

    /// Fills a gap of path or body.
    pub fn gap(mut self, name: &str, value: impl Into<String>) -> Self {
        self.values.push((name.to_owned(), value.into()));
        self
    }

    /// Adds a header. A value that HTTP cannot carry ends the request as
    /// [`Stop::Inconclusive`].
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        let parts = (
            HeaderName::try_from(name),
            HeaderValue::from_bytes(value.as_ref()),
        );
        match parts {
            (Ok(name), Ok(value)) => self.headers.push((name, value)),
            _ => self.bad_header = true,
        }
        self
    }

    /// Leaves out what the profile's `csrf` adds to unsafe requests.
    pub fn without_proof(mut self) -> Self {
        self.proof = false;
        self
    }

    /// Another method than the operation's.
    pub fn method(mut self, method: Method) -> Self {
        self.method = Some(method);
        self
    }

    /// Another path than the operation's, with its query.
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = Some(path.into());
        self
    }

    /// Another body than the operation's.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// Another media type than the operation's; none at all if `None`.
    pub fn content_type(mut self, media_type: Option<&str>) -> Self {
        self.content_type = Some(media_type.map(str::to_owned));
        self
    }

    /// On a connection of its own.
    pub fn on_new_connection(mut self) -> Self {
        self.fresh = true;
        self
    }

    /// Sends it.
    ///
    /// # Errors
    /// [`Stop`] when it cannot be made or no answer comes.
    pub async fn send(self) -> Result<Answer, Stop> {
        Ok(self.try_send().await??)
    }

    /// Sends it; no answer is an outcome.
    ///
    /// # Errors
    /// [`Stop`] when it cannot be made.
    pub async fn try_send(self) -> Result<Result<Answer, Broken>, Stop> {
        let (trial, fresh) = (self.trial, self.fresh);
        let wire = self.wire()?;
        Ok(trial.client().send(&wire, fresh).await)
    }

    /// The request as it would be sent.
    ///
    /// # Errors
    /// [`Stop`] when it cannot be made.
    pub fn wire(mut self) -> Result<Wire, Stop> {
        if self.bad_header {
            return Err(Stop::unclear("HTTP carries no such header value"));
        }
        let method = match (&self.method, &self.request) {
            (Some(method), _) => method.clone(),
            (None, Some(request)) => method_of(request),
            (None, None) => Method::GET,
        };
        let origin = match &self.origin {
            Some(origin) => origin.clone(),
            None => self.trial.origin(self.replica)?.to_owned(),
        };
        let path = self.filled_path()?;
        let mut headers = vec![(ACCEPT, HeaderValue::from_static("application/json"))];
        let is_safe = matches!(method, Method::GET | Method::HEAD | Method::OPTIONS);
        if self.proof && !is_safe {
            self.push_proof(&origin, &mut headers)?;
        }
        self.push_credentials(&mut headers)?;
        let body = self.filled_body()?;
        if let Some(media_type) = self.media_type(&body) {
            headers.push((CONTENT_TYPE, value(&media_type)?));
        }
        headers.append(&mut self.headers);
        Ok(Wire {
            method,
            url: format!("{origin}{path}"),
            headers,
            body,
        })
    }

    /// What the profile's `csrf` says, unless the check itself says it.
    fn push_proof(
        &mut self,
        origin: &str,
        headers: &mut Vec<(HeaderName, HeaderValue)>,
    ) -> Result<(), Stop> {
        let trial = self.trial;
        let proof = &trial.profile().csrf;
        let names_origin = |name: &HeaderName| *name == ORIGIN || *name == SEC_FETCH_SITE;
        let judged = self.headers.iter().any(|(name, _)| names_origin(name));
        if *proof != CsrfProof::None && !judged {
            headers.push((ORIGIN, value(origin)?));
            headers.push((SEC_FETCH_SITE, HeaderValue::from_static("same-origin")));
        }
        if let CsrfProof::Token { cookie, header } = proof {
            let name = HeaderName::try_from(header.as_str())
                .map_err(|_| Stop::unclear(format!("`{header}` is no header's name")))?;
            let given = self.headers.iter().any(|(other, _)| *other == name);
            if let (Some(token), false) = (self.token_of(cookie), given) {
                let plain = percent_encoding::percent_decode_str(&token).decode_utf8_lossy();
                headers.push((name, value(&plain)?));
            }
        }
        Ok(())
    }

    /// The anti-forgery token in the request's cookies; where there is none, the
    /// one that came with the access credential, whose cookie is then added.
    fn token_of(&mut self, cookie: &str) -> Option<String> {
        let mut pairs = self.cookies.iter().filter_map(|pair| pair.split_once('='));
        if let Some((_, token)) = pairs.rfind(|(name, _)| *name == cookie) {
            return Some(token.to_owned());
        }
        let access = self.access.as_ref()?;
        let token = self.trial.shared().proofs.lock().get(access).cloned()?;
        self.cookies.push(format!("{cookie}={token}"));
        Some(token)
    }

    fn push_credentials(
        &mut self,
        headers: &mut Vec<(HeaderName, HeaderValue)>,
    ) -> Result<(), Stop> {
        let mut pairs = Vec::new();
        let profile = self.trial.profile();
        for secret in [&self.access, &self.refresh].into_iter().flatten() {
            self.trial.client().mask.hide(secret);
        }
        match (&profile.carrier, &self.access) {
            (_, None) => {}
            (Carrier::Bearer { .. }, Some(access)) => {
                headers.push((AUTHORIZATION, value(&format!("Bearer {access}"))?));
            }
            (Carrier::Cookie { name }, Some(access)) => pairs.extend(cookie_pairs(name, access)),
        }
        if let (Some(RefreshCarrier::Cookie { name }), Some(token), true) =
            (&profile.refresh, &self.refresh, self.is_about_refresh())
        {
            pairs.extend(cookie_pairs(name, token));
        }
        pairs.append(&mut self.cookies);
        if !pairs.is_empty() {
            headers.push((COOKIE, value(&pairs.join("; "))?));
        }
        Ok(())
    }

    fn is_about_refresh(&self) -> bool {
        matches!(self.operation, Some(Operation::Refresh | Operation::Revoke))
    }

    fn filled_path(&self) -> Result<String, Stop> {
        if let Some(path) = &self.path {
            return Ok(path.clone());
        }
        match &self.request {
            Some(request) => self.fill(&request.path.value, Encoding::Percent),
            None => Ok("/".to_owned()),
        }
    }

    fn filled_body(&mut self) -> Result<Vec<u8>, Stop> {
        if let Some(body) = self.body.take() {
            return Ok(body);
        }
        let Some(template) = self.template() else {
            return Ok(Vec::new());
        };
        // A body for a refresh token that there is none of is left out.
        let wants_token = template.gaps().any(|gap| gap == "refresh");
        if wants_token && self.refresh.is_none() {
            return Ok(Vec::new());
        }
        let media_type = self
            .request
            .as_ref()
            .map_or("", |it| it.content_type.as_str());
        Ok(self.fill(&template, Encoding::of(media_type))?.into_bytes())
    }

    fn template(&self) -> Option<Template> {
        let body = self.request.as_ref()?.body.as_ref()?;
        Some(body.value.clone())
    }

    fn media_type(&self, body: &[u8]) -> Option<String> {
        match &self.content_type {
            Some(given) => given.clone(),
            None if body.is_empty() => None,
            None => Some(match &self.request {
                Some(request) => request.content_type.clone(),
                None => "application/json".to_owned(),
            }),
        }
    }

    fn fill(&self, template: &Template, how: Encoding) -> Result<String, Stop> {
        let refresh = self.refresh.iter().map(|token| ("refresh", token.as_str()));
        let values: Vec<_> = self
            .values
            .iter()
            .map(|(name, text)| (name.as_str(), text.as_str()))
            .chain(refresh)
            .map(|(name, text)| (name, how.apply(name, text)))
            .collect();
        let found = |gap: &str| {
            let value = values.iter().rev().find(|(name, _)| *name == gap);
            value.map(|(_, text)| text.as_str())
        };
        let filled = template.fill(found);
        filled.map_err(|missing| Stop::unclear(missing.to_string()))
    }
}

fn method_of(request: &Request) -> Method {
    Method::from_bytes(request.method.as_str().as_bytes()).unwrap_or(Method::GET)
}

fn value(text: &str) -> Result<HeaderValue, Stop> {
    HeaderValue::from_bytes(text.as_bytes())
        .map_err(|_| Stop::unclear("HTTP carries no such credential in a header"))
}

/// How a value is written into its place.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Encoding {
    Bare,
    /// Within a JSON string; what is JSON itself (`roles`) stays as it is.
    Json,
    /// RFC 3986 2.1, which forms read as well.
    Percent,
}

impl Encoding {
    fn of(content_type: &str) -> Self {
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        match essence.to_ascii_lowercase().as_str() {
            "application/x-www-form-urlencoded" => Self::Percent,
            json if json == "application/json" || json.ends_with("+json") => Self::Json,
            _ => Self::Bare,
        }
    }

    fn apply(self, name: &str, value: &str) -> String {
        match self {
            Self::Json if name != "roles" => {
                let quoted = serde_json::Value::from(value).to_string();
                quoted[1..quoted.len() - 1].to_owned()
            }
            Self::Json | Self::Bare => value.to_owned(),
            Self::Percent => utf8_percent_encode(value, RESERVED).to_string(),
        }
    }
}
