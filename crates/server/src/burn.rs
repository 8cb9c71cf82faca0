//! Slows a lab server down on purpose, by a known amount of processor time, so
//! that whoever looks for slow-downs can be tested.

use std::fmt;
use std::hint::black_box;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use authbench_wire::Route;
use axum::extract::Request;
use axum::handler::Handler;

use crate::app::App;

/// How long one run of the calibration is to take, nanoseconds of processor
/// time: long beside the clock's own cost, short beside a time slice.
const RUN_NS: u64 = 500_000;
/// Runs of that length. What disturbs a run makes it longer, so the shortest
/// counts. With the search for the length, all takes some 10 ms.
const RUNS: u32 = 16;
/// Steps of one run at most; a clock that has not moved by then never will.
const STEPS_MAX: u64 = 1 << 24;

/// Processor time that a lab server burns before it handles a request.
///
/// It is burnt as a fixed number of steps of arithmetic, not by looking at a
/// clock: a thread that is put aside meanwhile would burn too little.
#[derive(Clone, Debug)]
pub struct Burn {
    on: BurntOperation,
    steps: u64,
    burnt: Arc<AtomicU64>,
}

/// Before which requests.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum BurntOperation {
    /// Each that has a route, but those of the lab and `/healthz`.
    #[default]
    Every,
    /// Each that must show a credential, be it to ask, to renew or to end it.
    Authenticate,
    /// `GET /me`.
    Read,
    /// `PUT /me/note`.
    Mutate,
    /// `POST /login`.
    Login,
    /// `POST /refresh`.
    Refresh,
    /// `POST /logout`.
    Logout,
    /// `POST /logout-all`.
    LogoutAll,
    /// `POST /admin/users/{user}/roles`.
    RoleChange,
}

/// No operation has that name.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "there is no operation `{name}`: choose one of {}, or none for every request",
    names()
)]
pub struct UnknownOperation {
    /// The name.
    pub name: String,
}

/// The clock of the calibration stands still.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "the clock of processor time does not move, so nothing can be burnt by it; run without a burn"
)]
pub struct ClockStands;

impl Burn {
    /// Burns `burn_ns` nanoseconds of processor time before each request of the
    /// operation `on`. How much work that is, is measured now, which takes some
    /// 10 ms, with `thread_cpu_ns`: nanoseconds of processor time that the
    /// calling thread has used. At least one step is burnt, about 2 ns.
    ///
    /// # Errors
    /// [`ClockStands`] when that clock does not move.
    pub fn calibrated(
        on: BurntOperation,
        burn_ns: u64,
        thread_cpu_ns: impl Fn() -> u64,
    ) -> Result<Self, ClockStands> {
        let step_ns = step_ns(|steps| {
            let began_ns = thread_cpu_ns();
            work(steps);
            thread_cpu_ns().saturating_sub(began_ns)
        })?;
        Ok(Self {
            on,
            steps: ((burn_ns as f64 / step_ns).round() as u64).max(1),
            burnt: Arc::default(),
        })
    }

    /// Requests before which it was burnt so far.
    #[must_use]
    pub fn burnt(&self) -> u64 {
        self.burnt.load(Relaxed)
    }

    /// Whether requests to `route` get it.
    pub(crate) fn precedes(&self, route: Route) -> bool {
        self.on.is_asked_by(route)
    }

    fn burn(&self) {
        work(self.steps);
        self.burnt.fetch_add(1, Relaxed);
    }
}

impl BurntOperation {
    /// Those that have a name, in the order of messages.
    pub const NAMED: [Self; 8] = [
        Self::Authenticate,
        Self::Read,
        Self::Mutate,
        Self::Login,
        Self::Refresh,
        Self::Logout,
        Self::LogoutAll,
        Self::RoleChange,
    ];

    /// Its name, as the mix of a scenario and results know it.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Every => "every request",
            Self::Authenticate => "authenticate",
            Self::Read => "read",
            Self::Mutate => "mutate",
            Self::Login => "login",
            Self::Refresh => "refresh",
            Self::Logout => "logout",
            Self::LogoutAll => "logout-all",
            Self::RoleChange => "role-change",
        }
    }

    /// Whether a request to `route` asks for it.
    fn is_asked_by(self, route: Route) -> bool {
        match self {
            Self::Every => !matches!(route, Route::Health) && !is_lab(route),
            Self::Authenticate => {
                !matches!(route, Route::Health | Route::Jwks | Route::Login) && !is_lab(route)
            }
            Self::Read => route == Route::Me,
            Self::Mutate => route == Route::Note,
            Self::Login => route == Route::Login,
            Self::Refresh => route == Route::Refresh,
            Self::Logout => route == Route::Logout,
            Self::LogoutAll => route == Route::LogoutAll,
            Self::RoleChange => route == Route::SetRoles,
        }
    }
}

impl fmt::Display for BurntOperation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.label())
    }
}

impl FromStr for BurntOperation {
    type Err = UnknownOperation;

    fn from_str(name: &str) -> Result<Self, UnknownOperation> {
        let mut named = Self::NAMED.into_iter();
        named
            .find(|operation| operation.label() == name)
            .ok_or_else(|| UnknownOperation {
                name: name.to_owned(),
            })
    }
}

/// A handler with a burn before it. A server without one does not have this
/// type anywhere, so it pays nothing, not even a question.
#[derive(Clone)]
pub(crate) struct Burning<H> {
    pub(crate) burn: Burn,
    pub(crate) then: H,
}

impl<H: Handler<(), Arc<App>>> Handler<(), Arc<App>> for Burning<H> {
    type Future = H::Future;

    fn call(self, request: Request, app: Arc<App>) -> Self::Future {
        self.burn.burn();
        self.then.call(request, app)
    }
}

fn is_lab(route: Route) -> bool {
    route.path().starts_with("/lab/")
}

fn names() -> String {
    BurntOperation::NAMED.map(BurntOperation::label).join(", ")
}

/// Steps that each need the one before, so that neither compiler nor processor
/// can do several at a time.
#[inline(never)]
fn work(steps: u64) {
    let mut state = black_box(0x9e37_79b9_7f4a_7c15_u64);
    for step in 0..steps {
        state = (state ^ step).wrapping_mul(0xff51_afd7_ed55_8ccd);
        state ^= state >> 32;
    }
    black_box(state);
}

/// Nanoseconds of a step, given what a run of so many steps takes.
fn step_ns(run_ns: impl Fn(u64) -> u64) -> Result<f64, ClockStands> {
    let mut steps = 1_024;
    while run_ns(steps) < RUN_NS {
        if steps >= STEPS_MAX {
            break;
        }
        steps *= 2;
    }
    let shortest_ns = (0..RUNS).map(|_| run_ns(steps)).min().unwrap_or(0);
    if shortest_ns == 0 {
        return Err(ClockStands);
    }
    Ok(shortest_ns as f64 / steps as f64)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn work_scales_with_what_was_asked_for() {
        // A machine that takes 3 ns for a step, and is disturbed now and then.
        let run = Cell::new(0_u64);
        let machine = |steps: u64| {
            run.set(run.get() + 1);
            steps * 3
                + if run.get().is_multiple_of(3) {
                    0
                } else {
                    70_000
                }
        };
        assert_eq!(step_ns(machine), Ok(3.0));
    }

    #[test]
    fn steps_follow_from_nanoseconds() {
        // The clock ticks when it is asked: each run takes what one tick is,
        // so the calibration ends at its longest run.
        let now = Cell::new(0_u64);
        let clock = || {
            now.set(now.get() + RUN_NS);
            now.get()
        };
        let steps = |burn_ns| {
            Burn::calibrated(BurntOperation::Every, burn_ns, clock)
                .unwrap()
                .steps
        };
        assert_eq!(steps(RUN_NS), 1_024);
        assert_eq!(steps(RUN_NS * 10), 10_240);
        assert_eq!(steps(1), 1, "less than a step is a step");
    }

    #[test]
    fn a_clock_that_stands_is_told() {
        assert_eq!(step_ns(|_| 0), Err(ClockStands));
    }

    #[test]
    fn names_are_read_back_and_others_are_told_the_right_ones() {
        for operation in BurntOperation::NAMED {
            assert_eq!(operation.label().parse(), Ok(operation));
        }
        let error = "every request".parse::<BurntOperation>().unwrap_err();
        let told = error.to_string();
        assert!(
            told.contains("`every request`") && told.contains("authenticate, read"),
            "{told}"
        );
    }

    #[test]
    fn each_operation_has_its_routes() {
        let routes = |operation: BurntOperation| {
            let mut routes = Route::ALL.to_vec();
            routes.retain(|route| operation.is_asked_by(*route));
            routes
        };
        assert_eq!(routes(BurntOperation::Every).len(), 17);
        let mut with_credential = routes(BurntOperation::Every);
        with_credential.retain(|route| !matches!(route, Route::Jwks | Route::Login));
        assert_eq!(routes(BurntOperation::Authenticate), with_credential);
        for (operation, route) in [
            (BurntOperation::Read, Route::Me),
            (BurntOperation::Mutate, Route::Note),
            (BurntOperation::Login, Route::Login),
            (BurntOperation::Refresh, Route::Refresh),
            (BurntOperation::Logout, Route::Logout),
            (BurntOperation::LogoutAll, Route::LogoutAll),
            (BurntOperation::RoleChange, Route::SetRoles),
        ] {
            assert_eq!(routes(operation), [route], "{operation}");
        }
    }
}
