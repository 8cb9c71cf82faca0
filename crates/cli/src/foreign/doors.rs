//! The doors of a stranger that was started here: what its profile opens, and
//! what whoever started it can do besides.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use authbench_conformance::ShellHooks;
use authbench_conformance::hooks::{Door, HookError, HookFuture, Hooks, KeyFault, StoreFault};
use parking_lot::Mutex;

use super::{Foreign, Launched, PATIENCE, ready};

/// The doors of a stranger, which runs as long as they are there.
pub(crate) struct ForeignDoors {
    /// What the profile opens.
    profile: Arc<dyn Hooks>,
    foreign: Arc<Mutex<Foreign>>,
}

impl ForeignDoors {
    /// The doors of `foreign`, whose profile lies in `folder`.
    pub(crate) fn of(foreign: Foreign, folder: &Path) -> Arc<dyn Hooks> {
        Arc::new(Self {
            profile: ShellHooks::from_profile(&foreign.profile, folder),
            foreign: Arc::new(Mutex::new(foreign)),
        })
    }
}

impl Foreign {
    /// Kills a server and starts it again on its port; returns when it serves.
    fn restart(&mut self, replica: usize) -> Result<()> {
        let path = self.ready.clone();
        let server = self.server(replica)?;
        server.process.kill()?;
        let address = server.address;
        let probe = || ready::answers(address, &path).then_some(());
        let (fresh, ()) = server.command.start_when(PATIENCE, probe)?;
        server.process = fresh;
        Ok(())
    }

    /// Octets that a server occupies.
    fn resident_bytes(&mut self, replica: usize) -> Result<u64> {
        let pid = self.server(replica)?.process.pid();
        let resident = authbench_lab::memory::resident(pid);
        Ok(resident
            .context("the server's memory cannot be read")?
            .rss_bytes)
    }

    fn server(&mut self, replica: usize) -> Result<&mut Launched> {
        let server = self.servers.get_mut(replica);
        server.with_context(|| format!("there is no replica {replica}"))
    }
}

impl Hooks for ForeignDoors {
    fn has(&self, door: Door) -> bool {
        matches!(door, Door::Memory | Door::Restart) || self.profile.has(door)
    }

    fn restart(&self, replica: usize) -> HookFuture<'_, ()> {
        if self.profile.has(Door::Restart) {
            return self.profile.restart(replica);
        }
        let foreign = Arc::clone(&self.foreign);
        Box::pin(async move {
            let done = tokio::task::spawn_blocking(move || foreign.lock().restart(replica)).await;
            let done = done.context("the task ended").and_then(|done| done);
            opened("restart a replica", done)
        })
    }

    fn memory(&self, replica: usize) -> HookFuture<'_, u64> {
        if self.profile.has(Door::Memory) {
            return self.profile.memory(replica);
        }
        Box::pin(async move {
            let bytes = self.foreign.lock().resident_bytes(replica);
            opened("read a replica's memory", bytes)
        })
    }

    fn step_clock(&self, replica: usize, step_ms: i64) -> HookFuture<'_, ()> {
        self.profile.step_clock(replica, step_ms)
    }

    fn now_ms(&self, replica: usize) -> HookFuture<'_, Option<u64>> {
        self.profile.now_ms(replica)
    }

    fn set_store(&self, fault: StoreFault) -> HookFuture<'_, ()> {
        self.profile.set_store(fault)
    }

    fn wipe_store(&self) -> HookFuture<'_, ()> {
        self.profile.wipe_store()
    }

    fn restart_store(&self) -> HookFuture<'_, ()> {
        self.profile.restart_store()
    }

    fn peek_store(&self) -> HookFuture<'_, Vec<u8>> {
        self.profile.peek_store()
    }

    fn count_store(&self) -> HookFuture<'_, u64> {
        self.profile.count_store()
    }

    fn logs(&self) -> HookFuture<'_, String> {
        self.profile.logs()
    }

    fn rotate_keys(&self) -> HookFuture<'_, ()> {
        self.profile.rotate_keys()
    }

    fn set_key_source(&self, fault: KeyFault) -> HookFuture<'_, ()> {
        self.profile.set_key_source(fault)
    }

    fn key_fetches(&self) -> HookFuture<'_, u64> {
        self.profile.key_fetches()
    }
}

fn opened<T>(what: &str, done: Result<T>) -> Result<T, HookError> {
    done.map_err(|error| HookError::Failed {
        what: what.to_owned(),
        source: error.into(),
    })
}
