//! The server under test.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use authbench_wire::Profile;
use reqwest::Url;

use crate::hooks::Hooks;
use crate::verifier::Verifier;

/// The server under test, with everything that checks may use.
#[derive(Clone)]
pub struct Target {
    pub(crate) profile: Profile,
    pub(crate) profile_file: Option<PathBuf>,
    pub(crate) origins: Vec<String>,
    pub(crate) hooks: Arc<dyn Hooks>,
    pub(crate) certificate_der: Option<Vec<u8>>,
    pub(crate) verifier: Option<Arc<dyn Verifier>>,
}

/// What a target is made of beside its profile and hooks.
#[derive(Clone, Debug, Default)]
pub struct TargetOptions {
    /// The file that the profile comes from; reports point to it, and keys in
    /// files are sought beside it.
    pub profile_file: Option<PathBuf>,
    /// The caller says that the target is theirs, though it is on another
    /// machine.
    pub owned: bool,
    /// The only certificate to trust (DER), where the target's is self-signed.
    pub certificate_der: Option<Vec<u8>>,
}

/// The target cannot be tried.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TargetError {
    /// The profile has no address, and none was given.
    #[error("the profile `{name}` has no `base_url`: give one there or with --base-url")]
    NoAddress {
        /// The profile's name.
        name: String,
    },
    /// The address is no URL.
    #[error("`{url}` is no URL of a server: scheme, host and port, as http://127.0.0.1:8080")]
    Url {
        /// The text.
        url: String,
        /// Why, where it is known.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// The target is on another machine.
    #[error(
        "`{host}` is not this machine: checks log in, race, forge and break things; say \
         --i-own-this-target if you may do that there"
    )]
    NotLoopback {
        /// Its name.
        host: String,
    },
    /// The profile does not say what kind of strategy the target is.
    #[error(
        "the profile `{name}` has no `families`: say which of session, jwt, denylist, refresh, \
         hybrid and sealed the target is"
    )]
    NoFamilies {
        /// The profile's name.
        name: String,
    },
}

impl Target {
    /// A target as `profile` describes it.
    ///
    /// # Errors
    /// [`TargetError`] when an address is missing, malformed or elsewhere, or
    /// the profile does not say of which kind the target is.
    pub fn new(
        profile: Profile,
        hooks: Arc<dyn Hooks>,
        options: TargetOptions,
    ) -> Result<Self, TargetError> {
        let name = || profile.name.clone();
        if profile.families.is_empty() {
            return Err(TargetError::NoFamilies { name: name() });
        }
        let first = profile.base_url.as_ref();
        let first = first.ok_or_else(|| TargetError::NoAddress { name: name() })?;
        let urls = std::iter::once(first)
            .chain(&profile.replicas)
            .chain(&profile.tls.plain_url);
        let all = urls.map(|url| origin(url, options.owned));
        let mut origins = all.collect::<Result<Vec<_>, _>>()?;
        // The plain door was only tried for its address.
        origins.truncate(1 + profile.replicas.len());
        Ok(Self {
            profile,
            profile_file: options.profile_file,
            origins,
            hooks,
            certificate_der: options.certificate_der,
            verifier: None,
        })
    }

    /// The same target, whose credentials are judged by the code behind
    /// `verifier`, in this process too: test vectors are put to it.
    #[must_use]
    pub fn judged_by(mut self, verifier: Arc<dyn Verifier>) -> Self {
        self.verifier = Some(verifier);
        self
    }

    /// What describes it.
    #[must_use]
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// The file that the profile comes from.
    #[must_use]
    pub fn profile_file(&self) -> Option<&std::path::Path> {
        self.profile_file.as_deref()
    }

    /// Whether every replica is on this machine.
    #[must_use]
    pub fn is_local(&self) -> bool {
        let hosts = self
            .origins
            .iter()
            .filter_map(|origin| Url::parse(origin).ok());
        let mut hosts = hosts.map(|url| url.host_str().is_some_and(is_loopback));
        hosts.all(|local| local)
    }

    /// Scheme, host and port of each replica.
    #[must_use]
    pub fn origins(&self) -> &[String] {
        &self.origins
    }
}

fn origin(text: &str, owned: bool) -> Result<String, TargetError> {
    let wrong = |source| TargetError::Url {
        url: text.to_owned(),
        source,
    };
    let url = Url::parse(text).map_err(|source| wrong(Some(Box::new(source) as _)))?;
    let origin = url.origin().ascii_serialization();
    let bare = url.as_str().trim_end_matches('/') == origin;
    let host = url
        .host_str()
        .filter(|_| bare && url.scheme().starts_with("http"));
    let host = host.ok_or_else(|| wrong(None))?;
    if !owned && !is_loopback(host) {
        return Err(TargetError::NotLoopback {
            host: host.to_owned(),
        });
    }
    Ok(origin)
}

/// `localhost` and its names never leave the machine (RFC 6761 6.3).
fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    match bare.parse::<IpAddr>() {
        Ok(address) => address.is_loopback(),
        Err(_) => bare == "localhost" || bare.ends_with(".localhost"),
    }
}
