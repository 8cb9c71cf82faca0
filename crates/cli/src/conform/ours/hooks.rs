//! The doors of our own servers: the lab's routes, and the processes
//! themselves.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use authbench_catalog::Recipe;
use authbench_conformance::hooks::{Door, HookError, HookFuture, Hooks, KeyFault, StoreFault};
use authbench_wire::bodies::{self, ClockRequest, ClockResponse, StorePeekResponse, StoreRequest};
use authbench_wire::profile::{Keys, SigningKey};
use authbench_wire::routes::Route;
use serde::Serialize;

use super::fleet::Fleet;
use crate::services::Services;

/// How long a lab route may take to answer: a store may be slow.
const PATIENCE: Duration = Duration::from_secs(20);

/// The longest step that the lab takes at once, milliseconds.
const STEP_MS_MAX: u64 = 400 * 24 * 60 * 60 * 1000;

/// From the making of a key to its first signature on every replica, and some
/// more.
const KEY_SETTLES: Duration = Duration::from_millis(400);

/// The doors of one recipe's servers.
pub(super) struct Doors {
    lab: Lab,
    recipe: Recipe,
    services: Arc<Services>,
    can_rotate: bool,
    can_restart_store: bool,
}

/// The servers and a client for their lab routes.
struct Lab {
    fleet: Arc<Fleet>,
    client: reqwest::Client,
}

impl Doors {
    pub(super) fn new(
        fleet: Fleet,
        recipe: Recipe,
        services: &Arc<Services>,
        can_rotate: bool,
    ) -> Result<Self> {
        let mut client = reqwest::Client::builder()
            .no_proxy()
            .timeout(PATIENCE)
            // A server that was killed and came back knows nothing of
            // connections that were left open.
            .pool_max_idle_per_host(0);
        if let Some(der) = fleet.certificate_der() {
            client = client.tls_certs_only([reqwest::Certificate::from_der(der)?]);
        }
        Ok(Self {
            lab: Lab {
                fleet: Arc::new(fleet),
                client: client.build()?,
            },
            can_restart_store: services.can_restart(&recipe),
            recipe,
            services: Arc::clone(services),
            can_rotate,
        })
    }

    /// Scheme, host and port of each replica.
    pub(super) fn origins(&self) -> Vec<String> {
        let replicas = 0..self.lab.fleet.len();
        replicas
            .filter_map(|number| self.lab.origin(number).ok())
            .collect()
    }

    /// The certificate of all replicas; none without TLS.
    pub(super) fn certificate_der(&self) -> Option<&[u8]> {
        self.lab.fleet.certificate_der()
    }

    /// The keys of the access tokens, as far as there are such.
    pub(super) async fn keys(&self) -> Result<Keys> {
        #[derive(serde::Deserialize)]
        struct Set {
            keys: Vec<serde_json::Value>,
        }
        let found = self.lab.found(Route::LabKeysSign).await?;
        let sign = match found {
            None => None,
            Some(text) => {
                let set: Set = serde_json::from_str(&text)?;
                set.keys.first().map(|key| SigningKey::Jwk(key.to_string()))
            }
        };
        let published = self.lab.found(Route::Jwks).await?;
        Ok(Keys {
            sign,
            jwks_path: published.map(|_| Route::Jwks.path().to_owned()),
            second_issuer: None,
        })
    }
}

impl Lab {
    fn origin(&self, replica: usize) -> Result<String> {
        let scheme = match self.fleet.certificate_der() {
            Some(_) => "https",
            None => "http",
        };
        Ok(format!("{scheme}://{}", self.fleet.address(replica)?))
    }

    async fn get(&self, replica: usize, door: Route) -> Result<String> {
        let url = format!("{}{}", self.origin(replica)?, door.path());
        told(door, self.client.get(url).send().await?).await
    }

    async fn post(&self, replica: usize, door: Route, body: &impl Serialize) -> Result<String> {
        let url = format!("{}{}", self.origin(replica)?, door.path());
        told(door, self.client.post(url).json(body).send().await?).await
    }

    async fn post_to_all(&self, door: Route, body: &impl Serialize) -> Result<()> {
        for replica in 0..self.fleet.len() {
            self.post(replica, door, body).await?;
        }
        Ok(())
    }

    /// What the first replica shows there; none where there is no such route.
    async fn found(&self, door: Route) -> Result<Option<String>> {
        let url = format!("{}{}", self.origin(0)?, door.path());
        let answer = self.client.get(url).send().await?;
        if answer.status() == http::StatusCode::NOT_FOUND {
            return Ok(None);
        }
        told(door, answer).await.map(Some)
    }

    async fn step(&self, replica: usize, step_ms: u64) -> Result<ClockResponse> {
        let text = self
            .post(replica, Route::LabClock, &ClockRequest { step_ms })
            .await?;
        Ok(serde_json::from_str(&text)?)
    }

    /// Steps in as many steps as it takes.
    async fn step_far(&self, replica: usize, mut left_ms: u64) -> Result<()> {
        while left_ms > 0 {
            let step_ms = left_ms.min(STEP_MS_MAX);
            self.step(replica, step_ms).await?;
            left_ms -= step_ms;
        }
        Ok(())
    }

    async fn peek(&self) -> Result<String> {
        self.get(0, Route::LabStorePeek).await
    }

    /// Kills and starts a replica, whose clock then shows what it showed.
    async fn restart(&self, replica: usize) -> Result<()> {
        let ahead_ms = self.step(replica, 0).await?.ahead_ms;
        let fleet = Arc::clone(&self.fleet);
        tokio::task::spawn_blocking(move || fleet.restart(replica)).await??;
        self.step_far(replica, ahead_ms).await
    }
}

async fn told(door: Route, answer: reqwest::Response) -> Result<String> {
    let status = answer.status();
    let text = answer.text().await?;
    if !status.is_success() {
        bail!("{} answers {status}: {text}", door.path());
    }
    Ok(text)
}

/// What a fault of the catalogue is in the lab.
fn request_of(fault: StoreFault) -> StoreRequest {
    let only = |fault| StoreRequest {
        fault: Some(fault),
        delay_us: 0,
    };
    match fault {
        StoreFault::None => StoreRequest::default(),
        StoreFault::Stopped => only(bodies::StoreFault::Fail),
        StoreFault::Garbled => only(bodies::StoreFault::Truncate),
        StoreFault::Slow(by) => StoreRequest {
            fault: None,
            delay_us: u64::try_from(by.as_micros()).unwrap_or(u64::MAX),
        },
    }
}

/// The doors of the hook, as the error of the library.
fn opened<T>(what: &str, outcome: Result<T>) -> Result<T, HookError> {
    outcome.map_err(|source| HookError::Failed {
        what: what.to_owned(),
        source: source.into(),
    })
}

impl Hooks for Doors {
    fn has(&self, door: Door) -> bool {
        let has_store = self.recipe.storage.is_some();
        match door {
            Door::Clock | Door::Restart | Door::Logs | Door::Memory => true,
            Door::StoreStop
            | Door::StoreSlow
            | Door::StoreGarble
            | Door::StoreWipe
            | Door::StorePeek
            | Door::StoreCount => has_store,
            Door::StoreRestart => self.can_restart_store,
            Door::RotateKeys => self.can_rotate,
            // A server's clock only goes forwards, and no key is fetched.
            Door::ClockBack | Door::KeySource | Door::KeyFetches => false,
        }
    }

    fn step_clock(&self, replica: usize, step_ms: i64) -> HookFuture<'_, ()> {
        Box::pin(async move {
            let step_ms = u64::try_from(step_ms).map_err(|_| HookError::Absent(Door::ClockBack))?;
            opened("step the clock", self.lab.step_far(replica, step_ms).await)
        })
    }

    fn now_ms(&self, replica: usize) -> HookFuture<'_, Option<u64>> {
        Box::pin(async move {
            let clock = opened("read the clock", self.lab.step(replica, 0).await)?;
            Ok(Some(clock.now_ms.0))
        })
    }

    fn set_store(&self, fault: StoreFault) -> HookFuture<'_, ()> {
        Box::pin(async move {
            self.needs(Door::StoreStop)?;
            let asked = request_of(fault);
            let set = self.lab.post_to_all(Route::LabStore, &asked).await;
            opened("break or mend the store", set)
        })
    }

    fn wipe_store(&self) -> HookFuture<'_, ()> {
        Box::pin(async move {
            self.needs(Door::StoreWipe)?;
            let wiped = self.lab.post(0, Route::LabStoreWipe, &()).await;
            opened("wipe the store", wiped.map(drop))
        })
    }

    fn restart_store(&self) -> HookFuture<'_, ()> {
        Box::pin(async move {
            self.needs(Door::StoreRestart)?;
            let (services, recipe) = (Arc::clone(&self.services), self.recipe.clone());
            let restart = move || services.restart(&recipe, || {});
            let done = tokio::task::spawn_blocking(restart).await;
            let done = done.context("the task ended").and_then(|done| done);
            opened("restart the store", done)
        })
    }

    fn restart(&self, replica: usize) -> HookFuture<'_, ()> {
        Box::pin(async move { opened("restart a replica", self.lab.restart(replica).await) })
    }

    fn peek_store(&self) -> HookFuture<'_, Vec<u8>> {
        Box::pin(async move {
            self.needs(Door::StorePeek)?;
            let text = opened("look into the store", self.lab.peek().await)?;
            Ok(text.into_bytes())
        })
    }

    fn count_store(&self) -> HookFuture<'_, u64> {
        Box::pin(async move {
            self.needs(Door::StoreCount)?;
            let counted = async {
                let peek: StorePeekResponse = serde_json::from_str(&self.lab.peek().await?)?;
                Ok(peek.records.len() as u64)
            };
            opened("count the store's records", counted.await)
        })
    }

    fn logs(&self) -> HookFuture<'_, String> {
        Box::pin(async move { opened("read the logs", self.lab.fleet.logs()) })
    }

    fn rotate_keys(&self) -> HookFuture<'_, ()> {
        Box::pin(async move {
            self.needs(Door::RotateKeys)?;
            let rotated = self.lab.post(0, Route::LabRotateKeys, &()).await;
            opened("change the signing key", rotated)?;
            tokio::time::sleep(KEY_SETTLES).await;
            // A key that is shown first signs when its time has come.
            let announce_ms = self.recipe.scheme.announce_ms();
            for replica in 0..self.lab.fleet.len() {
                let stepped = self.lab.step_far(replica, announce_ms).await;
                opened("step the clock to the new key", stepped)?;
            }
            Ok(())
        })
    }

    fn set_key_source(&self, _: KeyFault) -> HookFuture<'_, ()> {
        Box::pin(async { Err(HookError::Absent(Door::KeySource)) })
    }

    fn key_fetches(&self) -> HookFuture<'_, u64> {
        Box::pin(async { Err(HookError::Absent(Door::KeyFetches)) })
    }

    fn memory(&self, replica: usize) -> HookFuture<'_, u64> {
        Box::pin(async move {
            let resident = self.lab.fleet.resident_bytes(replica);
            opened("read a replica's memory", resident)
        })
    }
}

impl Doors {
    fn needs(&self, door: Door) -> Result<(), HookError> {
        if self.has(door) {
            Ok(())
        } else {
            Err(HookError::Absent(door))
        }
    }
}
