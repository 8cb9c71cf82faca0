//! Processor time (user and system), from the kernel's own nanosecond clocks.

use std::io;

use nix::time::clock_getcpuclockid;
use nix::unistd::Pid;
use rustix::time::{ClockId, clock_gettime};

/// Nanoseconds of processor time that the process `pid` has used, in all its threads, those
/// that have ended too. It does not count the children of the process.
///
/// # Errors
/// When there is no such process (`ESRCH`) or the kernel refuses.
pub fn process_cpu_ns(pid: u32) -> io::Result<u64> {
    let pid = i32::try_from(pid).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    let used = clock_getcpuclockid(Pid::from_raw(pid))?.now()?;
    Ok(nanoseconds(used.tv_sec(), used.tv_nsec()))
}

/// Nanoseconds of processor time that this process has used.
#[must_use]
pub fn own_cpu_ns() -> u64 {
    let used = clock_gettime(ClockId::ProcessCPUTime);
    nanoseconds(used.tv_sec, used.tv_nsec)
}

/// Nanoseconds of processor time that the calling thread has used.
#[must_use]
pub fn thread_cpu_ns() -> u64 {
    let used = clock_gettime(ClockId::ThreadCPUTime);
    nanoseconds(used.tv_sec, used.tv_nsec)
}

fn nanoseconds(seconds: i64, nanoseconds: i64) -> u64 {
    let whole = u64::try_from(seconds)
        .unwrap_or(0)
        .saturating_mul(1_000_000_000);
    whole.saturating_add(u64::try_from(nanoseconds).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_doors_show_one_clock() {
        let first = own_cpu_ns();
        let second = process_cpu_ns(std::process::id()).unwrap();
        let third = own_cpu_ns();
        assert!(
            first <= second && second <= third,
            "{first} {second} {third}"
        );
    }

    #[test]
    fn threads_that_ended_count() {
        let before = own_cpu_ns();
        let worker = std::thread::spawn(|| {
            while thread_cpu_ns() < 2_000_000 {
                std::hint::black_box(0);
            }
            thread_cpu_ns()
        });
        let spent = worker.join().unwrap();
        assert!(own_cpu_ns() >= before + spent);
    }

    #[test]
    fn no_such_process_is_an_error() {
        let error = process_cpu_ns(u32::MAX).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        // Above the kernel's highest process id.
        let error = process_cpu_ns(1 << 28).unwrap_err();
        assert!(
            matches!(error.raw_os_error(), Some(code) if code == nix::libc::ESRCH || code == nix::libc::EINVAL),
            "{error}"
        );
    }
}
