//! The lab's doors of a server: counts, and what breaks and mends its store.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use authbench_wire::bodies::{ClockRequest, ClockResponse, StatsResponse};
use authbench_wire::routes::Route;
use serde::Serialize;

/// How long a server may take to answer there.
const PATIENCE: Duration = Duration::from_secs(10);

/// Asks at the lab's doors, on connections of its own.
pub(crate) struct Doors {
    runtime: tokio::runtime::Runtime,
    client: reqwest::Client,
}

impl Doors {
    pub(crate) fn open() -> Result<Self> {
        Ok(Self {
            runtime: tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?,
            client: reqwest::Client::builder()
                .no_proxy()
                .timeout(PATIENCE)
                // A server that was killed and came back knows nothing of
                // connections that were left open.
                .pool_max_idle_per_host(0)
                .build()?,
        })
    }

    /// What servers counted so far, together. Octets of a store that they
    /// share are those that the first one sees.
    pub(crate) fn stats(&self, servers: &[SocketAddr]) -> Result<StatsResponse> {
        let mut sum = StatsResponse::default();
        for (number, server) in servers.iter().enumerate() {
            let one = self
                .stats_of(*server)
                .context("the server's counts cannot be read")?;
            for (kind, count) in one.store_operations {
                *sum.store_operations.entry(kind).or_default() += count;
            }
            if number == 0 {
                sum.store_bytes = one.store_bytes;
            }
        }
        Ok(sum)
    }

    fn stats_of(&self, server: SocketAddr) -> Result<StatsResponse> {
        let asked = async {
            let door = url(server, Route::LabStats);
            let answer = self.client.get(door).send().await?;
            answer.error_for_status()?.json().await
        };
        Ok(self.runtime.block_on(asked)?)
    }

    /// Steps the clock of a server; says how far it is ahead then,
    /// milliseconds.
    pub(crate) fn step_clock(&self, server: SocketAddr, step_ms: u64) -> Result<u64> {
        let asked = async {
            let door = url(server, Route::LabClock);
            let request = self.client.post(door).json(&ClockRequest { step_ms });
            let answer = request.send().await?.error_for_status()?;
            answer.json::<ClockResponse>().await
        };
        let clock = self.runtime.block_on(asked);
        Ok(clock.context("the clock cannot be stepped")?.ahead_ms)
    }

    /// Asks for the same at the same door of each server, and stops at the
    /// first that refuses.
    pub(crate) fn post(
        &self,
        servers: &[SocketAddr],
        door: Route,
        body: &impl Serialize,
    ) -> Result<()> {
        for server in servers {
            let asked = async {
                let request = self.client.post(url(*server, door)).json(body);
                let answer = request.send().await?;
                Ok::<_, reqwest::Error>((answer.status(), answer.text().await?))
            };
            let (status, why) = self.runtime.block_on(asked)?;
            if !status.is_success() {
                bail!("{} answers {status}: {why}", door.path());
            }
        }
        Ok(())
    }
}

fn url(server: SocketAddr, door: Route) -> String {
    format!("http://{server}{}", door.path())
}
