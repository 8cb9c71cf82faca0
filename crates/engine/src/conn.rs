//! One keep-alive connection of the `epoll` transport, bare or under TLS: what
//! is under way on it, and what has come back.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use rustix::event::epoll::EventFlags;

use crate::broken::Broken;
use crate::exchange::InFlight;
use crate::http1::{Answer, Reader};
use crate::socket;
use crate::tls::{Secure, Stream};

/// One connection. `T` travels with each exchange.
#[derive(Debug)]
pub(crate) struct Conn<T> {
    /// Counts the sockets that this connection has had, so that an event for
    /// an earlier one is not taken for the present one's.
    pub(crate) generation: u32,
    /// The place of its address among the engine's.
    pub(crate) place: usize,
    /// What it is doing.
    pub(crate) phase: Phase<T>,
    /// What has come in.
    pub(crate) reader: Reader,
    stream: Option<Stream>,
    out: Vec<u8>,
    written: usize,
}

/// What a connection is doing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Phase<T> {
    /// Not there: the last attempt to connect failed.
    Closed,
    /// Under construction.
    Connecting,
    /// Ready for a request.
    Idle,
    /// Waiting for an answer.
    Busy(InFlight<T>),
    /// The answer is in the reader.
    Answered,
}

impl<T> Conn<T> {
    pub(crate) fn new(place: usize) -> Self {
        Self {
            generation: 0,
            place,
            phase: Phase::Closed,
            reader: Reader::new(),
            stream: None,
            out: Vec::with_capacity(1024),
            written: 0,
        }
    }

    /// Starts to connect anew, without waiting. The socket that there was is
    /// closed. Gives the new one and its generation.
    pub(crate) fn open(
        &mut self,
        address: SocketAddr,
        secure: Option<&Secure>,
    ) -> io::Result<(&TcpStream, u32)> {
        self.close();
        self.generation = self.generation.wrapping_add(1);
        let stream = Stream::new(socket::connect(address)?, secure)?;
        self.phase = Phase::Connecting;
        Ok((self.stream.insert(stream).socket(), self.generation))
    }

    /// Closes the socket.
    pub(crate) fn close(&mut self) {
        self.stream = None;
        self.phase = Phase::Closed;
        self.reader.reset();
    }

    /// Whether the connection stands by now, TLS included, or why it will not.
    /// A server that speaks first is none.
    pub(crate) fn stands(&mut self, flags: EventFlags) -> io::Result<bool> {
        let stream = self.stream.as_mut().ok_or(io::ErrorKind::NotConnected)?;
        socket::connected(stream.socket())?;
        match stream.handshake() {
            Ok(()) if stream.is_plain() && has_come(flags) => {
                Err(io::ErrorKind::ConnectionReset.into())
            }
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Whether an idle connection is still idle after such an event: neither
    /// closed by the peer nor sent octets that nobody asked for. What TLS says
    /// to itself does not count.
    pub(crate) fn is_quiet(&mut self, flags: EventFlags) -> bool {
        if !has_come(flags) {
            return true;
        }
        let Some(stream) = self.stream.as_mut().filter(|stream| !stream.is_plain()) else {
            return false;
        };
        stream
            .read(&mut [0])
            .is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
    }

    /// An empty buffer for the next request.
    pub(crate) fn outgoing(&mut self) -> &mut Vec<u8> {
        self.reader.reset();
        self.out.clear();
        self.written = 0;
        &mut self.out
    }

    /// Octets of the request.
    pub(crate) fn outgoing_bytes(&self) -> u64 {
        self.out.len() as u64
    }

    /// Whether a part of the request has still to be written.
    pub(crate) fn has_outgoing(&self) -> bool {
        self.written < self.out.len() || self.stream.as_ref().is_some_and(Stream::has_outgoing)
    }

    /// Writes as much of the request as the socket takes.
    pub(crate) fn write(&mut self) -> Result<(), Broken> {
        let stream = self.stream.as_mut().ok_or(Broken::Closed)?;
        loop {
            let progress = match &self.out[self.written..] {
                [] => stream.flush().map(|()| 0),
                rest => stream.write(rest),
            };
            match progress {
                Ok(count) => self.written += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(Broken::Connection(error)),
            }
            if self.written == self.out.len() && !stream.has_outgoing() {
                return Ok(());
            }
        }
    }

    /// Reads what has come; the answer, if it is whole. Edges are reported
    /// once, so this reads on until the socket is known to be empty: without
    /// TLS a read that does not fill its room says so, except after a hang-up.
    pub(crate) fn read(&mut self, flags: EventFlags) -> Result<Option<Answer>, Broken> {
        let hung_up = flags.intersects(EventFlags::RDHUP | EventFlags::HUP | EventFlags::ERR);
        loop {
            let stream = self.stream.as_mut().ok_or(Broken::Closed)?;
            let room = self.reader.room();
            let room_bytes = room.len();
            let count = match stream.read(room) {
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                // TLS without a good-bye: whatever came may be cut off.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    return Err(Broken::Closed);
                }
                Err(error) => return Err(Broken::Connection(error)),
            };
            let emptied = count < room_bytes && stream.is_plain();
            if count == 0 {
                return match self.reader.end_of_stream() {
                    Ok(answer) => Ok(Some(answer)),
                    Err(_) => Err(Broken::Closed),
                };
            }
            if let Some(mut answer) = self.reader.advance(count).map_err(Broken::Malformed)? {
                answer.keep_alive &= !hung_up && !self.has_outgoing();
                return Ok(Some(answer));
            }
            if emptied && !hung_up {
                return Ok(None);
            }
        }
    }
}

/// Whether there is more to an event than that the socket takes octets.
fn has_come(flags: EventFlags) -> bool {
    flags.intersects(!EventFlags::OUT)
}
