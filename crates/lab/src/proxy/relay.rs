//! The loop that moves the octets.

use std::io::{self, PipeReader, Read};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, Sender};

use authbench_core::system::monotonic_ns;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::time::Timespec;

use super::connection::{Connection, End, reset};
use super::{Fault, Shared};
use crate::timer;

#[derive(Clone, Copy, Debug)]
pub(super) enum Command {
    RoundTrip { round_trip_us: u64 },
    Fault(Option<Fault>),
}

#[derive(Debug)]
pub(super) struct Relay {
    listener: TcpListener,
    server: SocketAddr,
    /// Readable when there are commands; closed when the proxy is dropped.
    woken: PipeReader,
    commands: Receiver<(Command, Sender<()>)>,
    shared: Arc<Shared>,
    connections: Vec<Connection>,
    round_trip_ns: u64,
    fault: Option<Fault>,
}

/// What the kernel said is ready.
#[derive(Debug, Default)]
struct Ready {
    woken: bool,
    client_waits: bool,
    /// Connections, by their place, that have something to read at an end.
    ends: Vec<(usize, End)>,
}

impl Relay {
    pub(super) fn new(
        listener: TcpListener,
        server: SocketAddr,
        woken: PipeReader,
        commands: Receiver<(Command, Sender<()>)>,
        shared: Arc<Shared>,
    ) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        Ok(Self {
            listener,
            server,
            woken,
            commands,
            shared,
            connections: Vec::new(),
            round_trip_ns: 0,
            fault: None,
        })
    }

    /// Runs until the proxy is dropped.
    pub(super) fn run(mut self) -> io::Result<()> {
        // The default slack alone would lengthen a short round trip by a tenth.
        timer::set_slack_ns(1)?;
        loop {
            self.deliver();
            let ready = self.wait()?;
            self.read(&ready.ends);
            if ready.client_waits {
                self.accept()?;
            }
            if ready.woken && !self.obey()? {
                self.connections.drain(..).for_each(Connection::reset);
                return Ok(());
            }
        }
    }

    /// Delivers what is due, and lets go of connections that are over or broken.
    fn deliver(&mut self) {
        if self.hangs() {
            return;
        }
        let now_ns = monotonic_ns();
        let done = |connection: &mut Connection| {
            connection.is_over() || connection.deliver(now_ns).is_err() || connection.is_over()
        };
        for connection in self.connections.extract_if(.., done) {
            // Those that ended in order have nothing to reset any more.
            if !connection.has_ended() {
                connection.reset();
            }
        }
    }

    /// Waits for something to read, for room to write, or until something is due.
    fn wait(&self) -> io::Result<Ready> {
        let mut places = Vec::new();
        let mut polled = vec![
            PollFd::new(&self.woken, PollFlags::IN),
            PollFd::new(&self.listener, PollFlags::IN),
        ];
        if !self.hangs() {
            for (place, connection) in self.connections.iter().enumerate() {
                for end in [End::Client, End::Server] {
                    let interest = connection.interest(end);
                    // Left out, an end that has hung up does not wake us over and over.
                    if !interest.is_empty() {
                        places.push((place, end));
                        polled.push(PollFd::new(connection.stream(end), interest));
                    }
                }
            }
        }
        let patience = self.patience();
        match poll(&mut polled, patience.as_ref()) {
            Err(rustix::io::Errno::INTR) => return Ok(Ready::default()),
            other => other?,
        };
        let is_ready = |at: usize| !polled[at].revents().is_empty();
        let readable = PollFlags::IN | PollFlags::HUP | PollFlags::ERR;
        let ends = polled[2..].iter().zip(&places);
        Ok(Ready {
            woken: is_ready(0),
            client_waits: is_ready(1),
            ends: ends
                .filter(|(polled, _)| polled.revents().intersects(readable))
                .map(|(_, place)| *place)
                .collect(),
        })
    }

    /// How long until something is due; `None` for as long as it takes.
    fn patience(&self) -> Option<Timespec> {
        let connections = self.connections.iter().filter(|_| !self.hangs());
        let due_ns = connections.filter_map(Connection::next_due_ns).min()?;
        let left_ns = due_ns.saturating_sub(monotonic_ns());
        Some(Timespec {
            tv_sec: i64::try_from(left_ns / 1_000_000_000).unwrap_or(i64::MAX),
            tv_nsec: (left_ns % 1_000_000_000) as _,
        })
    }

    fn read(&mut self, ends: &[(usize, End)]) {
        let now_ns = monotonic_ns();
        let (delay_ns, fault) = (self.round_trip_ns / 2, self.fault);
        for &(place, end) in ends {
            let connection = &mut self.connections[place];
            if connection
                .read(end, now_ns, delay_ns, fault, &self.shared)
                .is_err()
            {
                connection.give_up();
            }
        }
    }

    fn accept(&mut self) -> io::Result<()> {
        loop {
            let client = match self.listener.accept() {
                Ok((client, _)) => client,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                // It has gone again before we came to it.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => continue,
                Err(error) => return Err(error),
            };
            if self.fault == Some(Fault::Refuse) {
                reset(client);
                continue;
            }
            self.shared.connections.fetch_add(1, Ordering::Release);
            let open_at_ns = monotonic_ns().saturating_add(self.round_trip_ns);
            // Where the server takes no connection, the client has been told by a reset.
            self.connections
                .extend(Connection::new(client, self.server, open_at_ns));
        }
    }

    /// Does what was commanded; `false` when the proxy is dropped.
    fn obey(&mut self) -> io::Result<bool> {
        if self.woken.read(&mut [0; 64])? == 0 {
            return Ok(false);
        }
        while let Ok((command, done)) = self.commands.try_recv() {
            match command {
                Command::RoundTrip { round_trip_us } => {
                    self.round_trip_ns = round_trip_us.saturating_mul(1000);
                }
                Command::Fault(fault) => {
                    self.fault = fault;
                    self.strike();
                }
            }
            // Whoever commanded may have gone.
            let _ = done.send(());
        }
        Ok(true)
    }

    /// Lets a new fault fall on the connections that stand.
    fn strike(&mut self) {
        let fault = self.fault;
        let falls = |connection: &mut Connection| match fault {
            Some(Fault::Refuse) => true,
            Some(Fault::DropAnswer) => connection.answers(),
            Some(Fault::Hang | Fault::TruncateAnswer) | None => false,
        };
        self.connections
            .extract_if(.., falls)
            .for_each(Connection::reset);
    }

    fn hangs(&self) -> bool {
        self.fault == Some(Fault::Hang)
    }
}
