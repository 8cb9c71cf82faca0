//! The clocks of a target with the lab routes of the reference server.

use std::time::Duration;

use authbench_wire::bodies::{ClockRequest, ClockResponse};
use authbench_wire::routes::Route;

use super::failed;
use crate::hooks::HookError;

/// How long the route may take to answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// The longest step that the route takes at once, milliseconds.
const STEP_MS_MAX: u64 = 400 * 24 * 60 * 60 * 1000;

/// The clock of each replica.
#[derive(Debug)]
pub(super) struct LabClock {
    origins: Vec<String>,
}

#[derive(Debug, thiserror::Error)]
#[error("there is no replica {0}")]
struct NoReplica(usize);

impl LabClock {
    /// `origins` are scheme, host and port of each replica.
    pub(super) fn new(origins: Vec<String>) -> Self {
        Self { origins }
    }

    /// Steps a replica's clock forwards by `left_ms` milliseconds; what it
    /// shows then, UTC milliseconds.
    pub(super) async fn step(&self, replica: usize, mut left_ms: u64) -> Result<u64, HookError> {
        let path = Route::LabClock.path();
        let origin = self.origins.get(replica);
        let origin = origin.ok_or_else(|| failed(path, NoReplica(replica)))?;
        let url = format!("{origin}{path}");
        loop {
            let step_ms = left_ms.min(STEP_MS_MAX);
            let shown = ask(&url, step_ms).await;
            let shown = shown.map_err(|source| failed(&url, source))?;
            left_ms -= step_ms;
            if left_ms == 0 {
                return Ok(shown.now_ms.0);
            }
        }
    }
}

/// On a connection of its own: a replica that was restarted knows no others.
async fn ask(url: &str, step_ms: u64) -> Result<ClockResponse, reqwest::Error> {
    let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE);
    let asked = client.build()?.post(url).json(&ClockRequest { step_ms });
    asked.send().await?.error_for_status()?.json().await
}
