//! How a comparison is going: a bar on a terminal, a line now and then
//! elsewhere, nothing with `--quiet`. Drawn between measurements only, on the
//! thread that drives them.

use std::cell::Cell;
use std::io::IsTerminal as _;
use std::time::Duration;

use authbench_core::system::monotonic_ns;
use indicatif::{HumanDuration, ProgressBar, ProgressStyle};

/// Between two lines where there is no terminal.
const LINE_EVERY_NS: u64 = 15_000_000_000;

/// Shows how a comparison is going.
pub(crate) struct Progress {
    kind: Kind,
    steps: Cell<u64>,
    done: Cell<u64>,
    began_ns: u64,
    line_ns: Cell<u64>,
}

enum Kind {
    Quiet,
    Lines,
    Bar(ProgressBar),
}

impl Progress {
    /// For `steps` steps so far.
    pub(crate) fn new(steps: u64, quiet: bool) -> Self {
        let kind = if quiet {
            Kind::Quiet
        } else if std::io::stderr().is_terminal() {
            let style = ProgressStyle::with_template(
                "{elapsed_precise} [{bar:40}] {pos}/{len} blocks, {eta} left  {msg}",
            );
            let bar = ProgressBar::new(steps);
            bar.set_style(
                style
                    .unwrap_or_else(|_| ProgressStyle::default_bar())
                    .progress_chars("=> "),
            );
            Kind::Bar(bar)
        } else {
            Kind::Lines
        };
        let began_ns = monotonic_ns();
        Self {
            kind,
            steps: Cell::new(steps),
            done: Cell::new(0),
            began_ns,
            line_ns: Cell::new(began_ns),
        }
    }

    /// There is more to do than was thought.
    pub(crate) fn add_steps(&self, more: u64) {
        self.steps.set(self.steps.get() + more);
        if let Kind::Bar(bar) = &self.kind {
            bar.inc_length(more);
        }
    }

    /// Says what is done now.
    pub(crate) fn step(&self, strategy: &str, what: &str) {
        match &self.kind {
            Kind::Quiet => {}
            Kind::Bar(bar) => bar.set_message(format!("{strategy}: {what}")),
            Kind::Lines => {
                let now_ns = monotonic_ns();
                if now_ns.saturating_sub(self.line_ns.get()) >= LINE_EVERY_NS {
                    self.line_ns.set(now_ns);
                    eprintln!("{}", self.line(strategy, what, now_ns));
                }
            }
        }
    }

    /// The step is over.
    pub(crate) fn step_done(&self) {
        self.done.set(self.done.get() + 1);
        if let Kind::Bar(bar) = &self.kind {
            bar.inc(1);
        }
    }

    /// Says what went wrong.
    pub(crate) fn warn(&self, message: &str) {
        match &self.kind {
            Kind::Bar(bar) => bar.suspend(|| eprintln!("warning: {message}")),
            Kind::Quiet | Kind::Lines => eprintln!("warning: {message}"),
        }
    }

    /// The comparison is over: takes the bar away.
    pub(crate) fn finish(&self) {
        if let Kind::Bar(bar) = &self.kind {
            bar.finish_and_clear();
        }
    }

    fn line(&self, strategy: &str, what: &str, now_ns: u64) -> String {
        let (done, steps) = (self.done.get(), self.steps.get());
        let spent_ns = now_ns.saturating_sub(self.began_ns);
        let left_ns = spent_ns
            .saturating_mul(steps.saturating_sub(done))
            .checked_div(done);
        let left = left_ns.map_or_else(String::new, |ns| {
            format!(", about {} left", HumanDuration(Duration::from_nanos(ns)))
        });
        format!("[{done}/{steps} blocks{left}] {strategy}: {what}")
    }
}
