//! Waiting, for every transport that watches sockets itself: how long to sleep
//! and when to look without sleeping, and when to try again what did not
//! connect.
//!
//! A wait ends at a stated nanosecond: the kernel's timer is asked for a little
//! less, and the rest is spent looking without sleeping, so that requests leave
//! on time and answers that come in meanwhile are still seen at once. Between
//! two such looks the core is told that it is spinning, so that a hyper-thread
//! beside it is disturbed little.

use std::io;
use std::net::SocketAddr;
use std::num::NonZeroU64;

use authbench_core::system::monotonic_ns;

use crate::error::EngineError;
use crate::options::EngineOptions;

/// How long before its end a wait stops sleeping: longer than an idle virtual
/// core takes to wake up.
const SPIN_NS: u64 = 200_000;
/// The same where somebody else needs the core.
const SHARED_SPIN_NS: u64 = 20_000;
/// The pause between two looks without sleep.
const PAUSE_NS: u64 = 1_000;
/// The pause before a failed attempt to connect is repeated.
const RECONNECT_PAUSE_NS: u64 = 10_000_000;

/// What a transport has waited for, and has yet to try again.
#[derive(Debug)]
pub(crate) struct Pace {
    spin_ns: u64,
    idle_ns: u64,
    retry_at_ns: Option<u64>,
    last_fault: Option<(SocketAddr, io::Error)>,
}

impl Pace {
    /// As `options` say. Makes the timers of this thread fire when they are
    /// due, not up to 50 us later.
    pub(crate) fn new(options: &EngineOptions) -> Result<Self, EngineError> {
        rustix::thread::set_current_timer_slack(NonZeroU64::new(1))
            .map_err(EngineError::system("set its timer slack"))?;
        let spin_ns = match options {
            _ if options.never_sleeps => u64::MAX,
            _ if options.shared_core => SHARED_SPIN_NS,
            _ => SPIN_NS,
        };
        Ok(Self {
            spin_ns,
            idle_ns: 0,
            retry_at_ns: None,
            last_fault: None,
        })
    }

    /// See [`crate::Engine::idle_ns`].
    pub(crate) fn idle_ns(&self) -> u64 {
        self.idle_ns
    }

    /// No connection to `address` came about; it is to be tried again a little
    /// later.
    pub(crate) fn failed(&mut self, address: SocketAddr, fault: io::Error) {
        self.last_fault = Some((address, fault));
        self.retry_at_ns
            .get_or_insert(monotonic_ns() + RECONNECT_PAUSE_NS);
    }
}

/// Sockets that a transport watches.
pub(crate) trait Sockets {
    /// Its pace.
    fn pace(&mut self) -> &mut Pace;

    /// Whether something has happened on a socket, within `sleep_ns`.
    fn look(&mut self, sleep_ns: u64) -> Result<bool, EngineError>;

    /// Deals with all that has happened while nothing is on its way.
    fn settle(&mut self);

    /// Starts to connect what is closed.
    fn reopen_closed(&mut self);

    /// The address of a connection that does not stand yet.
    fn missing(&self) -> Option<SocketAddr>;

    /// See [`crate::Engine::wait`].
    fn wait_until(&mut self, until_ns: u64) -> Result<(), EngineError> {
        if self.pace().retry_at_ns.is_some() {
            self.retry(monotonic_ns());
        }
        if self.look(0)? {
            return Ok(());
        }
        let from_ns = monotonic_ns();
        let rested = self.rest(from_ns, until_ns);
        self.pace().idle_ns += monotonic_ns().saturating_sub(from_ns);
        rested
    }

    /// Starts to connect what is closed, if it is time to.
    fn retry(&mut self, now_ns: u64) {
        if self.pace().retry_at_ns.is_some_and(|at_ns| at_ns <= now_ns) {
            self.pace().retry_at_ns = None;
            self.reopen_closed();
        }
    }

    /// Waits, when a look has just found nothing.
    fn rest(&mut self, mut now_ns: u64, until_ns: u64) -> Result<(), EngineError> {
        while now_ns < until_ns {
            self.retry(now_ns);
            let Pace {
                spin_ns,
                retry_at_ns,
                ..
            } = *self.pace();
            let wake_ns = retry_at_ns.map_or(until_ns, |retry_ns| retry_ns.min(until_ns));
            let sleep_ns = wake_ns.saturating_sub(now_ns).saturating_sub(spin_ns);
            if sleep_ns == 0 {
                spin(wake_ns.min(now_ns + PAUSE_NS));
            }
            if self.look(sleep_ns)? {
                return Ok(());
            }
            now_ns = monotonic_ns();
        }
        Ok(())
    }

    /// Connects everything, and waits until it stands.
    fn open_all(&mut self, timeout_ms: u64) -> Result<(), EngineError> {
        self.reopen_closed();
        let deadline_ns = monotonic_ns() + timeout_ms.saturating_mul(1_000_000);
        while let Some(missing) = self.missing() {
            if let Some((address, source)) = self.pace().last_fault.take() {
                return Err(EngineError::Connect { address, source });
            }
            if monotonic_ns() > deadline_ns {
                return Err(EngineError::Connect {
                    address: missing,
                    source: io::ErrorKind::TimedOut.into(),
                });
            }
            self.wait_until(deadline_ns)?;
            self.settle();
        }
        Ok(())
    }
}

/// Spins until `until_ns` on the monotonic clock.
fn spin(until_ns: u64) {
    const HINTS: u32 = 8;
    while monotonic_ns() < until_ns {
        for _ in 0..HINTS {
            std::hint::spin_loop();
        }
    }
}
