//! The portable transport: non-blocking sockets, watched by `epoll`.
//!
//! In steady state a request costs one write, one read and a share of one
//! wait, and nothing is allocated. Sockets are registered once,
//! edge-triggered.

use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;

use authbench_core::system::monotonic_ns;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::time::Timespec;

use crate::conn::{Conn, Phase};
use crate::error::EngineError;
use crate::exchange::{Done, InFlight};
use crate::http1::{Answer, View};
use crate::idle::Idle;
use crate::options::{EngineOptions, Route};
use crate::pace::{Pace, Sockets};
use crate::tls::Secure;

/// The most events taken at once.
const EVENTS_MAX: usize = 256;

/// See [`crate::Engine`] for what the methods mean.
pub(crate) struct Epoll<T> {
    addresses: Vec<SocketAddr>,
    secure: Option<Secure>,
    epoll: OwnedFd,
    conns: Vec<Conn<T>>,
    idle: Idle,
    events: Vec<Event>,
    next_event: usize,
    broken: Vec<usize>,
    in_flight: usize,
    pace: Pace,
    reconnects: u64,
}

impl<T: Copy> Epoll<T> {
    pub(crate) fn open(options: &EngineOptions) -> Result<Self, EngineError> {
        let secure = Secure::new(&options.security, &[b"http/1.1"])?;
        let pace = Pace::new(options)?;
        let epoll =
            epoll::create(CreateFlags::CLOEXEC).map_err(EngineError::system("wait for sockets"))?;
        let places = options.addresses.len();
        let connections = options.connections.max(1) as usize;
        let mut engine = Self {
            addresses: options.addresses.clone(),
            secure,
            epoll,
            idle: Idle::new(places, connections),
            conns: (0..connections)
                .map(|index| Conn::new(index % places))
                .collect(),
            events: Vec::with_capacity(EVENTS_MAX),
            next_event: 0,
            broken: Vec::new(),
            in_flight: 0,
            pace,
            reconnects: 0,
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
        write(conn.outgoing());
        let sent_bytes = conn.outgoing_bytes();
        let sent_ns = monotonic_ns();
        conn.phase = Phase::Busy(InFlight {
            ticket,
            sent_ns,
            sent_bytes,
        });
        self.in_flight += 1;
        if conn.write().is_err() {
            self.broken.push(index);
        }
        Some(sent_ns)
    }

    pub(crate) fn wait(&mut self, until_ns: u64) -> Result<(), EngineError> {
        if !self.broken.is_empty() || self.next_event < self.events.len() {
            return Ok(());
        }
        self.wait_until(until_ns)
    }

    pub(crate) fn next_done(&mut self) -> Option<Done<T>> {
        if let Some(index) = self.broken.pop() {
            return self.handle(index, EventFlags::ERR);
        }
        while let Some(event) = self.events.get(self.next_event).copied() {
            self.next_event += 1;
            let data = event.data.u64();
            let index = (data & u64::from(u32::MAX)) as usize;
            let current = self
                .conns
                .get(index)
                .is_some_and(|conn| u64::from(conn.generation) == data >> 32);
            if current && let Some(done) = self.handle(index, event.flags) {
                return Some(done);
            }
        }
        None
    }

    pub(crate) fn view(&self, conn: usize, answer: &Answer) -> View<'_> {
        self.conns[conn].reader.view(answer)
    }

    pub(crate) fn release(&mut self, conn: usize, reusable: bool) {
        if reusable {
            self.set_idle(conn);
        } else {
            self.reconnects += 1;
            self.reopen(conn);
        }
    }

    fn handle(&mut self, index: usize, flags: EventFlags) -> Option<Done<T>> {
        let conn = &mut self.conns[index];
        match conn.phase {
            Phase::Closed | Phase::Answered => None,
            Phase::Connecting => {
                match conn.stands(flags) {
                    Ok(true) => self.set_idle(index),
                    Ok(false) => {}
                    Err(error) => self.failed(index, error),
                }
                None
            }
            Phase::Idle => {
                if !conn.is_quiet(flags) {
                    self.idle.remove(conn.place, index);
                    self.reconnects += 1;
                    self.reopen(index);
                }
                None
            }
            Phase::Busy(request) => {
                let progress = if conn.has_outgoing() {
                    conn.write()
                } else {
                    Ok(())
                };
                let readable = flags.intersects(!EventFlags::OUT);
                let answer = match progress {
                    Ok(()) if readable => conn.read(flags).transpose()?,
                    Ok(()) => return None,
                    // A peer may answer early and close: its words count more.
                    Err(broken) => conn.read(flags).ok().flatten().ok_or(broken),
                };
                let done_ns = monotonic_ns();
                conn.phase = Phase::Answered;
                self.in_flight -= 1;
                Some(Done {
                    conn: index,
                    request,
                    done_ns,
                    answer,
                })
            }
        }
    }

    fn set_idle(&mut self, index: usize) {
        let conn = &mut self.conns[index];
        conn.phase = Phase::Idle;
        self.idle.push(conn.place, index);
    }

    fn reopen(&mut self, index: usize) {
        let conn = &mut self.conns[index];
        let opened = conn
            .open(self.addresses[conn.place], self.secure.as_ref())
            .and_then(|(stream, generation)| {
                let data = EventData::new_u64(u64::from(generation) << 32 | index as u64);
                let flags = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET;
                Ok(epoll::add(&self.epoll, stream, data, flags)?)
            });
        if let Err(error) = opened {
            self.failed(index, error);
        }
    }

    fn failed(&mut self, index: usize, error: io::Error) {
        let conn = &mut self.conns[index];
        conn.close();
        self.pace.failed(self.addresses[conn.place], error);
    }
}

impl<T: Copy> Sockets for Epoll<T> {
    fn pace(&mut self) -> &mut Pace {
        &mut self.pace
    }

    fn look(&mut self, sleep_ns: u64) -> Result<bool, EngineError> {
        self.events.clear();
        self.next_event = 0;
        let room = rustix::buffer::spare_capacity(&mut self.events);
        match epoll::wait(&self.epoll, room, Some(&timespec(sleep_ns))) {
            Ok(count) => Ok(count > 0),
            Err(rustix::io::Errno::INTR) => Ok(false),
            Err(errno) => Err(EngineError::system("wait for sockets")(errno)),
        }
    }

    fn settle(&mut self) {
        while self.next_done().is_some() {}
    }

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

/// As the kernel takes it.
pub(crate) fn timespec(ns: u64) -> Timespec {
    Timespec {
        tv_sec: i64::try_from(ns / 1_000_000_000).unwrap_or(i64::MAX),
        tv_nsec: (ns % 1_000_000_000).cast_signed() as _,
    }
}
