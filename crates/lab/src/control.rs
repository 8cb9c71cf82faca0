//! The frozen control workload: small units of fixed work, a few hundred a second, on the core of
//! a server that is measured. What a unit costs changes with the machine (its clock, its caches,
//! its neighbours) and never with the program that is compared; so what the control saw can be
//! subtracted from what the server saw.
//!
//! It is **frozen**: figures of two versions do not belong together. Whoever changes what a unit
//! does, in whatever small way, must raise [`CONTROL_VERSION`].

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use crate::cpu::thread_cpu_ns;
use crate::process::{ServerCommand, ServerProcess, StartError};

/// The version of what a unit does. Never change the work without a new number.
pub const CONTROL_VERSION: u32 = 1;

/// Octets that a unit sends there and back over a loopback connection.
const MESSAGE_BYTES: usize = 300;
/// Octets that a unit hashes.
const HASHED_BYTES: usize = 8 * 1024;
/// Places (of 8 octets) of the memory that a unit walks through: 1.5 MiB.
const PLACES: usize = 192 * 1024;
/// Steps of that walk, each of which depends on the one before.
const STEPS: usize = 400;
/// The pause between two units is drawn from this range, so that it keeps step with nothing.
const PAUSE_NS_MIN: u64 = 1_000_000;
const PAUSE_NS_SPAN: u64 = 2_000_000;
/// The seed of walk and pauses.
const SEED: u64 = 0x6175_7468_6265_6e63;

/// The record that the workload keeps up to date: units, CPU time, and a check over both, since a
/// reader may come in the middle of a write.
const RECORD_BYTES: usize = 24;
/// How often a torn record is read again.
const READS_MAX: u32 = 1_000;
/// How long the workload may take to begin.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the workload has done so far.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct ControlCount {
    /// Whole units.
    pub units: u64,
    /// CPU time of these units and of the pauses between them (the way into sleep and out of it),
    /// nanoseconds.
    pub cpu_ns: u64,
}

impl ControlCount {
    /// What was done since `earlier`.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Self {
        Self {
            units: self.units.saturating_sub(earlier.units),
            cpu_ns: self.cpu_ns.saturating_sub(earlier.cpu_ns),
        }
    }

    const fn check(self) -> u64 {
        self.units.rotate_left(17) ^ self.cpu_ns ^ SEED
    }

    fn record(self) -> [u8; RECORD_BYTES] {
        let mut record = [0; RECORD_BYTES];
        for (place, value) in
            record
                .chunks_exact_mut(8)
                .zip([self.units, self.cpu_ns, self.check()])
        {
            place.copy_from_slice(&value.to_le_bytes());
        }
        record
    }

    /// `None` of a record that was read while it was written.
    fn from_record(record: [u8; RECORD_BYTES]) -> Option<Self> {
        let mut values = record.chunks_exact(8).map(|octets| {
            let octets = octets.try_into().unwrap_or_default();
            u64::from_le_bytes(octets)
        });
        let count = Self {
            units: values.next()?,
            cpu_ns: values.next()?,
        };
        (values.next()? == count.check()).then_some(count)
    }
}

/// The workload, running in a process of its own.
#[derive(Debug)]
pub struct Control {
    record: File,
    process: ServerProcess,
}

impl Control {
    /// Starts `command`, whose program must call [`run`], and waits until it has begun.
    ///
    /// # Errors
    /// [`ControlError`] when it does not begin, or its record cannot be opened.
    pub fn start(command: &ServerCommand) -> Result<Self, ControlError> {
        let place = |line: &str| line.strip_prefix(READY).map(str::to_owned);
        let (process, place) = command.start(PATIENCE, place)?;
        let record = File::open(Path::new(&place)).map_err(ControlError::Record)?;
        Ok(Self { record, process })
    }

    /// Its process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// What it has done so far. Costs a microsecond and does not wake it.
    ///
    /// # Errors
    /// When the record cannot be read, or never came to rest: the machine is out of order.
    pub fn count(&self) -> io::Result<ControlCount> {
        for _ in 0..READS_MAX {
            let mut record = [0; RECORD_BYTES];
            self.record.read_exact_at(&mut record, 0)?;
            if let Some(count) = ControlCount::from_record(record) {
                return Ok(count);
            }
            std::thread::yield_now();
        }
        Err(io::Error::other(
            "the record of the control workload stays torn",
        ))
    }
}

/// Why there is no control workload.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ControlError {
    /// It did not begin.
    #[error("the control workload did not start")]
    Start(#[from] StartError),
    /// What it has done cannot be read.
    #[error("the record of the control workload cannot be opened")]
    Record(#[source] io::Error),
}

/// What precedes the record's path in the line that says that the workload has begun.
const READY: &str = "control ";

/// Does units until standard input ends, for [`Control::start`] in the parent. Everything that a
/// unit needs is made before the line that says so.
///
/// # Errors
/// When there is no room for the record, or no loopback connection.
pub fn run() -> io::Result<()> {
    let record = record_file()?;
    let mut units = Units::new()?;
    let mut count = ControlCount::default();
    record.write_all_at(&count.record(), 0)?;
    let (id, number) = (std::process::id(), record.as_raw_fd());
    writeln!(io::stdout(), "{READY}/proc/{id}/fd/{number}")?;
    std::thread::spawn(|| {
        let mut rest = [0; 256];
        while matches!(io::stdin().read(&mut rest), Ok(1..)) {}
        std::process::exit(0);
    });
    let before_ns = thread_cpu_ns();
    loop {
        std::thread::sleep(Duration::from_nanos(units.pause_ns()));
        units.once()?;
        count = ControlCount {
            units: count.units + 1,
            cpu_ns: thread_cpu_ns() - before_ns,
        };
        record.write_all_at(&count.record(), 0)?;
    }
}

/// A file without a name, in memory where there is such a folder.
fn record_file() -> io::Result<File> {
    tempfile::tempfile_in("/dev/shm").or_else(|_| tempfile::tempfile())
}

/// What a unit works on.
struct Units {
    here: TcpStream,
    there: TcpStream,
    message: [u8; MESSAGE_BYTES],
    hashed: Vec<u8>,
    places: Vec<u64>,
    place: usize,
    state: u64,
}

impl Units {
    fn new() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let here = TcpStream::connect(listener.local_addr()?)?;
        let (there, _) = listener.accept()?;
        here.set_nodelay(true)?;
        there.set_nodelay(true)?;
        let mut state = SEED;
        Ok(Self {
            here,
            there,
            message: [0x61; MESSAGE_BYTES],
            hashed: vec![0x62; HASHED_BYTES],
            places: (0..PLACES).map(|_| next(&mut state)).collect(),
            place: 0,
            state,
        })
    }

    /// Nanoseconds until the next unit.
    fn pause_ns(&mut self) -> u64 {
        PAUSE_NS_MIN + next(&mut self.state) % PAUSE_NS_SPAN
    }

    /// One unit: a round trip through the kernel, a digest, its text in fresh memory, and a walk
    /// through memory, as a small server would do for one request.
    fn once(&mut self) -> io::Result<()> {
        (&self.here).write_all(&self.message)?;
        (&self.there).read_exact(&mut self.message)?;
        (&self.there).write_all(&self.message)?;
        (&self.here).read_exact(&mut self.message)?;
        let digest = Sha256::digest(&self.hashed);
        let text: String = digest.iter().map(|octet| format!("{octet:02x}")).collect();
        self.hashed[..text.len()].copy_from_slice(text.as_bytes());
        for step in 0..STEPS {
            let value = self.places[self.place];
            self.places[self.place] = value.rotate_left(7).wrapping_add(step as u64);
            self.place = (value ^ (self.place as u64).wrapping_mul(GOLDEN)) as usize % PLACES;
        }
        Ok(())
    }
}

/// 2^64 divided by the golden ratio, made odd.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// The next of a fixed sequence (`SplitMix64`, Steele, Lea and Flood 2014): the work must not
/// change with a library.
const fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(GOLDEN);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_as_it_was_written_and_a_torn_one_is_not() {
        let count = ControlCount {
            units: 7,
            cpu_ns: 600_000,
        };
        let record = count.record();
        assert_eq!(ControlCount::from_record(record), Some(count));
        let later = ControlCount {
            units: 8,
            cpu_ns: 680_000,
        };
        let mut torn = later.record();
        torn[16..].copy_from_slice(&record[16..]);
        assert_eq!(ControlCount::from_record(torn), None);
        torn = later.record();
        torn[..8].copy_from_slice(&record[..8]);
        assert_eq!(ControlCount::from_record(torn), None);
        let done = later.since(count);
        assert_eq!((done.units, done.cpu_ns), (1, 80_000));
    }

    /// The digest after some units is that of version 1: whoever changes it raises the version.
    #[test]
    fn the_work_is_frozen() {
        let mut units = Units::new().unwrap();
        for _ in 0..20 {
            units.once().unwrap();
        }
        let sum = units
            .places
            .iter()
            .fold(0_u64, |sum, place| sum.rotate_left(5) ^ place);
        let seen = (
            CONTROL_VERSION,
            units.place,
            sum,
            units.hashed[..8].to_vec(),
        );
        assert_eq!(
            seen,
            (1, 60_316, 16_582_510_797_684_998_471, b"cf9355fa".to_vec())
        );
    }

    #[test]
    fn pauses_stay_in_their_range() {
        let mut units = Units::new().unwrap();
        for _ in 0..1_000 {
            assert!((1_000_000..3_000_000).contains(&units.pause_ns()));
        }
    }
}
