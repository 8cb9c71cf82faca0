//! One shell command.

use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use futures_util::future::join;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// How long the output of a command that ended may still come: what it left
/// running in the background holds the pipe open.
const LINGERS: Duration = Duration::from_millis(500);

/// The last lines of the error output that are shown.
const LINES_SHOWN: usize = 5;

/// The most octets of output that are kept.
const OUTPUT_MAX: usize = 64 * 1024 * 1024;

/// What a command wrote to standard output.
#[derive(Debug)]
pub(super) struct Told(pub(super) Vec<u8>);

/// A command did not do its work.
#[derive(Debug, thiserror::Error)]
pub(super) enum CommandError {
    #[error("`sh` could not be started")]
    Start(#[source] std::io::Error),
    #[error("its end could not be awaited")]
    Wait(#[source] std::io::Error),
    #[error("it was still running after {} s and was killed", .0.as_secs())]
    Late(Duration),
    #[error("it ended with {status}: {last_lines}")]
    Status {
        status: ExitStatus,
        last_lines: String,
    },
}

/// Runs `command` in `folder`; what still runs after `patience` is killed.
pub(super) async fn run(
    command: &str,
    folder: &Path,
    environment: &[(&str, String)],
    patience: Duration,
) -> Result<Told, CommandError> {
    let child = Command::new("sh")
        .args(["-c", command])
        .current_dir(folder)
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(CommandError::Start)?;
    let ended = timeout(patience, end_of(child)).await;
    let (status, output, errors) = ended.map_err(|_| CommandError::Late(patience))??;
    if status.success() {
        return Ok(Told(output));
    }
    Err(CommandError::Status {
        status,
        last_lines: last_lines(&errors),
    })
}

async fn end_of(mut child: Child) -> Result<(ExitStatus, Vec<u8>, Vec<u8>), CommandError> {
    let (mut output, mut errors) = (Vec::new(), Vec::new());
    let (from, errors_from) = (child.stdout.take(), child.stderr.take());
    let status = {
        let draining = join(drain(from, &mut output), drain(errors_from, &mut errors));
        tokio::pin!(draining);
        tokio::select! {
            status = child.wait() => {
                // Whether all of it came by then does not matter.
                let _ = timeout(LINGERS, draining).await;
                status
            }
            _ = &mut draining => child.wait().await,
        }
    };
    Ok((status.map_err(CommandError::Wait)?, output, errors))
}

/// Reads to the end of a pipe, or to its first failure.
async fn drain(from: Option<impl AsyncRead + Unpin>, into: &mut Vec<u8>) {
    let Some(mut from) = from else { return };
    let mut part = [0; 8192];
    while let Ok(count @ 1..) = from.read(&mut part).await {
        let room = OUTPUT_MAX - into.len();
        into.extend_from_slice(&part[..count.min(room)]);
    }
}

fn last_lines(errors: &[u8]) -> String {
    let text = String::from_utf8_lossy(errors);
    let lines: Vec<_> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    match lines.as_slice() {
        [] => "it wrote nothing to standard error".to_owned(),
        lines => lines[lines.len().saturating_sub(LINES_SHOWN)..].join(" / "),
    }
}
