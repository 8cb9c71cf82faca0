//! Breaking the store, and mending it.

use std::time::Duration;

use authbench_wire::profile::Family;

use crate::hooks::{Door, StoreFault};
use crate::login::Login;
use crate::stop::Stop;
use crate::trial::Trial;

/// Strategies with a store.
pub(super) const WITH_STORE: &[Family] = &[
    Family::Session,
    Family::Denylist,
    Family::Refresh,
    Family::Hybrid,
];

/// How slow a slow store is.
const SLOW: Duration = Duration::from_millis(1_500);

/// How long a mended target may take to notice.
const RECOVERY_MS: u64 = 10_000;

/// What the checks do to the store.
pub(super) const FAULTS: [(&str, Door, StoreFault); 3] = [
    ("stopped store", Door::StoreStop, StoreFault::Stopped),
    ("slow store", Door::StoreSlow, StoreFault::Slow(SLOW)),
    ("garbled store", Door::StoreGarble, StoreFault::Garbled),
];

/// Mends the store and waits until an untouched login works again; `Err` if it
/// does not.
pub(super) async fn mended(trial: &Trial<'_>, healthy: &Login) -> Result<(), Stop> {
    trial.hooks().set_store(StoreFault::None).await?;
    let mut waited_ms = 0;
    loop {
        let last = trial.control(healthy).await;
        if last.is_ok() || waited_ms >= RECOVERY_MS {
            return last;
        }
        trial.wait(100).await?;
        waited_ms += 100;
    }
}
