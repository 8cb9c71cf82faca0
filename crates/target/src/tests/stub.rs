//! A scripted server.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, Response};
use parking_lot::Mutex;

#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) line: String,
    headers: HeaderMap,
    pub(super) body: String,
}

impl Seen {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

/// Answers each request line by `answer` with status, `Set-Cookie` (several on
/// lines of their own) and body, and keeps what it saw.
pub(super) async fn serve(
    answer: impl Fn(&Seen) -> (u16, &'static str, &'static str) + Send + Sync + 'static,
) -> (String, Arc<Mutex<Vec<Seen>>>) {
    let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
    let log = Arc::clone(&seen);
    let answer = Arc::new(answer);
    let handler = move |request: Request| {
        let (log, answer) = (Arc::clone(&log), Arc::clone(&answer));
        async move {
            let (parts, body) = request.into_parts();
            let body = to_bytes(body, 1 << 20).await.unwrap();
            let seen = Seen {
                line: format!("{} {}", parts.method, parts.uri),
                headers: parts.headers,
                body: String::from_utf8(body.to_vec()).unwrap(),
            };
            let (status, cookie, body) = answer(&seen);
            log.lock().push(seen);
            let mut response = Response::builder().status(status);
            for cookie in cookie.lines() {
                response = response.header("set-cookie", cookie);
            }
            response
                .header("location", "/elsewhere")
                .body(Body::from(body))
                .unwrap()
        }
    };
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0))
        .await
        .unwrap();
    let base_url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(axum::serve(listener, Router::new().fallback(handler)).into_future());
    (base_url, seen)
}
