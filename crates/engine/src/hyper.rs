//! The transports that leave the protocol to the library hyper: HTTP/1.1 once
//! more, as another opinion on the fast ones, and HTTP/2.
//!
//! Hyper is run without any runtime: its futures live in a pool that is driven
//! by the engine's own thread, over sockets that are watched as the other
//! transports watch theirs. So waits are as exact as theirs, and what differs
//! is the protocol alone. Each request is parsed and each answer is copied:
//! this costs several times what the fast transports cost.
//!
//! For HTTP/2 `connections` means exchanges at a time. They are streams, at
//! most [`STREAMS_PER_LINK`] on each connection, as many as servers commonly
//! allow (RFC 9113 6.5.2 recommends no fewer); where a server allows fewer,
//! the rest waits for it, and the wait is part of the service time. Octets on
//! a connection of many streams belong to no single exchange: each answer is
//! charged with all that passed since the answer before it, frames of the
//! connection's own included, so sums and means are right.

mod exchange;
mod io;
mod link;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::rc::Rc;

use authbench_core::system::monotonic_ns;
use futures_executor::LocalPool;
use hyper::body::Body as _;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};

use crate::broken::Broken;
use crate::epoll::timespec;
use crate::error::EngineError;
use crate::exchange::{Done, InFlight};
use crate::http1::{Answer, View};
use crate::idle::Idle;
use crate::options::{EngineKind, EngineOptions, Route};
use crate::pace::{Pace, Sockets};
use crate::socket;
use crate::tls::Secure;
use io::Stir;
use link::{Pool, Protocol, Sender};

/// The most events taken at once.
const EVENTS_MAX: usize = 256;
/// The most exchanges at a time on one connection of HTTP/2.
const STREAMS_PER_LINK: usize = 100;

/// See [`crate::Engine`] for what the methods mean. A "connection" of the
/// facade is a slot here.
pub(crate) struct Hyper<T> {
    addresses: Vec<SocketAddr>,
    protocol: Protocol,
    secure: Option<Rc<Secure>>,
    epoll: OwnedFd,
    events: Vec<Event>,
    pool: LocalPool,
    links: Vec<Link>,
    slots: Vec<Slot<T>>,
    idle: Idle,
    news: Rc<News>,
    in_flight: usize,
    pace: Pace,
    reconnects: u64,
}

/// A connection in the sense of TCP.
struct Link {
    place: usize,
    /// Counts its sockets, so that news of an earlier one are known as such.
    generation: u32,
    state: State,
    stir: Rc<Stir>,
}

enum State {
    /// The last attempt to connect failed.
    Closed,
    Connecting,
    /// With what takes requests, unless an exchange has taken it along.
    Up(Option<Sender>),
}

/// Room for one exchange at a time.
struct Slot<T> {
    link: usize,
    /// Of the link, when the last request was sent.
    generation: u32,
    phase: Phase<T>,
    request: Vec<u8>,
    answer: Vec<u8>,
}

#[derive(Clone, Copy)]
enum Phase<T> {
    /// Its link does not stand.
    Waiting,
    Idle,
    Busy(InFlight<T>),
    Answered,
}

/// What the futures have to say.
#[derive(Default)]
struct News {
    opened: RefCell<Vec<(usize, u32, std::io::Result<Sender>)>>,
    closed: RefCell<Vec<(usize, u32)>>,
    over: RefCell<VecDeque<Reply>>,
}

/// An exchange that is over.
struct Reply {
    slot: usize,
    sender: Option<Sender>,
    answer: Result<Answer, Broken>,
    octets: Vec<u8>,
    sent_bytes: u64,
    done_ns: u64,
}

impl<T: Copy> Hyper<T> {
    pub(crate) fn open(options: &EngineOptions) -> Result<Self, EngineError> {
        let (protocol, each) = match options.kind {
            EngineKind::Http2 => (Protocol::Http2, STREAMS_PER_LINK),
            _ => (Protocol::Http1, 1),
        };
        let secure = Secure::new(&options.security, &[protocol.alpn()])?;
        let pace = Pace::new(options)?;
        let epoll =
            epoll::create(CreateFlags::CLOEXEC).map_err(EngineError::system("wait for sockets"))?;
        let places = options.addresses.len();
        let count = options.connections.max(1) as usize;
        let slots: Vec<Slot<T>> = (0..count)
            .map(|index| Slot::new(index / places / each * places + index % places))
            .collect();
        let links = slots.iter().map(|slot| slot.link + 1).max().unwrap_or(1);
        let mut engine = Self {
            addresses: options.addresses.clone(),
            protocol,
            secure: secure.map(Rc::new),
            epoll,
            events: Vec::with_capacity(EVENTS_MAX),
            pool: LocalPool::new(),
            links: (0..links).map(|index| Link::new(index % places)).collect(),
            slots,
            idle: Idle::new(places, count),
            news: Rc::default(),
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
        let pending = self.slots.iter().filter_map(|slot| match slot.phase {
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
        let slot = &mut self.slots[index];
        slot.request.clear();
        write(&mut slot.request);
        let scheme = if self.secure.is_some() {
            "https"
        } else {
            "http"
        };
        let request = exchange::request(&slot.request, self.protocol, scheme);
        let content_bytes = request
            .as_ref()
            .map_or(0, |request| request.body().size_hint().lower());
        let link = &mut self.links[slot.link];
        let sender = link.sender();
        slot.generation = link.generation;
        let octets = std::mem::take(&mut slot.answer);
        let sent_ns = monotonic_ns();
        slot.phase = Phase::Busy(InFlight {
            ticket,
            sent_ns,
            sent_bytes: slot.request.len() as u64,
        });
        self.in_flight += 1;
        let is_http1 = self.protocol == Protocol::Http1;
        let (stir, news) = (Rc::clone(&link.stir), Rc::clone(&self.news));
        self.beside(async move {
            let (answer, octets, sender) = exchange::run(sender, request, octets).await;
            let done_ns = monotonic_ns();
            let (sent_bytes, received_bytes) = stir.take_bytes();
            news.over.borrow_mut().push_back(Reply {
                slot: index,
                sender,
                answer: answer.map(|answer| Answer {
                    // A server may answer before it has read everything.
                    keep_alive: !is_http1 || sent_bytes >= content_bytes,
                    wire_bytes: received_bytes,
                    ..answer
                }),
                octets,
                sent_bytes,
                done_ns,
            });
        });
        self.run();
        Some(sent_ns)
    }

    pub(crate) fn wait(&mut self, until_ns: u64) -> Result<(), EngineError> {
        if !self.news.over.borrow().is_empty() {
            return Ok(());
        }
        self.wait_until(until_ns)
    }

    pub(crate) fn next_done(&mut self) -> Option<Done<T>> {
        loop {
            let reply = self.news.over.borrow_mut().pop_front()?;
            let slot = &mut self.slots[reply.slot];
            slot.answer = reply.octets;
            let Phase::Busy(mut request) = slot.phase else {
                continue;
            };
            let link = &mut self.links[slot.link];
            let is_same = link.generation == slot.generation;
            let keep_alive = is_same && reply.sender.as_ref().is_some_and(Sender::is_ready);
            if let State::Up(sender @ None) = &mut link.state
                && is_same
            {
                *sender = reply.sender;
            }
            request.sent_bytes = reply.sent_bytes;
            slot.phase = Phase::Answered;
            self.in_flight -= 1;
            return Some(Done {
                conn: reply.slot,
                request,
                done_ns: reply.done_ns,
                answer: reply.answer.map(|answer| Answer {
                    keep_alive: answer.keep_alive && keep_alive,
                    ..answer
                }),
            });
        }
    }

    pub(crate) fn view(&self, conn: usize, answer: &Answer) -> View<'_> {
        View::of(answer, &self.slots[conn].answer)
    }

    pub(crate) fn release(&mut self, conn: usize, reusable: bool) {
        let Slot {
            link: index,
            generation,
            ..
        } = self.slots[conn];
        let link = &self.links[index];
        let is_same = link.generation == generation;
        if is_same
            && let State::Up(sender) = &link.state
            && (sender.is_none() || !reusable && self.protocol == Protocol::Http1)
        {
            self.lost(index);
        }
        if matches!(self.links[index].state, State::Up(_)) {
            self.set_idle(conn);
        } else {
            self.slots[conn].phase = Phase::Waiting;
        }
    }

    fn set_idle(&mut self, index: usize) {
        let slot = &mut self.slots[index];
        slot.phase = Phase::Idle;
        self.idle.push(self.links[slot.link].place, index);
    }

    fn beside(&self, future: impl Future<Output = ()> + 'static) {
        Pool(self.pool.spawner()).run(future);
    }

    /// Lets the futures do what they can, and does what that calls for.
    fn run(&mut self) {
        self.pool.run_until_stalled();
        loop {
            let opened = std::mem::take(&mut *self.news.opened.borrow_mut());
            let closed = std::mem::take(&mut *self.news.closed.borrow_mut());
            if opened.is_empty() && closed.is_empty() {
                return;
            }
            for (index, generation, sender) in opened {
                if self.links[index].generation == generation {
                    match sender {
                        Ok(sender) => self.stands(index, sender),
                        Err(error) => self.failed(index, error),
                    }
                }
            }
            for (index, generation) in closed {
                let link = &self.links[index];
                if link.generation == generation && matches!(link.state, State::Up(_)) {
                    self.lost(index);
                }
            }
            self.pool.run_until_stalled();
        }
    }

    fn stands(&mut self, link: usize, sender: Sender) {
        self.links[link].state = State::Up(Some(sender));
        for index in 0..self.slots.len() {
            let slot = &self.slots[index];
            if slot.link == link && matches!(slot.phase, Phase::Waiting) {
                self.set_idle(index);
            }
        }
    }

    /// Makes a connection anew that stood.
    fn lost(&mut self, link: usize) {
        for (index, slot) in self.slots.iter_mut().enumerate() {
            if slot.link == link && matches!(slot.phase, Phase::Idle) {
                self.idle.remove(self.links[link].place, index);
                slot.phase = Phase::Waiting;
            }
        }
        self.reconnects += 1;
        self.reopen(link);
    }

    fn reopen(&mut self, index: usize) {
        let link = &mut self.links[index];
        link.generation = link.generation.wrapping_add(1);
        link.state = State::Connecting;
        link.stir = Rc::default();
        let generation = link.generation;
        let data = EventData::new_u64(u64::from(generation) << 32 | index as u64);
        let flags = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET;
        let begun = socket::connect(self.addresses[link.place]).and_then(|socket| {
            epoll::add(&self.epoll, &socket, data, flags)?;
            Ok(socket)
        });
        let socket = match begun {
            Ok(socket) => socket,
            Err(error) => return self.failed(index, error),
        };
        let pool = Pool(self.pool.spawner());
        let opening = link::open(
            socket,
            self.secure.clone(),
            self.protocol,
            Rc::clone(&link.stir),
            pool.clone(),
        );
        let news = Rc::clone(&self.news);
        self.beside(async move {
            let sender = opening.await.map(|(sender, life)| {
                let news = Rc::clone(&news);
                pool.run(async move {
                    life.await;
                    news.closed.borrow_mut().push((index, generation));
                });
                sender
            });
            news.opened.borrow_mut().push((index, generation, sender));
        });
    }

    fn failed(&mut self, index: usize, error: std::io::Error) {
        let link = &mut self.links[index];
        link.state = State::Closed;
        self.pace.failed(self.addresses[link.place], error);
    }
}

impl<T: Copy> Sockets for Hyper<T> {
    fn pace(&mut self) -> &mut Pace {
        &mut self.pace
    }

    fn look(&mut self, sleep_ns: u64) -> Result<bool, EngineError> {
        self.events.clear();
        let room = rustix::buffer::spare_capacity(&mut self.events);
        match epoll::wait(&self.epoll, room, Some(&timespec(sleep_ns))) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(errno) => return Err(EngineError::system("wait for sockets")(errno)),
        }
        for event in &self.events {
            let data = event.data.u64();
            let link = &self.links[(data & u64::from(u32::MAX)) as usize];
            if u64::from(link.generation) == data >> 32 {
                link.stir.wake();
            }
        }
        self.run();
        Ok(!self.events.is_empty())
    }

    fn settle(&mut self) {}

    fn reopen_closed(&mut self) {
        for index in 0..self.links.len() {
            if matches!(self.links[index].state, State::Closed) {
                self.reopen(index);
            }
        }
        self.run();
    }

    fn missing(&self) -> Option<SocketAddr> {
        let missing = self
            .links
            .iter()
            .find(|link| !matches!(link.state, State::Up(_)));
        missing.map(|link| self.addresses[link.place])
    }
}

impl Link {
    fn new(place: usize) -> Self {
        Self {
            place,
            generation: 0,
            state: State::Closed,
            stir: Rc::default(),
        }
    }

    /// What takes the next request; `None` if it does not stand.
    fn sender(&mut self) -> Option<Sender> {
        match &mut self.state {
            State::Up(sender) => match sender.as_ref().and_then(Sender::another) {
                Some(another) => Some(another),
                None => sender.take(),
            },
            State::Closed | State::Connecting => None,
        }
    }
}

impl<T> Slot<T> {
    fn new(link: usize) -> Self {
        Self {
            link,
            generation: 0,
            phase: Phase::Waiting,
            request: Vec::with_capacity(1024),
            answer: Vec::with_capacity(1024),
        }
    }
}
