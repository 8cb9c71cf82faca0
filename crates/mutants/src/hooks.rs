//! The specimen's doors, in process.

use std::sync::Arc;

use authbench_conformance::hooks::{Door, HookError, HookFuture, Hooks, KeyFault, StoreFault};

use crate::specimen::Inner;

impl Hooks for Inner {
    fn has(&self, door: Door) -> bool {
        match door {
            Door::KeySource | Door::KeyFetches => self.kind.fetches_keys(),
            Door::Memory => false,
            _ => true,
        }
    }

    fn step_clock(&self, replica: usize, step_ms: i64) -> HookFuture<'_, ()> {
        Box::pin(async move {
            self.replica(replica)?.clock.step(step_ms);
            Ok(())
        })
    }

    fn now_ms(&self, replica: usize) -> HookFuture<'_, Option<u64>> {
        Box::pin(async move { Ok(Some(self.replica(replica)?.clock.now_ms())) })
    }

    fn set_store(&self, fault: StoreFault) -> HookFuture<'_, ()> {
        Box::pin(async move {
            self.world.store.set_fault(fault);
            Ok(())
        })
    }

    fn wipe_store(&self) -> HookFuture<'_, ()> {
        Box::pin(async move {
            self.world.store.wipe();
            Ok(())
        })
    }

    fn restart_store(&self) -> HookFuture<'_, ()> {
        Box::pin(async move {
            if self.flaw("M154") {
                self.world.store.forget_denied();
            }
            let done = self.world.store.restart();
            done.map_err(|source| failed("the store's contents could not be read back", source))
        })
    }

    fn restart(&self, replica: usize) -> HookFuture<'_, ()> {
        Box::pin(async move { self.restart_replica(self.replica(replica)?).await })
    }

    fn peek_store(&self) -> HookFuture<'_, Vec<u8>> {
        Box::pin(async move {
            let shown = self.world.store.peek();
            shown.map_err(|source| failed("the store's contents could not be written", source))
        })
    }

    fn count_store(&self) -> HookFuture<'_, u64> {
        Box::pin(async move { Ok(self.world.store.count(self.replica(0)?.clock.now_ms())) })
    }

    fn logs(&self) -> HookFuture<'_, String> {
        Box::pin(async move { Ok(self.world.log.text()) })
    }

    fn rotate_keys(&self) -> HookFuture<'_, ()> {
        Box::pin(async move {
            let now_ms = self.replica(0)?.clock.now_ms();
            let done = self.world.keys.rotate(now_ms);
            self.world.key_source.announce();
            done.map_err(|_| failed("no new key could be made", "the generator failed"))
        })
    }

    fn set_key_source(&self, fault: KeyFault) -> HookFuture<'_, ()> {
        Box::pin(async move {
            if !self.kind.fetches_keys() {
                return Err(HookError::Absent(Door::KeySource));
            }
            self.world.key_source.set_fault(fault);
            Ok(())
        })
    }

    fn key_fetches(&self) -> HookFuture<'_, u64> {
        Box::pin(async move {
            match self.kind.fetches_keys() {
                true => Ok(self.world.key_source.fetches()),
                false => Err(HookError::Absent(Door::KeyFetches)),
            }
        })
    }

    fn memory(&self, _: usize) -> HookFuture<'_, u64> {
        Box::pin(async { Err(HookError::Absent(Door::Memory)) })
    }
}

/// A door that did not do what it should.
pub(crate) fn failed(
    what: &str,
    source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> HookError {
    HookError::Failed {
        what: what.to_owned(),
        source: source.into(),
    }
}

/// The doors of a running specimen.
pub(crate) fn doors(inner: &Arc<Inner>) -> Arc<dyn Hooks> {
    Arc::clone(inner) as Arc<dyn Hooks>
}
