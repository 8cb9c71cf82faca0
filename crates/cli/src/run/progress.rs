//! How a run is going: a live table on a terminal, a line a step elsewhere,
//! nothing with `--quiet`.

use std::io::IsTerminal as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use authbench_load::Snapshot;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::run::board::{Board, HEADER};

/// Between two redraws: rare enough not to disturb the driver, whose core the
/// drawing shares.
const REDRAW: Duration = Duration::from_millis(250);

/// Shows how a run is going.
pub(crate) struct Progress {
    kind: Kind,
    steps: u64,
    done: AtomicU64,
    board: Arc<Board>,
}

enum Kind {
    Quiet,
    Lines,
    Table(Table),
}

impl Progress {
    /// For a run of `steps` steps over these strategies.
    pub(crate) fn new(steps: u64, strategies: &[String], quiet: bool) -> Self {
        let board = Arc::new(Board::new(strategies));
        let kind = if quiet {
            Kind::Quiet
        } else if std::io::stderr().is_terminal() {
            Kind::Table(Table::new(steps, strategies.len(), &board))
        } else {
            Kind::Lines
        };
        Self {
            kind,
            steps,
            done: AtomicU64::new(0),
            board,
        }
    }

    /// Says what is done now.
    pub(crate) fn step(&self, strategy: &str, what: &str) {
        self.board.begin(strategy, what);
        if let Kind::Lines = self.kind {
            let number = self.done.load(Ordering::Relaxed) + 1;
            eprintln!("[{number}/{}] {strategy}: {what}", self.steps);
        }
    }

    /// The step is over, or left out.
    pub(crate) fn step_done(&self) {
        self.done.fetch_add(1, Ordering::Relaxed);
        let figures = self.board.end();
        match &self.kind {
            Kind::Quiet => {}
            Kind::Lines => {
                if let Some(figures) = figures {
                    eprintln!("      {figures}");
                }
            }
            Kind::Table(table) => table.whole.inc(1),
        }
    }

    /// Says what went wrong, above the table.
    pub(crate) fn warn(&self, message: &str) {
        match &self.kind {
            Kind::Table(table) => {
                table.whole.suspend(|| eprintln!("warning: {message}"));
            }
            Kind::Quiet | Kind::Lines => eprintln!("warning: {message}"),
        }
    }

    /// Is told by the driver how a load point is going.
    pub(crate) fn watch(&self) -> Watch {
        Watch(match &self.kind {
            Kind::Quiet => None,
            Kind::Lines | Kind::Table(_) => Some(Arc::clone(&self.board)),
        })
    }

    /// The run is over: takes the table away.
    pub(crate) fn finish(&self) {
        if let Kind::Table(table) = &self.kind {
            table.finish();
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.finish();
        if let Kind::Table(table) = &mut self.kind
            && let Some(painter) = table.painter.take()
        {
            // A painter that panicked has nothing to say any more.
            let _ = painter.join();
        }
    }
}

/// One line a strategy, and one for the whole.
struct Table {
    whole: ProgressBar,
    lines: Vec<ProgressBar>,
    ended: Arc<AtomicBool>,
    painter: Option<JoinHandle<()>>,
}

impl Table {
    fn new(steps: u64, strategies: usize, board: &Arc<Board>) -> Self {
        // Drawn by the painter's ticks alone, four times a second.
        let bars = MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(8));
        let style = |template: &str| {
            ProgressStyle::with_template(template)
                .unwrap_or_else(|_| ProgressStyle::default_bar())
                .progress_chars("=> ")
        };
        let line = |text: &str| {
            let line = bars.add(ProgressBar::new(1));
            line.set_style(style("{wide_msg}"));
            line.set_message(text.to_owned());
            line
        };
        let mut lines = vec![line(HEADER)];
        lines.extend((0..strategies).map(|_| line("")));
        let whole = bars.add(ProgressBar::new(steps));
        whole.set_style(style(
            "{elapsed_precise} [{bar:40}] {pos}/{len} steps, {eta} left  {msg}",
        ));
        let ended = Arc::new(AtomicBool::new(false));
        let painter = {
            let (board, ended) = (Arc::clone(board), Arc::clone(&ended));
            let (lines, whole) = (lines.clone(), whole.clone());
            std::thread::spawn(move || paint(&board, &lines, &whole, &ended))
        };
        Self {
            whole,
            lines,
            ended,
            painter: Some(painter),
        }
    }

    fn finish(&self) {
        self.ended.store(true, Ordering::Relaxed);
        for line in &self.lines {
            line.finish_and_clear();
        }
        self.whole.finish_and_clear();
    }
}

fn paint(board: &Board, lines: &[ProgressBar], whole: &ProgressBar, ended: &AtomicBool) {
    // The driver comes first on this core. (On Linux this is the thread's own
    // niceness.) Without the right to it the painter is merely less polite.
    let _ = rustix::process::nice(19);
    while !ended.load(Ordering::Relaxed) {
        let (rows, present) = board.rows();
        for (line, row) in lines.iter().skip(1).zip(rows) {
            line.set_message(row);
        }
        whole.set_message(present);
        whole.tick();
        std::thread::sleep(REDRAW);
    }
}

/// The driver's side.
pub(crate) struct Watch(Option<Arc<Board>>);

impl authbench_load::Progress for Watch {
    fn update(&mut self, now: &Snapshot) {
        if let Some(board) = &self.0 {
            board.note(now);
        }
    }
}
