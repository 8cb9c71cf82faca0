//! Lanes: threads that work side by side and share nothing while under way.
//!
//! The first lane is the calling thread, so that whoever is told of progress
//! is told there; each of the others is a thread of its own. They begin at one
//! instant, and when one of them fails the others end.

use std::any::Any;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};

use authbench_core::system::monotonic_ns;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::error::LoadError;

/// From the moment at which all lanes are ready to the instant at which they
/// begin, so that all of them are awake by then.
const LEAD_NS: u64 = 2_000_000;

/// What all lanes of one piece of work see.
pub(crate) struct Together<'s> {
    stop: &'s AtomicBool,
    /// One lane has failed.
    failed: AtomicBool,
    gate: Mutex<Gate>,
    opened: Condvar,
    /// An instant that the first lane sets for all; `u64::MAX` until then.
    agreed_ns: AtomicU64,
}

struct Gate {
    awaited: usize,
    start_ns: u64,
}

impl<'s> Together<'s> {
    fn new(lanes: usize, stop: &'s AtomicBool) -> Self {
        Self {
            stop,
            failed: AtomicBool::new(false),
            gate: Mutex::new(Gate {
                awaited: lanes,
                start_ns: 0,
            }),
            opened: Condvar::new(),
            agreed_ns: AtomicU64::new(u64::MAX),
        }
    }

    /// Waits until all lanes are here, and returns the instant at which all
    /// begin, nanoseconds on the monotonic clock.
    ///
    /// # Errors
    /// [`LoadError::LaneEnded`] when another lane will not come.
    pub(crate) fn start_ns(&self) -> Result<u64, LoadError> {
        let mut gate = self.gate.lock().unwrap_or_else(PoisonError::into_inner);
        gate.awaited = gate.awaited.saturating_sub(1);
        if gate.awaited == 0 {
            gate.start_ns = monotonic_ns() + LEAD_NS;
            self.opened.notify_all();
        }
        while gate.awaited > 0 {
            self.check()?;
            let waited = self.opened.wait(gate);
            gate = waited.unwrap_or_else(PoisonError::into_inner);
        }
        Ok(gate.start_ns)
    }

    /// Whether whoever asked for the work wants it to end.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// To be asked now and then.
    ///
    /// # Errors
    /// [`LoadError::LaneEnded`] when another lane has failed.
    pub(crate) fn check(&self) -> Result<(), LoadError> {
        if self.failed.load(Ordering::Relaxed) {
            Err(LoadError::LaneEnded)
        } else {
            Ok(())
        }
    }

    /// The first lane sets an instant for all, which lies in the future.
    pub(crate) fn agree(&self, at_ns: u64) {
        self.agreed_ns.store(at_ns, Ordering::SeqCst);
    }

    /// That instant; `u64::MAX` until it is set. Whoever still gets that
    /// answer may rely on it that the instant lies behind every reading of the
    /// clock that was made before the call.
    pub(crate) fn agreed_ns(&self) -> u64 {
        self.agreed_ns.load(Ordering::SeqCst)
    }

    fn fail(&self) {
        self.failed.store(true, Ordering::Relaxed);
        // With the lock, so that nobody is between looking and waiting.
        drop(self.gate.lock());
        self.opened.notify_all();
    }
}

/// Does the work of all `lanes`, each with the core it is pinned to, if any:
/// the first on the calling thread, which is pinned for so long, by `first`,
/// the others by `other`. The results stand in the order of the lanes.
///
/// # Errors
/// The error of the first lane that failed by itself; a panic in another
/// thread is [`LoadError::LanePanicked`], one in the calling thread goes on.
pub(crate) fn run<L: Send, T: Send>(
    lanes: Vec<(Option<usize>, L)>,
    stop: &AtomicBool,
    first: impl FnOnce(L, &Together<'_>) -> Result<T, LoadError>,
    other: impl Fn(L, &Together<'_>) -> Result<T, LoadError> + Sync,
) -> Result<Vec<T>, LoadError> {
    let together = Together::new(lanes.len(), stop);
    let (together, other) = (&together, &other);
    let mut lanes = lanes.into_iter();
    let Some((core, lane)) = lanes.next() else {
        return Ok(Vec::new());
    };
    let ends: Vec<Result<T, LoadError>> = std::thread::scope(|scope| {
        let others: Vec<_> = lanes
            .map(|(core, lane)| {
                scope.spawn(move || watched(together, core, |all| other(lane, all)))
            })
            .collect();
        let own = watched(together, core, |all| first(lane, all));
        let joined = (1_u32..).zip(others).map(|(lane, other)| {
            other
                .join()
                .unwrap_or_else(|panic| Err(panicked(lane, &*panic)))
        });
        std::iter::once(own).chain(joined).collect()
    });
    let by_itself = |end: &Result<T, LoadError>| matches!(end, Err(error) if !matches!(error, LoadError::LaneEnded));
    let mut ends = ends;
    if let Some(at) = ends.iter().position(by_itself) {
        ends.swap(0, at);
    }
    ends.into_iter().collect()
}

/// Pins the thread, does the work, and lets the others know if it fails.
fn watched<T>(
    together: &Together<'_>,
    core: Option<usize>,
    work: impl FnOnce(&Together<'_>) -> Result<T, LoadError>,
) -> Result<T, LoadError> {
    let mut watch = Watch {
        together,
        is_well: false,
    };
    let pinned = core.map(Pinned::to).transpose()?;
    let end = work(together);
    drop(pinned);
    watch.is_well = end.is_ok();
    end
}

/// Ends the other lanes unless all is well when it goes.
struct Watch<'t> {
    together: &'t Together<'t>,
    is_well: bool,
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if !self.is_well {
            self.together.fail();
        }
    }
}

/// The thread is pinned to one core for so long as this lives.
struct Pinned {
    before: CpuSet,
}

impl Pinned {
    fn to(core: usize) -> Result<Self, LoadError> {
        let fault = |source: rustix::io::Errno| LoadError::Pin {
            core,
            source: source.into(),
        };
        if core >= CpuSet::MAX_CPU {
            return Err(fault(rustix::io::Errno::INVAL));
        }
        let before = sched_getaffinity(None).map_err(fault)?;
        let mut only = CpuSet::new();
        only.set(core);
        sched_setaffinity(None, &only).map_err(fault)?;
        Ok(Self { before })
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        // Nothing can be done about a core that has gone meanwhile.
        let _ = sched_setaffinity(None, &self.before);
    }
}

fn panicked(lane: u32, panic: &(dyn Any + Send)) -> LoadError {
    let text = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned());
    LoadError::LanePanicked {
        lane,
        message: text.unwrap_or_else(|| "it left no message".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn go(
        lanes: usize,
        work: impl Fn(usize, &Together<'_>) -> Result<usize, LoadError> + Sync,
    ) -> Result<Vec<usize>, LoadError> {
        let lanes = (0..lanes).map(|lane| (None, lane)).collect();
        run(lanes, &AtomicBool::new(false), &work, &work)
    }

    #[test]
    fn all_begin_at_once_and_come_back_in_order() {
        let starts = Mutex::new(Vec::new());
        let work = |lane, together: &Together<'_>| {
            let start_ns = together.start_ns()?;
            starts.lock().unwrap().push(start_ns);
            Ok(lane * 10)
        };
        assert_eq!(go(3, work).unwrap(), [0, 10, 20]);
        let starts = starts.into_inner().unwrap();
        assert_eq!(starts.len(), 3);
        assert!(starts.iter().all(|start| *start == starts[0]));
        assert_eq!(go(0, |_, _| Ok(1)).unwrap(), [0; 0]);
    }

    #[test]
    fn one_that_fails_ends_those_who_wait_and_those_who_work() {
        for bad in 0..3 {
            let error = go(3, |lane, together| {
                if lane == bad {
                    return Err(LoadError::NoPopulation);
                }
                together.start_ns().map(|_| lane)
            });
            assert!(matches!(error, Err(LoadError::NoPopulation)), "{error:?}");
            let error = go(3, |lane, together| {
                together.start_ns()?;
                if lane == bad {
                    return Err(LoadError::NoPopulation);
                }
                loop {
                    together.check()?;
                    std::thread::yield_now();
                }
            });
            assert!(matches!(error, Err(LoadError::NoPopulation)), "{error:?}");
        }
    }

    #[test]
    fn a_panic_in_a_lane_is_an_error() {
        let error = go(3, |lane, together| {
            assert!(lane != 2, "lane two is broken");
            together.start_ns().map(|_| lane)
        });
        match error {
            Err(LoadError::LanePanicked { lane: 2, message }) => {
                assert_eq!(message, "lane two is broken");
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_lane_is_pinned_while_it_works() {
        let before = sched_getaffinity(None).unwrap();
        let core = (0..CpuSet::MAX_CPU)
            .find(|core| before.is_set(*core))
            .unwrap();
        let work = |(), _: &Together<'_>| Ok(sched_getaffinity(None).unwrap());
        let lanes = vec![(Some(core), ()), (Some(core), ())];
        let sets = run(lanes, &AtomicBool::new(false), work, work).unwrap();
        for set in sets {
            assert!(set.is_set(core) && set.count() == 1);
        }
        assert_eq!(sched_getaffinity(None).unwrap().count(), before.count());
        let lanes = vec![(Some(CpuSet::MAX_CPU), ())];
        let error = run(lanes, &AtomicBool::new(false), work, work);
        assert!(matches!(error, Err(LoadError::Pin { .. })), "{error:?}");
    }
}
