//! Ctrl-C.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use anyhow::{Context as _, Result};
use authbench_core::system::monotonic_ns;

/// Two signals within this time are one wish.
const TWICE_NS: u64 = 500_000_000;

/// A flag that the first Ctrl-C (or SIGTERM) sets; the second ends the program
/// at once (exit code 130).
pub(crate) fn at_ctrl_c() -> Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    let first_ns = AtomicU64::new(0);
    ctrlc::set_handler(move || {
        let now_ns = monotonic_ns();
        if flag.swap(true, Ordering::SeqCst) {
            // One key press may arrive twice, by the terminal and by a parent.
            if now_ns.saturating_sub(first_ns.load(Ordering::SeqCst)) > TWICE_NS {
                eprintln!("\ngiven up: nothing is kept");
                std::process::exit(130);
            }
            return;
        }
        first_ns.store(now_ns, Ordering::SeqCst);
        eprintln!("\nstopping: what was measured is kept (Ctrl-C again gives it up)");
    })
    .context("Ctrl-C cannot be caught")?;
    Ok(stop)
}
