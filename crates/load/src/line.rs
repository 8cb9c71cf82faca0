//! One connection on which one question is asked at a time.

use authbench_core::oracle::Span;
use authbench_core::system::monotonic_ns;

use crate::error::{LoadError, masked};
use crate::outcome::Action;
use crate::request::{RequestTemplate, Values};
use crate::target::Target;
use crate::timeline::Timeline;
use authbench_engine::{Engine, Route, View};

/// The longest wait at once, so that the caller can look at its stop flag.
const WAIT_NS_MAX: u64 = 100_000_000;

/// A line to the target.
pub(crate) struct Line<'t> {
    pub(crate) target: &'t Target,
    pub(crate) timeline: Timeline,
    /// Where its next questions go; anywhere at first.
    pub(crate) route: Route,
    engine: Engine<()>,
    timeout_ms: u64,
    scratch: Vec<u8>,
}

impl<'t> Line<'t> {
    /// Over the connections of `engine`, which lead to `target`: one to each
    /// replica.
    pub(crate) fn new(
        target: &'t Target,
        timeline: Timeline,
        engine: Engine<()>,
        timeout_ms: u64,
    ) -> Self {
        Self {
            target,
            timeline,
            route: Route::Any,
            engine,
            timeout_ms,
            scratch: Vec::new(),
        }
    }

    /// Asks for `action` and hands the answer, with the span of the call, to
    /// `read`.
    ///
    /// # Errors
    /// [`LoadError`] when the target lacks the operation or no whole answer
    /// comes in time.
    pub(crate) fn ask<R>(
        &mut self,
        action: Action,
        values: &Values<'_>,
        read: impl FnOnce(&Target, Span, View<'_>) -> R,
    ) -> Result<R, LoadError> {
        let target = self.target;
        let request = &target.need(action)?.request;
        self.exchange(action.label(), request, values, |span, view| {
            read(target, span, view)
        })
    }

    /// Steps the target's clock `step_ms` forwards and follows it. With 0 it
    /// only asks how far it has been stepped: returns that, milliseconds.
    ///
    /// # Errors
    /// [`LoadError`] when the target does not do so.
    pub(crate) fn step_clock(
        &mut self,
        clock: &RequestTemplate,
        step_ms: u64,
    ) -> Result<u64, LoadError> {
        let address = self.target.address;
        let values = Values {
            value: step_ms,
            ..Values::default()
        };
        let ahead_ms =
            self.exchange(
                "lab-clock",
                clock,
                &values,
                |_, view| match serde_json::from_slice::<authbench_wire::bodies::ClockResponse>(
                    view.body,
                ) {
                    Ok(clock) if view.status == 200 => Ok(clock.ahead_ms),
                    _ => Err(LoadError::Clock {
                        address,
                        status: view.status,
                        body: masked(view.body),
                    }),
                },
            )??;
        self.timeline.set_ahead_ms(ahead_ms);
        Ok(ahead_ms)
    }

    /// Waits until `until_ns` on the monotonic clock, a tenth of a second at
    /// most.
    ///
    /// # Errors
    /// [`LoadError::Engine`].
    pub(crate) fn pause(&mut self, until_ns: u64) -> Result<(), LoadError> {
        let until_ns = until_ns.min(monotonic_ns() + WAIT_NS_MAX);
        while monotonic_ns() < until_ns {
            self.engine.wait(until_ns)?;
            // Nothing is on its way: this only takes note of a closed
            // connection, and has it made anew.
            while self.engine.next_done().is_some() {}
        }
        Ok(())
    }

    fn exchange<R>(
        &mut self,
        action: &'static str,
        request: &RequestTemplate,
        values: &Values<'_>,
        read: impl FnOnce(Span, View<'_>) -> R,
    ) -> Result<R, LoadError> {
        let address = self.target.address;
        let deadline_ns = monotonic_ns() + self.timeout_ms.saturating_mul(1_000_000);
        let late = LoadError::TimedOut {
            address,
            action,
            timeout_ms: self.timeout_ms,
        };
        while !self.engine.has_idle(self.route) {
            if monotonic_ns() > deadline_ns {
                return Err(late);
            }
            self.pause(deadline_ns.min(monotonic_ns() + 1_000_000))?;
        }
        let scratch = &mut self.scratch;
        self.engine
            .send(self.route, (), |out| request.write(values, scratch, out));
        loop {
            self.engine.wait(deadline_ns)?;
            if let Some(done) = self.engine.next_done() {
                let answer = done.answer.map_err(|broken| LoadError::Broken {
                    address,
                    action,
                    source: Box::new(broken),
                })?;
                let span = self.timeline.span(done.request.sent_ns, done.done_ns);
                let result = read(span, self.engine.view(done.conn, &answer));
                self.engine.release(done.conn, answer.keep_alive);
                return Ok(result);
            }
            if monotonic_ns() > deadline_ns {
                return Err(late);
            }
        }
    }
}
