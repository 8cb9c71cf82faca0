//! From an operation of a profile to a request, and back to an answer.

use std::borrow::Cow;
use std::time::Duration;

use authbench_core::Presented;
use authbench_wire::Operation;
use authbench_wire::profile::{CsrfProof, Profile, Request};
use authbench_wire::template::Template;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderName, ORIGIN};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Method, Url};

use crate::answer::Answer;
use crate::carry;
use crate::error::{Failure, Fault, TargetError};
use crate::target::TargetOptions;

/// The most octets of an answer's body.
const BODY_OCTETS_MAX: usize = 4 * 1024 * 1024;
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
/// RFC 3986 2.3: everything else is encoded.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Speaks to the target as its profile says: no cookie jar, no redirects, no
/// proxies, so that a request presents exactly what it is given.
#[derive(Debug)]
pub(crate) struct Client {
    http: reqwest::Client,
    origin: String,
    pub(crate) profile: Profile,
}

impl Client {
    pub(crate) fn new(
        profile: Profile,
        base_url: &str,
        options: &TargetOptions,
    ) -> Result<Self, TargetError> {
        if matches!(profile.csrf, CsrfProof::Token { .. }) {
            return Err(TargetError::TokenProof {
                profile: profile.name,
            });
        }
        let url = Url::parse(base_url).map_err(|source| TargetError::Url {
            url: base_url.to_owned(),
            source: Box::new(source),
        })?;
        let origin = url.origin();
        let bare = url.as_str().trim_end_matches('/') == origin.ascii_serialization();
        let Some(host) = url
            .host_str()
            .filter(|_| bare && url.scheme().starts_with("http"))
        else {
            return Err(TargetError::Shape {
                url: base_url.to_owned(),
            });
        };
        if !options.owned && !is_loopback(host) {
            return Err(TargetError::NotLoopback {
                host: host.to_owned(),
            });
        }
        let mut builder = reqwest::Client::builder()
            .redirect(Policy::none())
            .referer(false)
            .no_proxy()
            .timeout(Duration::from_millis(options.timeout_ms));
        if let Some(der) = &options.certificate_der {
            let certificate = Certificate::from_der(der).map_err(TargetError::Certificate)?;
            builder = builder.tls_certs_only([certificate]);
        }
        let http = builder.build().map_err(TargetError::Client)?;
        Ok(Self {
            http,
            origin: origin.ascii_serialization(),
            profile,
        })
    }

    /// Asks for `operation`, with what is presented and no other credential.
    pub(crate) async fn ask(
        &self,
        operation: Operation,
        values: &[(&str, &str)],
        presented: &Presented<'_>,
    ) -> Result<Answer, Failure> {
        self.asked(operation, values, presented)
            .await
            .map_err(|fault| Failure { operation, fault })
    }

    /// The request of `operation`.
    pub(crate) fn request(&self, operation: Operation) -> Result<&Request, Failure> {
        self.profile
            .request(operation)
            .ok_or_else(|| self.absent(operation))
    }

    pub(crate) fn absent(&self, operation: Operation) -> Failure {
        let reason = self.profile.absent.get(&operation);
        let fault = Fault::Absent {
            profile: self.profile.name.clone(),
            operation,
            reason: reason
                .cloned()
                .unwrap_or_else(|| "it keeps no list of logins".to_owned()),
        };
        Failure { operation, fault }
    }

    async fn asked(
        &self,
        operation: Operation,
        values: &[(&str, &str)],
        presented: &Presented<'_>,
    ) -> Result<Answer, Fault> {
        let request = self.request(operation).map_err(|failure| failure.fault)?;
        let token = carry::gap(&self.profile, presented).map(|token| ("refresh", token));
        let values: Vec<_> = values.iter().copied().chain(token).collect();
        let path = fill(&request.path.value, &values, Encoding::Percent)?;
        let url = Url::parse(&format!("{}{path}", self.origin))
            .map_err(|source| Fault::Path(Box::new(source)))?;
        let method = match Method::from_bytes(request.method.as_str().as_bytes()) {
            Ok(method) => method,
            Err(source) => return Err(Fault::Path(Box::new(source))),
        };
        let mut builder = self
            .http
            .request(method, url)
            .header(ACCEPT, "application/json");
        if self.profile.csrf == CsrfProof::SameOrigin && !request.method.is_safe() {
            builder = builder
                .header(ORIGIN, &self.origin)
                .header(SEC_FETCH_SITE, "same-origin");
        }
        let headers = carry::headers(&self.profile, operation, presented);
        for (name, value) in headers.ok_or(Fault::Uncarriable)? {
            builder = builder.header(name, value);
        }
        // A body for a refresh token that there is none of is left out.
        let wants_token = |body: &Template| body.gaps().any(|gap| gap == "refresh");
        let body = request.body.as_ref().map(|body| &body.value);
        if let Some(body) = body.filter(|body| token.is_some() || !wants_token(body)) {
            let encoding = Encoding::of(&request.content_type);
            builder = builder
                .header(CONTENT_TYPE, &request.content_type)
                .body(fill(body, &values, encoding)?);
        }
        let mut response = builder.send().await.map_err(Fault::Unanswered)?;
        let status = response.status().as_u16();
        let headers = std::mem::take(response.headers_mut());
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(Fault::Unanswered)? {
            body.extend_from_slice(&chunk);
            if body.len() > BODY_OCTETS_MAX {
                return Err(Fault::TooLarge {
                    octets_max: BODY_OCTETS_MAX,
                });
            }
        }
        Ok(Answer {
            status,
            done: request.success.contains(&status),
            headers,
            body,
        })
    }
}

/// `localhost` and its names never leave the machine (RFC 6761 6.3).
fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    match bare.parse::<std::net::IpAddr>() {
        Ok(address) => address.is_loopback(),
        Err(_) => bare == "localhost" || bare.ends_with(".localhost"),
    }
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

    fn apply<'v>(self, name: &str, value: &'v str) -> Cow<'v, str> {
        match self {
            Self::Json if name != "roles" => {
                let quoted = serde_json::Value::from(value).to_string();
                Cow::Owned(quoted[1..quoted.len() - 1].to_owned())
            }
            Self::Json | Self::Bare => Cow::Borrowed(value),
            Self::Percent => utf8_percent_encode(value, RESERVED).into(),
        }
    }
}

fn fill(template: &Template, values: &[(&str, &str)], how: Encoding) -> Result<String, Fault> {
    let encoded: Vec<_> = values
        .iter()
        .map(|(name, value)| (*name, how.apply(name, value)))
        .collect();
    let value = |gap: &str| {
        encoded
            .iter()
            .find(|(name, _)| *name == gap)
            .map(|(_, value)| value.as_ref())
    };
    Ok(template.fill(value)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_for_their_place() {
        let template = Template::parse(r#"{"user":"{user}","roles":{roles}}"#);
        let values = [("user", "a\"b\n"), ("roles", r#"["x"]"#)];
        let filled = |how| fill(&template, &values, how).unwrap();
        assert_eq!(filled(Encoding::Json), r#"{"user":"a\"b\n","roles":["x"]}"#);
        let path = Template::parse("/u/{user}/x");
        let filled = fill(&path, &[("user", "a/../b ?#ä")], Encoding::Percent).unwrap();
        assert_eq!(filled, "/u/a%2F..%2Fb%20%3F%23%C3%A4/x");
        assert!(matches!(
            fill(&path, &[], Encoding::Bare),
            Err(Fault::Gap(_))
        ));
        assert_eq!(
            Encoding::of("Application/JSON; charset=utf-8"),
            Encoding::Json
        );
        assert_eq!(Encoding::of("application/problem+json"), Encoding::Json);
        assert_eq!(Encoding::of("text/plain"), Encoding::Bare);
    }

    #[test]
    fn only_this_machine_is_this_machine() {
        for host in [
            "127.0.0.1",
            "127.8.8.8",
            "[::1]",
            "localhost",
            "app.localhost",
        ] {
            assert!(is_loopback(host), "{host}");
        }
        for host in [
            "10.0.0.1",
            "[::2]",
            "localhost.example",
            "127.0.0.1.example",
            "0.0.0.0",
        ] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
