//! What is on its way in one direction.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};

/// How much may be on its way before the sender has to wait.
const FULL_BYTES: usize = 1 << 20;
/// How much is read at once.
const READ_BYTES: usize = 64 * 1024;

/// One direction of a connection: octets in order, each with the instant from which it may arrive.
#[derive(Debug, Default)]
pub(super) struct Lane {
    chunks: VecDeque<Chunk>,
    bytes: usize,
    /// Nothing sets out before this instant: the connection is still being made.
    open_at_ns: u64,
    /// The sender has finished; nothing more is read.
    ended: bool,
    /// The receiver knows.
    end_passed: bool,
    /// The receiver takes no more at present.
    blocked: bool,
}

#[derive(Debug)]
struct Chunk {
    due_ns: u64,
    bytes: Vec<u8>,
    sent: usize,
}

impl Lane {
    pub(super) fn open_at(open_at_ns: u64) -> Self {
        Self {
            open_at_ns,
            ..Self::default()
        }
    }

    /// A direction in which nothing passes any more.
    pub(super) fn finished() -> Self {
        Self {
            ended: true,
            end_passed: true,
            ..Self::default()
        }
    }

    /// Whether to read from the sender.
    pub(super) fn wants_input(&self) -> bool {
        !self.ended && self.bytes < FULL_BYTES
    }

    /// Whether to wait until the receiver can take more.
    pub(super) fn wants_output(&self) -> bool {
        self.blocked
    }

    /// When the next octets, or the end, may arrive; `None` when nothing waits for its time.
    pub(super) fn next_due_ns(&self) -> Option<u64> {
        let next = self.chunks.front().filter(|_| !self.blocked);
        next.map(|chunk| chunk.due_ns)
    }

    /// Whether nothing more will happen here.
    pub(super) fn is_over(&self) -> bool {
        self.end_passed
    }

    /// What the sender has, at most one buffer of it; empty at its end, `None` when it is silent.
    pub(super) fn read(mut from: &TcpStream) -> io::Result<Option<Vec<u8>>> {
        let mut bytes = vec![0; READ_BYTES];
        match from.read(&mut bytes) {
            Ok(length) => {
                bytes.truncate(length);
                Ok(Some(bytes))
            }
            Err(error) if is_not_yet(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Sends octets on their way at `now_ns`, or the sender's end when there are none.
    pub(super) fn send(&mut self, bytes: Vec<u8>, now_ns: u64, delay_ns: u64) {
        if bytes.is_empty() {
            self.ended = true;
        }
        self.bytes += bytes.len();
        self.chunks.push_back(Chunk {
            due_ns: now_ns.max(self.open_at_ns).saturating_add(delay_ns),
            bytes,
            sent: 0,
        });
    }

    /// Delivers what is due at `now_ns`.
    pub(super) fn deliver(&mut self, mut to: &TcpStream, now_ns: u64) -> io::Result<()> {
        self.blocked = false;
        while let Some(chunk) = self.chunks.front_mut() {
            if chunk.due_ns > now_ns {
                return Ok(());
            }
            if chunk.bytes.is_empty() {
                to.shutdown(Shutdown::Write)?;
                self.end_passed = true;
            }
            while chunk.sent < chunk.bytes.len() {
                match to.write(&chunk.bytes[chunk.sent..]) {
                    Ok(length) => chunk.sent += length,
                    Err(error) if is_not_yet(&error) => {
                        self.blocked = true;
                        return Ok(());
                    }
                    Err(error) => return Err(error),
                }
            }
            self.bytes -= chunk.bytes.len();
            self.chunks.pop_front();
        }
        Ok(())
    }
}

fn is_not_yet(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
    )
}
