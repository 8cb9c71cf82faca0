//! One keep-alive connection of the `epoll` transport: what is under way on it, and what has come back.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use rustix::event::epoll::EventFlags;

use crate::broken::Broken;
use crate::exchange::InFlight;
use crate::http1::{Answer, Reader};
use crate::socket;

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
    stream: Option<TcpStream>,
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
    pub(crate) fn open(&mut self, address: SocketAddr) -> io::Result<(&TcpStream, u32)> {
        self.close();
        self.generation = self.generation.wrapping_add(1);
        let stream = socket::connect(address)?;
        self.phase = Phase::Connecting;
        Ok((self.stream.insert(stream), self.generation))
    }

    /// Closes the socket.
    pub(crate) fn close(&mut self) {
        self.stream = None;
        self.phase = Phase::Closed;
        self.reader.reset();
    }

    /// How the attempt to connect came out.
    pub(crate) fn connected(&self) -> io::Result<()> {
        let stream = self.stream.as_ref().ok_or(io::ErrorKind::NotConnected)?;
        socket::connected(stream)
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
        self.written < self.out.len()
    }

    /// Writes as much of the request as the socket takes.
    pub(crate) fn write(&mut self) -> Result<(), Broken> {
        while self.written < self.out.len() {
            let stream = self.stream.as_mut().ok_or(Broken::Closed)?;
            match stream.write(&self.out[self.written..]) {
                Ok(count) => self.written += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Broken::Connection(error)),
            }
        }
        Ok(())
    }

    /// Reads what has come; the answer, if it is whole. Edges are reported
    /// once, so this reads on until the socket is known to be empty: a read
    /// that does not fill its room says so, except after a hang-up.
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
                Err(error) => return Err(Broken::Connection(error)),
            };
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
            if count < room_bytes && !hung_up {
                return Ok(None);
            }
        }
    }
}
