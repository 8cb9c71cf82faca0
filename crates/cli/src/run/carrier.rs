//! What carries requests from virtual users to a strategy, and what can
//! therefore not be measured.

use std::fmt;
use std::str::FromStr;

use authbench_load::EngineKind;

/// What carries the requests of a run.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Carrier {
    /// HTTP, by this engine, to server processes.
    Http(EngineKind),
    /// Nothing: the strategy is called in the driver's process.
    InProcess,
}

/// No engine of a run has this name.
#[derive(Debug, thiserror::Error)]
#[error("there is no engine `{name}`; choose auto, epoll, io-uring, hyper, http2 or in-process")]
pub(crate) struct UnknownCarrier {
    name: String,
}

impl Carrier {
    /// The name, as in results and on the command line.
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Http(engine) => engine.label(),
            Self::InProcess => "in-process",
        }
    }

    /// Whether there are server processes.
    pub(crate) const fn has_servers(self) -> bool {
        matches!(self, Self::Http(_))
    }

    /// Why the server's CPU time is not known, where it is not.
    pub(crate) const fn no_server_cpu(self) -> &'static str {
        match self {
            Self::Http(_) => "the server's CPU time could not be read",
            Self::InProcess => {
                "the strategy runs on the driver's thread: what it costs there is in the driver's \
                 CPU time, together with what the users cost"
            }
        }
    }

    /// Why octets on the wire are not known, if they are not.
    pub(crate) const fn no_wire(self) -> Option<&'static str> {
        match self {
            Self::Http(_) => None,
            Self::InProcess => Some("the strategy is called in process: nothing goes over a wire"),
        }
    }

    /// Why no login with a password was timed, where none was.
    pub(crate) const fn no_passwords(self) -> &'static str {
        match self {
            Self::Http(_) => "not measured",
            Self::InProcess => "not measured in process: a login there shows no password",
        }
    }

    /// Why it is not known what logins occupy, where it is not.
    pub(crate) const fn no_memory(self) -> &'static str {
        match self {
            Self::Http(_) => "not measured",
            Self::InProcess => {
                "not measured in process: what the strategy remembers cannot be told from what the \
                 users do"
            }
        }
    }
}

impl Default for Carrier {
    fn default() -> Self {
        Self::Http(EngineKind::default())
    }
}

impl fmt::Display for Carrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.label())
    }
}

impl FromStr for Carrier {
    type Err = UnknownCarrier;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        if name == Self::InProcess.label() {
            return Ok(Self::InProcess);
        }
        let engine = name.parse().map_err(|_| UnknownCarrier {
            name: name.to_owned(),
        })?;
        Ok(Self::Http(engine))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_read_and_offered() {
        let all = EngineKind::ALL.map(Carrier::Http);
        let unknown = "wrk".parse::<Carrier>().unwrap_err().to_string();
        for carrier in all.into_iter().chain([Carrier::InProcess]) {
            assert_eq!(carrier.to_string().parse::<Carrier>().unwrap(), carrier);
            assert!(unknown.contains(carrier.label()), "{unknown}");
        }
    }
}
