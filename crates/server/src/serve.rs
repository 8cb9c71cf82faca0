//! The server itself: sockets, connections and their end.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use authbench_core::Clock as _;
use authbench_wire::Transport;
use axum::Router;
use axum::body::Body;
use axum::middleware::map_response;
use axum::response::Response;
use http::header::{HOST, STRICT_TRANSPORT_SECURITY};
use http::{HeaderValue, Request};
use hyper::body::{Body as _, Incoming};
use hyper::rt::{Read, Write};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tower::Service as _;
use tracing::{debug, info, warn};

use crate::app::App;
use crate::config::{ServerConfig, head_octets_min};
use crate::keys::KeySetError;
use crate::routes;
use crate::tls::{H2, Tls, TlsError};

/// A server that is bound to its address.
pub struct Server {
    listener: TcpListener,
    local_addr: SocketAddr,
    router: Router,
    app: Arc<App>,
    tls: Option<Tls>,
    http2: bool,
}

/// How a server ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Drained {
    /// Connections that did not finish in time and were cut.
    pub cut_connections: usize,
}

/// The server could not be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The address cannot be had.
    #[error("cannot listen on {addr}")]
    Bind {
        /// Which address.
        addr: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The lab's routes hand the server's clock to whoever can reach it.
    #[error("a lab server on {addr} could be reached by others; use a loopback address")]
    LabExposed {
        /// Which address.
        addr: SocketAddr,
    },
    /// A server that others use would be slow.
    #[error("only a lab server may be slowed down on purpose: open the lab, or burn nothing")]
    BurnOutsideLab,
    /// The lab's accounts have public passwords.
    #[error("the lab's accounts have public passwords: only a lab server may load them")]
    LabAccounts,
    /// The key set is none, or would give a secret away (RFC 7517 4, 9.2).
    #[error(transparent)]
    Jwks(#[from] KeySetError),
    /// The head of a request could not even hold the credential's cookies.
    #[error("`head_octets_max` is {octets}: less than {octets_min} holds no full credential")]
    HeadBound {
        /// The bound.
        octets: usize,
        /// The least that would do.
        octets_min: usize,
    },
    /// TLS could not be set up.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

impl Server {
    /// Binds a server to `addr`; port 0 takes a free one. Needs a tokio
    /// runtime with I/O and time, of either kind.
    ///
    /// # Errors
    /// [`ServeError`] when the address cannot be had or the parts do not fit
    /// each other or the address.
    pub async fn bind(addr: SocketAddr, config: ServerConfig) -> Result<Self, ServeError> {
        if config.lab && !addr.ip().is_loopback() {
            return Err(ServeError::LabExposed { addr });
        }
        if config.burn.is_some() && !config.lab {
            return Err(ServeError::BurnOutsideLab);
        }
        if config.accounts.lab_only() && !config.lab {
            return Err(ServeError::LabAccounts);
        }
        let offer = config.strategy.guarantees().refresh;
        let octets = config.limits.head_octets_max;
        let octets_min = head_octets_min(&config.transport, offer);
        if octets < octets_min {
            return Err(ServeError::HeadBound { octets, octets_min });
        }
        let jwks = match config.jwks {
            Some(keys) => keys.document(config.clock.now())?.map(|_| keys),
            None => None,
        };
        let tls = config.tls.as_ref().map(|tls| Tls::new(tls, config.http2));
        let tls = tls.transpose()?;
        let app = Arc::new(App {
            challenge: challenge(&config.transport),
            strategy: config.strategy,
            offer,
            transport: config.transport,
            accounts: config.accounts,
            clock: config.clock,
            entropy: config.entropy,
            jwks,
            rotate_keys: config.rotate_keys,
            stats: config.stats,
            set_store: config.set_store,
            store_contents: config.store_contents,
            signing_key: config.signing_key,
            next: config.next,
            limits: config.limits,
            scheme: if tls.is_some() { "https" } else { "http" },
            lab: config.lab,
        });
        let mut router = routes::router(Arc::clone(&app), config.burn.as_ref());
        if tls.is_some() {
            router = router.layer(map_response(with_hsts));
        }
        let failed = |source| ServeError::Bind { addr, source };
        let listener = TcpListener::bind(addr).await.map_err(failed)?;
        let local_addr = listener.local_addr().map_err(failed)?;
        Ok(Self {
            listener,
            local_addr,
            router,
            app,
            tls,
            http2: config.http2,
        })
    }

    /// Puts `router` in the place of the server's own routes: what a
    /// comparison needs that is about the routes and not about the loop.
    #[doc(hidden)]
    #[must_use]
    pub fn with_router(self, router: Router) -> Self {
        Self { router, ..self }
    }

    /// The address, with the port that was taken.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Scheme, host and port as clients reach it.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("{}://{}", self.app.scheme, self.local_addr)
    }

    /// The server's own certificate in DER, if it speaks TLS: what a client
    /// must trust if it is self-signed.
    #[must_use]
    pub fn certificate_der(&self) -> Option<&[u8]> {
        self.tls.as_ref().map(|tls| tls.certificate.as_ref())
    }

    /// The same as PEM text (RFC 7468 5).
    #[must_use]
    pub fn certificate_pem(&self) -> Option<String> {
        let der = self.certificate_der()?;
        Some(pem::encode(&pem::Pem::new("CERTIFICATE", der)))
    }

    /// Serves until `shutdown` is done. Then it accepts no more, lets the
    /// requests in flight finish for the time that the limits give them, and
    /// cuts what is left. Dropping the future cuts everything at once.
    pub async fn serve(self, shutdown: impl Future<Output = ()>) -> Drained {
        let limits = self.app.limits;
        let seats = Arc::new(Semaphore::new(limits.connections_max));
        let graceful = GracefulShutdown::new();
        let mut connections = JoinSet::new();
        let door = Door::new(&self);
        let mut shutdown = pin!(shutdown);
        info!(addr = %self.local_addr, scheme = self.app.scheme, lab = self.app.lab, "serving");
        loop {
            let accepted = async {
                // The semaphore is never closed: there is always a seat to come.
                let seat = Arc::clone(&seats).acquire_owned().await.ok();
                (seat, self.listener.accept().await)
            };
            tokio::select! {
                () = &mut shutdown => break,
                Some(_) = connections.join_next() => {}
                (seat, accepted) = accepted => match accepted {
                    Ok((stream, _)) => {
                        let serving = door.clone().serve(stream, graceful.watcher());
                        connections.spawn(async move {
                            serving.await;
                            drop(seat);
                        });
                    }
                    Err(error) => pause_after(&error).await,
                },
            }
        }
        drop(self.listener);
        let drain = Duration::from_millis(limits.drain_ms);
        let drained = tokio::time::timeout(drain, graceful.shutdown()).await;
        while connections.try_join_next().is_some() {}
        let cut_connections = if drained.is_ok() {
            0
        } else {
            connections.len()
        };
        connections.shutdown().await;
        info!(cut_connections, "stopped");
        Drained { cut_connections }
    }
}

/// What a connection needs.
#[derive(Clone)]
struct Door {
    http1: http1::Builder,
    http2: Option<http2::Builder<TokioExecutor>>,
    router: Router,
    tls: Option<tokio_rustls::TlsAcceptor>,
    handshake: Duration,
}

/// What a connection speaks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Protocol {
    Http1,
    Http2,
}

impl Door {
    fn new(server: &Server) -> Self {
        let limits = &server.app.limits;
        let head_timeout = Duration::from_millis(limits.head_timeout_ms);
        // Answers are small: one copied buffer was 0.7 us of 12 us cheaper than
        // a vectored write of head and body. The timer costs 0.5 us.
        let mut http1 = http1::Builder::new();
        http1
            .timer(TokioTimer::new())
            .header_read_timeout(head_timeout)
            .max_header_size(limits.head_octets_max)
            .writev(false);
        let http2 = server.http2.then(|| {
            let head_octets_max = u32::try_from(limits.head_octets_max).unwrap_or(u32::MAX);
            let mut http2 = http2::Builder::new(TokioExecutor::new());
            http2
                .timer(TokioTimer::new())
                .keep_alive_interval(head_timeout)
                .max_header_list_size(head_octets_max);
            http2
        });
        Self {
            http1,
            http2,
            router: server.router.clone(),
            tls: server.tls.as_ref().map(|tls| tls.acceptor.clone()),
            handshake: Duration::from_millis(limits.handshake_timeout_ms),
        }
    }

    async fn serve(self, stream: TcpStream, watcher: Watcher) {
        if let Err(error) = stream.set_nodelay(true) {
            debug!(%error, "a connection was lost");
            return;
        }
        let Some(acceptor) = &self.tls else {
            let protocol = match &self.http2 {
                None => Protocol::Http1,
                Some(_) => tokio::time::timeout(self.handshake, spoken_on(&stream))
                    .await
                    .unwrap_or(Protocol::Http1),
            };
            return self.speak(protocol, TokioIo::new(stream), watcher).await;
        };
        match tokio::time::timeout(self.handshake, acceptor.accept(stream)).await {
            Ok(Ok(stream)) => {
                let protocol = match stream.get_ref().1.alpn_protocol() {
                    Some(H2) => Protocol::Http2,
                    _ => Protocol::Http1,
                };
                self.speak(protocol, TokioIo::new(stream), watcher).await;
            }
            Ok(Err(error)) => debug!(%error, "a TLS handshake failed"),
            Err(_) => debug!("a TLS handshake took too long"),
        }
    }

    async fn speak(
        &self,
        protocol: Protocol,
        io: impl Read + Write + Send + Unpin + 'static,
        watcher: Watcher,
    ) {
        let ended = match (protocol, &self.http2) {
            (Protocol::Http2, Some(http)) => {
                let router = self.router.clone();
                let service = service_fn(move |request| route(router.clone(), with_host(request)));
                watcher.watch(http.serve_connection(io, service)).await
            }
            _ => {
                let service = service_fn(|request| route(self.router.clone(), request));
                watcher
                    .watch(self.http1.serve_connection(io, service))
                    .await
            }
        };
        if let Err(error) = ended {
            debug!(%error, "a connection broke off");
        }
    }
}

/// What a client begins with who knows beforehand that we speak HTTP/2
/// (RFC 9113 3.3, 3.4). No method begins like that.
const PREFACE: &[u8] = b"PRI ";

/// What the client speaks, by the first octets that it sends.
async fn spoken_on(stream: &TcpStream) -> Protocol {
    let mut first = [0; PREFACE.len()];
    loop {
        match stream.peek(&mut first).await {
            Ok(length) if first[..length] == *PREFACE => return Protocol::Http2,
            // What is there already would be there again at once.
            Ok(length @ 1..) if PREFACE.starts_with(&first[..length]) => {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            // A connection that broke is told by whoever reads it next.
            Ok(_) | Err(_) => return Protocol::Http1,
        }
    }
}

/// An HTTP/2 request names its host in a pseudo-header alone (RFC 9113 8.3.1).
fn with_host<B>(mut request: Request<B>) -> Request<B> {
    let authority = request.uri().authority();
    let host = authority.and_then(|it| HeaderValue::try_from(it.as_str()).ok());
    if let Some(host) = host {
        request.headers_mut().insert(HOST, host);
    }
    request
}

/// Hands a request to axum. Most have no body, and an empty one costs no
/// allocation.
fn route(
    mut router: Router,
    request: Request<Incoming>,
) -> impl Future<Output = Result<Response, Infallible>> {
    router.call(request.map(|body| {
        if body.is_end_stream() {
            Body::empty()
        } else {
            Body::new(body)
        }
    }))
}

/// Whoever has once spoken TLS with this host speaks nothing else with it for a
/// year (ASVS 5.0 3.4.1). Without TLS it is not said (RFC 6797 7.2).
async fn with_hsts(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(STRICT_TRANSPORT_SECURITY, HSTS);
    response
}

const HSTS: HeaderValue = HeaderValue::from_static("max-age=31536000; includeSubDomains");

/// A connection that its client gave up while it waited is none of our
/// business; but if the process has no more descriptors, asking again at once
/// would only spin.
async fn pause_after(error: &io::Error) {
    let lost = [
        io::ErrorKind::ConnectionAborted,
        io::ErrorKind::ConnectionRefused,
        io::ErrorKind::ConnectionReset,
    ];
    if !lost.contains(&error.kind()) {
        warn!(%error, "no connection could be accepted");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// What a 401 says is missing; nothing about what was wrong, so that it is the
/// same for every cause (RFC 6750 3 lets `error` out, RFC 9110 11.6.1 wants a
/// scheme, and for cookies no registered one exists).
fn challenge(transport: &Transport) -> HeaderValue {
    let named = match transport {
        Transport::Bearer => return HeaderValue::from_static("Bearer realm=\"authbench\""),
        Transport::Cookie(settings) => {
            format!(
                "Cookie realm=\"authbench\", cookie-name=\"{}\"",
                settings.name()
            )
        }
    };
    HeaderValue::try_from(named).unwrap_or(HeaderValue::from_static("Cookie realm=\"authbench\""))
}
