//! Sockets that do not block, bare or under TLS (RFC 8446) by rustls.
//!
//! Sessions are never resumed, so that every connection costs both sides a
//! whole handshake, the first as well as the last. Connections are kept alive,
//! so handshakes lie before a load begins, or are counted as reconnects.
//! Octets are counted above TLS: records and handshakes stand in no figure.

mod verify;

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;

use rustls::client::{ClientConfig, ClientConnection, Resumption};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{RootCertStore, SupportedProtocolVersion};

use crate::error::EngineError;
use crate::options::{Security, TlsClient, Trust};
use verify::Anybody;

/// TLS 1.3 and, for servers that have nothing better, 1.2.
static VERSIONS: &[&SupportedProtocolVersion] = &[&rustls::version::TLS13, &rustls::version::TLS12];

/// The client's side of TLS, ready to be put over sockets.
#[derive(Clone, Debug)]
pub(crate) struct Secure {
    config: Arc<ClientConfig>,
    server_name: ServerName<'static>,
}

impl Secure {
    /// What `security` says; `None` of plain connections. `alpn` is what the
    /// client would speak (RFC 7301), best first.
    ///
    /// # Errors
    /// [`EngineError::Tls`].
    pub(crate) fn new(security: &Security, alpn: &[&[u8]]) -> Result<Option<Self>, EngineError> {
        match security {
            Security::Plain => Ok(None),
            Security::Tls(client) => Self::of(client, alpn).map(Some),
        }
    }

    fn of(client: &TlsClient, alpn: &[&[u8]]) -> Result<Self, EngineError> {
        let server_name = ServerName::try_from(client.server_name.clone())
            .map_err(EngineError::tls("the server's name"))?;
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(VERSIONS)
            .map_err(EngineError::tls("this program's cryptography"))?;
        let mut config = match &client.trust {
            Trust::Roots(certificates) => {
                let mut roots = RootCertStore::empty();
                for certificate in certificates {
                    roots
                        .add(CertificateDer::from(certificate.clone()))
                        .map_err(EngineError::tls("a trusted certificate"))?;
                }
                builder.with_root_certificates(roots)
            }
            Trust::Nobody => builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(Anybody(provider))),
        }
        .with_no_client_auth();
        config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
        config.resumption = Resumption::disabled();
        Ok(Self {
            config: Arc::new(config),
            server_name,
        })
    }
}

/// A socket that does not block, and what lies over it.
#[derive(Debug)]
pub(crate) enum Stream {
    /// Nothing.
    Plain(TcpStream),
    /// TLS.
    Tls(Box<Session>),
}

/// One connection under TLS.
#[derive(Debug)]
pub(crate) struct Session {
    tls: ClientConnection,
    socket: TcpStream,
}

impl Stream {
    /// `socket`, under TLS if `secure` says how.
    pub(crate) fn new(socket: TcpStream, secure: Option<&Secure>) -> io::Result<Self> {
        let Some(Secure {
            config,
            server_name,
        }) = secure
        else {
            return Ok(Self::Plain(socket));
        };
        let tls = ClientConnection::new(Arc::clone(config), server_name.clone())
            .map_err(io::Error::other)?;
        Ok(Self::Tls(Box::new(Session { tls, socket })))
    }

    /// The socket.
    pub(crate) fn socket(&self) -> &TcpStream {
        match self {
            Self::Plain(socket) => socket,
            Self::Tls(session) => &session.socket,
        }
    }

    /// Carries the handshake on.
    ///
    /// # Errors
    /// `WouldBlock` until it is complete.
    pub(crate) fn handshake(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(_) => Ok(()),
            Self::Tls(session) => session.handshake(),
        }
    }

    /// What both sides have agreed to speak (RFC 7301).
    pub(crate) fn alpn(&self) -> Option<&[u8]> {
        match self {
            Self::Plain(_) => None,
            Self::Tls(session) => session.tls.alpn_protocol(),
        }
    }

    /// Whether octets that were taken by [`Write::write`] have not left.
    pub(crate) fn has_outgoing(&self) -> bool {
        match self {
            Self::Plain(_) => false,
            Self::Tls(session) => session.tls.wants_write(),
        }
    }

    /// Whether there is no TLS.
    pub(crate) fn is_plain(&self) -> bool {
        matches!(self, Self::Plain(_))
    }

    /// Says good-bye (RFC 8446 6.1), and that no more will be sent.
    pub(crate) fn shut_down(&mut self) -> io::Result<()> {
        if let Self::Tls(session) = self {
            session.tls.send_close_notify();
            unless_blocked(session.flush())?;
        }
        self.socket().shutdown(Shutdown::Write)
    }
}

impl Session {
    fn handshake(&mut self) -> io::Result<()> {
        loop {
            self.flush()?;
            if !self.tls.is_handshaking() {
                return Ok(());
            }
            if self.fetch()? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// Reads records; the octets of the socket, 0 at its end.
    fn fetch(&mut self) -> io::Result<usize> {
        let count = self.tls.read_tls(&mut self.socket)?;
        if let Err(error) = self.tls.process_new_packets() {
            // The alert that tells the peer; the error counts more than
            // whether it gets there.
            let _ = self.flush();
            return Err(io::Error::new(io::ErrorKind::InvalidData, error));
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        while self.tls.wants_write() {
            self.tls.write_tls(&mut self.socket)?;
        }
        Ok(())
    }
}

impl Read for Stream {
    /// `UnexpectedEof` where the peer closed the socket without a good-bye
    /// (RFC 8446 6.1): what came may be cut off.
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let session = match self {
            Self::Plain(socket) => return socket.read(room),
            Self::Tls(session) => session,
        };
        loop {
            match session.tls.reader().read(room) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                read => return read,
            }
            session.fetch()?;
            // Answers to the peer's messages about keys.
            unless_blocked(session.flush())?;
        }
    }
}

impl Write for Stream {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.write(octets),
            Self::Tls(session) => {
                session.flush()?;
                let count = session.tls.writer().write(octets)?;
                unless_blocked(session.flush())?;
                Ok(count)
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(_) => Ok(()),
            Self::Tls(session) => session.flush(),
        }
    }
}

fn unless_blocked(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
        result => result,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(server_name: &str, trust: Trust) -> Security {
        Security::Tls(TlsClient {
            server_name: server_name.to_owned(),
            trust,
        })
    }

    #[test]
    fn what_cannot_be_used_is_said() {
        assert!(Secure::new(&Security::Plain, &[]).unwrap().is_none());
        for fine in ["localhost", "127.0.0.1", "::1"] {
            let secure = Secure::new(&client(fine, Trust::Nobody), &[b"h2"]).unwrap();
            assert!(secure.is_some_and(|secure| secure.config.alpn_protocols == [b"h2"]));
        }
        for (name, trust, wanted) in [
            ("no name", Trust::Nobody, "the server's name"),
            ("", Trust::Nobody, "the server's name"),
            (
                "localhost",
                Trust::Roots(vec![b"no certificate".to_vec()]),
                "a trusted certificate",
            ),
        ] {
            let error = Secure::new(&client(name, trust), &[]).unwrap_err();
            assert!(error.to_string().contains(wanted), "{error}");
            assert!(std::error::Error::source(&error).is_some());
        }
    }
}
