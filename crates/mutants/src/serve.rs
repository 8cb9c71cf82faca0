//! A replica's process: takes connections from listeners that outlive it.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

use crate::app::App;
use crate::{limits, routes};

/// A port on loopback that is listened to.
#[derive(Clone)]
pub(crate) struct Port {
    pub(crate) address: SocketAddr,
    listener: Arc<TcpListener>,
}

/// Where a replica is reached.
#[derive(Clone)]
pub(crate) enum Ports {
    /// Without TLS.
    Plain(Port),
    /// With TLS; beside it, a port without.
    Tls {
        secure: Port,
        plain: Port,
        acceptor: TlsAcceptor,
    },
}

impl Port {
    async fn bind() -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        Ok(Self {
            address: listener.local_addr()?,
            listener: Arc::new(listener),
        })
    }
}

impl Ports {
    /// Free ones; with TLS if there is an acceptor.
    pub(crate) async fn bind(acceptor: Option<TlsAcceptor>) -> std::io::Result<Self> {
        let first = Port::bind().await?;
        Ok(match acceptor {
            None => Self::Plain(first),
            Some(acceptor) => Self::Tls {
                secure: first,
                plain: Port::bind().await?,
                acceptor,
            },
        })
    }

    /// Scheme, host and port of the API.
    pub(crate) fn base_url(&self) -> String {
        match self {
            Self::Plain(port) => format!("http://{}", port.address),
            Self::Tls { secure, .. } => format!("https://{}", secure.address),
        }
    }

    /// Scheme, host and port of what is without TLS beside the API.
    pub(crate) fn plain_url(&self) -> Option<String> {
        match self {
            Self::Plain(_) => None,
            Self::Tls { plain, .. } => Some(format!("http://{}", plain.address)),
        }
    }
}

/// Serves until the task is aborted, which cuts all connections, as a kill
/// would.
pub(crate) fn spawn(ports: Ports, app: App) -> JoinHandle<()> {
    let app = Arc::new(app);
    tokio::spawn(async move {
        match ports {
            Ports::Plain(port) => listen(port, None, routes::router(app)).await,
            Ports::Tls {
                secure,
                plain,
                acceptor,
            } => {
                let api = listen(secure, Some(acceptor), routes::over_tls(Arc::clone(&app)));
                tokio::join!(api, listen(plain, None, routes::without_tls(app)));
            }
        }
    })
}

async fn listen(port: Port, tls: Option<TlsAcceptor>, router: Router) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = port.listener.accept().await else {
            continue;
        };
        // Answers are small: none waits for the next segment.
        let _ = stream.set_nodelay(true);
        connections.spawn(connection(stream, tls.clone(), router.clone()));
        while connections.try_join_next().is_some() {}
    }
}

async fn connection(stream: TcpStream, tls: Option<TlsAcceptor>, router: Router) {
    match tls {
        None => speak(stream, router).await,
        // An error here is a client that went away, or did not speak TLS: the
        // library has sent its alert already.
        Some(tls) => {
            if let Ok(stream) = tls.accept(stream).await {
                speak(stream, router).await;
            }
        }
    }
}

async fn speak(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, router: Router) {
    // An error here is a client that went away, or did not speak HTTP: the
    // library has answered it already.
    let _ = http1::Builder::new()
        .timer(TokioTimer::new())
        .max_buf_size(limits::HEAD_OCTETS_READ)
        .max_headers(limits::HEADERS_READ)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router))
        .await;
}
