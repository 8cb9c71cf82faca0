//! When a login was last used, as far as anybody outside can tell.

use super::{Expectation, Ns, Span, Window};
use crate::guarantee::IdlePromise;

/// The latest use of a login, from both sides.
#[derive(Clone, Copy, Debug)]
pub(super) struct Uses {
    /// It was used at this instant or later.
    pub(super) certain: Ns,
    /// It was not used after this instant.
    possible: Ns,
    /// By then it had idled out, for good.
    lapsed: Option<Ns>,
}

impl Uses {
    /// A login counts as a use.
    pub(super) const fn of_login(issued: Span) -> Self {
        Self {
            certain: issued.start,
            possible: issued.end,
            lapsed: None,
        }
    }

    /// A call used the login; with `certain` false, it may have.
    pub(super) fn add(&mut self, call: Span, certain: bool) {
        self.possible = self.possible.max(call.end);
        if certain {
            self.certain = self.certain.max(call.start);
        }
    }

    /// A call found it idle: no later use revives it (ASVS 5.0 7.3.1).
    pub(super) fn lapse(&mut self, call: Span) {
        let earliest = self.lapsed.map_or(call.end, |at| at.min(call.end));
        self.lapsed = Some(earliest);
    }

    /// What disuse says of a call.
    pub(super) fn expectation(&self, promise: Option<IdlePromise>, call: Span) -> Expectation {
        let Some(promise) = promise else {
            return Expectation::MustAccept;
        };
        let ends = |from: Ns, early_ms| {
            let after_ms = promise.timeout_ms.saturating_sub(early_ms);
            from.plus_ms(after_ms)
        };
        let lapsed = self.lapsed.is_some_and(|at| at <= call.start);
        if lapsed || ends(self.possible, 0) <= call.start {
            Expectation::MustRefuse
        } else if call.end < ends(self.certain, promise.early_ms) {
            Expectation::MustAccept
        } else if call.end < ends(self.certain, 0) {
            Expectation::Either(Window::Idle)
        } else {
            Expectation::Either(Window::Overlap)
        }
    }
}
