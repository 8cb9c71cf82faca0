//! The servers under load, each on the server's core: our reference server,
//! and one that answers everybody the same.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use authbench_benches::closed_loop;
use authbench_lab::{CoreSet, ServerCommand, ServerProcess, cpu};
use serde::Deserialize;
use serde_json::json;

/// What the reference server serves.
const STRATEGY: &str = "session.memory.bearer";
const PATIENCE: Duration = Duration::from_secs(20);

/// A server that runs, and a login at it.
#[derive(Debug)]
pub(crate) struct Server {
    /// `reference` or `null`.
    pub(crate) name: &'static str,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// The credential of the login.
    pub(crate) token: String,
    /// Whom it says everybody is; none if it tells users apart.
    pub(crate) subject: Option<String>,
    process: ServerProcess,
}

impl Server {
    /// Our axum server with `users` accounts; `program` is `authbench`.
    ///
    /// # Errors
    /// When it does not start, or does not let the first account in.
    pub(crate) fn reference(program: &Path, users: u32, core: &CoreSet) -> Result<Self> {
        #[derive(Deserialize)]
        struct Ready {
            address: SocketAddr,
        }
        let users = users.to_string();
        let (process, ready) = ServerCommand::new(program)
            .args(["serve", STRATEGY, "--lab", "--lab-users", &users])
            .args(["--listen", "127.0.0.1:0", "--with-parent"])
            .cores(Some(core))
            .start(PATIENCE, |line| serde_json::from_str::<Ready>(line).ok())?;
        Self::with_login("reference", process, ready.address)
    }

    /// A server that does next to nothing: `command` is the program with its
    /// arguments. It prints its address, and answers `POST /login` and
    /// `GET /me` as the reference server does; it may know only one user.
    ///
    /// # Errors
    /// When it does not start, or does not answer a login with a credential.
    pub(crate) fn null(command: &[String], core: &CoreSet) -> Result<Self> {
        let (program, arguments) = command.split_first().context("no null server is named")?;
        let (process, address) = ServerCommand::new(program)
            .args(arguments)
            .cores(Some(core))
            .start(PATIENCE, |line| line.trim().parse::<SocketAddr>().ok())?;
        let server = Self::with_login("null", process, address)?;
        let [one, another] = [log_in(address, 1)?, log_in(address, 2)?];
        Ok(Self {
            subject: (one.subject == another.subject).then_some(one.subject),
            ..server
        })
    }

    fn with_login(name: &'static str, process: ServerProcess, address: SocketAddr) -> Result<Self> {
        let login =
            log_in(address, 1).with_context(|| format!("logging in at the {name} server"))?;
        Ok(Self {
            name,
            address,
            token: login.access_token,
            subject: None,
            process,
        })
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// CPU time that it has used, nanoseconds.
    ///
    /// # Errors
    /// When it has gone.
    pub(crate) fn cpu_ns(&self) -> Result<u64> {
        cpu::process_cpu_ns(self.pid())
            .with_context(|| format!("the {} server has gone", self.name))
    }
}

#[derive(Deserialize)]
struct Login {
    subject: String,
    access_token: String,
}

fn log_in(address: SocketAddr, number: u32) -> Result<Login> {
    let (user, password) = (
        format!("user-{number:06}"),
        format!("lab-password-{number:06}"),
    );
    let body = json!({"user": user, "password": password}).to_string();
    let request = format!(
        "POST /login HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let answer = closed_loop::ask(address, request.as_bytes())?;
    let (_, body) = answer
        .split_once("\r\n\r\n")
        .ok_or_else(|| anyhow!("an answer without a body"))?;
    serde_json::from_str(body).context("the login's answer")
}
