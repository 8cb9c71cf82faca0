//! How late the kernel may wake a sleeping thread.

use std::io;
use std::num::NonZeroU64;

/// Lets the kernel wake the calling thread at most `slack_ns` nanoseconds late in order to batch
/// wake-ups (`PR_SET_TIMERSLACK`). The default is 50,000; 0 restores it; 1 is the least.
///
/// Threads that the caller starts afterwards inherit the setting. The load driver wants 1: the
/// default alone costs more than an authentication.
///
/// # Errors
/// When the kernel refuses.
pub fn set_slack_ns(slack_ns: u64) -> io::Result<()> {
    Ok(rustix::thread::set_current_timer_slack(NonZeroU64::new(
        slack_ns,
    ))?)
}

/// The slack of the calling thread in nanoseconds.
///
/// # Errors
/// When the kernel refuses.
pub fn slack_ns() -> io::Result<u64> {
    Ok(rustix::thread::current_timer_slack()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_set_and_restored() {
        let before = slack_ns().unwrap();
        set_slack_ns(1).unwrap();
        assert_eq!(slack_ns().unwrap(), 1);
        set_slack_ns(0).unwrap();
        assert_eq!(slack_ns().unwrap(), before);
    }
}
