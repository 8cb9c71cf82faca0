//! Faults at their instants: a thread that sleeps but for them, on the driver's
//! core, while the driver measures.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use authbench_catalog::Recipe;
use authbench_core::system::monotonic_ns;
use authbench_lab::proxy;
use authbench_load::{Fault, FaultKind, Snapshot};
use authbench_wire::bodies::{StoreFault, StoreRequest};
use authbench_wire::routes::Route;
use parking_lot::{Condvar, Mutex};

use crate::run::served::Fleet;
use crate::services::Services;

/// One fault as it was caused, on the monotonic clock.
#[derive(Clone, Debug, Default)]
pub(crate) struct Caused {
    /// From when on it was there.
    pub(crate) began_ns: Option<u64>,
    /// When it was gone, if that was seen before the end.
    pub(crate) ended_ns: Option<u64>,
    /// Why it could not be caused or lifted.
    pub(crate) failed: Option<String>,
}

/// What faults are caused on.
pub(crate) struct Ground<'f> {
    pub(crate) recipe: &'f Recipe,
    pub(crate) fleet: &'f Fleet,
    pub(crate) services: &'f Services,
}

/// Runs `measure` while the faults happen, each at its instant after the
/// measured time began. Whatever stands at the end, however that comes, is
/// lifted before this returns.
pub(crate) fn during<R>(
    faults: &[&Fault],
    ground: &Ground<'_>,
    measure: impl FnOnce(&Trigger) -> R,
) -> (R, Vec<Caused>) {
    let trigger = Trigger::default();
    std::thread::scope(|scope| {
        let controller = Controller {
            faults,
            ground,
            caused: vec![Caused::default(); faults.len()],
        };
        let running = scope.spawn(|| controller.run(&trigger));
        let result = {
            // Also when measuring panics: the scope waits for the controller.
            let _over = Over(&trigger);
            measure(&trigger)
        };
        let caused = running.join().unwrap_or_else(|_| {
            let failed = Caused {
                failed: Some("the thread that causes faults panicked".to_owned()),
                ..Caused::default()
            };
            vec![failed; faults.len()]
        });
        (result, caused)
    })
}

/// Tells the controller when measuring begins and ends.
#[derive(Default)]
pub(crate) struct Trigger {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    measuring_from_ns: Option<u64>,
    is_over: bool,
}

impl Trigger {
    fn set(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock());
        self.changed.notify_all();
    }

    /// When measuring began; `None` when it is over without having begun.
    fn begun(&self) -> Option<u64> {
        let mut state = self.state.lock();
        self.changed.wait_while(&mut state, |state| {
            state.measuring_from_ns.is_none() && !state.is_over
        });
        state.measuring_from_ns.filter(|_| !state.is_over)
    }

    /// Sleeps until `at_ns`; false when it is over before that.
    fn wait_until(&self, at_ns: u64) -> bool {
        let mut state = self.state.lock();
        loop {
            if state.is_over {
                return false;
            }
            let left_ns = at_ns.saturating_sub(monotonic_ns());
            if left_ns == 0 {
                return true;
            }
            let left = Duration::from_nanos(left_ns);
            let _ = self.changed.wait_for(&mut state, left);
        }
    }
}

struct Over<'t>(&'t Trigger);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.set(|state| state.is_over = true);
    }
}

/// Passes on what the driver says, and when measuring begins also to the
/// controller.
pub(crate) struct Heard<'h, P> {
    pub(crate) inner: P,
    pub(crate) trigger: &'h Trigger,
}

impl<P: authbench_load::Progress> authbench_load::Progress for Heard<'_, P> {
    fn update(&mut self, now: &Snapshot) {
        self.inner.update(now);
    }

    fn measuring(&mut self, from_ns: u64) {
        self.inner.measuring(from_ns);
        self.trigger
            .set(|state| state.measuring_from_ns = Some(from_ns));
    }
}

struct Controller<'c> {
    faults: &'c [&'c Fault],
    ground: &'c Ground<'c>,
    /// One for each fault.
    caused: Vec<Caused>,
}

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Step {
    Lift,
    Cause,
}

impl Controller<'_> {
    fn run(mut self, trigger: &Trigger) -> Vec<Caused> {
        let Some(from_ns) = trigger.begun() else {
            return self.caused;
        };
        for (at_ns, step, number) in steps(self.faults) {
            if !trigger.wait_until(from_ns.saturating_add(at_ns)) {
                break;
            }
            self.take(step, number);
        }
        for number in 0..self.faults.len() {
            if self.stands(number) {
                let before = self.caused[number].ended_ns;
                self.take(Step::Lift, number);
                // It outlasted what was measured.
                self.caused[number].ended_ns = before;
            }
        }
        self.caused
    }

    fn stands(&self, number: usize) -> bool {
        let caused = &self.caused[number];
        self.faults[number].kind.value.lasts()
            && caused.began_ns.is_some()
            && caused.ended_ns.is_none()
    }

    fn take(&mut self, step: Step, number: usize) {
        let taken = match step {
            Step::Cause => self.cause(number),
            Step::Lift if self.stands(number) => self.lift(number),
            // It could not be caused.
            Step::Lift => Ok(()),
        };
        if let Err(error) = taken {
            self.caused[number].failed = Some(format!("{error:#}"));
        }
    }

    fn cause(&mut self, number: usize) -> Result<()> {
        let fault = self.faults[number];
        let Ground {
            recipe,
            fleet,
            services,
        } = *self.ground;
        let replica = fault.replica.value;
        match fault.kind.value {
            kind if kind.is_of_store() && recipe.storage.is_none() => {
                bail!("it asks no store, so there is none to break");
            }
            FaultKind::StoreRefuse | FaultKind::StoreHang | FaultKind::StoreSlow => {
                // It stands from before the change on, as far as the store's
                // state is concerned, and is noted when it is there.
                self.caused[number].began_ns = Some(monotonic_ns());
                if let Err(error) = self.set_store() {
                    self.caused[number].began_ns = None;
                    return Err(error);
                }
                self.caused[number].began_ns = Some(monotonic_ns());
            }
            FaultKind::ServerPause => {
                fleet.pause(replica, true)?;
                self.caused[number].began_ns = Some(monotonic_ns());
            }
            FaultKind::StoreRestart => {
                let caused = &mut self.caused[number];
                services.restart(recipe, || caused.began_ns = Some(monotonic_ns()))?;
                caused.ended_ns = Some(monotonic_ns());
            }
            FaultKind::ServerRestart => {
                let ahead_ms = fleet.kill(replica)?;
                self.caused[number].began_ns = Some(monotonic_ns());
                fleet
                    .revive(replica, ahead_ms)
                    .context("the replica that was killed did not come back")?;
                self.caused[number].ended_ns = Some(monotonic_ns());
            }
            FaultKind::RotateKeys => {
                let first = &fleet.addresses()[..1];
                fleet
                    .doors
                    .post(first, Route::LabRotateKeys, &serde_json::json!({}))
                    .context("its signing key cannot be changed")?;
                self.caused[number].began_ns = Some(monotonic_ns());
            }
        }
        Ok(())
    }

    fn lift(&mut self, number: usize) -> Result<()> {
        let fault = self.faults[number];
        self.caused[number].ended_ns = Some(monotonic_ns());
        let lifted = if fault.kind.value == FaultKind::ServerPause {
            self.ground.fleet.pause(fault.replica.value, false)
        } else {
            self.set_store()
        };
        // One that could not be lifted still stands: it is tried again at the
        // end.
        self.caused[number].ended_ns = lifted.is_ok().then(monotonic_ns);
        lifted.context("it could not be lifted")
    }

    /// Brings the store into the state that follows from all faults that stand.
    fn set_store(&self) -> Result<()> {
        let fleet = self.ground.fleet;
        let standing = |kind: FaultKind| {
            let numbers = (0..self.faults.len()).filter(|number| self.stands(*number));
            let faults = numbers.map(|number| self.faults[number]);
            faults.filter(move |fault| fault.kind.value == kind)
        };
        let refuses = standing(FaultKind::StoreRefuse).next().is_some();
        let hangs = standing(FaultKind::StoreHang).next().is_some();
        let longer_us: u64 = standing(FaultKind::StoreSlow)
            .map(|fault| fault.delay_us.value)
            .sum();
        let delay_us = fleet.setting.store_round_trip_us + longer_us;
        if fleet.proxies.is_empty() {
            let request = StoreRequest {
                fault: match (refuses, hangs) {
                    (true, _) => Some(StoreFault::Fail),
                    (false, true) => Some(StoreFault::Hang),
                    (false, false) => None,
                },
                delay_us,
            };
            return fleet
                .doors
                .post(fleet.addresses(), Route::LabStore, &request);
        }
        let fault = match (refuses, hangs) {
            (true, _) => Some(proxy::Fault::Refuse),
            (false, true) => Some(proxy::Fault::Hang),
            (false, false) => None,
        };
        for proxied in &fleet.proxies {
            proxied.proxy.set_round_trip_us(delay_us)?;
            proxied.proxy.set_fault(fault)?;
        }
        Ok(())
    }
}

/// What is to be done and when, in nanoseconds from the start. Of two things at
/// one instant an end comes before a beginning.
fn steps(faults: &[&Fault]) -> Vec<(u64, Step, usize)> {
    let ns = |ms: u64| ms.saturating_mul(1_000_000);
    let mut steps = Vec::new();
    for (number, fault) in faults.iter().enumerate() {
        let at_ms = fault.at_ms.value;
        steps.push((ns(at_ms), Step::Cause, number));
        if let Some(for_ms) = &fault.for_ms {
            let end_ms = at_ms.saturating_add(for_ms.value);
            steps.push((ns(end_ms), Step::Lift, number));
        }
    }
    steps.sort_unstable();
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> Fault {
        authbench_conf::parse(std::path::Path::new("x.toml"), text).unwrap()
    }

    #[test]
    fn ends_come_before_beginnings_and_earlier_ones_first() {
        let faults = [
            fault("kind = \"store-refuse\"\nat_ms = 30\nfor_ms = 10"),
            fault("kind = \"store-hang\"\nat_ms = 10\nfor_ms = 20"),
            fault("kind = \"rotate-keys\"\nat_ms = 30"),
        ];
        let faults: Vec<&Fault> = faults.iter().collect();
        let in_ms = steps(&faults)
            .into_iter()
            .map(|(at_ns, step, number)| (at_ns / 1_000_000, step, number));
        assert_eq!(
            in_ms.collect::<Vec<_>>(),
            [
                (10, Step::Cause, 1),
                (30, Step::Lift, 1),
                (30, Step::Cause, 0),
                (30, Step::Cause, 2),
                (40, Step::Lift, 0),
            ]
        );
    }

    #[test]
    fn what_is_over_is_not_waited_for() {
        let trigger = Trigger::default();
        drop(Over(&trigger));
        assert_eq!(trigger.begun(), None);
        assert!(!trigger.wait_until(u64::MAX));
        let trigger = Trigger::default();
        trigger.set(|state| state.measuring_from_ns = Some(5));
        assert_eq!(trigger.begun(), Some(5));
        assert!(trigger.wait_until(monotonic_ns()));
    }
}
