//! The engine as callers see it, over whichever transport was chosen.

use crate::epoll::Epoll;
use crate::error::{EngineError, Lack};
use crate::exchange::{Done, InFlight};
use crate::http1::{Answer, View};
use crate::hyper::Hyper;
use crate::options::{EngineKind, EngineOptions, Route, Security};
use crate::uring::Uring;

/// Keep-alive connections, driven by the thread that opened them. `T` travels
/// with each request.
pub struct Engine<T> {
    kind: EngineKind,
    passed_over: Option<Lack>,
    transport: Transport<T>,
}

/// One variant for each transport, an arm in [`each`], and one in
/// [`Transport::open`].
enum Transport<T> {
    Epoll(Box<Epoll<T>>),
    IoUring(Box<Uring<T>>),
    Hyper(Box<Hyper<T>>),
}

/// Does the same with whichever transport there is.
macro_rules! each {
    ($transport:expr, $engine:ident => $call:expr) => {
        match $transport {
            Transport::Epoll($engine) => $call,
            Transport::IoUring($engine) => $call,
            Transport::Hyper($engine) => $call,
        }
    };
}

impl<T: Copy + 'static> Engine<T> {
    /// Opens all connections and waits until they stand. The thread's timers
    /// are made exact, for as long as it lives.
    ///
    /// # Errors
    /// [`EngineError`] when the transport is not to be had, there is no
    /// address, or one connection cannot be made in time.
    pub fn open(options: &EngineOptions) -> Result<Self, EngineError> {
        if options.addresses.is_empty() {
            return Err(EngineError::NoAddress);
        }
        let kind = match (options.kind, &options.security) {
            (EngineKind::Auto, Security::Plain) => EngineKind::IoUring,
            (EngineKind::Auto, Security::Tls(_)) => EngineKind::Epoll,
            (kind, _) => kind,
        };
        need_plain(options, kind)?;
        let opened = |kind, passed_over, transport| Self {
            kind,
            passed_over,
            transport,
        };
        match Transport::open(kind, options) {
            Ok(transport) => Ok(opened(kind, None, transport)),
            Err(EngineError::Unavailable { reason, .. })
                if kind == EngineKind::IoUring && options.kind == EngineKind::Auto =>
            {
                let kind = EngineKind::Epoll;
                Ok(opened(kind, Some(reason), Transport::open(kind, options)?))
            }
            Err(error) => Err(error),
        }
    }

    /// Why [`EngineKind::Auto`] did not come to `io-uring`, if it did not.
    #[must_use]
    pub fn passed_over(&self) -> Option<&Lack> {
        self.passed_over.as_ref()
    }

    /// The transport: what [`EngineKind::Auto`] came to.
    #[must_use]
    pub fn kind(&self) -> EngineKind {
        self.kind
    }

    /// How many requests are on their way.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        each!(&self.transport, engine => engine.in_flight())
    }

    /// Nanoseconds spent in [`Engine::wait`] with nothing to do, so far: from
    /// the start of a look at the connections that found nothing to the end of
    /// the look that found something, or of the wait. Asleep or spinning makes
    /// no difference.
    #[must_use]
    pub fn idle_ns(&self) -> u64 {
        each!(&self.transport, engine => engine.idle_ns())
    }

    /// The requests on their way.
    #[must_use]
    pub fn pending(&self) -> Vec<InFlight<T>> {
        each!(&self.transport, engine => engine.pending())
    }

    /// How often a connection had to be made anew.
    #[must_use]
    pub fn reconnects(&self) -> u64 {
        each!(&self.transport, engine => engine.reconnects())
    }

    /// Whether a request can be sent now.
    #[must_use]
    pub fn has_idle(&self, route: Route) -> bool {
        each!(&self.transport, engine => engine.has_idle(route))
    }

    /// Sends what `write` puts into the empty buffer it is given, one whole
    /// HTTP/1.1 request, on the connection that has been idle longest where
    /// `route` leads. Returns the instant before the first octet went out,
    /// nanoseconds on the monotonic clock, or `None` if no connection is idle
    /// there; `write` is then not called. A connection that breaks here comes
    /// up in [`Engine::next_done`].
    pub fn send(
        &mut self,
        route: Route,
        ticket: T,
        write: impl FnOnce(&mut Vec<u8>),
    ) -> Option<u64> {
        each!(&mut self.transport, engine => engine.send(route, ticket, write))
    }

    /// Waits until something has happened on a connection, at most until
    /// `until_ns` on the monotonic clock. Returns at once while
    /// [`Engine::next_done`] has something to give.
    ///
    /// # Errors
    /// [`EngineError::System`].
    pub fn wait(&mut self, until_ns: u64) -> Result<(), EngineError> {
        each!(&mut self.transport, engine => engine.wait(until_ns))
    }

    /// The next exchange that is over, among what the last wait has seen. Call
    /// it until it gives none.
    pub fn next_done(&mut self) -> Option<Done<T>> {
        each!(&mut self.transport, engine => engine.next_done())
    }

    /// What `answer` says, which came on connection `conn` and has not been
    /// released.
    #[must_use]
    pub fn view(&self, conn: usize, answer: &Answer) -> View<'_> {
        each!(&self.transport, engine => engine.view(conn, answer))
    }

    /// Makes the connection ready for the next request; `reusable` is what
    /// [`Answer::keep_alive`] said, false if there was no answer. One that is
    /// not reusable is made anew.
    pub fn release(&mut self, conn: usize, reusable: bool) {
        each!(&mut self.transport, engine => engine.release(conn, reusable));
    }
}

impl<T: Copy + 'static> Transport<T> {
    fn open(kind: EngineKind, options: &EngineOptions) -> Result<Self, EngineError> {
        match kind {
            EngineKind::Epoll => Ok(Self::Epoll(Box::new(Epoll::open(options)?))),
            EngineKind::IoUring | EngineKind::Auto => {
                Ok(Self::IoUring(Box::new(Uring::open(options)?)))
            }
            EngineKind::Hyper | EngineKind::Http2 => {
                Ok(Self::Hyper(Box::new(Hyper::open(options)?)))
            }
        }
    }
}

/// `io-uring` speaks no TLS.
fn need_plain(options: &EngineOptions, kind: EngineKind) -> Result<(), EngineError> {
    match (&options.security, kind) {
        (Security::Tls(_), EngineKind::IoUring) => Err(EngineError::Unavailable {
            kind,
            reason: Lack::Security("it speaks no TLS; `epoll`, `hyper` and `http2` do"),
        }),
        _ => Ok(()),
    }
}

impl<T> std::fmt::Debug for Engine<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine")
            .field("kind", &self.kind)
            .field("passed_over", &self.passed_over)
            .finish_non_exhaustive()
    }
}
