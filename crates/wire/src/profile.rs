//! Target profiles: a stranger's server, described so that it can be spoken to.
//!
//! A profile maps operations to requests, says where the credential appears,
//! names users, and declares the guarantees that are then put to the test. An
//! operation that is not mapped must be listed as absent with its reason:
//! what was forgotten must not look like what does not exist.

mod carrier;
mod doors;
mod operation;
mod policy;
mod request;
mod users;
mod validate;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use authbench_conf::ConfError;
use authbench_core::Guarantees;
use serde::Deserialize;

pub use carrier::{Carrier, CsrfProof, RefreshCarrier};
pub use doors::{Client, HookCommands, IssuerKey, Keys, SigningKey, Start, TlsDoors};
pub use operation::Operation;
pub use policy::{CsrfDefence, FailMode, Family, GraceMode, Overflow, Policy};
pub use request::{Method, Request};
pub use users::{User, UserPattern, Users};

/// A server under test.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// A short name for results.
    pub name: String,
    /// What it is, in a line.
    #[serde(default)]
    pub summary: String,
    /// Scheme, host and port, e.g. `http://127.0.0.1:8080`; may be given on
    /// the command line instead.
    #[serde(default)]
    pub base_url: Option<String>,
    /// Where the access credential travels.
    pub carrier: Carrier,
    /// Where a refresh token travels. May be given for a target without any,
    /// so that one profile fits a server in several settings.
    #[serde(default)]
    pub refresh: Option<RefreshCarrier>,
    /// What unsafe requests must bring along.
    #[serde(default)]
    pub csrf: CsrfProof,
    /// How each operation is asked for.
    pub operations: BTreeMap<Operation, Request>,
    /// The operations that the target does not have, each with its reason.
    #[serde(default)]
    pub absent: BTreeMap<Operation, String>,
    /// Who can log in.
    pub users: Users,
    /// What the target's makers promise.
    pub guarantees: Guarantees,
    /// Doors that exist for tests only.
    #[serde(default)]
    pub lab: Lab,
    /// What kinds of strategy the target is; the conformance checks for other
    /// kinds do not apply.
    #[serde(default)]
    pub families: Vec<Family>,
    /// What the target is held to.
    #[serde(default)]
    pub policy: Policy,
    /// The keys of its access tokens.
    #[serde(default)]
    pub keys: Keys,
    /// Scheme, host and port of further replicas, which share logins with the
    /// first.
    #[serde(default)]
    pub replicas: Vec<String>,
    /// Clients of the token endpoints; the first is the one that logins are
    /// issued to.
    #[serde(default)]
    pub clients: Vec<Client>,
    /// Commands that do to the target what no client can.
    #[serde(default)]
    pub hooks: HookCommands,
    /// How the lab starts the target; by hand if absent.
    #[serde(default)]
    pub start: Option<Start>,
    /// What the target does about TLS.
    #[serde(default)]
    pub tls: TlsDoors,
}

/// Doors that exist for tests only.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lab {
    /// The target has the lab routes of the reference server (clock and
    /// counts).
    #[serde(default)]
    pub reference_routes: bool,
}

impl Profile {
    /// Reads a profile from a file, or from `profile.toml` in a folder.
    ///
    /// # Errors
    /// [`ConfError`] with file, line and column.
    pub fn read(path: &Path) -> Result<Self, ConfError> {
        let file = if path.is_dir() {
            path.join("profile.toml")
        } else {
            PathBuf::from(path)
        };
        let profile: Self = authbench_conf::read(&file)?;
        validate::validated(profile, &file)
    }

    /// Reads a profile from text; `file` is named in errors.
    ///
    /// # Errors
    /// [`ConfError`] with file, line and column.
    pub fn parse(file: &Path, text: &str) -> Result<Self, ConfError> {
        validate::validated(authbench_conf::parse(file, text)?, file)
    }

    /// The request for `operation`, if the target has it.
    #[must_use]
    pub fn request(&self, operation: Operation) -> Option<&Request> {
        self.operations.get(&operation)
    }
}

#[cfg(test)]
mod tests;
