//! One connection of hyper's: how it comes about.

use std::future::Future;
use std::io;
use std::net::TcpStream;
use std::pin::Pin;
use std::rc::Rc;

use bytes::Bytes;
use futures_executor::LocalSpawner;
use futures_util::task::LocalSpawnExt as _;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper::{Request, Response};

use super::io::{Io, Stir};
use crate::socket;
use crate::tls::{Secure, Stream};

/// What is spoken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Protocol {
    /// HTTP/1.1 (RFC 9112).
    Http1,
    /// HTTP/2 (RFC 9113).
    Http2,
}

impl Protocol {
    /// Its name when TLS is set up (RFC 7301 6).
    pub(super) const fn alpn(self) -> &'static [u8] {
        match self {
            Self::Http1 => b"http/1.1",
            Self::Http2 => b"h2",
        }
    }
}

/// A body that is there as a whole.
pub(super) type Body = Full<Bytes>;

/// Takes requests.
#[derive(Debug)]
pub(super) enum Sender {
    /// One after the other.
    Http1(http1::SendRequest<Body>),
    /// Many at a time.
    Http2(http2::SendRequest<Body>),
}

impl Sender {
    /// Another one for the same connection, where it takes many at a time.
    pub(super) fn another(&self) -> Option<Self> {
        match self {
            Self::Http1(_) => None,
            Self::Http2(sender) => Some(Self::Http2(sender.clone())),
        }
    }

    /// Whether the connection takes another request at once: it is idle, or
    /// takes many.
    pub(super) fn is_ready(&self) -> bool {
        match self {
            Self::Http1(sender) => sender.is_ready(),
            Self::Http2(sender) => sender.is_ready(),
        }
    }

    /// Sends, and awaits the answer's head.
    pub(super) async fn send(
        &mut self,
        request: Request<Body>,
    ) -> hyper::Result<Response<Incoming>> {
        match self {
            Self::Http1(sender) => {
                sender.ready().await?;
                sender.send_request(request).await
            }
            Self::Http2(sender) => {
                sender.ready().await?;
                sender.send_request(request).await
            }
        }
    }
}

/// Puts what hyper wants done beside its connections into the engine's pool.
#[derive(Clone)]
pub(super) struct Pool(pub(super) LocalSpawner);

impl<F: Future<Output: 'static> + 'static> hyper::rt::Executor<F> for Pool {
    fn execute(&self, future: F) {
        self.run(async {
            future.await;
        });
    }
}

impl Pool {
    /// Runs `future` beside everything else.
    pub(super) fn run(&self, future: impl Future<Output = ()> + 'static) {
        // It fails when there is no pool any more, and nobody to tell.
        let _ = self.0.spawn_local(future);
    }
}

/// What hyper does on the connection until it ends.
pub(super) type Life = Pin<Box<dyn Future<Output = ()>>>;

/// Waits until `socket`, which has begun to connect, stands, and sets up TLS
/// and `protocol` on it.
pub(super) async fn open(
    socket: TcpStream,
    secure: Option<Rc<Secure>>,
    protocol: Protocol,
    stir: Rc<Stir>,
    pool: Pool,
) -> io::Result<(Sender, Life)> {
    stir.first().await;
    socket::connected(&socket)?;
    let stream = Stream::new(socket, secure.as_deref())?;
    let mut io = Io::new(stream, Rc::clone(&stir));
    io.handshake().await?;
    if secure.is_some() && protocol == Protocol::Http2 && io.alpn() != Some(protocol.alpn()) {
        // RFC 9113 3.2.
        return Err(io::Error::new(io::ErrorKind::Unsupported, NoHttp2));
    }
    let opened: (Sender, Life) = match protocol {
        Protocol::Http1 => {
            let (sender, life) = http1::handshake(io).await.map_err(io::Error::other)?;
            (Sender::Http1(sender), Box::pin(ended(life)))
        }
        Protocol::Http2 => {
            let (sender, life) = http2::handshake(pool, io).await.map_err(io::Error::other)?;
            (Sender::Http2(sender), Box::pin(ended(life)))
        }
    };
    let _: (u64, u64) = stir.take_bytes();
    Ok(opened)
}

/// The server did not choose `h2` from what was offered.
#[derive(Debug, thiserror::Error)]
#[error("the server does not offer HTTP/2 over TLS (`h2` by ALPN); take an engine for HTTP/1.1")]
struct NoHttp2;

/// Why a connection ended is told to whoever has a request on it.
async fn ended(life: impl Future<Output = hyper::Result<()>>) {
    let _: Result<(), hyper::Error> = life.await;
}
