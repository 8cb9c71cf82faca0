//! Which processor cores there are, who gets which, and keeping threads on theirs.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::io;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// A set of logical cores by the kernel's numbers. Shown as the kernel does: `0-2,5`.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct CoreSet(BTreeSet<usize>);

/// Who runs where in a measurement.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Placement {
    /// The cores of the server.
    pub server: CoreSet,
    /// The cores of the driver.
    pub driver: CoreSet,
    /// Server and driver compete for the same cores: the figures of one contain the other.
    pub shared: bool,
    /// Whether the kernel lets us pin; if not, the sets above are wishes.
    pub pinned: bool,
    /// What a reader of the results must know of the placement; empty when all is well.
    pub note: String,
}

/// The cores that the calling thread may use.
///
/// # Errors
/// When the kernel refuses (on machines of more than 1024 cores, for one).
pub fn allowed() -> io::Result<CoreSet> {
    let set = sched_getaffinity(None)?;
    Ok((0..CpuSet::MAX_CPU)
        .filter(|&core| set.is_set(core))
        .collect())
}

/// Keeps the calling thread, and all that it starts from now on, on `cores`.
///
/// # Errors
/// When `cores` is empty or holds none that this process may use, or the kernel refuses.
pub fn pin_current_thread(cores: &CoreSet) -> io::Result<()> {
    let mut set = CpuSet::new();
    for core in cores.iter() {
        if core >= CpuSet::MAX_CPU {
            return Err(io::Error::from(io::ErrorKind::InvalidInput));
        }
        set.set(core);
    }
    Ok(sched_setaffinity(None, &set)?)
}

/// Plans cores for a server that wants `server_cores` (at least one) and a driver, out of those
/// that this thread may use. No right to pin is said in the placement, it is not an error.
///
/// Server and driver get no core in common where there are two, and no two hyper-threads of one
/// core where there is a choice.
///
/// # Errors
/// When the kernel does not even say which cores there are.
pub fn split(server_cores: usize) -> io::Result<Placement> {
    let allowed = allowed()?;
    let cores: Vec<(usize, usize)> = allowed
        .iter()
        .map(|core| (core, physical_core(core)))
        .collect();
    let placement = Placement::plan(&cores, server_cores);
    Ok(match pin_current_thread(&allowed) {
        Ok(()) => placement,
        Err(error) => placement.unpinned(&error),
    })
}

impl CoreSet {
    /// The cores in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.0.iter().copied()
    }

    /// How many cores.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `core` is one of them.
    #[must_use]
    pub fn contains(&self, core: usize) -> bool {
        self.0.contains(&core)
    }
}

impl FromIterator<usize> for CoreSet {
    fn from_iter<I: IntoIterator<Item = usize>>(cores: I) -> Self {
        Self(cores.into_iter().collect())
    }
}

impl fmt::Display for CoreSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.iter().peekable();
        let mut separator = "";
        while let Some(first) = rest.next() {
            let mut last = first;
            while let Some(next) = rest.next_if_eq(&(last + 1)) {
                last = next;
            }
            write!(f, "{separator}{first}")?;
            if last > first {
                write!(f, "-{last}")?;
            }
            separator = ",";
        }
        Ok(())
    }
}

impl Placement {
    /// The cores to pin the server to; `None` when the kernel does not let us.
    #[must_use]
    pub fn pin_server(&self) -> Option<&CoreSet> {
        self.pinned.then_some(&self.server)
    }

    /// The cores to pin the driver's threads to; `None` when the kernel does not let us.
    #[must_use]
    pub fn pin_driver(&self) -> Option<&CoreSet> {
        self.pinned.then_some(&self.driver)
    }

    /// Plans over `(logical core, physical core)` pairs.
    fn plan(cores: &[(usize, usize)], server_cores: usize) -> Self {
        let all = || cores.iter().map(|&(core, _)| core).collect::<CoreSet>();
        if cores.len() < 2 {
            let note = "one core only: server and driver share it";
            return Self {
                server: all(),
                driver: all(),
                shared: true,
                pinned: true,
                note: note.to_owned(),
            };
        }
        let mut cores = cores.to_vec();
        cores.sort_by_key(|&(core, physical)| (physical, core));
        let (server, rest) = cores.split_at(server_cores.clamp(1, cores.len() - 1));
        let apart: Vec<_> = rest
            .iter()
            .filter(|(_, physical)| server.iter().all(|(_, taken)| taken != physical))
            .collect();
        let mut notes = Vec::new();
        if server.len() < server_cores {
            notes.push(format!(
                "{server_cores} server cores wanted, {} given",
                server.len()
            ));
        }
        let driver: CoreSet = if apart.is_empty() {
            notes.push("server and driver run on hyper-threads of one physical core".to_owned());
            rest.iter().map(|&(core, _)| core).collect()
        } else {
            apart.iter().map(|&&(core, _)| core).collect()
        };
        Self {
            server: server.iter().map(|&(core, _)| core).collect(),
            driver,
            shared: false,
            pinned: true,
            note: notes.join("; "),
        }
    }

    fn unpinned(mut self, error: &io::Error) -> Self {
        let note = format!("cores cannot be pinned ({error}): server and driver may share them");
        self.note = if self.note.is_empty() {
            note
        } else {
            format!("{}; {note}", self.note)
        };
        self.pinned = false;
        self.shared = true;
        self
    }
}

/// The first hyper-thread of the physical core of which `core` is one: a name for that core.
/// Where the kernel does not say, each logical core counts as a physical one.
fn physical_core(core: usize) -> usize {
    let path = format!("/sys/devices/system/cpu/cpu{core}/topology/thread_siblings_list");
    fs::read_to_string(path)
        .ok()
        .and_then(|list| first_sibling(&list))
        .unwrap_or(core)
}

fn first_sibling(list: &str) -> Option<usize> {
    list.trim().split([',', '-']).next()?.parse().ok()
}

#[cfg(test)]
mod tests;
