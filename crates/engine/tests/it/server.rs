//! A server that does with each connection what the test says, and the client
//! that asks it.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use authbench_core::system::monotonic_ns;
use authbench_engine::{Broken, Engine, EngineError, EngineKind, EngineOptions, Route};

/// The transports that speak HTTP/1.1. Where the kernel lacks one, that is said.
pub(crate) fn kinds() -> Vec<EngineKind> {
    let (_server, address) = Server::start(|mut stream, _| linger(&mut stream));
    let mut kinds = vec![EngineKind::Hyper, EngineKind::Epoll, EngineKind::IoUring];
    kinds.retain(|kind| match Engine::<()>::open(&options(*kind, address)) {
        Ok(_) => true,
        Err(error @ EngineError::Unavailable { .. }) => {
            let reason = std::error::Error::source(&error).unwrap();
            eprintln!("NOT TESTED: {error}: {reason}");
            false
        }
        Err(error) => panic!("{error:?}"),
    });
    kinds
}

pub(crate) fn options(kind: EngineKind, address: SocketAddr) -> EngineOptions {
    EngineOptions {
        kind,
        ..EngineOptions::new(address)
    }
}

/// Accepts connections for as long as the test runs.
pub(crate) struct Server {
    accepted: Arc<AtomicUsize>,
}

impl Server {
    /// Serves each connection, numbered from 0, by `serve` on a thread of its
    /// own.
    pub(crate) fn start(
        serve: impl Fn(TcpStream, usize) + Send + Sync + 'static,
    ) -> (Self, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        (Self::accept(listener, usize::MAX, serve), address)
    }

    /// The same with this listener, which is closed after `connections`.
    pub(crate) fn accept(
        listener: TcpListener,
        connections: usize,
        serve: impl Fn(TcpStream, usize) + Send + Sync + 'static,
    ) -> Self {
        let accepted = Arc::new(AtomicUsize::new(0));
        let (counter, serve) = (Arc::clone(&accepted), Arc::new(serve));
        std::thread::spawn(move || {
            for stream in listener.incoming().take(connections) {
                let (stream, serve) = (stream.unwrap(), Arc::clone(&serve));
                let number = counter.fetch_add(1, Ordering::SeqCst);
                std::thread::spawn(move || serve(stream, number));
            }
        });
        Self { accepted }
    }

    /// How many connections there have been.
    pub(crate) fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }
}

/// Reads one request: its head. `None` when the client has closed.
pub(crate) fn head(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).ok()? == 0 {
            return None;
        }
        head.push(byte[0]);
    }
    Some(String::from_utf8(head).unwrap())
}

/// Answers each request on the connection with `answer`, in pieces of so many
/// octets.
pub(crate) fn repeat(answer: &str, piece: usize) -> impl Fn(TcpStream, usize) + use<> {
    let answer = answer.as_bytes().to_vec();
    move |mut stream, _| {
        stream.set_nodelay(true).unwrap();
        while head(&mut stream).is_some() {
            for piece in answer.chunks(piece) {
                if stream.write_all(piece).is_err() {
                    return;
                }
            }
        }
    }
}

/// Waits until the client has closed, or reset.
pub(crate) fn linger(stream: &mut TcpStream) {
    let mut rest = [0; 1024];
    while stream.read(&mut rest).is_ok_and(|count| count > 0) {}
}

pub(crate) const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// What came of a request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Outcome {
    Answered {
        status: u16,
        body: Vec<u8>,
        keep_alive: bool,
        wire_bytes: u64,
    },
    Connection,
    Closed,
    Malformed,
}

impl Outcome {
    pub(crate) fn ok() -> Self {
        Self::Answered {
            status: 200,
            body: b"ok".to_vec(),
            keep_alive: true,
            wire_bytes: OK.len() as u64,
        }
    }

    /// Without its octets on the wire: hyper cannot tell what follows an answer
    /// from the answer.
    pub(crate) fn meaning(&self) -> Self {
        match self.clone() {
            Self::Answered {
                status,
                body,
                keep_alive,
                ..
            } => Self::Answered {
                status,
                body,
                keep_alive,
                wire_bytes: 0,
            },
            other => other,
        }
    }

    pub(crate) fn is_ok(&self) -> bool {
        matches!(self, Self::Answered { status: 200, .. })
    }
}

pub(crate) fn second() -> u64 {
    monotonic_ns() + 1_000_000_000
}

/// Sends `request` and waits for what comes of it.
pub(crate) fn ask(engine: &mut Engine<u32>, route: Route, request: &[u8]) -> Outcome {
    settle(engine, |engine| engine.has_idle(route));
    engine
        .send(route, 7, |out| out.extend_from_slice(request))
        .unwrap();
    assert_eq!((engine.in_flight(), engine.pending().len()), (1, 1));
    loop {
        engine.wait(second()).unwrap();
        if let Some(outcome) = outcome(engine) {
            assert_eq!((engine.in_flight(), engine.pending().len()), (0, 0));
            return outcome;
        }
    }
}

/// The next outcome, if there is one.
pub(crate) fn outcome(engine: &mut Engine<u32>) -> Option<Outcome> {
    let done = engine.next_done()?;
    assert_eq!(done.request.ticket, 7);
    assert!(done.request.sent_ns <= done.done_ns && done.done_ns <= monotonic_ns());
    let (outcome, reusable) = match &done.answer {
        Ok(answer) => {
            let view = engine.view(done.conn, answer);
            let answered = Outcome::Answered {
                status: view.status,
                body: view.body.to_vec(),
                keep_alive: answer.keep_alive,
                wire_bytes: answer.wire_bytes,
            };
            (answered, answer.keep_alive)
        }
        Err(Broken::Closed) => (Outcome::Closed, false),
        Err(Broken::Malformed(_)) => (Outcome::Malformed, false),
        Err(_) => (Outcome::Connection, false),
    };
    engine.release(done.conn, reusable);
    Some(outcome)
}

/// Waits, while no request is on its way, until something is so.
pub(crate) fn settle(engine: &mut Engine<u32>, is: impl Fn(&Engine<u32>) -> bool) {
    while !is(engine) {
        engine.wait(monotonic_ns() + 1_000_000).unwrap();
        assert!(engine.next_done().is_none());
    }
}

pub(crate) const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";
