//! Prints what a login in the memory store costs in memory: the growth of this
//! process's resident set, by 10^6 logins of as many subjects, divided by
//! their number. It counts everything: records, both indexes, the slack of
//! both, and the allocator's. Roles are a set that all subjects share; a set
//! of its own belongs to the account and not to the login.

use std::fs;

use anyhow::{Context as _, Result};
use authbench_benches::logins::{RoleSets, log_in, ready};
use authbench_core::SeededEntropy;
use authbench_schemes::session::{Session, Settings};
use authbench_stores::MemoryStore;

fn main() -> Result<()> {
    println!(
        "{:>10} {:>16} {:>14}",
        "logins", "resident growth", "octets a login"
    );
    let strategy = Session::new(
        Settings::default(),
        MemoryStore::new(),
        SeededEntropy::new(1),
    );
    let before = resident_octets()?;
    let count = 1_000_000;
    ready(log_in(&strategy, count, RoleSets::Shared, |_| {}))??;
    let growth = resident_octets()?.saturating_sub(before);
    anyhow::ensure!(strategy.store().len() == count, "logins are missing");
    println!(
        "{count:>10} {growth:>16} {:>14.1}",
        growth as f64 / count as f64
    );
    Ok(())
}

/// The resident set as Linux gives it, in whole pages.
fn resident_octets() -> Result<u64> {
    let status = fs::read_to_string("/proc/self/status").context("no /proc")?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .context("no VmRSS")?;
    let kib: u64 = line
        .trim()
        .trim_end_matches(" kB")
        .trim()
        .parse()
        .context("VmRSS")?;
    Ok(kib * 1024)
}
