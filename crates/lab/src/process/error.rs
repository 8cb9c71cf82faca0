//! Why a server did not start.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

/// Why a server did not start. The message quotes the last lines that it wrote.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The program could not be started (or its thread not pinned).
    #[error("cannot start `{}`", program.display())]
    Spawn {
        /// The program.
        program: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The server ended before it said that it was ready.
    #[error("`{}` ended ({status}) before it was ready{}", program.display(), Quote(output))]
    Ended {
        /// The program.
        program: PathBuf,
        /// How it ended.
        status: ExitStatus,
        /// Its last lines, standard output and error, oldest first.
        output: Vec<String>,
    },
    /// The server did not say in time that it was ready. It has been killed.
    #[error("`{}` was not ready within {} ms{}", program.display(), waited.as_millis(), Quote(output))]
    TimedOut {
        /// The program.
        program: PathBuf,
        /// How long it was given.
        waited: Duration,
        /// Its last lines, standard output and error, oldest first.
        output: Vec<String>,
    },
}

/// Shows the last lines of a child under a message.
struct Quote<'o>(&'o [String]);

impl fmt::Display for Quote<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("; it wrote nothing");
        }
        f.write_str("; it wrote:")?;
        self.0.iter().try_for_each(|line| write!(f, "\n    {line}"))
    }
}
