//! Real servers, plain and under TLS, by HTTP/1.1 and HTTP/2.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use authbench_engine::{Engine, EngineError, EngineKind, EngineOptions, Route, Trust};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use rustls::ServerConfig;
use tokio_rustls::TlsAcceptor;

use crate::secure::{identity, trusting};
use crate::server::{GET, Outcome, ask, options, outcome, second, settle};

/// A hyper server on a thread of its own.
struct Real {
    address: SocketAddr,
    accepted: Arc<AtomicUsize>,
    /// Ends all connections that there are.
    end: tokio::sync::broadcast::Sender<()>,
}

impl Real {
    fn start(tls: Option<Arc<ServerConfig>>) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let accepted = Arc::new(AtomicUsize::new(0));
        let (end, _) = tokio::sync::broadcast::channel(1);
        let (counter, ends) = (Arc::clone(&accepted), end.clone());
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                loop {
                    let (stream, _) = listener.accept().await.unwrap();
                    stream.set_nodelay(true).unwrap();
                    counter.fetch_add(1, Ordering::SeqCst);
                    let (tls, mut end) = (tls.clone(), ends.subscribe());
                    tokio::spawn(async move {
                        let serving = async {
                            match tls {
                                None => serve(TokioIo::new(stream)).await,
                                Some(tls) => {
                                    if let Ok(stream) = TlsAcceptor::from(tls).accept(stream).await
                                    {
                                        serve(TokioIo::new(stream)).await;
                                    }
                                }
                            }
                        };
                        tokio::select! { () = serving => {}, _ = end.recv() => {} }
                    });
                }
            });
        });
        Self {
            address,
            accepted,
            end,
        }
    }

    fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }
}

async fn serve(io: impl hyper::rt::Read + hyper::rt::Write + Unpin + 'static + Send) {
    // A client that leaves is no fault of the server's.
    let _ = auto::Builder::new(TokioExecutor::new())
        .serve_connection(io, service_fn(answer))
        .await;
}

/// Says what was asked for, sets two cookies, and never answers `/never`.
async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, std::io::Error> {
    match request.uri().path() {
        "/never" => std::future::pending().await,
        "/fault" => return Err(std::io::Error::other("asked for")),
        _ => {}
    }
    let said = format!(
        "{:?} {} {} {}",
        request.version(),
        request.method(),
        request.uri().path(),
        request
            .headers()
            .get("x-said")
            .map_or("", |said| said.to_str().unwrap()),
    );
    let content = request.into_body().collect().await.unwrap().to_bytes();
    let body = [said.as_bytes(), b" ", &content].concat();
    let response = Response::builder()
        .status(201)
        .header("Set-Cookie", "a=1; Path=/")
        .header("Set-Cookie", "b=2");
    Ok(response.body(Full::from(body)).unwrap())
}

const PUT: &[u8] =
    b"PUT /some/where HTTP/1.1\r\nHost: localhost\r\nX-Said: hello\r\nContent-Length: 4\r\n\r\n{ } ";

/// Every way to such a server.
fn ways() -> Vec<(Real, EngineOptions, &'static str)> {
    let (certificate, tls) = identity(&["localhost"], &[b"h2", b"http/1.1"]);
    let mut ways = Vec::new();
    for kind in [EngineKind::Epoll, EngineKind::Hyper, EngineKind::Http2] {
        let version = if kind == EngineKind::Http2 {
            "HTTP/2.0"
        } else {
            "HTTP/1.1"
        };
        let plain = Real::start(None);
        let way = options(kind, plain.address);
        ways.push((plain, way, version));
        let secure = Real::start(Some(Arc::clone(&tls)));
        let trust = Trust::Roots(vec![certificate.clone()]);
        let way = trusting(kind, secure.address, trust);
        ways.push((secure, way, version));
    }
    ways
}

#[test]
fn requests_and_answers_are_whole() {
    for (real, options, version) in ways() {
        let mut engine = Engine::open(&options).unwrap();
        assert_eq!(engine.kind(), options.kind);
        for round in 0..3 {
            let sent_ns = engine
                .send(Route::Any, 7, |out| out.extend_from_slice(PUT))
                .unwrap();
            let done = loop {
                engine.wait(second()).unwrap();
                if let Some(done) = engine.next_done() {
                    break done;
                }
            };
            let answer = done.answer.unwrap();
            let view = engine.view(done.conn, &answer);
            let body = format!("{version} PUT /some/where hello {{ }} ");
            assert_eq!((view.status, view.body), (201, body.as_bytes()));
            let cookies: Vec<_> = view
                .set_cookies()
                .map(|cookie| (cookie.name, cookie.value, cookie.attributes))
                .collect();
            assert_eq!(
                cookies,
                [(&b"a"[..], &b"1"[..], &b"Path=/"[..]), (b"b", b"2", b"")]
            );
            assert_eq!(done.request.sent_ns, sent_ns);
            // HPACK makes them smaller, frames larger.
            if version == "HTTP/1.1" {
                assert_eq!(done.request.sent_bytes, PUT.len() as u64, "{round}");
            } else {
                assert!(done.request.sent_bytes > 4 && answer.wire_bytes > body.len() as u64);
            }
            assert!(answer.keep_alive);
            engine.release(done.conn, answer.keep_alive);
        }
        assert_eq!((engine.reconnects(), real.accepted()), (0, 1));
    }
}

#[test]
fn many_at_a_time() {
    const AT_A_TIME: u32 = 250;
    for (real, options, version) in ways() {
        let options = EngineOptions {
            connections: AT_A_TIME,
            ..options
        };
        let mut engine = Engine::open(&options).unwrap();
        let (mut sent, mut answered) = (0, 0);
        while answered < 4 * AT_A_TIME {
            while sent < 4 * AT_A_TIME
                && engine
                    .send(Route::Any, 7, |out| out.extend_from_slice(PUT))
                    .is_some()
            {
                sent += 1;
            }
            assert!(sent == 4 * AT_A_TIME || !engine.has_idle(Route::Any));
            engine.wait(second()).unwrap();
            while let Some(outcome) = outcome(&mut engine) {
                assert!(matches!(
                    outcome,
                    Outcome::Answered {
                        status: 201,
                        keep_alive: true,
                        ..
                    }
                ));
                answered += 1;
            }
        }
        let connections = if version == "HTTP/2.0" { 3 } else { 250 };
        assert_eq!((engine.reconnects(), real.accepted()), (0, connections));
    }
}

#[test]
fn a_server_that_ends_its_connections() {
    for (real, options, _) in ways() {
        let options = EngineOptions {
            connections: 3,
            ..options
        };
        let mut engine = Engine::open(&options).unwrap();
        assert!(matches!(
            ask(&mut engine, Route::Any, PUT),
            Outcome::Answered { .. }
        ));
        let links = real.accepted();
        // With two requests under way, and one connection or stream idle.
        for _ in 0..2 {
            engine
                .send(Route::Any, 7, |out| {
                    out.extend_from_slice(b"GET /never HTTP/1.1\r\nHost: x\r\n\r\n");
                })
                .unwrap();
        }
        engine.wait(second() - 980_000_000).unwrap();
        assert!(engine.next_done().is_none());
        while real.end.receiver_count() < links {
            std::thread::yield_now();
        }
        real.end.send(()).unwrap();
        let mut broken = Vec::new();
        while broken.len() < 2 {
            engine.wait(second()).unwrap();
            broken.extend(outcome(&mut engine));
        }
        assert!(
            broken
                .iter()
                .all(|outcome| matches!(outcome, Outcome::Closed | Outcome::Connection)),
            "{broken:?}"
        );
        settle(&mut engine, |engine| engine.reconnects() as usize == links);
        for _ in 0..3 {
            assert!(matches!(
                ask(&mut engine, Route::Any, PUT),
                Outcome::Answered { .. }
            ));
        }
        assert_eq!(
            (engine.reconnects() as usize, real.accepted()),
            (links, 2 * links)
        );
    }
}

/// A fault of one stream is no fault of the others'.
#[test]
fn a_stream_that_is_reset() {
    let real = Real::start(None);
    let mut engine = Engine::open(&options(EngineKind::Http2, real.address)).unwrap();
    for _ in 0..3 {
        let fault = b"GET /fault HTTP/1.1\r\nHost: x\r\n\r\n";
        assert_eq!(ask(&mut engine, Route::Any, fault), Outcome::Connection);
        assert!(matches!(
            ask(&mut engine, Route::Any, GET),
            Outcome::Answered { .. }
        ));
    }
    assert_eq!((engine.reconnects(), real.accepted()), (0, 1));
}

#[test]
fn a_server_without_http2_is_named() {
    let (_, tls) = identity(&["localhost"], &[b"http/1.1"]);
    let real = Real::start(Some(tls));
    let options = trusting(EngineKind::Http2, real.address, Trust::Nobody);
    let error = Engine::<u32>::open(&options).unwrap_err();
    assert!(matches!(error, EngineError::Connect { .. }), "{error:?}");
}
