//! How a run is going: bars on a terminal, a line a step elsewhere, nothing
//! with `--quiet`.

use std::io::IsTerminal as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use authbench_load::Snapshot;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

/// Between two redraws: rare enough not to disturb the driver, whose core the
/// drawing shares.
const REDRAW: Duration = Duration::from_millis(250);

/// Shows how a run is going.
pub(crate) struct Progress {
    kind: Kind,
    steps: u64,
    done: AtomicU64,
}

enum Kind {
    Quiet,
    Lines,
    Bars(Bars),
}

struct Bars {
    whole: ProgressBar,
    step: ProgressBar,
    board: Arc<Board>,
    painter: Option<JoinHandle<()>>,
}

/// What the driver's thread notes, and the painter's thread draws: the driver
/// must not wait for a terminal.
#[derive(Default)]
struct Board {
    done_permille: AtomicU64,
    achieved_per_s: AtomicU64,
    p50_ns: AtomicU64,
    p99_ns: AtomicU64,
    ended: AtomicBool,
}

impl Progress {
    /// For a run of `steps` steps.
    pub(crate) fn new(steps: u64, quiet: bool) -> Self {
        let kind = if quiet {
            Kind::Quiet
        } else if std::io::stderr().is_terminal() {
            Kind::Bars(Bars::new(steps))
        } else {
            Kind::Lines
        };
        Self {
            kind,
            steps,
            done: AtomicU64::new(0),
        }
    }

    /// Says what is done now.
    pub(crate) fn step(&self, strategy: &str, what: &str) {
        match &self.kind {
            Kind::Quiet => {}
            Kind::Lines => {
                let number = self.done.load(Ordering::Relaxed) + 1;
                eprintln!("[{number}/{}] {strategy}: {what}", self.steps);
            }
            Kind::Bars(bars) => {
                bars.board.clear();
                bars.step.set_position(0);
                bars.step.set_prefix(format!("{strategy}  {what}"));
                bars.step.set_message("");
            }
        }
    }

    /// The step is over, or left out.
    pub(crate) fn step_done(&self) {
        self.done.fetch_add(1, Ordering::Relaxed);
        if let Kind::Bars(bars) = &self.kind {
            bars.whole.inc(1);
        }
    }

    /// Says what went wrong, above the bars.
    pub(crate) fn warn(&self, message: &str) {
        match &self.kind {
            Kind::Bars(bars) => {
                bars.whole.suspend(|| eprintln!("warning: {message}"));
            }
            Kind::Quiet | Kind::Lines => eprintln!("warning: {message}"),
        }
    }

    /// Is told by the driver how a load point is going.
    pub(crate) fn watch(&self) -> Watch {
        Watch(match &self.kind {
            Kind::Bars(bars) => Some(Arc::clone(&bars.board)),
            Kind::Quiet | Kind::Lines => None,
        })
    }

    /// The run is over: takes the bars away.
    pub(crate) fn finish(&self) {
        if let Kind::Bars(bars) = &self.kind {
            bars.board.ended.store(true, Ordering::Relaxed);
            bars.step.finish_and_clear();
            bars.whole.finish_and_clear();
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.finish();
        if let Kind::Bars(bars) = &mut self.kind
            && let Some(painter) = bars.painter.take()
        {
            // A painter that panicked has nothing to say any more.
            let _ = painter.join();
        }
    }
}

impl Bars {
    fn new(steps: u64) -> Self {
        let style = |template: &str| {
            ProgressStyle::with_template(template)
                .unwrap_or_else(|_| ProgressStyle::default_bar())
                .progress_chars("=> ")
        };
        let bars = MultiProgress::new();
        let whole = bars.add(ProgressBar::new(steps));
        whole.set_style(style(
            "{elapsed_precise} [{bar:40}] {pos}/{len} steps, {eta} left",
        ));
        let step = bars.add(ProgressBar::new(1_000));
        step.set_style(style("         [{bar:40}] {prefix} {msg}"));
        let board = Arc::new(Board::default());
        let painter = {
            let (whole, step, board) = (whole.clone(), step.clone(), Arc::clone(&board));
            std::thread::spawn(move || {
                while !board.ended.load(Ordering::Relaxed) {
                    board.draw(&step);
                    whole.tick();
                    std::thread::sleep(REDRAW);
                }
            })
        };
        Self {
            whole,
            step,
            board,
            painter: Some(painter),
        }
    }
}

impl Board {
    fn clear(&self) {
        for number in [
            &self.done_permille,
            &self.achieved_per_s,
            &self.p50_ns,
            &self.p99_ns,
        ] {
            number.store(0, Ordering::Relaxed);
        }
    }

    fn draw(&self, bar: &ProgressBar) {
        bar.set_position(self.done_permille.load(Ordering::Relaxed));
        let achieved_per_s = self.achieved_per_s.load(Ordering::Relaxed);
        if achieved_per_s > 0 {
            let us = |ns: &AtomicU64| ns.load(Ordering::Relaxed) as f64 / 1000.0;
            bar.set_message(format!(
                "{achieved_per_s}/s achieved, p50 {:.0} us, p99 {:.0} us",
                us(&self.p50_ns),
                us(&self.p99_ns)
            ));
        }
    }
}

/// The driver's side.
pub(crate) struct Watch(Option<Arc<Board>>);

impl authbench_load::Progress for Watch {
    fn update(&mut self, now: &Snapshot) {
        if let Some(board) = &self.0 {
            board
                .done_permille
                .store((now.done_fraction * 1000.0) as u64, Ordering::Relaxed);
            board
                .achieved_per_s
                .store(now.achieved_per_s as u64, Ordering::Relaxed);
            board.p50_ns.store(now.response_ns_p50, Ordering::Relaxed);
            board.p99_ns.store(now.response_ns_p99, Ordering::Relaxed);
        }
    }
}
