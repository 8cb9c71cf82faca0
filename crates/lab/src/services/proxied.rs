//! Proxies before store servers, by their URLs.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs as _};

use super::Service;
use crate::proxy::Proxy;

/// A store server behind a proxy that counts, delays and breaks.
#[derive(Debug)]
pub struct Proxied {
    /// What the server is.
    pub service: Service,
    /// What stands before it.
    pub proxy: Proxy,
    /// The server's URL through the proxy, password included.
    pub url: String,
}

/// No proxy could be put before a server. The message has no password.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProxiedError {
    /// The text names no host.
    #[error(
        "the URL of the {service} server names no host: wanted is scheme://[user:pw@]host[:port]/.."
    )]
    Url {
        /// Whose URL.
        service: Service,
    },
    /// The host is not known, or has no address.
    #[error("the host of the {service} server cannot be found")]
    Host {
        /// Whose host.
        service: Service,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The proxy did not start.
    #[error("no proxy before the {service} server")]
    Start {
        /// Before which.
        service: Service,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// A proxy before each of `services`, given by their URLs, without delay and without fault. Who
/// counts round trips and octets should connect through it and speak without TLS: what is
/// encrypted has other lengths, and a handshake of its own.
///
/// # Errors
/// [`ProxiedError`]; proxies that had been started are gone then.
pub fn services_through_proxies<'u>(
    services: impl IntoIterator<Item = (Service, &'u str)>,
) -> Result<Vec<Proxied>, ProxiedError> {
    let before = |(service, url)| {
        let server = address(service, url)?;
        let proxy =
            Proxy::start(server).map_err(|source| ProxiedError::Start { service, source })?;
        let url = proxy.url(url).ok_or(ProxiedError::Url { service })?;
        Ok(Proxied {
            service,
            proxy,
            url,
        })
    };
    services.into_iter().map(before).collect()
}

/// Where the server of `url` listens: IPv4 before IPv6.
fn address(service: Service, url: &str) -> Result<SocketAddr, ProxiedError> {
    let (host, port) = host_and_port(url).ok_or(ProxiedError::Url { service })?;
    let port = port.unwrap_or(service.default_port());
    let failed = |source| ProxiedError::Host { service, source };
    let found = (host, port).to_socket_addrs().map_err(failed)?;
    let first = found.min_by_key(SocketAddr::is_ipv6);
    first.ok_or_else(|| failed(io::ErrorKind::NotFound.into()))
}

fn host_and_port(url: &str) -> Option<(&str, Option<u16>)> {
    let (_, rest) = url.split_once("://")?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let authority = &rest[..end];
    let place = authority.rsplit_once('@').map_or(authority, |(_, it)| it);
    // An IPv6 address stands in brackets (RFC 3986 3.2.2).
    let (host, port) = match place.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']')?;
            (host, port.strip_prefix(':'))
        }
        None => match place.rsplit_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (place, None),
        },
    };
    let port = port.filter(|port| !port.is_empty());
    let port = port.map(str::parse).transpose().ok()?;
    (!host.is_empty()).then_some((host, port))
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::{Ipv4Addr, TcpListener, TcpStream};
    use std::thread;

    use super::*;

    #[test]
    fn hosts_and_ports_are_found() {
        for (url, expected) in [
            (
                "redis://:pw@127.0.0.1:16379/0",
                Some(("127.0.0.1", Some(16379))),
            ),
            ("postgres://me:p%40@db/x?a=b:1", Some(("db", None))),
            ("mysql://root@[::1]:13306", Some(("::1", Some(13306)))),
            ("mysql://[::1]/x", Some(("::1", None))),
            ("redis://host:", Some(("host", None))),
            ("redis://host:port", None),
            ("redis:///0", None),
            ("redis", None),
        ] {
            assert_eq!(host_and_port(url), expected, "{url}");
        }
    }

    #[test]
    fn what_goes_through_is_counted_by_service() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut octets = [0; 5];
            stream.read_exact(&mut octets).unwrap();
            stream.write_all(b"+OK").unwrap();
            // Held open until the client leaves.
            let _ = stream.read(&mut octets);
        });
        let url = format!("redis://:pw@localhost:{port}/3");
        let through = services_through_proxies([(Service::Redis, url.as_str())]).unwrap();
        let [
            Proxied {
                proxy,
                url,
                service,
            },
        ] = through.as_slice()
        else {
            panic!("one for one")
        };
        assert_eq!(*service, Service::Redis);
        assert_eq!(*url, format!("redis://:pw@{}/3", proxy.address()));
        let mut stream = TcpStream::connect(proxy.address()).unwrap();
        stream.write_all(b"PING\n").unwrap();
        let mut answer = [0; 3];
        stream.read_exact(&mut answer).unwrap();
        let traffic = proxy.traffic();
        assert_eq!((traffic.round_trips, traffic.to_server_bytes), (1, 5));
        assert_eq!(traffic.to_client_bytes, 3);
    }

    #[test]
    fn a_url_without_a_host_is_refused_without_its_password() {
        let error = services_through_proxies([(Service::Mysql, "mysql://root:hunter2@/x")]);
        let message = error.unwrap_err().to_string();
        assert!(
            message.contains("mysql") && !message.contains("hunter2"),
            "{message}"
        );
    }
}
