//! What came of requests, instant by instant, so that a fault can be seen in
//! it.

use crate::outcome::Kind;

/// The finest that instants are told apart, nanoseconds.
const BIN_NS_MIN: u64 = 1_000_000;
/// The most bins. A longer load has coarser ones.
const BINS_MAX: u64 = 100_000;

/// Requests by what came of them.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Kinds([u64; Kind::COUNT]);

impl Kinds {
    /// How many came out as `kind`.
    #[must_use]
    pub fn count(&self, kind: Kind) -> u64 {
        self.0[kind as usize]
    }

    /// How many there were.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// How many failed.
    #[must_use]
    pub fn failures(&self) -> u64 {
        self.total() - self.count(Kind::Right)
    }
}

/// When requests ended, and how, from the start of the measured time on: right
/// ones counted in bins of a millisecond (coarser where more than 100 seconds
/// are measured), failures counted likewise with the instants of the first and
/// the last of each kind in a bin. It holds all that ended, whenever it was
/// meant to be sent.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Trace {
    bin_ns: u64,
    rights: Box<[u32]>,
    /// By bin, as far as they came in order.
    failures: Vec<Failures>,
}

/// Failures of one kind in one bin.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Failures {
    bin: u32,
    kind: Kind,
    count: u32,
    first_ns: u64,
    last_ns: u64,
}

/// What a fault did. Everything counts by the instant at which it ended.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct FaultView {
    /// Nanoseconds from the beginning of the fault until the first request
    /// that failed; `None` if none did.
    pub first_failure_ns: Option<u64>,
    /// Nanoseconds from the end of the fault until the first right answer
    /// after the last failure, good to a bin; 0 if that came before the fault
    /// had ended. `None` if nothing failed, nothing was right again, or the
    /// fault has no end.
    pub recovery_ns: Option<u64>,
    /// Requests that ended from the beginning of the fault to its end, good to
    /// a bin.
    pub during: Kinds,
    /// Requests that ended after it.
    pub after: Kinds,
}

impl Trace {
    /// Room for a load that ends `longest_ns` after measuring begins.
    pub(crate) fn new(longest_ns: u64) -> Self {
        let bin_ns = longest_ns.div_ceil(BINS_MAX).max(BIN_NS_MIN);
        let bins = (longest_ns / bin_ns + 1) as usize;
        Self {
            bin_ns,
            rights: vec![0; bins].into(),
            // Not touched, and so no memory, unless it is filled. There is
            // never more than one for each kind and bin.
            failures: Vec::with_capacity(bins * (Kind::COUNT - 1)),
        }
    }

    /// How long a bin is, nanoseconds.
    #[must_use]
    pub fn bin_ns(&self) -> u64 {
        self.bin_ns
    }

    /// A request ended, `at_ns` after measuring began.
    pub(crate) fn add(&mut self, at_ns: u64, kind: Kind) {
        let bin = self.bin(at_ns);
        if kind == Kind::Right {
            self.rights[bin as usize] = self.rights[bin as usize].saturating_add(1);
            return;
        }
        let in_bin = self.failures.iter_mut().rev();
        // Ends come in order, or nearly so.
        let mut in_bin = in_bin.take_while(|failures| failures.bin >= bin);
        if let Some(failures) = in_bin.find(|failures| (failures.bin, failures.kind) == (bin, kind))
        {
            failures.count = failures.count.saturating_add(1);
            failures.first_ns = failures.first_ns.min(at_ns);
            failures.last_ns = failures.last_ns.max(at_ns);
        } else if self.failures.len() < self.rights.len() * (Kind::COUNT - 1) {
            self.failures.push(Failures {
                bin,
                kind,
                count: 1,
                first_ns: at_ns,
                last_ns: at_ns,
            });
        }
    }

    /// Adds what another lane saw in the same time.
    pub(crate) fn merge(&mut self, other: &Self) {
        for (own, other) in self.rights.iter_mut().zip(&other.rights) {
            *own = own.saturating_add(*other);
        }
        self.failures.extend_from_slice(&other.failures);
        self.failures
            .sort_unstable_by_key(|failures| (failures.bin, failures.kind));
        self.failures.dedup_by(|later, earlier| {
            let are_alike = (later.bin, later.kind) == (earlier.bin, earlier.kind);
            if are_alike {
                earlier.count = earlier.count.saturating_add(later.count);
                earlier.first_ns = earlier.first_ns.min(later.first_ns);
                earlier.last_ns = earlier.last_ns.max(later.last_ns);
            }
            are_alike
        });
    }

    /// Gives back the room that was not needed.
    pub(crate) fn finish(&mut self) {
        self.failures.shrink_to_fit();
    }

    /// What a fault did that began `began_ns` after measuring began, and ended
    /// `ended_ns` after it, if it ended at all. What ended later than
    /// `until_ns` after measuring began is not looked at: where the next fault
    /// began, say, or `u64::MAX`.
    #[must_use]
    pub fn around(&self, began_ns: u64, ended_ns: Option<u64>, until_ns: u64) -> FaultView {
        let mut view = FaultView::default();
        if self.rights.is_empty() {
            return view;
        }
        let (begin, until) = (self.bin(began_ns), self.bin(until_ns));
        let end = ended_ns.map(|ended_ns| self.bin(ended_ns));
        let side = |bin: u32| end.is_some_and(|end| bin >= end && bin > begin);
        let right = Kind::Right as usize;
        for bin in begin..=until {
            let count = u64::from(self.rights[bin as usize]);
            if side(bin) {
                view.after.0[right] += count;
            } else {
                view.during.0[right] += count;
            }
        }
        let mut last_ns = None;
        for failures in &self.failures {
            if !(begin..=until).contains(&failures.bin) {
                continue;
            }
            let kinds = if side(failures.bin) {
                &mut view.after
            } else {
                &mut view.during
            };
            kinds.0[failures.kind as usize] += u64::from(failures.count);
            if failures.last_ns < began_ns {
                continue;
            }
            let first_ns = failures.first_ns.saturating_sub(began_ns);
            let first_ns = view
                .first_failure_ns
                .map_or(first_ns, |ns| ns.min(first_ns));
            view.first_failure_ns = Some(first_ns);
            last_ns = last_ns.max(Some(failures.last_ns));
        }
        view.recovery_ns = ended_ns.zip(last_ns).and_then(|(ended_ns, last_ns)| {
            let after = self.bin(last_ns) + 1;
            let well = (after..=until).find(|bin| self.rights[*bin as usize] > 0)?;
            Some((u64::from(well) * self.bin_ns).saturating_sub(ended_ns))
        });
        view
    }

    fn bin(&self, at_ns: u64) -> u32 {
        let last = self.rights.len().saturating_sub(1);
        // The last bin holds whatever comes later, and its number is small.
        (at_ns / self.bin_ns.max(1)).min(last as u64) as u32
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MS: u64 = 1_000_000;

    /// A request each half millisecond for a second; those that end within
    /// `broken` fail.
    fn trace(broken: std::ops::Range<u64>) -> Trace {
        let mut trace = Trace::new(1_000 * MS);
        for half in 0..2_000 {
            let at_ns = half * MS / 2;
            let kind = if broken.contains(&at_ns) {
                Kind::NoJudgement
            } else {
                Kind::Right
            };
            trace.add(at_ns, kind);
        }
        trace
    }

    #[test]
    fn a_fault_is_seen_from_its_first_failure_to_the_first_right_answer() {
        let trace = trace(210 * MS + MS / 2..450 * MS);
        let view = trace.around(200 * MS, Some(400 * MS), u64::MAX);
        assert_eq!(view.first_failure_ns, Some(10 * MS + MS / 2));
        assert_eq!(view.recovery_ns, Some(50 * MS));
        assert_eq!(view.during.total(), 400);
        assert_eq!(view.during.failures(), 379);
        assert_eq!(view.after.count(Kind::NoJudgement), 100);
        assert_eq!(view.after.total(), 1_200);
    }

    #[test]
    fn what_did_not_happen_is_none() {
        let well = trace(0..0).around(100 * MS, Some(200 * MS), u64::MAX);
        assert_eq!((well.first_failure_ns, well.recovery_ns), (None, None));
        assert_eq!((well.during.total(), well.after.total()), (200, 1_600));
        let for_ever = trace(500 * MS..u64::MAX).around(500 * MS, Some(600 * MS), u64::MAX);
        assert_eq!(for_ever.first_failure_ns, Some(0));
        assert_eq!(for_ever.recovery_ns, None);
        let endless = trace(500 * MS..600 * MS).around(500 * MS, None, u64::MAX);
        assert_eq!((endless.recovery_ns, endless.after.total()), (None, 0));
        let early = trace(500 * MS..600 * MS).around(500 * MS, Some(700 * MS), u64::MAX);
        assert_eq!(
            early.recovery_ns,
            Some(0),
            "well before the fault had ended"
        );
        assert_eq!(
            Trace::default().around(0, None, u64::MAX),
            FaultView::default()
        );
    }

    #[test]
    fn a_second_fault_does_not_spoil_the_first() {
        let mut trace = trace(100 * MS..200 * MS);
        trace.add(800 * MS, Kind::Timeout);
        let first = trace.around(100 * MS, Some(200 * MS), 700 * MS);
        assert_eq!(first.recovery_ns, Some(0));
        let both = trace.around(100 * MS, Some(200 * MS), u64::MAX);
        assert_eq!(both.recovery_ns, Some(601 * MS));
    }

    proptest! {
        #[test]
        fn lanes_add_up(ends in prop::collection::vec((0_u64..2_000 * MS, 0..Kind::COUNT), 0..300), cut in 0_usize..300, began in 0_u64..1_000 * MS) {
            let mut one = Trace::new(1_000 * MS);
            let mut two = [one.clone(), Trace::new(1_000 * MS)];
            let mut ends = ends;
            ends.sort_unstable();
            for (at, (at_ns, kind)) in ends.iter().enumerate() {
                one.add(*at_ns, Kind::ALL[*kind]);
                two[usize::from(at % 300 < cut % (at + 1))].add(*at_ns, Kind::ALL[*kind]);
            }
            let [mut merged, other] = two;
            merged.merge(&other);
            let ended = Some(began + 100 * MS);
            prop_assert_eq!(merged.around(began, ended, u64::MAX), one.around(began, ended, u64::MAX));
            let all = one.around(0, None, u64::MAX);
            prop_assert_eq!(all.during.total(), ends.len() as u64, "nothing is lost");
        }
    }
}
