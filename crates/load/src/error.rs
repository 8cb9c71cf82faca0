//! Why a measurement could not be made, and the way out.

use std::io;
use std::net::SocketAddr;

use authbench_engine::{EngineError, View};
use authbench_wire::template::GapError;

use crate::outcome::{Action, Kind};

/// A measurement could not be made. What a server answers wrongly under load
/// is no error but a count; here stands what leaves nothing to measure.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The profile gives no address.
    #[error("profile `{profile}` has no `base_url`; give one there or on the command line")]
    NoUrl {
        /// The profile's name.
        profile: String,
    },
    /// The profile wants a token of its own with unsafe requests.
    #[error(
        "profile `{profile}` wants a CSRF token with unsafe requests, which the load driver cannot send yet; give it `csrf = \"same-origin\"` if the target takes that"
    )]
    TokenProof {
        /// The profile's name.
        profile: String,
    },
    /// The address of the target cannot be used.
    #[error("`{url}` cannot be the target")]
    Url {
        /// The address as it was given.
        url: String,
        /// What is wrong with it.
        #[source]
        source: UrlFault,
    },
    /// There is no connection to the target, or no engine to carry it.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A connection broke in a phase in which every answer counts.
    #[error("{address} broke off the answer to `{action}`; its log may say why")]
    Broken {
        /// The target.
        address: SocketAddr,
        /// What was asked for.
        action: &'static str,
        /// How it broke.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// No answer in a phase in which every answer counts.
    #[error(
        "{address} did not answer `{action}` within {timeout_ms} ms; raise `timeout_ms` or look for what holds the server up"
    )]
    TimedOut {
        /// The target.
        address: SocketAddr,
        /// What was asked for.
        action: &'static str,
        /// How long was waited, milliseconds.
        timeout_ms: u64,
    },
    /// The target did not do what a phase cannot do without.
    #[error(
        "{address} answered `{action}` for user `{user}` with status {status} ({kind}): {body}; check [users] and [operations.{action}] in the profile"
    )]
    Denied {
        /// The target.
        address: SocketAddr,
        /// What was asked for.
        action: &'static str,
        /// For whom.
        user: String,
        /// The status of the answer.
        status: u16,
        /// How the answer was judged, in words.
        kind: &'static str,
        /// How the answer begins, with what may be a credential masked.
        body: String,
    },
    /// The lab route that steps the target's clock did not do so.
    #[error(
        "{address} did not step its clock: status {status}: {body}; start it with its lab routes, or set `reference_routes = false` under [lab] in the profile"
    )]
    Clock {
        /// The target.
        address: SocketAddr,
        /// The status of the answer.
        status: u16,
        /// How the answer begins, with what may be a credential masked.
        body: String,
    },
    /// The profile says that the target lacks the operation.
    #[error("profile `{profile}` has no `{action}` ({reason}), but this measurement needs it")]
    Unmapped {
        /// The profile's name.
        profile: String,
        /// The operation.
        action: &'static str,
        /// The reason that the profile gives.
        reason: String,
    },
    /// A request of the profile cannot be made.
    #[error("[operations.{action}] of profile `{profile}` makes no request")]
    Request {
        /// The profile's name.
        profile: String,
        /// The operation.
        action: &'static str,
        /// What is wrong with it.
        #[source]
        source: GapError,
    },
    /// A JSON pointer of the profile is none.
    #[error(
        "`{pointer}` in profile `{profile}` is no JSON pointer: it must be empty or begin with `/` (RFC 6901)"
    )]
    Pointer {
        /// The profile's name.
        profile: String,
        /// The text.
        pointer: String,
    },
    /// More users are wanted than there are.
    #[error(
        "user number {wanted} is wanted, but only {available} accounts are defined; raise `count` in [users.pattern]"
    )]
    TooFewUsers {
        /// The number, from 0.
        wanted: u32,
        /// How many accounts there are.
        available: u32,
    },
    /// A lane cannot be pinned to its core.
    #[error("the driver cannot be pinned to core {core}; name cores that this process may use")]
    Pin {
        /// The core's number.
        core: usize,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// More lanes, or shares and lanes, than can be numbered.
    #[error("{lanes} lanes of so many shares cannot be numbered; use fewer")]
    TooManyLanes {
        /// How many lanes were asked for.
        lanes: usize,
    },
    /// The target's clock cannot be stepped.
    #[error(
        "profile `{profile}` has no lab clock, but this measurement steps it; if the server has the lab routes, set `reference_routes = true` under [lab]"
    )]
    NoClock {
        /// The profile's name.
        profile: String,
    },
    /// A lane's thread panicked. That is a fault of this program.
    #[error("lane {lane} of the driver panicked: {message}")]
    LanePanicked {
        /// The lane's number, from 0.
        lane: u32,
        /// What the panic said.
        message: String,
    },
    /// A lane ended because another one had failed, whose error is told in
    /// its place.
    #[error("another lane of the driver failed")]
    LaneEnded,
    /// What is ended on one replica cannot be shown to another.
    #[error("there is one replica only: aim the driver at two or more")]
    OneReplica,
    /// Roles are to be changed, and nobody may.
    #[error("the mix has `role_change`, but the profile names no [users.admin]")]
    NoAdmin,
    /// The devices of one account would be worked by different lanes or
    /// shares, which cannot hear of each other's `logout_all`.
    #[error(
        "the devices of {accounts} accounts are not together in {shares} shares: choose a number of users that is a multiple of lanes times shards, or leave out `logout_all`"
    )]
    DevicesApart {
        /// How many accounts there are.
        accounts: u32,
        /// Into how many parts their users are split.
        shares: u32,
    },
    /// A strategy in this process did not start a login.
    #[error("the strategy started no login for `{subject}`, so there is nothing to measure")]
    NotIssued {
        /// For whom.
        subject: String,
        /// What it said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A call of a strategy in this process does not end.
    #[error(
        "a call of the strategy has not ended within {waited_ms} ms; if its store needs a runtime, hand in one that drives it"
    )]
    Stuck {
        /// How long it was polled, milliseconds.
        waited_ms: u64,
    },
    /// A load needs users who are logged in.
    #[error("no users are logged in; call `Driver::log_in` with `keep` before a cell")]
    NoPopulation,
}

/// Why an address cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UrlFault {
    /// It is no URL.
    #[error("it is no URL")]
    Syntax(#[source] http::uri::InvalidUri),
    /// It lacks a part or has one too many.
    #[error("write it as http://host:port or https://host:port, with nothing behind")]
    Shape,
    /// It is `https`, and nobody was named who may vouch for it.
    #[error(
        "nobody is named whose certificates are believed there; name an authority, or say that anybody's will do"
    )]
    NoTrust,
    /// The name cannot be resolved.
    #[error("its host cannot be resolved")]
    Unresolved(#[source] io::Error),
    /// It is somebody else's machine.
    #[error(
        "{address} is not this machine; load may only be put on other machines when that is allowed expressly"
    )]
    NotLoopback {
        /// Where it leads.
        address: SocketAddr,
    },
}

impl LoadError {
    /// What the target said instead of doing what it must.
    pub(crate) fn denied(
        address: SocketAddr,
        action: Action,
        user: &str,
        answer: View<'_>,
        kind: Kind,
    ) -> Self {
        Self::Denied {
            address,
            action: action.label(),
            user: user.to_owned(),
            status: answer.status,
            kind: kind.label(),
            body: masked(answer.body),
        }
    }
}

/// The beginning of a body, fit to be shown: one line, and of each run of
/// characters that is long enough to be a credential only the first four.
pub(crate) fn masked(body: &[u8]) -> String {
    const SHOWN_CHARS_MAX: usize = 200;
    const RUN_CHARS_MAX: usize = 16;
    let text = String::from_utf8_lossy(&body[..body.len().min(4096)]);
    let mut shown = String::new();
    let mut run = String::new();
    for c in text.chars().chain([' ']) {
        if c.is_ascii_alphanumeric() || "-_.~+/=%".contains(c) {
            run.push(c);
            continue;
        }
        if run.len() > RUN_CHARS_MAX {
            run.truncate(4);
            run.push('…');
        }
        shown.push_str(&run);
        run.clear();
        shown.push(if c.is_control() { ' ' } else { c });
        if shown.len() > SHOWN_CHARS_MAX {
            shown = shown.chars().take(SHOWN_CHARS_MAX).collect();
            shown.push('…');
            break;
        }
    }
    let shown = shown.trim();
    if shown.is_empty() {
        "(no content)".to_owned()
    } else {
        shown.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_not_shown() {
        let token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl";
        let shown = masked(format!("{{\"access_token\":\"{token}\",\n\"a\":1}}").as_bytes());
        assert_eq!(shown, r#"{"access_token":"eyJh…", "a":1}"#);
        assert_eq!(masked(b""), "(no content)");
        assert!(!masked(&[b'x'; 10_000]).contains("xxxxx"));
        assert!(masked("ab, ".repeat(2_000).as_bytes()).chars().count() <= 201);
    }
}
