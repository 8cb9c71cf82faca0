//! An authorization server that runs beside whoever started it.

use std::convert::Infallible;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use authbench_core::{DynStrategy, Guarantees};
use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::task::{JoinHandle, JoinSet};
use tracing::{debug, warn};

use crate::caller::CallerSecret;
use crate::client::{ClientOptions, HttpAuthority};
use crate::error::AuthorityError;
use crate::routes::{AuthorityOptions, routes};

/// How long a connection may wait for the next request. Longer than clients
/// keep an idle one, so that they, not we, close it.
const IDLE: Duration = Duration::from_secs(60);

/// How long to wait when no connection can be accepted, e.g. for lack of file
/// descriptors: until some are free again.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

/// A running authorization server. Dropped, it stops: it accepts no more and
/// its connections are cut.
pub struct Running {
    address: SocketAddr,
    secret: CallerSecret,
    promised: Guarantees,
    lab_time: bool,
    task: JoinHandle<Infallible>,
}

/// Runs `strategy` as an authorization server, on a free port of the loopback
/// interface, within the tokio runtime that this is called in.
///
/// # Errors
/// [`AuthorityError::NoRuntime`] outside a runtime, and
/// [`AuthorityError::Bind`] when there is no port.
pub fn spawn(
    strategy: Arc<dyn DynStrategy>,
    options: AuthorityOptions,
) -> Result<Running, AuthorityError> {
    let runtime = Handle::try_current().map_err(AuthorityError::NoRuntime)?;
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.set_nonblocking(true).map(|()| listener))
        .and_then(TcpListener::from_std)
        .map_err(AuthorityError::Bind)?;
    let address = listener.local_addr().map_err(AuthorityError::Bind)?;
    let (secret, lab_time) = (options.secret.clone(), options.lab_time);
    let promised = strategy.guarantees();
    let router = routes(strategy, options);
    Ok(Running {
        address,
        secret,
        promised,
        lab_time,
        task: runtime.spawn(accept(listener, router)),
    })
}

impl Running {
    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// A client of this server, which knows its secret and its promises, and
    /// passes instants on if the server was started for that. Each resource
    /// server has one of its own.
    ///
    /// # Errors
    /// [`AuthorityError::Client`] when there is no HTTP client.
    pub fn client(&self, timeout_ms: u64) -> Result<HttpAuthority, AuthorityError> {
        let options = ClientOptions {
            timeout_ms,
            lab_time: self.lab_time,
        };
        let url = format!("http://{}", self.address);
        HttpAuthority::new(&url, &self.secret, self.promised, options)
    }

    /// Stops it, and returns when nothing of it answers any more.
    pub async fn stop(mut self) {
        self.task.abort();
        // It never ends by itself, so this is how it was stopped.
        let _: Result<Infallible, tokio::task::JoinError> = (&mut self.task).await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running")
            .field("address", &self.address)
            .field("lab_time", &self.lab_time)
            .finish_non_exhaustive()
    }
}

/// Serves until it is aborted; the set takes the connections down with it.
async fn accept(listener: TcpListener, router: Router) -> Infallible {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(converse(stream, router.clone()));
                }
                Err(error) => {
                    warn!(%error, "no connection can be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
            Some(ended) = connections.join_next(), if !connections.is_empty() => {
                if let Err(error) = ended {
                    warn!(%error, "a connection's task failed");
                }
            }
        }
    }
}

async fn converse(stream: TcpStream, router: Router) {
    // Small answers must not wait for more to send.
    if let Err(error) = stream.set_nodelay(true) {
        debug!(%error, "a connection broke before its first request");
        return;
    }
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router))
        .await;
    if let Err(error) = served {
        debug!(%error, "a connection broke");
    }
}
