//! How a run is going: one moving line on a terminal, a line a check elsewhere,
//! nothing with `--quiet`.

use std::io::IsTerminal as _;

use authbench_conformance::Progress;
use authbench_results::CheckOutcome;
use indicatif::{ProgressBar, ProgressStyle};

/// Shows how a run is going, on standard error.
pub(crate) enum Show {
    Quiet,
    Lines { at: String },
    Bar(ProgressBar),
}

impl Show {
    /// The way that fits standard error.
    pub(crate) fn new(quiet: bool) -> Self {
        if quiet {
            Self::Quiet
        } else if std::io::stderr().is_terminal() {
            let bar = ProgressBar::new(0);
            if let Ok(style) = ProgressStyle::with_template("[{pos}/{len}] {wide_msg}") {
                bar.set_style(style);
            }
            Self::Bar(bar)
        } else {
            Self::Lines { at: String::new() }
        }
    }

    /// Takes in what happened.
    pub(crate) fn step(&mut self, step: &Progress<'_>) {
        match (self, step) {
            (Self::Quiet, _) => {}
            (Self::Lines { at }, Progress::Started { index, total, .. }) => {
                *at = format!("[{}/{total}] ", index + 1);
            }
            (Self::Lines { at }, Progress::Finished(report)) => {
                // What was left out has no place among those that are made.
                if !at.is_empty() {
                    eprintln!("{at}{} {}", report.id, report.outcome.label());
                    at.clear();
                }
            }
            (
                Self::Bar(bar),
                Progress::Started {
                    check,
                    index,
                    total,
                },
            ) => {
                bar.set_length(*total as u64);
                bar.set_position(*index as u64 + 1);
                bar.set_message(format!("{} {}", check.id, check.statement));
            }
            (Self::Bar(bar), Progress::Finished(report)) => {
                if report.outcome == CheckOutcome::Fail {
                    bar.println(format!("{} {}", report.id, report.outcome.label()));
                }
            }
        }
    }

    /// Leaves the terminal clean.
    pub(crate) fn end(self) {
        if let Self::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}
