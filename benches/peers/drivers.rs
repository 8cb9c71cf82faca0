//! The load drivers that are compared: where they are, how they are called,
//! and who reads what they print.

use std::env;
use std::fmt;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};
use authbench_engine::EngineKind;
use clap::ValueEnum;

use crate::parse::{self, Said};
use crate::record::Skipped;

/// Where oha is, if not on the path.
const OHA: &str = "OHA";

/// A load driver.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Driver {
    /// Ours, on `epoll`.
    Epoll,
    /// Ours, on `io_uring`.
    IoUring,
    /// <https://github.com/wg/wrk>
    Wrk,
    /// <https://github.com/hatoo/oha>
    Oha,
    /// <https://github.com/rakyll/hey>
    Hey,
    /// <https://nghttp2.org/documentation/h2load-howto.html>
    H2load,
}

/// How requests follow each other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Pace {
    /// Each connection asks again as soon as it is answered.
    Closed,
    /// So many a second.
    Rate(u32),
    /// The same, with the driver's option to time from the intended instant.
    CorrectedRate(u32),
}

/// What a driver is to do.
#[derive(Clone, Debug)]
pub(crate) struct Job<'s> {
    /// Where the server listens.
    pub(crate) address: SocketAddr,
    /// A credential that the server takes, for those who know only one.
    pub(crate) token: &'s str,
    /// See [`crate::ours::DriveArgs`].
    pub(crate) subject: Option<&'s str>,
    /// Keep-alive connections.
    pub(crate) connections: u32,
    /// Virtual users, for those who have users.
    pub(crate) users: u32,
    /// How long.
    pub(crate) seconds: u64,
    /// How fast.
    pub(crate) pace: Pace,
}

/// A driver that is on this machine.
#[derive(Clone, Debug)]
pub(crate) struct Tool {
    /// Which.
    pub(crate) driver: Driver,
    /// What it says of its version, as far as it does.
    pub(crate) version: String,
    program: PathBuf,
}

impl Driver {
    /// All of them, in the order of the tables.
    pub(crate) const ALL: [Self; 6] = [
        Self::Epoll,
        Self::IoUring,
        Self::Wrk,
        Self::Oha,
        Self::Hey,
        Self::H2load,
    ];

    /// Its name in tables and results.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Epoll => "authbench (epoll)",
            Self::IoUring => "authbench (io_uring)",
            Self::Wrk => "wrk",
            Self::Oha => "oha",
            Self::Hey => "hey",
            Self::H2load => "h2load",
        }
    }

    /// Whether it can hold a rate that does not depend on the answers.
    pub(crate) const fn has_rate(self) -> bool {
        self.engine().is_some() || matches!(self, Self::Oha | Self::Hey)
    }

    /// The engine, if it is ours.
    const fn engine(self) -> Option<EngineKind> {
        match self {
            Self::Epoll => Some(EngineKind::Epoll),
            Self::IoUring => Some(EngineKind::IoUring),
            _ => None,
        }
    }

    /// Looks for it.
    ///
    /// # Errors
    /// What to say if it is not there.
    pub(crate) fn find(self) -> Result<Tool, Skipped> {
        let skipped = |reason: String| Skipped {
            driver: self.name().to_owned(),
            reason,
        };
        let program = match self {
            Self::Epoll | Self::IoUring => {
                env::current_exe().map_err(|error| skipped(error.to_string()))?
            }
            Self::Oha if env::var_os(OHA).is_some() => env::var_os(OHA).unwrap_or_default().into(),
            _ => on_path(self.name()).ok_or_else(|| {
                let remedy = self.remedy();
                skipped(format!("no `{self}` on the path; {remedy}"))
            })?,
        };
        let version = self
            .version(&program)
            .map_err(|error| skipped(format!("{error:#}")))?;
        Ok(Tool {
            driver: self,
            version,
            program,
        })
    }

    const fn remedy(self) -> &'static str {
        match self {
            Self::Epoll | Self::IoUring => "build this program",
            Self::Wrk => "apt-get install wrk",
            Self::Oha => "cargo install oha, or name the program in the variable OHA",
            Self::Hey => "apt-get install hey",
            Self::H2load => "apt-get install nghttp2-client",
        }
    }

    fn version(self, program: &Path) -> Result<String> {
        let first_line = |argument: &str| -> Result<String> {
            let output = Command::new(program)
                .arg(argument)
                .output()
                .with_context(|| format!("`{}` cannot be started", program.display()))?;
            let text = String::from_utf8_lossy(&output.stdout);
            let line = text.lines().next().unwrap_or_default();
            Ok(line.trim().to_owned())
        };
        match self {
            Self::Epoll | Self::IoUring => Ok(format!("authbench {}", env!("CARGO_PKG_VERSION"))),
            Self::Wrk => Ok(before_copyright(&first_line("-v")?)),
            Self::Oha | Self::H2load => first_line("--version"),
            Self::Hey => Ok(hey_package().unwrap_or_else(|| "hey, version unknown".to_owned())),
        }
    }
}

impl fmt::Display for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Tool {
    /// How it is called for `job`, closed loops by any, rates by those that
    /// have them.
    pub(crate) fn command(&self, job: &Job<'_>) -> Command {
        let mut command = Command::new(&self.program);
        let (connections, seconds) = (job.connections.to_string(), job.seconds.to_string());
        let header = format!("Authorization: Bearer {}", job.token);
        let url = format!("http://{}/me", job.address);
        if let Some(engine) = self.driver.engine() {
            command.args(["drive", "--engine", engine.label()]);
            command.args(["--connections", &connections, "--seconds", &seconds]);
            command.args(["--users", &job.users.to_string()]);
            command.args(["--address", &job.address.to_string()]);
            if let Some(subject) = job.subject {
                command.args(["--subject", subject]);
            }
            if let Pace::Rate(rate) | Pace::CorrectedRate(rate) = job.pace {
                command.args(["--rate", &rate.to_string()]);
            }
            return command;
        }
        match self.driver {
            Driver::Epoll | Driver::IoUring => {}
            Driver::Wrk => {
                command.args(["-t", "1", "-c", &connections, "-d", &seconds]);
            }
            Driver::H2load => {
                command.args(["--h1", "-t", "1", "-c", &connections, "-D", &seconds]);
            }
            Driver::Hey => {
                command.args(["-cpus", "1", "-c", &connections]);
                command.args(["-z", &format!("{seconds}s")]);
                if let Pace::Rate(rate) | Pace::CorrectedRate(rate) = job.pace {
                    // A worker's, and each connection is a worker's.
                    let share = f64::from(rate) / f64::from(job.connections);
                    command.args(["-q", &share.to_string()]);
                }
            }
            Driver::Oha => {
                command.args(["--no-tui", "--output-format", "json"]);
                command.args(["--worker-threads", "1", "--redirect", "0"]);
                command.args(["-c", &connections, "-z", &format!("{seconds}s")]);
                if let Pace::Rate(rate) | Pace::CorrectedRate(rate) = job.pace {
                    command.args(["-q", &rate.to_string()]);
                }
                if let Pace::CorrectedRate(_) = job.pace {
                    command.arg("--latency-correction");
                }
            }
        }
        command.args(["-H", &header, &url]);
        command
    }

    /// Reads what it printed.
    ///
    /// # Errors
    /// When it is not what the driver prints after a run.
    pub(crate) fn read(&self, stdout: &str) -> Result<Said> {
        let parse = match self.driver {
            Driver::Epoll | Driver::IoUring => parse::ours,
            Driver::Wrk => parse::wrk,
            Driver::Oha => parse::oha,
            Driver::Hey => parse::hey,
            Driver::H2load => parse::h2load,
        };
        parse(stdout).with_context(|| format!("{} printed\n{stdout}", self.driver))
    }
}

/// The first executable file of that name in the folders of `PATH`.
fn on_path(name: &str) -> Option<PathBuf> {
    let executable = |file: &PathBuf| {
        file.metadata()
            .is_ok_and(|it| it.is_file() && it.permissions().mode() & 0o111 != 0)
    };
    env::split_paths(&env::var_os("PATH")?)
        .map(|folder| folder.join(name))
        .find(executable)
}

fn before_copyright(line: &str) -> String {
    line.split(" Copyright").next().unwrap_or(line).to_owned()
}

/// hey does not tell its version; Debian's package manager does.
fn hey_package() -> Option<String> {
    let output = Command::new("dpkg-query")
        .args(["-W", "-f", "hey ${Version}", "hey"])
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    String::from_utf8(output.stdout).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(driver: Driver, pace: Pace) -> Vec<String> {
        let tool = Tool {
            driver,
            version: String::new(),
            program: "driver".into(),
        };
        let job = Job {
            address: ([127, 0, 0, 1], 80).into(),
            token: "t",
            subject: None,
            connections: 64,
            users: 1_000,
            seconds: 8,
            pace,
        };
        let command = tool.command(&job);
        command
            .get_args()
            .map(|argument| argument.to_string_lossy().into_owned())
            .collect()
    }

    fn has(arguments: &[String], pair: [&str; 2]) -> bool {
        arguments.windows(2).any(|two| two == pair)
    }

    #[test]
    fn all_ask_the_same_with_the_same_number_of_connections() {
        for driver in Driver::ALL {
            let arguments = arguments(driver, Pace::Closed);
            let connections = ["-c", "--connections"].map(|flag| has(&arguments, [flag, "64"]));
            assert!(connections.contains(&true), "{driver}: {arguments:?}");
            if driver.engine().is_none() {
                assert!(has(&arguments, ["-H", "Authorization: Bearer t"]));
                assert_eq!(
                    arguments.last().map(String::as_str),
                    Some("http://127.0.0.1:80/me")
                );
            }
        }
    }

    #[test]
    fn a_rate_is_given_in_the_units_of_the_driver() {
        let rate = Pace::Rate(5_000);
        assert!(has(&arguments(Driver::Epoll, rate), ["--rate", "5000"]));
        assert!(has(&arguments(Driver::Oha, rate), ["-q", "5000"]));
        assert!(has(&arguments(Driver::Hey, rate), ["-q", "78.125"]));
        let correcting = |pace| {
            arguments(Driver::Oha, pace)
                .iter()
                .any(|argument| argument == "--latency-correction")
        };
        assert!(correcting(Pace::CorrectedRate(5_000)) && !correcting(rate));
    }

    #[test]
    fn a_driver_that_is_not_there_is_named_with_its_remedy() {
        assert_eq!(on_path("no-such-driver"), None);
        assert!(on_path("sh").is_some());
        assert_eq!(
            before_copyright("wrk 4.1.0 [epoll] Copyright (C) 2012 X"),
            "wrk 4.1.0 [epoll]"
        );
        for driver in Driver::ALL {
            if let Err(skipped) = driver.find() {
                assert!(skipped.reason.contains(driver.remedy()), "{skipped:?}");
            }
        }
    }
}
