//! The doors of a stranger's server: the shell commands under `[hooks]`.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use authbench_conformance::hooks::{Door, HookError, HookFuture, Hooks, KeyFault, StoreFault};
use authbench_wire::profile::HookCommands;

/// The longest that one command may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// The most characters of a command's complaint that are shown.
const COMPLAINT: usize = 400;

/// Runs each command with `sh -c` in the profile's folder.
pub(crate) struct ShellHooks {
    commands: HookCommands,
    folder: PathBuf,
}

impl ShellHooks {
    /// The doors of a profile in `folder`.
    pub(crate) fn new(commands: HookCommands, folder: PathBuf) -> Self {
        Self { commands, folder }
    }

    fn command(&self, door: Door) -> Option<&str> {
        let own = &self.commands;
        let mended = own.store_mend.is_some();
        let keys = own.keys_mend.is_some() && own.keys_shrink.is_some();
        match door {
            Door::Clock | Door::ClockBack => own.clock.as_deref(),
            Door::Restart => own.restart.as_deref(),
            Door::StoreStop => own.store_stop.as_deref().filter(|_| mended),
            Door::StoreSlow => own.store_slow.as_deref().filter(|_| mended),
            Door::StoreGarble => own.store_garble.as_deref().filter(|_| mended),
            Door::StoreWipe => own.store_wipe.as_deref(),
            Door::StoreRestart => own.store_restart.as_deref(),
            Door::StorePeek => own.store_peek.as_deref(),
            Door::StoreCount => own.store_count.as_deref(),
            Door::Logs => own.logs.as_deref(),
            Door::RotateKeys => own.rotate_keys.as_deref(),
            Door::KeySource => own.keys_stop.as_deref().filter(|_| keys),
            Door::KeyFetches => own.keys_fetches.as_deref(),
            Door::Memory => own.memory.as_deref(),
        }
    }

    /// Runs the command of a door.
    async fn run(&self, door: Door, variables: &[(&str, String)]) -> Result<Vec<u8>, HookError> {
        let command = self.command(door).ok_or(HookError::Absent(door))?;
        run(&self.folder, command, variables).await
    }

    async fn done(&self, door: Door, variables: &[(&str, String)]) -> Result<(), HookError> {
        self.run(door, variables).await.map(drop)
    }

    /// Runs a command that is no door by itself.
    async fn part(&self, command: Option<&str>, door: Door) -> Result<(), HookError> {
        let command = command.ok_or(HookError::Absent(door))?;
        run(&self.folder, command, &[]).await.map(drop)
    }

    async fn number(&self, door: Door, variables: &[(&str, String)]) -> Result<u64, HookError> {
        let output = self.run(door, variables).await?;
        let text = String::from_utf8_lossy(&output).trim().to_owned();
        text.parse().map_err(|source| HookError::Failed {
            what: format!(
                "`{}` wrote `{}` where a number must stand",
                self.command(door).unwrap_or_default(),
                cut(&text)
            ),
            source: Box::new(source),
        })
    }
}

impl Hooks for ShellHooks {
    fn has(&self, door: Door) -> bool {
        self.command(door).is_some()
    }

    fn step_clock(&self, replica: usize, step_ms: i64) -> HookFuture<'_, ()> {
        Box::pin(async move {
            let step = ("AUTHBENCH_STEP_MS", step_ms.to_string());
            self.done(Door::Clock, &[of(replica), step]).await
        })
    }

    // What the command stepped is not read back.
    fn now_ms(&self, _replica: usize) -> HookFuture<'_, Option<u64>> {
        Box::pin(async { Ok(None) })
    }

    fn set_store(&self, fault: StoreFault) -> HookFuture<'_, ()> {
        Box::pin(async move {
            match fault {
                StoreFault::None => {
                    let mend = self.commands.store_mend.as_deref();
                    self.part(mend, Door::StoreStop).await
                }
                StoreFault::Stopped => self.done(Door::StoreStop, &[]).await,
                StoreFault::Slow(delay) => {
                    let delay = ("AUTHBENCH_DELAY_MS", delay.as_millis().to_string());
                    self.done(Door::StoreSlow, &[delay]).await
                }
                StoreFault::Garbled => self.done(Door::StoreGarble, &[]).await,
            }
        })
    }

    fn wipe_store(&self) -> HookFuture<'_, ()> {
        Box::pin(self.done(Door::StoreWipe, &[]))
    }

    fn restart_store(&self) -> HookFuture<'_, ()> {
        Box::pin(self.done(Door::StoreRestart, &[]))
    }

    fn restart(&self, replica: usize) -> HookFuture<'_, ()> {
        Box::pin(async move { self.done(Door::Restart, &[of(replica)]).await })
    }

    fn peek_store(&self) -> HookFuture<'_, Vec<u8>> {
        Box::pin(self.run(Door::StorePeek, &[]))
    }

    fn count_store(&self) -> HookFuture<'_, u64> {
        Box::pin(self.number(Door::StoreCount, &[]))
    }

    fn logs(&self) -> HookFuture<'_, String> {
        Box::pin(async {
            let output = self.run(Door::Logs, &[]).await?;
            Ok(String::from_utf8_lossy(&output).into_owned())
        })
    }

    fn rotate_keys(&self) -> HookFuture<'_, ()> {
        Box::pin(self.done(Door::RotateKeys, &[]))
    }

    fn set_key_source(&self, fault: KeyFault) -> HookFuture<'_, ()> {
        Box::pin(async move {
            let own = &self.commands;
            let command = match fault {
                KeyFault::None => &own.keys_mend,
                KeyFault::Stopped => &own.keys_stop,
                KeyFault::Shrunk => &own.keys_shrink,
            };
            self.part(command.as_deref(), Door::KeySource).await
        })
    }

    fn key_fetches(&self) -> HookFuture<'_, u64> {
        Box::pin(self.number(Door::KeyFetches, &[]))
    }

    fn memory(&self, replica: usize) -> HookFuture<'_, u64> {
        Box::pin(async move { self.number(Door::Memory, &[of(replica)]).await })
    }
}

fn of(replica: usize) -> (&'static str, String) {
    ("AUTHBENCH_REPLICA", replica.to_string())
}

/// What the command writes to standard output.
async fn run(
    folder: &Path,
    command: &str,
    variables: &[(&str, String)],
) -> Result<Vec<u8>, HookError> {
    let failed = |source: Box<dyn std::error::Error + Send + Sync>| HookError::Failed {
        what: format!("`{command}`"),
        source,
    };
    let mut process = tokio::process::Command::new("sh");
    process
        .args(["-c", command])
        .current_dir(folder)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    for (name, value) in variables {
        process.env(name, value);
    }
    let output = tokio::time::timeout(PATIENCE, process.output()).await;
    let output = match output {
        Ok(output) => output.map_err(|source| failed(Box::new(source)))?,
        Err(elapsed) => return Err(failed(Box::new(elapsed))),
    };
    if output.status.success() {
        return Ok(output.stdout);
    }
    let complaint = String::from_utf8_lossy(&output.stderr);
    Err(failed(
        format!("it ended with {}: {}", output.status, cut(complaint.trim())).into(),
    ))
}

fn cut(text: &str) -> String {
    text.chars().take(COMPLAINT).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hooks(set: impl FnOnce(&mut HookCommands)) -> ShellHooks {
        let mut commands = HookCommands::default();
        set(&mut commands);
        ShellHooks::new(commands, std::env::temp_dir())
    }

    #[tokio::test]
    async fn commands_learn_what_they_need_and_failures_say_why() {
        let good = hooks(|own| {
            own.clock = Some("test \"$AUTHBENCH_REPLICA:$AUTHBENCH_STEP_MS\" = 1:-5".to_owned());
            own.store_count = Some("echo ' 42 '".to_owned());
            own.memory = Some("echo much".to_owned());
            own.restart = Some("echo gone >&2; exit 3".to_owned());
        });
        good.step_clock(1, -5).await.unwrap();
        assert_eq!(good.count_store().await.unwrap(), 42);
        let told = good.memory(0).await.unwrap_err().to_string();
        assert!(told.contains("`much`"), "{told}");
        let error = good.restart(0).await.unwrap_err();
        let why = std::error::Error::source(&error).unwrap().to_string();
        assert!(why.contains('3') && why.contains("gone"), "{why}");
        assert!(matches!(
            good.rotate_keys().await,
            Err(HookError::Absent(Door::RotateKeys))
        ));
    }

    #[tokio::test]
    async fn a_fault_that_cannot_be_mended_is_no_door() {
        let half = hooks(|own| own.store_stop = Some("true".to_owned()));
        assert!(!half.has(Door::StoreStop));
        let whole = hooks(|own| {
            own.store_stop = Some("true".to_owned());
            own.store_mend = Some("true".to_owned());
        });
        assert!(whole.has(Door::StoreStop) && !whole.has(Door::StoreSlow));
        whole.set_store(StoreFault::Stopped).await.unwrap();
        whole.set_store(StoreFault::None).await.unwrap();
    }
}
