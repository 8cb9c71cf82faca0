//! The kernel's queues, and the memory that it reads and writes meanwhile.
//!
//! All unsafe code of the engine is here, behind a safe interface. Two kinds
//! of memory are in the kernel's hands:
//!
//! - *The pool*: buffers that the kernel fills with what comes in, whichever
//!   connection it comes on. It has one address for as long as the ring lives;
//!   a buffer is read only between the completion that names it and its return
//!   to the kernel, in [`Received::read`].
//! - *The requests*: one buffer for each connection, which the kernel reads
//!   from [`Ring::send`] until the completion of that send. Until then
//!   [`Ring::outgoing`] does not give it out.
//!
//! Neither is freed before every operation has completed: [`Ring`] cancels and
//! awaits them when it is dropped, and leaks the memory if the kernel does not
//! let it.
#![expect(
    unsafe_code,
    reason = "the kernel reads and writes memory whose lifetime no type can state"
)]

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::io;
use std::mem::ManuallyDrop;
use std::os::fd::RawFd;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use io_uring::types::{BufRingEntry, CancelBuilder, Fixed, SubmitArgs, Timespec};
use io_uring::{IoUring, cqueue, opcode, squeue};
use rustix::event::PollFlags;
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags};

use crate::error::Lack;

/// Octets of a buffer of the pool.
const BUFFER_BYTES: usize = 4 * 1024;
/// The most buffers of the pool, a power of 2.
const BUFFERS_MAX: usize = 1024;
/// The most entries of the submission queue; more are submitted in parts.
const ENTRIES_MAX: usize = 4096;
/// The pool's name.
const GROUP: u16 = 0;
const PAGE_BYTES: usize = 4096;

/// What the kernel says about one operation.
#[derive(Debug)]
pub(super) enum Completion {
    /// The socket has connected, or failed to.
    Connected(io::Result<PollFlags>),
    /// The send is over: all its octets, or how it failed.
    Sent(io::Result<()>),
    /// Something came in, or 0 octets at the end of the stream. If not `more`,
    /// receiving is over and has to be asked for again.
    Received {
        /// What came.
        buffer: io::Result<Received>,
        /// Whether receiving goes on.
        more: bool,
        /// Whether the socket had more (or its end) when this was received.
        nonempty: bool,
    },
}

/// Octets in a buffer of the pool. If it is dropped without having been
/// read, the pool shrinks.
#[derive(Debug)]
pub(super) struct Received {
    /// The buffer; `None` at the end of the stream.
    buffer: Option<u16>,
    length: usize,
}

impl Received {
    /// Shows `read` what was received, and gives the buffer back to the kernel.
    pub(super) fn read<R>(self, ring: &mut Ring, read: impl FnOnce(&[u8]) -> R) -> R {
        match self.buffer {
            Some(buffer) => ring.memory.pool.take(buffer, self.length, read),
            None => read(&[]),
        }
    }
}

/// An `io_uring` for a fixed number of slots, each for one socket.
pub(super) struct Ring {
    uring: IoUring,
    memory: ManuallyDrop<Memory>,
    /// Operations whose last completion has not been seen.
    under_way: usize,
    /// Sends that have not been submitted.
    unsubmitted: usize,
}

struct Memory {
    pool: Pool,
    requests: Vec<Request>,
}

struct Request {
    bytes: Vec<u8>,
    /// Whether the kernel may be reading it.
    sending: bool,
}

#[derive(Clone, Copy)]
#[repr(u8)]
enum Operation {
    Connect,
    Send,
    Receive,
    Cancel,
}

impl Ring {
    /// A ring for `slots` sockets, to be used by this thread alone.
    pub(super) fn open(slots: usize) -> Result<Self, Lack> {
        let refused = |what| move |source| Lack::Refused { what, source };
        let entries = (2 * slots).next_power_of_two().clamp(8, ENTRIES_MAX) as u32;
        let uring: IoUring = IoUring::builder()
            .setup_single_issuer()
            .setup_defer_taskrun()
            .setup_taskrun_flag()
            .setup_cqsize(4 * entries)
            .build(entries)
            .map_err(refused("an io_uring as of Linux 6.1"))?;
        let params = uring.params();
        for (has, what) in [
            (params.is_feature_ext_arg(), "waits with a time limit"),
            (params.is_feature_nodrop(), "completions that are kept"),
        ] {
            if !has {
                return Err(Lack::Kernel(what));
            }
        }
        let slots_u32 = u32::try_from(slots).unwrap_or(u32::MAX);
        uring
            .submitter()
            .register_files_sparse(slots_u32)
            .map_err(refused("a table of descriptors"))?;
        let pool = Pool::new((2 * slots).next_power_of_two().clamp(16, BUFFERS_MAX));
        let ring = Self {
            uring,
            memory: ManuallyDrop::new(Memory {
                pool,
                requests: (0..slots)
                    .map(|_| Request {
                        bytes: Vec::with_capacity(1024),
                        sending: false,
                    })
                    .collect(),
            }),
            under_way: 0,
            unsubmitted: 0,
        };
        let (address, buffers) = ring.memory.pool.place();
        // SAFETY: the memory at `address` holds the entries of `buffers`
        // buffers and lives until `ring` is dropped, which ends the
        // registration first.
        unsafe {
            ring.uring
                .submitter()
                .register_buf_ring_with_flags(address, buffers, GROUP, 0)
        }
        .map_err(refused("a ring of buffers"))?;
        Ok(ring)
    }

    /// Puts this socket into the slot, which must have no operation under way;
    /// with `None` the slot lets go of the one that it had.
    pub(super) fn put(&mut self, slot: usize, socket: Option<RawFd>) -> io::Result<()> {
        let sockets = [socket.unwrap_or(-1)];
        self.uring
            .submitter()
            .register_files_update(slot as u32, &sockets)?;
        Ok(())
    }

    /// Asks for [`Completion::Connected`].
    pub(super) fn watch_connect(&mut self, slot: usize) -> io::Result<()> {
        let flags = u32::from(PollFlags::OUT.bits());
        let entry = opcode::PollAdd::new(Fixed(slot as u32), flags).build();
        self.push(entry, slot, Operation::Connect)
    }

    /// Asks for [`Completion::Received`] again and again.
    pub(super) fn receive(&mut self, slot: usize) -> io::Result<()> {
        let entry = opcode::RecvMulti::new(Fixed(slot as u32), GROUP).build();
        self.push(entry, slot, Operation::Receive)
    }

    /// The slot's request, to be written; `None` while the kernel has it.
    pub(super) fn outgoing(&mut self, slot: usize) -> Option<&mut Vec<u8>> {
        let request = &mut self.memory.requests[slot];
        (!request.sending).then_some(&mut request.bytes)
    }

    /// Sends the slot's request: asks for [`Completion::Sent`]. It goes out at
    /// the next [`Ring::enter`].
    pub(super) fn send(&mut self, slot: usize) -> io::Result<()> {
        let request = &mut self.memory.requests[slot];
        if request.sending {
            return Err(io::ErrorKind::ResourceBusy.into());
        }
        let length = u32::try_from(request.bytes.len())
            .map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
        // With WAITALL the kernel goes on until all is sent.
        let flags = SendFlags::NOSIGNAL.bits() | RecvFlags::WAITALL.bits();
        let entry = opcode::Send::new(Fixed(slot as u32), request.bytes.as_ptr(), length)
            .flags(flags.cast_signed())
            .build();
        request.sending = true;
        let pushed = self.push(entry, slot, Operation::Send);
        match &pushed {
            Ok(()) => self.unsubmitted += 1,
            Err(_) => self.memory.requests[slot].sending = false,
        }
        pushed
    }

    /// Submits what was asked for, and waits up to `sleep_ns` for so many things
    /// to come in. Without anything to submit or to fetch and without sleep it
    /// does not go to the kernel.
    pub(super) fn enter(&mut self, sleep_ns: u64, wanted: usize) -> io::Result<()> {
        let has_completions = !self.uring.completion().is_empty();
        let result = if sleep_ns == 0 || has_completions {
            let queue = self.uring.submission();
            if queue.is_empty() && !queue.taskrun() && !queue.cq_overflow() {
                return Ok(());
            }
            drop(queue);
            self.uring.submit()
        } else {
            let limit = Timespec::from(Duration::from_nanos(sleep_ns));
            let limit = SubmitArgs::new().timespec(&limit);
            // Sends complete at once, so to wait for more is to wait for what
            // comes in.
            self.uring
                .submitter()
                .submit_with_args(wanted + self.unsubmitted, &limit)
        };
        self.unsubmitted = 0;
        match result.map_err(|error| (Errno::from_io_error(&error), error)) {
            Ok(_) | Err((Some(Errno::TIME | Errno::INTR | Errno::BUSY | Errno::AGAIN), _)) => {
                Ok(())
            }
            Err((_, error)) => Err(error),
        }
    }

    /// The next completion and its slot.
    pub(super) fn next(&mut self) -> Option<(usize, Completion)> {
        loop {
            let entry = self.uring.completion().next()?;
            let more = cqueue::more(entry.flags());
            self.under_way -= usize::from(!more);
            let result = match entry.result() {
                result @ 0.. => Ok(result.unsigned_abs()),
                errno => Err(io::Error::from_raw_os_error(-errno)),
            };
            let slot = (entry.user_data() >> 8) as usize;
            let completion = match entry.user_data() & 0xff {
                op if op == Operation::Connect as u64 => {
                    let flags = |bits| PollFlags::from_bits_retain(bits as u16);
                    Completion::Connected(result.map(flags))
                }
                op if op == Operation::Send as u64 => {
                    let request = &mut self.memory.requests[slot];
                    request.sending = false;
                    let short = || io::Error::from(io::ErrorKind::WriteZero);
                    Completion::Sent(result.and_then(|sent| {
                        (sent as usize == request.bytes.len())
                            .then_some(())
                            .ok_or_else(short)
                    }))
                }
                op if op == Operation::Receive as u64 => Completion::Received {
                    buffer: result.map(|length| Received {
                        buffer: cqueue::buffer_select(entry.flags()),
                        length: length as usize,
                    }),
                    more,
                    nonempty: cqueue::sock_nonempty(entry.flags()),
                },
                _ => continue,
            };
            return Some((slot, completion));
        }
    }

    fn push(&mut self, entry: squeue::Entry, slot: usize, op: Operation) -> io::Result<()> {
        let entry = entry.user_data((slot as u64) << 8 | op as u64);
        if self.uring.submission().is_full() {
            self.uring.submit()?;
        }
        // SAFETY: the memory that the entry names, if any, is the request of
        // its slot. It is neither changed nor freed before the completion: see
        // `outgoing` and `drop`. What is received goes into the pool, which
        // lives as long.
        let pushed = unsafe { self.uring.submission().push(&entry) };
        pushed.map_err(|_| io::Error::from(io::ErrorKind::ResourceBusy))?;
        self.under_way += 1;
        Ok(())
    }

    /// Cancels every operation and waits until the kernel has no more to do.
    fn drain(&mut self) -> io::Result<()> {
        const PATIENCE_NS: u64 = 100_000_000;
        if self.under_way > 0 {
            let entry = opcode::AsyncCancel2::new(CancelBuilder::any().all()).build();
            self.push(entry, 0, Operation::Cancel)?;
        }
        while self.under_way > 0 {
            self.enter(PATIENCE_NS, 1)?;
            while self.next().is_some() {}
        }
        self.uring.submitter().unregister_buf_ring(GROUP)
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        if self.drain().is_ok() {
            // SAFETY: dropped once, here. No operation is under way, and the
            // kernel has forgotten the pool, so it has no use for the memory.
            unsafe { ManuallyDrop::drop(&mut self.memory) }
        }
    }
}

/// Buffers that the kernel fills, and the ring of entries by which it is told
/// which are free.
struct Pool {
    /// The ring of entries, then the buffers, in one allocation.
    base: NonNull<u8>,
    layout: Layout,
    buffers: u16,
    tail: u16,
}

impl Pool {
    /// `buffers` of them, a power of 2, all free.
    fn new(buffers: usize) -> Self {
        let bytes = Self::data_offset(buffers) + buffers * BUFFER_BYTES;
        let layout = Layout::from_size_align(bytes, PAGE_BYTES)
            .unwrap_or_else(|_| unreachable!("a few megabytes at most"));
        // SAFETY: the layout is not empty.
        let base = NonNull::new(unsafe { alloc_zeroed(layout) })
            .unwrap_or_else(|| handle_alloc_error(layout));
        let mut pool = Self {
            base,
            layout,
            buffers: buffers as u16,
            tail: 0,
        };
        for buffer in 0..pool.buffers {
            pool.give_back(buffer);
        }
        pool
    }

    /// Where the entries are, and how many.
    fn place(&self) -> (u64, u16) {
        (self.base.as_ptr().addr() as u64, self.buffers)
    }

    /// Shows the first `length` octets of a buffer that the kernel has filled,
    /// and gives it back.
    fn take<R>(&mut self, buffer: u16, length: usize, read: impl FnOnce(&[u8]) -> R) -> R {
        assert!(
            buffer < self.buffers && length <= BUFFER_BYTES,
            "the kernel names buffers that it was given"
        );
        let data = self.data(buffer);
        // SAFETY: within the allocation, as was checked, and initialized since
        // it was allocated. The kernel has named the buffer in a completion, so
        // it does not write to it until it is given back, below.
        let result = read(unsafe { std::slice::from_raw_parts(data, length) });
        self.give_back(buffer);
        result
    }

    fn give_back(&mut self, buffer: u16) {
        let mask = self.buffers - 1;
        let entries = self.base.cast::<BufRingEntry>();
        let data = self.data(buffer);
        // SAFETY: the place is below `buffers`, so within the entries, which
        // are aligned, as the allocation is, and for which zeros are valid.
        // The kernel reads an entry only after the tail has passed it.
        let entry = unsafe { entries.add(usize::from(self.tail & mask)).as_mut() };
        entry.set_addr(data.addr() as u64);
        entry.set_len(BUFFER_BYTES as u32);
        entry.set_bid(buffer);
        self.tail = self.tail.wrapping_add(1);
        // SAFETY: the tail is a field of the first entry, aligned to 2 octets,
        // that `set_*` do not touch; the kernel only reads it.
        let tail = unsafe { AtomicU16::from_ptr(BufRingEntry::tail(entries.as_ptr()).cast_mut()) };
        tail.store(self.tail, Ordering::Release);
    }

    fn data(&self, buffer: u16) -> *mut u8 {
        let offset =
            Self::data_offset(usize::from(self.buffers)) + usize::from(buffer) * BUFFER_BYTES;
        self.base.as_ptr().wrapping_add(offset)
    }

    fn data_offset(buffers: usize) -> usize {
        (buffers * size_of::<BufRingEntry>()).next_multiple_of(PAGE_BYTES)
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        // SAFETY: allocated with this layout, and dropped once.
        unsafe { dealloc(self.base.as_ptr(), self.layout) }
    }
}
