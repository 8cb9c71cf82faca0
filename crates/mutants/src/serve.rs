//! A replica's process: takes connections from a listener that outlives it.

use std::sync::Arc;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

use crate::app::App;
use crate::{limits, routes};

/// Serves until the task is aborted, which cuts all connections, as a kill
/// would.
pub(crate) fn spawn(listener: Arc<TcpListener>, app: App) -> JoinHandle<()> {
    let router = routes::router(Arc::new(app));
    tokio::spawn(async move {
        let mut connections = JoinSet::new();
        loop {
            let Ok((stream, _)) = listener.accept().await else {
                continue;
            };
            // Answers are small: none waits for the next segment.
            let _ = stream.set_nodelay(true);
            connections.spawn(connection(TokioIo::new(stream), router.clone()));
            while connections.try_join_next().is_some() {}
        }
    })
}

async fn connection(io: TokioIo<tokio::net::TcpStream>, router: Router) {
    // An error here is a client that went away, or did not speak HTTP: the
    // library has answered it already.
    let _ = http1::Builder::new()
        .timer(TokioTimer::new())
        .max_buf_size(limits::HEAD_OCTETS_READ)
        .max_headers(limits::HEADERS_READ)
        .serve_connection(io, TowerToHyperService::new(router))
        .await;
}
