//! Measuring what can be done to a login once only: logins are made in batches
//! beside the clock, and the clock runs while each is used.

use std::ops::AsyncFn;
use std::time::Duration;

use anyhow::Result;
use authbench_core::system::monotonic_ns;

/// Does a thing `iterations` times: `make` prepares as many of them as it is
/// told, `work` does one, and only `work` is on the clock.
///
/// # Errors
/// What `make` or `work` says.
pub async fn timed<T>(
    iterations: u64,
    batch: u64,
    make: impl AsyncFn(usize) -> Result<Vec<T>>,
    work: impl AsyncFn(&T) -> Result<()>,
) -> Result<Duration> {
    let mut spent_ns = 0;
    let mut left = iterations;
    while left > 0 {
        let count = left.min(batch.max(1));
        let made = make(usize::try_from(count)?).await?;
        let begun_ns = monotonic_ns();
        for one in &made {
            work(one).await?;
        }
        spent_ns += monotonic_ns() - begun_ns;
        left -= count;
    }
    Ok(Duration::from_nanos(spent_ns))
}
