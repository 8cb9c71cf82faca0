//! What the driver's thread notes, and whoever draws reads: the driver must
//! not wait for a terminal.

use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError, TryLockError};

use authbench_load::Snapshot;

/// The heads of a row's columns.
pub(crate) const HEADER: &str = "strategy                         offered/s achieved/s   p50 us   \
                                 p99 us   max us failures   lag us";

/// One row a strategy.
#[derive(Debug)]
pub(crate) struct Board(Mutex<State>);

#[derive(Debug)]
struct State {
    rows: Vec<Row>,
    present: Option<usize>,
}

#[derive(Debug, Default)]
struct Row {
    strategy: String,
    what: String,
    seen: Option<Snapshot>,
    /// Failures of the load points that are over.
    failures: u64,
}

impl Board {
    /// Empty rows for these strategies.
    pub(crate) fn new(strategies: &[String]) -> Self {
        let rows = strategies.iter().map(|strategy| Row {
            strategy: strategy.clone(),
            ..Row::default()
        });
        Self(Mutex::new(State {
            rows: rows.collect(),
            present: None,
        }))
    }

    /// A step of this strategy begins. A strategy that nobody announced gets a
    /// row of its own, which a table drawn already does not show.
    pub(crate) fn begin(&self, strategy: &str, what: &str) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = state.rows.iter().position(|row| row.strategy == strategy);
        let index = found.unwrap_or_else(|| {
            state.rows.push(Row {
                strategy: strategy.to_owned(),
                ..Row::default()
            });
            state.rows.len() - 1
        });
        let row = &mut state.rows[index];
        what.clone_into(&mut row.what);
        row.seen = None;
        state.present = Some(index);
    }

    /// The step is over. What it showed under load, in one line; `None` if it
    /// was no load.
    pub(crate) fn end(&self) -> Option<String> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let index = state.present.take()?;
        let row = state.rows.get_mut(index)?;
        let seen = row.seen.as_ref()?;
        row.failures += seen.failures;
        let us = |ns: u64| ns as f64 / 1e3;
        Some(format!(
            "{:.0}/s of {:.0}/s, p50 {:.0} us, p99 {:.0} us, max {:.0} us, {} failures, send lag \
             p99 {:.0} us",
            seen.achieved_per_s,
            seen.offered_per_s,
            us(seen.response_ns_p50),
            us(seen.response_ns_p99),
            us(seen.response_ns_max),
            seen.failures,
            us(seen.send_lag_ns_p99),
        ))
    }

    /// How the present load point is going. Never waits: what cannot be noted
    /// at once is noted a quarter of a second later.
    pub(crate) fn note(&self, now: &Snapshot) {
        let mut state = match self.0.try_lock() {
            Ok(state) => state,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return,
        };
        if let Some(index) = state.present
            && let Some(row) = state.rows.get_mut(index)
        {
            row.seen = Some(*now);
        }
    }

    /// The rows as text, and what is done now.
    pub(crate) fn rows(&self) -> (Vec<String>, String) {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let present = state.present.and_then(|index| state.rows.get(index));
        let mut now = String::new();
        if let Some(row) = present {
            now = format!("{}: {}", row.strategy, row.what);
            if let Some(seen) = &row.seen {
                let left_s = seen.remaining_ms as f64 / 1e3;
                // Writing to a string cannot fail.
                let _ = write!(now, ", {left_s:.1} s left");
                if seen.backlog > 0 {
                    let _ = write!(now, ", {} wait", seen.backlog);
                }
            }
        }
        (state.rows.iter().map(Row::text).collect(), now)
    }
}

impl Row {
    fn text(&self) -> String {
        let Some(seen) = &self.seen else {
            return format!("{:<32} {}", self.strategy, self.what);
        };
        let us = |ns: u64| ns as f64 / 1e3;
        format!(
            "{:<32} {:>9.0} {:>10.0} {:>8.1} {:>8.1} {:>8.0} {:>8} {:>8.1}",
            self.strategy,
            seen.offered_per_s,
            seen.achieved_per_s,
            us(seen.response_ns_p50),
            us(seen.response_ns_p99),
            us(seen.response_ns_max),
            self.failures + seen.failures,
            us(seen.send_lag_ns_p99),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(failures: u64) -> Snapshot {
        Snapshot {
            offered_per_s: 1_000.0,
            achieved_per_s: 999.0,
            response_ns_p50: 80_000,
            response_ns_p99: 120_000,
            response_ns_max: 5_000_000,
            failures,
            send_lag_ns_p99: 3_000,
            backlog: 2,
            remaining_ms: 1_500,
            ..Snapshot::default()
        }
    }

    #[test]
    fn rows_line_up_with_their_heads() {
        let board = Board::new(&["a".to_owned(), "b".to_owned()]);
        board.begin("b", "1000/s");
        board.note(&seen(1));
        let (rows, now) = board.rows();
        assert_eq!(now, "b: 1000/s, 1.5 s left, 2 wait");
        assert_eq!(rows.len(), 2);
        assert_eq!(rows[1].len(), HEADER.len(), "{}\n{HEADER}", rows[1]);
        assert!(rows[0].starts_with("a "), "{}", rows[0]);
    }

    #[test]
    fn failures_of_earlier_load_points_stay_in_sight() {
        let board = Board::new(&["a".to_owned()]);
        for failures in [1, 2] {
            board.begin("a", "x");
            board.note(&seen(failures));
            let line = board.end().unwrap();
            assert!(line.contains(&format!("{failures} failures")), "{line}");
        }
        board.begin("a", "x");
        assert_eq!(board.end(), None, "no load, no figures");
        board.begin("a", "x");
        board.note(&seen(4));
        assert!(board.rows().0[0].contains(" 7 "), "{:?}", board.rows());
    }
}
