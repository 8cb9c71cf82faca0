//! The target's time.

use std::time::Duration;

use authbench_core::Clock as _;
use authbench_core::system::SystemClock;

use super::Trial;
use crate::hooks::Door;
use crate::stop::Stop;

impl Trial<'_> {
    /// What the first replica's clock shows, UTC milliseconds; this machine's
    /// clock where the target has no door for it.
    ///
    /// # Errors
    /// [`Stop`] when the door fails.
    pub async fn now_ms(&self) -> Result<u64, Stop> {
        self.now_ms_at(0).await
    }

    /// The same of a replica.
    ///
    /// # Errors
    /// [`Stop`] when the door fails.
    pub async fn now_ms_at(&self, replica: usize) -> Result<u64, Stop> {
        if self.hooks().has(Door::Clock)
            && let Some(now_ms) = self.hooks().now_ms(replica).await?
        {
            return Ok(now_ms);
        }
        Ok(SystemClock.now().0)
    }

    /// Lets `ms` milliseconds pass for the target: steps every replica's clock,
    /// or waits where there is no door and it takes no longer than the run
    /// allows.
    ///
    /// # Errors
    /// [`Stop::NotApplicable`] when neither is possible.
    pub async fn advance(&self, ms: u64) -> Result<(), Stop> {
        if self.hooks().has(Door::Clock) {
            let step_ms = i64::try_from(ms).unwrap_or(i64::MAX);
            for replica in 0..self.replicas() {
                self.hooks().step_clock(replica, step_ms).await?;
            }
            return Ok(());
        }
        let wait = Duration::from_millis(ms);
        let longest = self.options().max_wait;
        if wait > longest {
            return Err(Stop::NotApplicable(format!(
                "needs {} ({} ms would have to pass; --max-wait is {} ms)",
                Door::Clock.opened_by(),
                ms,
                longest.as_millis()
            )));
        }
        tokio::time::sleep(wait).await;
        Ok(())
    }

    /// Kills a replica and starts it again; done when it serves. Connections
    /// from before are not used again.
    ///
    /// # Errors
    /// [`Stop`] when there is no such door, or it fails.
    pub async fn restart(&self, replica: usize) -> Result<(), Stop> {
        let restarted = self.hooks().restart(replica).await;
        self.client().forget_connections();
        Ok(restarted?)
    }

    /// Waits, by this machine's clock, at most as long as the run allows.
    ///
    /// # Errors
    /// [`Stop::NotApplicable`] when that is longer.
    pub async fn wait(&self, ms: u64) -> Result<(), Stop> {
        let wait = Duration::from_millis(ms);
        if wait > self.options().max_wait {
            return Err(Stop::NotApplicable(format!(
                "would have to wait for {ms} ms; --max-wait is shorter"
            )));
        }
        tokio::time::sleep(wait).await;
        Ok(())
    }
}
