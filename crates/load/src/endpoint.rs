//! An address in words (a URL), and where it leads.

use std::net::{SocketAddr, ToSocketAddrs as _};

use authbench_engine::{Security, TlsClient, Trust};

use crate::error::UrlFault;

/// Where a URL leads.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    /// Host and port as they stand in a `Host` field.
    pub(crate) authority: String,
    /// The address; of several a loopback one, else the first.
    pub(crate) address: SocketAddr,
    /// Path and query, at least `/`.
    pub(crate) path: String,
    /// The name that a certificate must be for, with `https`.
    server_name: Option<String>,
}

impl Endpoint {
    /// Looks a URL up.
    ///
    /// # Errors
    /// [`UrlFault`] when it is no `http` or `https` URL, names a user, or its
    /// host has no address; or leads to another machine, unless
    /// `allow_remote`.
    pub(crate) fn resolve(url: &str, allow_remote: bool) -> Result<Self, UrlFault> {
        let uri: http::Uri = url.parse().map_err(UrlFault::Syntax)?;
        let is_safe = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err(UrlFault::Shape),
        };
        let port = if is_safe { 443 } else { 80 };
        let authority = uri.authority().ok_or(UrlFault::Shape)?;
        if authority.as_str().contains('@') {
            return Err(UrlFault::Shape);
        }
        let host = authority
            .host()
            .trim_start_matches('[')
            .trim_end_matches(']');
        let mut found = (host, authority.port_u16().unwrap_or(port))
            .to_socket_addrs()
            .map_err(UrlFault::Unresolved)?
            .peekable();
        let first = found.peek().copied().ok_or(UrlFault::Shape)?;
        let address = found
            .find(|address| address.ip().is_loopback())
            .unwrap_or(first);
        if !allow_remote && !address.ip().is_loopback() {
            return Err(UrlFault::NotLoopback { address });
        }
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        Ok(Self {
            authority: authority.as_str().to_owned(),
            address,
            path: path.to_owned(),
            server_name: is_safe.then(|| host.to_owned()),
        })
    }

    /// Whether it is `https`.
    pub(crate) fn is_safe(&self) -> bool {
        self.server_name.is_some()
    }

    /// Scheme, host and port as they stand in an `Origin` field (RFC 6454 6.2).
    pub(crate) fn origin(&self) -> String {
        let scheme = if self.is_safe() { "https" } else { "http" };
        format!("{scheme}://{}", self.authority)
    }

    /// What protects connections to it, where `trust` says whom to believe.
    pub(crate) fn security(&self, trust: &Trust) -> Security {
        match &self.server_name {
            None => Security::Plain,
            Some(server_name) => Security::Tls(TlsClient {
                server_name: server_name.clone(),
                trust: trust.clone(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_paths_and_names() {
        let at = |url| Endpoint::resolve(url, false).unwrap();
        let plain = at("http://127.0.0.1:81");
        assert_eq!((plain.address.port(), &*plain.path), (81, "/"));
        assert!(matches!(plain.security(&Trust::Nobody), Security::Plain));
        let inner = at("http://[::1]/a/b?c=d");
        assert_eq!((inner.address.port(), &*inner.path), (80, "/a/b?c=d"));
        let safe = at("https://localhost/");
        assert_eq!(safe.address.port(), 443);
        let Security::Tls(client) = safe.security(&Trust::Nobody) else {
            panic!("{safe:?}");
        };
        assert_eq!(client.server_name, "localhost");
    }

    #[test]
    fn other_machines_and_other_shapes_are_refused() {
        let fault = |url, allow_remote| Endpoint::resolve(url, allow_remote).unwrap_err();
        assert!(matches!(
            fault("http://192.0.2.1", false),
            UrlFault::NotLoopback { .. }
        ));
        assert!(Endpoint::resolve("http://192.0.2.1", true).is_ok());
        assert!(matches!(
            fault("http://a:b@127.0.0.1", true),
            UrlFault::Shape
        ));
        assert!(matches!(fault("ftp://127.0.0.1", true), UrlFault::Shape));
        assert!(matches!(
            fault("127.0.0.1:80", true),
            UrlFault::Shape | UrlFault::Syntax(_)
        ));
    }
}
