//! Why there is no engine, and the way out.

use std::io;
use std::net::SocketAddr;

use crate::options::EngineKind;

/// The engine cannot be opened, or cannot go on. What goes wrong with a single
/// request is none of these but a [`Broken`](crate::Broken).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// The engine that was asked for cannot run here.
    #[error("the engine `{kind}` cannot be used; `auto` takes one that can")]
    Unavailable {
        /// Which engine.
        kind: EngineKind,
        /// What is missing.
        #[source]
        reason: Lack,
    },
    /// No address was given.
    #[error("there is no address to connect to; give at least one")]
    NoAddress,
    /// No connection to an address.
    #[error("no connection to {address}; is the server running there?")]
    Connect {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// TLS cannot be set up with what was given.
    #[error("TLS cannot be set up: {what} cannot be used")]
    Tls {
        /// Which part.
        what: &'static str,
        /// What is wrong with it.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The operating system refused something that the engine needs.
    #[error("the system does not let the driver {doing}")]
    System {
        /// What was tried.
        doing: &'static str,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// What an engine lacks.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Lack {
    /// It cannot speak TLS, or nothing else.
    #[error("it does not go with this kind of connection: {0}")]
    Security(&'static str),
    /// The kernel is too old, or was built or set up without this.
    #[error("the kernel does not offer {0}")]
    Kernel(&'static str),
    /// The kernel said so itself.
    #[error("the kernel refuses {what}")]
    Refused {
        /// What was tried.
        what: &'static str,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl EngineError {
    pub(crate) fn tls<E>(what: &'static str) -> impl FnOnce(E) -> Self
    where
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        move |error| Self::Tls {
            what,
            source: error.into(),
        }
    }

    pub(crate) fn system<E: Into<io::Error>>(doing: &'static str) -> impl FnOnce(E) -> Self {
        move |error| Self::System {
            doing,
            source: error.into(),
        }
    }
}
