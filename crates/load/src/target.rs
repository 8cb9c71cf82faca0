//! A target as the driver uses it: resolved, compiled, ready to be asked.

use std::net::SocketAddr;

use authbench_core::{Guarantees, RefreshOffer};
use authbench_wire::profile::{Carrier, CsrfProof, Method, Profile, RefreshCarrier, Request};
use authbench_wire::template::{GapError, Template};
use authbench_wire::{Operation, routes};

use crate::cookies;
use crate::endpoint::Endpoint;
use crate::error::{LoadError, UrlFault};
use crate::outcome::Action;
use crate::pointer::Pointer;
use crate::request::{RequestTemplate, Shows, Values};

/// A compiled profile.
#[derive(Debug)]
pub(crate) struct Target {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// Where its URL leads.
    pub(crate) endpoint: Endpoint,
    /// What it promises.
    pub(crate) guarantees: Guarantees,
    /// Where it puts the access credential.
    pub(crate) carrier: CompiledCarrier,
    /// Where it puts refresh tokens; `None` if it promises none.
    pub(crate) refresh: Option<CompiledCarrier>,
    /// Asks it to step its clock by [`Values::value`] milliseconds, if it can.
    pub(crate) clock: Option<RequestTemplate>,
    actions: [Result<Compiled, Absent>; Action::COUNT],
    profile_name: String,
}

/// Where a credential appears.
#[derive(Debug)]
pub(crate) enum CompiledCarrier {
    /// In the body of the answer that gives it.
    Body(Pointer),
    /// In a cookie of this name.
    Cookie(String),
}

/// One operation.
#[derive(Debug)]
pub(crate) struct Compiled {
    /// How it is asked for.
    pub(crate) request: RequestTemplate,
    /// The statuses that mean "done".
    pub(crate) success: Box<[u16]>,
    /// The statuses that mean that there may be no more logins.
    pub(crate) limit_reached: Box<[u16]>,
    /// Where the answer names the subject.
    pub(crate) subject: Option<Pointer>,
    /// Where the answer dates the expiry.
    pub(crate) expires_at_ms: Option<Pointer>,
}

/// The profile's reason for lacking an operation.
#[derive(Debug)]
struct Absent(String);

impl Target {
    /// Resolves the address and compiles the requests.
    ///
    /// # Errors
    /// [`LoadError`] when the address cannot be used (no URL, not this
    /// machine unless `allow_remote`) or a request cannot be made.
    pub(crate) fn compile(profile: &Profile, allow_remote: bool) -> Result<Self, LoadError> {
        if matches!(profile.csrf, CsrfProof::Token { .. }) {
            return Err(LoadError::TokenProof {
                profile: profile.name.clone(),
            });
        }
        let url = profile
            .base_url
            .as_deref()
            .ok_or_else(|| LoadError::NoUrl {
                profile: profile.name.clone(),
            })?;
        let fault = |source| LoadError::Url {
            url: url.to_owned(),
            source,
        };
        let endpoint = Endpoint::resolve(url, allow_remote).map_err(fault)?;
        if endpoint.path != "/" {
            return Err(fault(UrlFault::Shape));
        }
        let origin = endpoint.origin();
        let compiler = Compiler { profile, origin };
        let mut actions = Vec::with_capacity(Action::COUNT);
        for action in Action::ALL {
            actions.push(compiler.action(action)?);
        }
        let actions = actions
            .try_into()
            .unwrap_or_else(|_| unreachable!("one for each action"));
        Ok(Self {
            address: endpoint.address,
            endpoint,
            guarantees: profile.guarantees,
            carrier: match &profile.carrier {
                Carrier::Bearer { token } => CompiledCarrier::Body(compiler.pointer(token)?),
                Carrier::Cookie { name } => CompiledCarrier::Cookie(name.clone()),
            },
            refresh: compiler.refresh()?,
            clock: profile
                .lab
                .reference_routes
                .then(|| compiler.clock())
                .transpose()?,
            actions,
            profile_name: profile.name.clone(),
        })
    }

    /// Octets of the access credential that is spelled so.
    pub(crate) fn credential_bytes(&self, spelling: &[u8]) -> usize {
        match &self.carrier {
            CompiledCarrier::Body(_) => spelling.len(),
            CompiledCarrier::Cookie(name) => {
                cookies::unspell(name, spelling).map_or(0, |credential| credential.len())
            }
        }
    }

    /// Whether credentials can be renewed.
    pub(crate) fn renews(&self) -> bool {
        self.guarantees.refresh != RefreshOffer::None
    }

    /// What is no credential at all, as requests carry it.
    pub(crate) fn malformed(&self) -> &'static [u8] {
        match &self.carrier {
            CompiledCarrier::Body(_) => b"no-credential",
            CompiledCarrier::Cookie(_) => b"=no-credential",
        }
    }

    /// The operation, if the target has it.
    pub(crate) fn get(&self, action: Action) -> Option<&Compiled> {
        self.actions[action as usize].as_ref().ok()
    }

    /// The operation.
    ///
    /// # Errors
    /// [`LoadError::Unmapped`] with the profile's reason for its absence.
    pub(crate) fn need(&self, action: Action) -> Result<&Compiled, LoadError> {
        self.actions[action as usize]
            .as_ref()
            .map_err(|Absent(reason)| LoadError::Unmapped {
                profile: self.profile_name.clone(),
                action: action.label(),
                reason: reason.clone(),
            })
    }

    /// Asks the target to step its clock.
    ///
    /// # Errors
    /// [`LoadError::NoClock`].
    pub(crate) fn need_clock(&self) -> Result<&RequestTemplate, LoadError> {
        self.clock.as_ref().ok_or_else(|| LoadError::NoClock {
            profile: self.profile_name.clone(),
        })
    }

    /// Writes the request to `out`; nothing if the target lacks it.
    pub(crate) fn write(
        &self,
        action: Action,
        values: &Values<'_>,
        scratch: &mut Vec<u8>,
        out: &mut Vec<u8>,
    ) {
        if let Some(compiled) = self.get(action) {
            compiled.request.write(values, scratch, out);
        }
    }
}

struct Compiler<'p> {
    profile: &'p Profile,
    /// Scheme, host and port (RFC 6454 6.2).
    origin: String,
}

impl Compiler<'_> {
    fn action(&self, action: Action) -> Result<Result<Compiled, Absent>, LoadError> {
        let operation = action.operation();
        let Some(request) = self.profile.request(operation) else {
            let reason = self.profile.absent.get(&operation).cloned();
            return Ok(Err(Absent(
                reason.unwrap_or_else(|| "not mapped".to_owned()),
            )));
        };
        Ok(Ok(Compiled {
            request: self.template(operation, request)?,
            success: request.success.as_slice().into(),
            limit_reached: request.limit_reached.as_slice().into(),
            subject: request
                .subject
                .as_deref()
                .map(|text| self.pointer(text))
                .transpose()?,
            expires_at_ms: request
                .expires_at_ms
                .as_deref()
                .map(|text| self.pointer(text))
                .transpose()?,
        }))
    }

    fn template(
        &self,
        operation: Operation,
        request: &Request,
    ) -> Result<RequestTemplate, LoadError> {
        let shows = match operation {
            Operation::Login => Shows::Nothing,
            Operation::Refresh => Shows::All,
            _ => Shows::Access,
        };
        RequestTemplate::compile(self.profile, request, &self.origin, shows)
            .map_err(|source| self.no_request(operation.label(), source))
    }

    /// `POST /lab/clock` of the reference server.
    fn clock(&self) -> Result<RequestTemplate, LoadError> {
        let path = Template::parse(routes::Route::LabClock.path());
        let request = Request {
            body: Some(Template::parse(r#"{"step_ms":{value}}"#).into()),
            ..Request::new(Method::Post, path)
        };
        RequestTemplate::compile(self.profile, &request, &self.origin, Shows::Nothing)
            .map_err(|source| self.no_request("lab-clock", source))
    }

    fn refresh(&self) -> Result<Option<CompiledCarrier>, LoadError> {
        let promised = self.profile.refresh.as_ref().filter(|_| {
            let offer = self.profile.guarantees.refresh;
            matches!(offer, RefreshOffer::RotatingKillsFamily { .. })
        });
        let compiled = promised.map(|carrier| match carrier {
            RefreshCarrier::Body { token } => Ok(CompiledCarrier::Body(self.pointer(token)?)),
            RefreshCarrier::Cookie { name } => Ok(CompiledCarrier::Cookie(name.clone())),
        });
        compiled.transpose()
    }

    fn no_request(&self, action: &'static str, source: GapError) -> LoadError {
        LoadError::Request {
            profile: self.profile.name.clone(),
            action,
            source,
        }
    }

    fn pointer(&self, text: &str) -> Result<Pointer, LoadError> {
        Pointer::parse(text).ok_or_else(|| LoadError::Pointer {
            profile: self.profile.name.clone(),
            pointer: text.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;
    use std::path::Path;

    use super::*;

    fn compile(url: &str, allow_remote: bool) -> Result<Target, LoadError> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios/targets");
        let mut profile = Profile::read(&root.join("authbench-cookie")).unwrap();
        profile.base_url = Some(url.to_owned());
        Target::compile(&profile, allow_remote)
    }

    #[test]
    fn loopback_unless_allowed() {
        assert_eq!(
            compile("http://127.0.0.1:81", false)
                .unwrap()
                .address
                .port(),
            81
        );
        assert_eq!(compile("http://[::1]/", false).unwrap().address.port(), 80);
        assert!(
            compile("http://localhost:1", false)
                .unwrap()
                .address
                .ip()
                .is_loopback()
        );
        let error = compile("http://192.0.2.1:80", false).unwrap_err();
        assert!(
            error
                .source()
                .unwrap()
                .to_string()
                .contains("not this machine"),
            "{error:?}"
        );
        assert!(compile("http://192.0.2.1:80", true).is_ok());
    }

    #[test]
    fn https_has_a_port_of_its_own() {
        let target = compile("https://[::1]", false).unwrap();
        assert_eq!(target.address.port(), 443);
        assert!(target.endpoint.is_safe());
        let plain = compile("http://localhost:1", false).unwrap();
        assert!(!plain.endpoint.is_safe());
    }

    #[test]
    fn other_shapes_are_refused() {
        let fault = |url| match compile(url, true).unwrap_err() {
            LoadError::Url { source, .. } => source,
            other => panic!("{other:?}"),
        };
        assert!(matches!(fault("http://127.0.0.1/api"), UrlFault::Shape));
        assert!(matches!(fault("http://a:b@127.0.0.1"), UrlFault::Shape));
        assert!(matches!(
            fault("127.0.0.1:80"),
            UrlFault::Shape | UrlFault::Syntax(_)
        ));
        assert!(matches!(fault("http://"), UrlFault::Syntax(_)));
    }
}
