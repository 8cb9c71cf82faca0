//! What an engine is asked for.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How requests reach the wire.
#[derive(
    Clone, Copy, Debug, Default, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum EngineKind {
    /// The cheapest that the kernel offers: `io-uring`, else `epoll`; `epoll`
    /// under TLS.
    #[default]
    Auto,
    /// HTTP/1.1 on non-blocking sockets, bare or under TLS, watched by an
    /// edge-triggered `epoll`.
    Epoll,
    /// HTTP/1.1 by `io_uring`, without TLS: several operations for one system
    /// call.
    IoUring,
    /// HTTP/1.1 by the library hyper: slower, and another opinion.
    Hyper,
    /// HTTP/2 (RFC 9113) by the library hyper: agreed upon under TLS (`h2` by
    /// ALPN), taken as known without.
    Http2,
}

impl EngineKind {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Auto,
        Self::Epoll,
        Self::IoUring,
        Self::Hyper,
        Self::Http2,
    ];

    /// The name, as in files and on the command line.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Epoll => "epoll",
            Self::IoUring => "io-uring",
            Self::Hyper => "hyper",
            Self::Http2 => "http2",
        }
    }
}

impl fmt::Display for EngineKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.label())
    }
}

/// No engine has this name.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("there is no engine `{name}`; choose auto, epoll, io-uring, hyper or http2")]
pub struct UnknownEngine {
    /// The name.
    pub name: String,
}

impl FromStr for EngineKind {
    type Err = UnknownEngine;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|kind| kind.label() == name);
        found.ok_or_else(|| UnknownEngine {
            name: name.to_owned(),
        })
    }
}

/// What an engine is asked for.
#[derive(Clone, Debug)]
pub struct EngineOptions {
    /// The transport.
    pub kind: EngineKind,
    /// Where to connect to, at least one address; several are replicas.
    pub addresses: Vec<SocketAddr>,
    /// What protects the connections.
    pub security: Security,
    /// Keep-alive connections over all addresses, which get them in turn. Less
    /// than one counts as one. For [`EngineKind::Http2`], exchanges at a time:
    /// they share connections, up to 100 each.
    pub connections: u32,
    /// Milliseconds within which all connections must stand when the engine is
    /// opened.
    pub timeout_ms: u64,
    /// Whether somebody else needs this thread's core. The engine then sleeps
    /// until 20 us before each instant that it is asked to wait for, and is
    /// later; else it stops sleeping 200 us before.
    pub shared_core: bool,
    /// Whether the engine never sleeps: it watches the connections all the
    /// time, and its core is always busy. The reference for how late the
    /// others are.
    pub never_sleeps: bool,
    /// How many answers may be gathered before a wait ends, for callers to
    /// whom it does not matter when an answer is looked at: a closed loop,
    /// whose service time is connections over throughput (Little's law)
    /// whatever happens between. It saves a wake-up for each. Never more than
    /// a quarter of the requests on their way, and never for longer than a
    /// millisecond. With 1 or less each answer is seen as it comes, as an open
    /// loop needs. Only `io-uring` gathers.
    pub gather: u32,
}

impl EngineOptions {
    /// One plain connection to `address` by whatever the kernel offers, within
    /// ten seconds, on a core of its own.
    #[must_use]
    pub fn new(address: SocketAddr) -> Self {
        Self {
            kind: EngineKind::Auto,
            addresses: vec![address],
            security: Security::Plain,
            connections: 1,
            timeout_ms: 10_000,
            shared_core: false,
            never_sleeps: false,
            gather: 1,
        }
    }
}

/// What protects connections.
#[derive(Clone, Debug)]
pub enum Security {
    /// Nothing: `http`.
    Plain,
    /// TLS (RFC 8446): `https`. No session is resumed: each connection begins
    /// with a whole handshake.
    Tls(TlsClient),
}

/// The client's side of TLS.
#[derive(Clone, Debug)]
pub struct TlsClient {
    /// The name that the server's certificate must be for, also sent as the
    /// server name indication (RFC 6066 3).
    pub server_name: String,
    /// Who may have issued that certificate.
    pub trust: Trust,
}

/// Whose certificates are believed.
#[derive(Clone, Debug)]
pub enum Trust {
    /// Those that lead to one of these certificates, DER (RFC 5280).
    Roots(Vec<Vec<u8>>),
    /// **Anybody's, unchecked.** The connection is then open to everybody in
    /// between. Only for a laboratory on the loopback interface, whose server
    /// has just made its own certificate.
    Nobody,
}

/// Which address a request goes to.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Route {
    /// Any that has an idle connection; they are taken in turn.
    #[default]
    Any,
    /// This place of [`EngineOptions::addresses`]. No connection leads to a
    /// place beyond the last.
    To(usize),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for kind in EngineKind::ALL {
            assert_eq!(kind.to_string().parse(), Ok(kind));
        }
        let error = "wrk".parse::<EngineKind>().unwrap_err();
        for kind in EngineKind::ALL {
            assert!(error.to_string().contains(kind.label()), "{error}");
        }
    }
}
