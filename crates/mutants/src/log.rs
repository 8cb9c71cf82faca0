//! The log: what was asked and what came of it, never what it was asked with.

use parking_lot::Mutex;

/// All log lines since the start, in memory.
#[derive(Debug, Default)]
pub(crate) struct Log {
    lines: Mutex<Vec<String>>,
}

impl Log {
    /// One request. Neither headers nor query nor body come here (mutants of
    /// SESSION-011 write them).
    pub(crate) fn request(&self, replica: usize, method: &str, path: &str, status: u16) {
        self.lines
            .lock()
            .push(format!("replica={replica} {method} {path} {status}"));
    }

    /// Something that went wrong inside.
    pub(crate) fn failure(&self, what: &dyn std::fmt::Display) {
        self.lines.lock().push(format!("failure: {what}"));
    }

    /// All lines.
    pub(crate) fn text(&self) -> String {
        self.lines.lock().join("\n")
    }
}
