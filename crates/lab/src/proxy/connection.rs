//! One client, its connection to the server, and the two directions between them.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::Ordering;
use std::time::Duration;

use rustix::event::PollFlags;
use rustix::net::sockopt::set_socket_linger;

use super::lane::Lane;
use super::{Fault, Shared};

/// How long the proxy waits for the server to take a connection.
const CONNECT_PATIENCE: Duration = Duration::from_secs(2);

/// The two ends of a connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum End {
    Client,
    Server,
}

#[derive(Debug)]
pub(super) struct Connection {
    client: TcpStream,
    server: TcpStream,
    to_server: Lane,
    to_client: Lane,
    /// Who spoke last.
    last: End,
    /// Set once nothing more will pass.
    over: bool,
}

impl Connection {
    /// Connects a new client to the server; nothing passes before `open_at_ns`.
    pub(super) fn new(client: TcpStream, server: SocketAddr, open_at_ns: u64) -> io::Result<Self> {
        let to_server = TcpStream::connect_timeout(&server, CONNECT_PATIENCE);
        let server = match to_server {
            Ok(server) => server,
            Err(error) => {
                reset(client);
                return Err(error);
            }
        };
        for end in [&client, &server] {
            end.set_nonblocking(true)?;
            end.set_nodelay(true)?;
        }
        Ok(Self {
            client,
            server,
            to_server: Lane::open_at(open_at_ns),
            to_client: Lane::open_at(open_at_ns),
            last: End::Server,
            over: false,
        })
    }

    pub(super) fn stream(&self, end: End) -> &TcpStream {
        match end {
            End::Client => &self.client,
            End::Server => &self.server,
        }
    }

    /// What to wait for at `end`.
    pub(super) fn interest(&self, end: End) -> PollFlags {
        let (from, to) = match end {
            End::Client => (&self.to_server, &self.to_client),
            End::Server => (&self.to_client, &self.to_server),
        };
        let mut flags = PollFlags::empty();
        flags.set(PollFlags::IN, from.wants_input());
        flags.set(PollFlags::OUT, to.wants_output());
        flags
    }

    pub(super) fn next_due_ns(&self) -> Option<u64> {
        let due = [self.to_server.next_due_ns(), self.to_client.next_due_ns()];
        due.into_iter().flatten().min()
    }

    /// Whether both directions have ended in order.
    pub(super) fn has_ended(&self) -> bool {
        self.to_server.is_over() && self.to_client.is_over()
    }

    /// Whether nothing more will pass.
    pub(super) fn is_over(&self) -> bool {
        self.over || self.has_ended()
    }

    /// Nothing more shall pass.
    pub(super) fn give_up(&mut self) {
        self.over = true;
    }

    /// Reads what `end` has to say, counts it, and sends it on its way unless `fault` is in it.
    ///
    /// # Errors
    /// When the connection has broken.
    pub(super) fn read(
        &mut self,
        end: End,
        now_ns: u64,
        delay_ns: u64,
        fault: Option<Fault>,
        shared: &Shared,
    ) -> io::Result<()> {
        let Some(mut bytes) = Lane::read(self.stream(end))? else {
            return Ok(());
        };
        if !bytes.is_empty() {
            self.count(end, bytes.len() as u64, shared);
        }
        let lane = match end {
            End::Client => &mut self.to_server,
            End::Server => &mut self.to_client,
        };
        if end == End::Server && !bytes.is_empty() {
            match fault {
                Some(Fault::DropAnswer) => {
                    self.over = true;
                    return Ok(());
                }
                Some(Fault::TruncateAnswer) => {
                    bytes.truncate(bytes.len() / 2);
                    if !bytes.is_empty() {
                        lane.send(bytes, now_ns, delay_ns);
                    }
                    lane.send(Vec::new(), now_ns, delay_ns);
                    // The client may say what it likes now.
                    self.to_server = Lane::finished();
                    return Ok(());
                }
                Some(Fault::Refuse | Fault::Hang) | None => {}
            }
        }
        lane.send(bytes, now_ns, delay_ns);
        Ok(())
    }

    /// Delivers what is due.
    ///
    /// # Errors
    /// When the connection has broken.
    pub(super) fn deliver(&mut self, now_ns: u64) -> io::Result<()> {
        self.to_server.deliver(&self.server, now_ns)?;
        self.to_client.deliver(&self.client, now_ns)
    }

    /// Whether something of the server is on its way to the client.
    pub(super) fn answers(&self) -> bool {
        self.to_client.next_due_ns().is_some() || self.to_client.wants_output()
    }

    /// Ends both sides with a reset, so that nobody waits for them.
    pub(super) fn reset(self) {
        reset(self.client);
        reset(self.server);
    }

    fn count(&mut self, end: End, bytes: u64, shared: &Shared) {
        let counter = match end {
            End::Client => {
                if self.last == End::Server {
                    shared.round_trips.fetch_add(1, Ordering::Release);
                }
                &shared.to_server_bytes
            }
            End::Server => &shared.to_client_bytes,
        };
        counter.fetch_add(bytes, Ordering::Release);
        self.last = end;
    }
}

/// Closes with RST instead of FIN.
pub(super) fn reset(stream: TcpStream) {
    // Where this fails, the plain close that follows has to do.
    let _ = set_socket_linger(&stream, Some(Duration::ZERO));
    drop(stream);
}
