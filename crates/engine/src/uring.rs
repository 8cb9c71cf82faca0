//! The transport by `io_uring`: requests out and answers in, several for one
//! system call.
//!
//! On each connection one operation receives as long as the connection
//! stands, so the kernel is told once and not for each answer; that is also
//! how a connection that the peer closes while it is idle is noticed. A
//! request is one operation more. Requests that are sent between two waits are
//! handed over together by the second.

mod ring;

use std::collections::VecDeque;
use std::io;
use std::marker::PhantomData;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::fd::AsRawFd as _;

use authbench_core::system::monotonic_ns;
use rustix::event::PollFlags;
use rustix::io::Errno;

use crate::broken::Broken;
use crate::error::{EngineError, Lack};
use crate::exchange::{Done, InFlight};
use crate::http1::{Answer, Reader, View};
use crate::idle::Idle;
use crate::options::{EngineKind, EngineOptions, Route};
use crate::pace::{Pace, Sockets};
use crate::socket;
use ring::{Completion, Received, Ring};

/// The longest that answers lie unseen while more are gathered.
const GATHER_NS_MAX: u64 = 1_000_000;

/// See [`crate::Engine`] for what the methods mean.
pub(crate) struct Uring<T> {
    addresses: Vec<SocketAddr>,
    ring: Ring,
    conns: Vec<Conn<T>>,
    idle: Idle,
    done: VecDeque<Done<T>>,
    in_flight: usize,
    pace: Pace,
    reconnects: u64,
    /// How many answers a wait may gather.
    gather: usize,
    /// The ring is this thread's.
    thread: PhantomData<*const ()>,
}

struct Conn<T> {
    /// The place of its address among the engine's.
    place: usize,
    phase: Phase<T>,
    reader: Reader,
    stream: Option<TcpStream>,
    /// Whether the kernel is sending.
    sending: bool,
    /// Whether the kernel is receiving.
    receiving: bool,
    /// How sending failed.
    fault: Option<io::Error>,
}

#[derive(Clone, Copy, Debug)]
enum Phase<T> {
    /// Not there: the last attempt to connect failed.
    Closed,
    Connecting,
    /// Ready for a request.
    Idle,
    /// Waiting for an answer.
    Busy(InFlight<T>),
    /// The answer is in the reader, and the connection still good if so.
    Answered {
        good: bool,
    },
    /// Given up, as soon as the kernel has.
    Leaving,
}

impl<T: Copy> Uring<T> {
    pub(crate) fn open(options: &EngineOptions) -> Result<Self, EngineError> {
        let places = options.addresses.len();
        let connections = options.connections.max(1) as usize;
        let unavailable = |reason: Lack| EngineError::Unavailable {
            kind: EngineKind::IoUring,
            reason,
        };
        let mut engine = Self {
            addresses: options.addresses.clone(),
            ring: Ring::open(connections).map_err(unavailable)?,
            conns: (0..connections)
                .map(|index| Conn::new(index % places))
                .collect(),
            idle: Idle::new(places, connections),
            done: VecDeque::with_capacity(connections),
            in_flight: 0,
            pace: Pace::new(options)?,
            reconnects: 0,
            gather: options.gather as usize,
            thread: PhantomData,
        };
        engine.open_all(options.timeout_ms)?;
        Ok(engine)
    }

    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight
    }

    pub(crate) fn idle_ns(&self) -> u64 {
        self.pace.idle_ns()
    }

    pub(crate) fn pending(&self) -> Vec<InFlight<T>> {
        let pending = self.conns.iter().filter_map(|conn| match conn.phase {
            Phase::Busy(request) => Some(request),
            _ => None,
        });
        pending.collect()
    }

    pub(crate) fn reconnects(&self) -> u64 {
        self.reconnects
    }

    pub(crate) fn has_idle(&self, route: Route) -> bool {
        self.idle.has(route)
    }

    pub(crate) fn send(
        &mut self,
        route: Route,
        ticket: T,
        write: impl FnOnce(&mut Vec<u8>),
    ) -> Option<u64> {
        let index = self.idle.take(route)?;
        let conn = &mut self.conns[index];
        conn.reader.reset();
        let mut sent_bytes = 0;
        if let Some(out) = self.ring.outgoing(index) {
            out.clear();
            write(out);
            sent_bytes = out.len() as u64;
        }
        let sent_ns = monotonic_ns();
        conn.phase = Phase::Busy(InFlight {
            ticket,
            sent_ns,
            sent_bytes,
        });
        self.in_flight += 1;
        match self.ring.send(index) {
            Ok(()) => conn.sending = true,
            Err(error) => self.over(index, Err(Broken::Connection(error)), sent_ns),
        }
        Some(sent_ns)
    }

    pub(crate) fn wait(&mut self, until_ns: u64) -> Result<(), EngineError> {
        if !self.done.is_empty() {
            return Ok(());
        }
        self.wait_until(until_ns)
    }

    pub(crate) fn next_done(&mut self) -> Option<Done<T>> {
        self.done.pop_front()
    }

    pub(crate) fn view(&self, conn: usize, answer: &Answer) -> View<'_> {
        self.conns[conn].reader.view(answer)
    }

    pub(crate) fn release(&mut self, index: usize, reusable: bool) {
        let conn = &mut self.conns[index];
        if !reusable || !matches!(conn.phase, Phase::Answered { good: true }) {
            self.reconnects += 1;
            self.reopen(index);
        } else if conn.receiving {
            self.set_idle(index);
        } else {
            self.receive(index);
        }
    }

    /// Takes note of a completion that was seen at `now_ns`.
    fn completed(&mut self, index: usize, completion: Completion, now_ns: u64) {
        let conn = &mut self.conns[index];
        match completion {
            Completion::Connected(result) => self.connected(index, result),
            Completion::Sent(result) => {
                conn.sending = false;
                if let Err(fault) = result {
                    // A peer may answer early and close: its words count more.
                    // Whatever has come is received before this ends.
                    conn.fault = Some(fault);
                    conn.shut_down();
                }
                self.leave(index);
            }
            Completion::Received {
                buffer,
                more,
                nonempty,
            } => {
                conn.receiving = more;
                let answer = match buffer {
                    Ok(received) => self.received(index, received),
                    // The pool was empty for a moment, or the queue full.
                    Err(error) if Errno::from_io_error(&error) == Some(Errno::NOBUFS) => None,
                    Err(error) => Some(Err(Broken::Connection(error))),
                };
                self.came(index, answer, nonempty, now_ns);
            }
        }
    }

    /// Something came in, which was the whole `answer` if there is one.
    fn came(
        &mut self,
        index: usize,
        answer: Option<Result<Answer, Broken>>,
        nonempty: bool,
        now_ns: u64,
    ) {
        let conn = &mut self.conns[index];
        match (conn.phase, answer) {
            (Phase::Busy(_), Some(answer)) => {
                let answer = match (answer, conn.fault.take()) {
                    (Err(_), Some(fault)) => Err(Broken::Connection(fault)),
                    (answer, _) => answer,
                };
                let answer = answer.map(|answer| Answer {
                    keep_alive: answer.keep_alive && !nonempty && !conn.sending,
                    ..answer
                });
                self.over(index, answer, now_ns);
            }
            (Phase::Answered { .. }, _) => conn.phase = Phase::Answered { good: false },
            (Phase::Idle, None) if !conn.receiving => {
                self.idle.remove(conn.place, index);
                self.receive(index);
            }
            (Phase::Busy(_), None) if !conn.receiving => match self.ring.receive(index) {
                Ok(()) => conn.receiving = true,
                Err(error) => self.over(index, Err(Broken::Connection(error)), now_ns),
            },
            (Phase::Idle, Some(_)) => {
                // Closed by the peer, or octets that nobody asked for.
                self.idle.remove(conn.place, index);
                self.reconnects += 1;
                self.reopen(index);
            }
            (Phase::Leaving, _) => self.leave(index),
            _ => {}
        }
    }

    /// Reads what was received; the answer, if it is whole. Outside an exchange
    /// anything is the end.
    fn received(&mut self, index: usize, received: Received) -> Option<Result<Answer, Broken>> {
        let conn = &mut self.conns[index];
        let is_busy = matches!(conn.phase, Phase::Busy(_));
        received.read(&mut self.ring, |bytes| {
            if !is_busy {
                return Some(Err(Broken::Closed));
            }
            if bytes.is_empty() {
                return Some(conn.reader.end_of_stream().map_err(|_| Broken::Closed));
            }
            conn.reader.room()[..bytes.len()].copy_from_slice(bytes);
            conn.reader
                .advance(bytes.len())
                .map_err(Broken::Malformed)
                .transpose()
        })
    }

    fn over(&mut self, index: usize, answer: Result<Answer, Broken>, done_ns: u64) {
        let conn = &mut self.conns[index];
        if let Phase::Busy(request) = conn.phase {
            conn.phase = Phase::Answered { good: true };
            self.in_flight -= 1;
            self.done.push_back(Done {
                conn: index,
                request,
                done_ns,
                answer,
            });
        }
    }

    fn connected(&mut self, index: usize, result: io::Result<PollFlags>) {
        let conn = &mut self.conns[index];
        let connected = result.and_then(|flags| {
            let stream = conn.stream.as_ref().ok_or(io::ErrorKind::NotConnected)?;
            socket::connected(stream)?;
            if flags.intersects(!PollFlags::OUT) {
                return Err(io::ErrorKind::ConnectionReset.into());
            }
            Ok(())
        });
        match connected {
            Ok(()) => self.receive(index),
            Err(error) => self.failed(index, error),
        }
    }

    /// Receives on a connection that stands, which is idle then.
    fn receive(&mut self, index: usize) {
        match self.ring.receive(index) {
            Ok(()) => {
                self.conns[index].receiving = true;
                self.set_idle(index);
            }
            Err(error) => self.failed(index, error),
        }
    }

    fn set_idle(&mut self, index: usize) {
        let conn = &mut self.conns[index];
        conn.phase = Phase::Idle;
        self.idle.push(conn.place, index);
    }

    /// Connects anew, once the kernel has let go of the present socket.
    fn reopen(&mut self, index: usize) {
        let conn = &mut self.conns[index];
        conn.phase = Phase::Leaving;
        if conn.sending || conn.receiving {
            conn.shut_down();
        }
        self.leave(index);
    }

    /// Goes on with [`Uring::reopen`] if the kernel has nothing more to do with
    /// a connection that is given up.
    fn leave(&mut self, index: usize) {
        let conn = &mut self.conns[index];
        if !matches!(conn.phase, Phase::Leaving) || conn.sending || conn.receiving {
            return;
        }
        let opened = socket::connect(self.addresses[conn.place]).and_then(|stream| {
            self.ring.put(index, Some(stream.as_raw_fd()))?;
            self.ring.watch_connect(index)?;
            Ok(stream)
        });
        conn.reader.reset();
        conn.fault = None;
        match opened {
            Ok(stream) => {
                conn.phase = Phase::Connecting;
                conn.stream = Some(stream);
            }
            Err(error) => self.failed(index, error),
        }
    }

    fn failed(&mut self, index: usize, mut error: io::Error) {
        let conn = &mut self.conns[index];
        conn.phase = Phase::Closed;
        conn.stream = None;
        if let Err(fault) = self.ring.put(index, None) {
            error = fault;
        }
        self.pace.failed(self.addresses[conn.place], error);
    }
}

impl<T: Copy> Sockets for Uring<T> {
    fn pace(&mut self) -> &mut Pace {
        &mut self.pace
    }

    fn look(&mut self, sleep_ns: u64) -> Result<bool, EngineError> {
        let gather = self.gather.min(self.in_flight / 4).max(1);
        let sleep_ns = match gather {
            1 => sleep_ns,
            _ => sleep_ns.min(GATHER_NS_MAX),
        };
        self.ring
            .enter(sleep_ns, gather)
            .map_err(EngineError::system("wait for its ring"))?;
        let mut now_ns = None;
        let mut has_come = false;
        while let Some((index, completion)) = self.ring.next() {
            let now_ns = *now_ns.get_or_insert_with(monotonic_ns);
            has_come |= !matches!(completion, Completion::Sent(_));
            self.completed(index, completion, now_ns);
        }
        Ok(has_come)
    }

    fn settle(&mut self) {}

    fn reopen_closed(&mut self) {
        for index in 0..self.conns.len() {
            if matches!(self.conns[index].phase, Phase::Closed) {
                self.reopen(index);
            }
        }
    }

    fn missing(&self) -> Option<SocketAddr> {
        let missing = self
            .conns
            .iter()
            .find(|conn| !matches!(conn.phase, Phase::Idle));
        missing.map(|conn| self.addresses[conn.place])
    }
}

impl<T> Conn<T> {
    fn new(place: usize) -> Self {
        Self {
            place,
            phase: Phase::Closed,
            reader: Reader::new(),
            stream: None,
            sending: false,
            receiving: false,
            fault: None,
        }
    }

    /// Ends both directions, so that what the kernel does with the socket
    /// completes; a socket that refuses has ended already.
    fn shut_down(&self) {
        if let Some(stream) = &self.stream {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}
