//! A connection as hyper wants it: read and written through wakers.

use std::cell::Cell;
use std::io::{self, Read as _, Write as _};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use hyper::rt::ReadBufCursor;

use crate::tls::Stream;

/// The most octets read at once.
const READ_BYTES_MAX: usize = 16 * 1024;

/// What the engine and a connection tell each other.
#[derive(Default)]
pub(super) struct Stir {
    has_stirred: Cell<bool>,
    reader: Cell<Option<Waker>>,
    writer: Cell<Option<Waker>>,
    sent_bytes: Cell<u64>,
    received_bytes: Cell<u64>,
}

impl Stir {
    /// The socket has stirred: whoever waits for it is to try again.
    pub(super) fn wake(&self) {
        self.has_stirred.set(true);
        for waiting in [&self.reader, &self.writer] {
            if let Some(waker) = waiting.take() {
                waker.wake();
            }
        }
    }

    /// Waits until the socket stirs for the first time.
    pub(super) async fn first(&self) {
        std::future::poll_fn(|cx| {
            if self.has_stirred.get() {
                return Poll::Ready(());
            }
            self.writer.set(Some(cx.waker().clone()));
            Poll::Pending
        })
        .await;
    }

    /// Octets sent and received since this was last asked.
    pub(super) fn take_bytes(&self) -> (u64, u64) {
        (self.sent_bytes.take(), self.received_bytes.take())
    }
}

/// The connection.
pub(super) struct Io {
    stream: Stream,
    stir: Rc<Stir>,
    scratch: Box<[u8]>,
}

impl Io {
    /// `stream`, whose socket's events wake through `stir`.
    pub(super) fn new(stream: Stream, stir: Rc<Stir>) -> Self {
        Self {
            stream,
            stir,
            scratch: vec![0; READ_BYTES_MAX].into(),
        }
    }

    /// Makes the TLS handshake, if there is TLS.
    pub(super) async fn handshake(&mut self) -> io::Result<()> {
        std::future::poll_fn(|cx| {
            self.stir.reader.set(Some(cx.waker().clone()));
            self.stir.writer.set(Some(cx.waker().clone()));
            unless_blocked(|| self.stream.handshake())
        })
        .await
    }

    /// See [`Stream::alpn`].
    pub(super) fn alpn(&self) -> Option<&[u8]> {
        self.stream.alpn()
    }
}

impl hyper::rt::Read for Io {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut room: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let Self {
            stream,
            stir,
            scratch,
        } = self.get_mut();
        stir.reader.set(Some(cx.waker().clone()));
        let at_most = room.remaining().min(scratch.len());
        unless_blocked(|| stream.read(&mut scratch[..at_most])).map_ok(|count| {
            stir.received_bytes
                .set(stir.received_bytes.get() + count as u64);
            room.put_slice(&scratch[..count]);
        })
    }
}

impl hyper::rt::Write for Io {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        let Self { stream, stir, .. } = self.get_mut();
        stir.writer.set(Some(cx.waker().clone()));
        unless_blocked(|| stream.write(octets)).map_ok(|count| {
            stir.sent_bytes.set(stir.sent_bytes.get() + count as u64);
            count
        })
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self { stream, stir, .. } = self.get_mut();
        stir.writer.set(Some(cx.waker().clone()));
        unless_blocked(|| stream.flush())
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.get_mut().stream.shut_down())
    }
}

/// Tries, and again when a signal came in between.
fn unless_blocked<R>(mut attempt: impl FnMut() -> io::Result<R>) -> Poll<io::Result<R>> {
    loop {
        match attempt() {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Poll::Pending,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            over => return Poll::Ready(over),
        }
    }
}
