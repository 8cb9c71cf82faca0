//! The last lines that a child wrote.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read};
use std::sync::{Arc, Mutex, PoisonError};

/// How many lines are kept.
const LINES: usize = 64;
/// Longer lines are cut into pieces of this many bytes.
const LINE_BYTES: u64 = 8 * 1024;

/// A bounded record of what a child wrote, shared with the threads that read it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Output {
    lines: Arc<Mutex<VecDeque<String>>>,
}

impl Output {
    /// Reads `stream` to its end: records each line, then gives it to `each`.
    pub(crate) fn record(&self, stream: impl Read, mut each: impl FnMut(String)) {
        let mut reader = BufReader::new(stream);
        let mut bytes = Vec::new();
        loop {
            bytes.clear();
            match reader
                .by_ref()
                .take(LINE_BYTES)
                .read_until(b'\n', &mut bytes)
            {
                Ok(0) | Err(_) => return,
                Ok(_) => {
                    let line = String::from_utf8_lossy(&bytes).trim_end().to_owned();
                    self.push(line.clone());
                    each(line);
                }
            }
        }
    }

    /// The last lines, oldest first.
    pub(crate) fn last_lines(&self) -> Vec<String> {
        self.lines
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .cloned()
            .collect()
    }

    fn push(&self, line: String) {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == LINES {
            lines.pop_front();
        }
        lines.push_back(line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_last_lines_and_bounds_them() {
        let mut text: String = (0..200).map(|n| format!("line {n}\r\n")).collect();
        text.push_str(&"x".repeat(20_000));
        let output = Output::default();
        let mut seen = 0;
        output.record(text.as_bytes(), |_| seen += 1);
        let lines = output.last_lines();
        assert_eq!((seen, lines.len()), (203, LINES));
        assert_eq!(lines[0], "line 139");
        assert!(lines.iter().all(|line| line.len() <= 8 * 1024));
    }
}
