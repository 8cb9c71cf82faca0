//! A proxy before a store server, on loopback: it counts what passes, makes the way as long as a
//! network would, and breaks it on demand.
//!
//! It knows TCP alone, no server's protocol, and so stands before any of them.

mod connection;
mod lane;
mod relay;

use std::io::{self, PipeWriter, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Sender};
use std::thread::{self, JoinHandle};

use relay::{Command, Relay};

/// A proxy on a free port of 127.0.0.1, before one server. Dropped, it resets its connections.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    commands: Sender<(Command, Sender<()>)>,
    // Closed at drop, which ends the thread.
    wake: Option<PipeWriter>,
    thread: Option<JoinHandle<io::Result<()>>>,
}

/// How the way to the server is broken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Fault {
    /// Every connection, standing or new, is reset at once.
    Refuse,
    /// Connections stand and new ones are accepted, but nothing passes. What came meanwhile
    /// passes when the fault is lifted.
    Hang,
    /// Requests pass; the connection is cut when the answer comes, and none of it passes.
    DropAnswer,
    /// Requests pass, and the first half of what the server sends next; then the connection ends.
    TruncateAnswer,
}

/// What has passed since the proxy began, or since [`Traffic::since`] another count.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Traffic {
    /// Connections that clients made.
    pub connections: u64,
    /// Octets from clients.
    pub to_server_bytes: u64,
    /// Octets from the server.
    pub to_client_bytes: u64,
    /// How often a client spoke first, or again after the server had: what a client that sends
    /// one request at a time waits for. Requests that are on their way together count once.
    pub round_trips: u64,
}

impl Traffic {
    /// What passed between `earlier` and this count.
    #[must_use]
    pub fn since(self, earlier: Self) -> Self {
        Self {
            connections: self.connections - earlier.connections,
            to_server_bytes: self.to_server_bytes - earlier.to_server_bytes,
            to_client_bytes: self.to_client_bytes - earlier.to_client_bytes,
            round_trips: self.round_trips - earlier.round_trips,
        }
    }
}

impl Proxy {
    /// A proxy before `server`, without delay and without fault. `server` should be near: while
    /// the proxy connects to it, nothing else passes.
    ///
    /// # Errors
    /// When the kernel gives no port, pipe or thread.
    pub fn start(server: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let (woken, wake) = io::pipe()?;
        let (commands, received) = mpsc::channel();
        let shared = Arc::new(Shared::default());
        let relay = Relay::new(listener, server, woken, received, Arc::clone(&shared))?;
        let thread = thread::Builder::new()
            .name("proxy".into())
            .spawn(move || relay.run())?;
        Ok(Self {
            address,
            shared,
            commands,
            wake: Some(wake),
            thread: Some(thread),
        })
    }

    /// Where clients find it.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `url` with this proxy in the place of its host and port: `scheme://user:pw@HERE/rest`.
    /// `None` when there is no authority in it.
    #[must_use]
    pub fn url(&self, url: &str) -> Option<String> {
        let (scheme, rest) = url.split_once("://")?;
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, rest) = rest.split_at(end);
        let user = authority.rfind('@').map_or("", |at| &authority[..=at]);
        Some(format!("{scheme}://{user}{}{rest}", self.address))
    }

    /// What has passed so far.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        self.shared.traffic()
    }

    /// Makes each round trip longer by this many microseconds, half of it in each direction, and
    /// the making of a connection as well. What comes at once is late at once: a delay costs
    /// waiting, no throughput. What is already on its way keeps its time.
    ///
    /// # Errors
    /// When the proxy's thread has ended.
    pub fn set_round_trip_us(&self, round_trip_us: u64) -> io::Result<()> {
        self.command(Command::RoundTrip { round_trip_us })
    }

    /// Breaks the way, or mends it with `None`. When this returns it is so.
    ///
    /// # Errors
    /// When the proxy's thread has ended.
    pub fn set_fault(&self, fault: Option<Fault>) -> io::Result<()> {
        self.command(Command::Fault(fault))
    }

    fn command(&self, command: Command) -> io::Result<()> {
        let ended = || io::Error::other("the proxy's thread has ended");
        let (done, is_done) = mpsc::channel();
        self.commands.send((command, done)).map_err(|_| ended())?;
        if let Some(mut wake) = self.wake.as_ref() {
            wake.write_all(&[1])?;
        }
        is_done.recv().map_err(|_| ended())
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        drop(self.wake.take());
        if let Some(thread) = self.thread.take() {
            // A destructor can tell nobody.
            drop(thread.join());
        }
    }
}

/// The counts, written by the proxy's thread alone.
#[derive(Debug, Default)]
struct Shared {
    connections: AtomicU64,
    to_server_bytes: AtomicU64,
    to_client_bytes: AtomicU64,
    round_trips: AtomicU64,
}

impl Shared {
    fn traffic(&self) -> Traffic {
        Traffic {
            connections: self.connections.load(Ordering::Acquire),
            to_server_bytes: self.to_server_bytes.load(Ordering::Acquire),
            to_client_bytes: self.to_client_bytes.load(Ordering::Acquire),
            round_trips: self.round_trips.load(Ordering::Acquire),
        }
    }
}

#[cfg(test)]
mod tests;
