//! The doors that a profile opens by shell commands, and by the lab's routes
//! where the target has those of the reference server.

mod command;
mod lab;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use authbench_wire::profile::{HookCommands, Profile};

use crate::hooks::{Door, HookError, HookFuture, Hooks, KeyFault, StoreFault};
use command::{Told, run};
use lab::LabClock;

/// The doors that a profile opens: `[hooks]` commands, run by `sh -c` in the
/// profile's folder and ended after [`ShellHooks::PATIENCE`]; and the clocks of
/// a target that has the lab routes of the reference server.
#[derive(Debug)]
pub struct ShellHooks {
    commands: HookCommands,
    folder: PathBuf,
    lab: Option<LabClock>,
}

impl ShellHooks {
    /// How long one command may take.
    pub const PATIENCE: Duration = Duration::from_secs(60);

    /// The doors of `profile`, whose file lies in `folder`.
    #[must_use]
    pub fn from_profile(profile: &Profile, folder: &Path) -> Arc<dyn Hooks> {
        let origins = profile.base_url.iter().chain(&profile.replicas);
        let origins = origins.map(|url| url.trim_end_matches('/').to_owned());
        let lab = profile.lab.reference_routes;
        Arc::new(Self {
            commands: profile.hooks.clone(),
            folder: folder.to_owned(),
            lab: lab.then(|| LabClock::new(origins.collect())),
        })
    }

    /// Runs a command; without it the door is absent.
    async fn open(
        &self,
        door: Door,
        command: Option<&String>,
        environment: &[(&str, String)],
    ) -> Result<Told, HookError> {
        let command = command.ok_or(HookError::Absent(door))?;
        let outcome = run(command, &self.folder, environment, Self::PATIENCE).await;
        outcome.map_err(|source| failed(command, source))
    }

    /// Runs a command that writes a number.
    async fn number(
        &self,
        door: Door,
        command: Option<&String>,
        environment: &[(&str, String)],
    ) -> Result<u64, HookError> {
        let told = self.open(door, command, environment).await?;
        let text = String::from_utf8_lossy(&told.0);
        let number = text.trim().parse();
        number.map_err(|source| {
            let command = command.map_or("", String::as_str);
            failed(
                &format!("{command}` wrote no number: `{}", text.trim()),
                source,
            )
        })
    }
}

impl Hooks for ShellHooks {
    fn has(&self, door: Door) -> bool {
        let it = &self.commands;
        let mends = it.store_mend.is_some();
        match door {
            Door::Clock => it.clock.is_some() || self.lab.is_some(),
            // The lab's clocks only go forwards.
            Door::ClockBack => it.clock.is_some(),
            Door::Restart => it.restart.is_some(),
            Door::StoreStop => it.store_stop.is_some() && mends,
            Door::StoreSlow => it.store_slow.is_some() && mends,
            Door::StoreGarble => it.store_garble.is_some() && mends,
            Door::StoreWipe => it.store_wipe.is_some(),
            Door::StoreRestart => it.store_restart.is_some(),
            Door::StorePeek => it.store_peek.is_some(),
            Door::StoreCount => it.store_count.is_some(),
            Door::Logs => it.logs.is_some(),
            Door::RotateKeys => it.rotate_keys.is_some(),
            Door::KeySource => {
                it.keys_stop.is_some() && it.keys_shrink.is_some() && it.keys_mend.is_some()
            }
            Door::KeyFetches => it.keys_fetches.is_some(),
            Door::Memory => it.memory.is_some(),
        }
    }

    fn step_clock(&self, replica: usize, step_ms: i64) -> HookFuture<'_, ()> {
        Box::pin(async move {
            if let (None, Some(lab)) = (&self.commands.clock, &self.lab) {
                let step_ms =
                    u64::try_from(step_ms).map_err(|_| HookError::Absent(Door::ClockBack))?;
                return lab.step(replica, step_ms).await.map(drop);
            }
            let step = ("AUTHBENCH_STEP_MS", step_ms.to_string());
            let environment = [of(replica), step];
            let command = self.commands.clock.as_ref();
            self.open(Door::Clock, command, &environment)
                .await
                .map(drop)
        })
    }

    fn now_ms(&self, replica: usize) -> HookFuture<'_, Option<u64>> {
        Box::pin(async move {
            match &self.lab {
                Some(lab) => lab.step(replica, 0).await.map(Some),
                None => Ok(None),
            }
        })
    }

    fn set_store(&self, fault: StoreFault) -> HookFuture<'_, ()> {
        Box::pin(async move {
            let it = &self.commands;
            let (door, command) = match fault {
                StoreFault::None => (Door::StoreStop, it.store_mend.as_ref()),
                StoreFault::Stopped => (Door::StoreStop, it.store_stop.as_ref()),
                StoreFault::Slow(_) => (Door::StoreSlow, it.store_slow.as_ref()),
                StoreFault::Garbled => (Door::StoreGarble, it.store_garble.as_ref()),
            };
            let environment = match fault {
                StoreFault::Slow(by) => vec![("AUTHBENCH_DELAY_MS", by.as_millis().to_string())],
                _ => Vec::new(),
            };
            self.open(door, command, &environment).await.map(drop)
        })
    }

    fn wipe_store(&self) -> HookFuture<'_, ()> {
        let command = self.commands.store_wipe.as_ref();
        Box::pin(async move { self.open(Door::StoreWipe, command, &[]).await.map(drop) })
    }

    fn restart_store(&self) -> HookFuture<'_, ()> {
        let command = self.commands.store_restart.as_ref();
        Box::pin(async move { self.open(Door::StoreRestart, command, &[]).await.map(drop) })
    }

    fn restart(&self, replica: usize) -> HookFuture<'_, ()> {
        let command = self.commands.restart.as_ref();
        Box::pin(async move {
            let environment = [of(replica)];
            self.open(Door::Restart, command, &environment)
                .await
                .map(drop)
        })
    }

    fn peek_store(&self) -> HookFuture<'_, Vec<u8>> {
        let command = self.commands.store_peek.as_ref();
        Box::pin(async move { Ok(self.open(Door::StorePeek, command, &[]).await?.0) })
    }

    fn count_store(&self) -> HookFuture<'_, u64> {
        let command = self.commands.store_count.as_ref();
        Box::pin(self.number(Door::StoreCount, command, &[]))
    }

    fn logs(&self) -> HookFuture<'_, String> {
        let command = self.commands.logs.as_ref();
        Box::pin(async move {
            let told = self.open(Door::Logs, command, &[]).await?;
            Ok(String::from_utf8_lossy(&told.0).into_owned())
        })
    }

    fn rotate_keys(&self) -> HookFuture<'_, ()> {
        let command = self.commands.rotate_keys.as_ref();
        Box::pin(async move { self.open(Door::RotateKeys, command, &[]).await.map(drop) })
    }

    fn set_key_source(&self, fault: KeyFault) -> HookFuture<'_, ()> {
        Box::pin(async move {
            let command = match fault {
                KeyFault::None => self.commands.keys_mend.as_ref(),
                KeyFault::Stopped => self.commands.keys_stop.as_ref(),
                KeyFault::Shrunk => self.commands.keys_shrink.as_ref(),
            };
            self.open(Door::KeySource, command, &[]).await.map(drop)
        })
    }

    fn key_fetches(&self) -> HookFuture<'_, u64> {
        let command = self.commands.keys_fetches.as_ref();
        Box::pin(self.number(Door::KeyFetches, command, &[]))
    }

    fn memory(&self, replica: usize) -> HookFuture<'_, u64> {
        let command = self.commands.memory.as_ref();
        Box::pin(async move { self.number(Door::Memory, command, &[of(replica)]).await })
    }
}

/// Tells a command which replica it is about.
fn of(replica: usize) -> (&'static str, String) {
    ("AUTHBENCH_REPLICA", replica.to_string())
}

fn failed(what: &str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> HookError {
    HookError::Failed {
        what: format!("`{what}`"),
        source: source.into(),
    }
}
