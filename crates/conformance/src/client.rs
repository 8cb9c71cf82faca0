//! Requests to the target: exactly what a check says, and nothing else. There
//! is no cookie jar, no redirect, no proxy.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use authbench_core::Clock as _;
use authbench_core::system::{SystemClock, monotonic_ns};
use authbench_results::Evidence;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use parking_lot::{Mutex, RwLock};
use reqwest::ClientBuilder;
use reqwest::redirect::Policy as Redirects;

use crate::answer::Answer;
use crate::mask::Mask;

/// The most octets of an answer's body that are read.
const BODY_OCTETS_MAX: usize = 8 * 1024 * 1024;

/// One request, ready to be sent.
#[derive(Clone, Debug)]
pub struct Wire {
    /// The method.
    pub method: Method,
    /// Scheme, host, port, path and query.
    pub url: String,
    /// The headers in their order; one may stand several times.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The body.
    pub body: Vec<u8>,
}

/// No answer came, or none that can be read.
#[derive(Debug, thiserror::Error)]
#[error("{sent}: no answer")]
pub struct Broken {
    /// The request's line.
    pub sent: String,
    /// Whether the time ran out.
    pub timed_out: bool,
    /// Whether the target took no connection.
    pub refused_connection: bool,
    #[source]
    source: reqwest::Error,
}

/// Sends requests, and counts them.
pub(crate) struct Client {
    http: RwLock<reqwest::Client>,
    options: ClientOptions,
    /// Without kept connections: each request on a new one.
    fresh: reqwest::Client,
    pub(crate) mask: Mask,
    sent: AtomicU64,
    pace: Option<Pace>,
}

/// The bounds of a client.
#[derive(Clone, Debug)]
pub(crate) struct ClientOptions {
    pub(crate) timeout: Duration,
    pub(crate) rate_per_s: Option<u32>,
    pub(crate) certificate_der: Option<Vec<u8>>,
}

/// Spreads requests over time.
struct Pace {
    gap: Duration,
    next_ns: Mutex<u64>,
}

impl Client {
    pub(crate) fn new(options: &ClientOptions) -> Result<Self, reqwest::Error> {
        Ok(Self {
            http: RwLock::new(pool(options)?.build()?),
            fresh: pool(options)?.pool_max_idle_per_host(0).build()?,
            options: options.clone(),
            mask: Mask::default(),
            sent: AtomicU64::new(0),
            pace: options.rate_per_s.map(|rate| Pace {
                gap: Duration::from_secs(1) / rate.max(1),
                next_ns: Mutex::new(0),
            }),
        })
    }

    /// Uses no connection again that was opened until now: what a server that
    /// restarts leaves behind.
    pub(crate) fn forget_connections(&self) {
        // The options built a client before, so they do again.
        if let Ok(client) = pool(&self.options).and_then(ClientBuilder::build) {
            *self.http.write() = client;
        }
    }

    /// How many requests were sent so far.
    pub(crate) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Sends `wire`; on a connection of its own if `fresh`.
    pub(crate) async fn send(&self, wire: &Wire, fresh: bool) -> Result<Answer, Broken> {
        if let Some(pace) = &self.pace {
            pace.wait().await;
        }
        self.sent.fetch_add(1, Ordering::Relaxed);
        let line = format!("{} {}", wire.method, wire.url);
        let broken = |source: reqwest::Error| Broken {
            sent: self.mask.apply(&line),
            timed_out: source.is_timeout(),
            refused_connection: source.is_connect(),
            source: source.without_url(),
        };
        let http = match fresh {
            true => self.fresh.clone(),
            false => self.http.read().clone(),
        };
        let mut headers = HeaderMap::new();
        for (name, value) in &wire.headers {
            headers.append(name, value.clone());
        }
        let mut request = http
            .request(wire.method.clone(), &wire.url)
            .headers(headers);
        if !wire.body.is_empty() {
            request = request.body(wire.body.clone());
        }
        let began_ms = SystemClock.now().0;
        let began_ns = monotonic_ns();
        let mut response = request.send().await.map_err(broken)?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(broken)? {
            body.extend_from_slice(&chunk);
            if body.len() > BODY_OCTETS_MAX {
                break;
            }
        }
        Ok(Answer {
            status: response.status().as_u16(),
            headers: std::mem::take(response.headers_mut()),
            body,
            began_ms,
            took: Duration::from_nanos(monotonic_ns() - began_ns),
            wire: wire.clone(),
        })
    }

    /// What was sent and what came back, secrets masked.
    pub(crate) fn evidence(&self, answer: &Answer) -> Evidence {
        Evidence {
            sent: self.mask.apply(&sent_text(&answer.wire)),
            received: self.mask.apply(&received_text(answer)),
        }
    }
}

/// A client as the options say, with kept connections.
fn pool(options: &ClientOptions) -> Result<ClientBuilder, reqwest::Error> {
    let mut builder = reqwest::Client::builder()
        .redirect(Redirects::none())
        .referer(false)
        .no_proxy()
        .http1_only()
        .timeout(options.timeout);
    if let Some(der) = &options.certificate_der {
        builder = builder.tls_certs_only([reqwest::Certificate::from_der(der)?]);
    }
    Ok(builder)
}

impl Pace {
    async fn wait(&self) {
        let now_ns = monotonic_ns();
        let due_ns = {
            let mut next_ns = self.next_ns.lock();
            let due_ns = (*next_ns).max(now_ns);
            let gap_ns = u64::try_from(self.gap.as_nanos()).unwrap_or(u64::MAX);
            *next_ns = due_ns.saturating_add(gap_ns);
            due_ns
        };
        tokio::time::sleep(Duration::from_nanos(due_ns - now_ns)).await;
    }
}

fn sent_text(wire: &Wire) -> String {
    let mut text = format!("{} {}\n", wire.method, wire.url);
    push_headers(
        &mut text,
        wire.headers.iter().map(|(name, value)| (name, value)),
    );
    push_body(&mut text, &wire.body);
    text
}

fn received_text(answer: &Answer) -> String {
    let mut text = format!("{}\n", answer.status);
    push_headers(&mut text, answer.headers.iter());
    push_body(&mut text, &answer.body);
    text
}

fn push_headers<'h>(
    text: &mut String,
    headers: impl Iterator<Item = (&'h HeaderName, &'h HeaderValue)>,
) {
    for (name, value) in headers {
        text.push_str(name.as_str());
        text.push_str(": ");
        text.push_str(&String::from_utf8_lossy(value.as_bytes()));
        text.push('\n');
    }
}

fn push_body(text: &mut String, body: &[u8]) {
    if !body.is_empty() {
        text.push('\n');
        text.push_str(&String::from_utf8_lossy(body));
    }
}
