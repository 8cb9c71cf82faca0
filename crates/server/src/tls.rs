//! TLS: a certificate of one's own, or one from files.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

/// Where the certificate comes from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum TlsConfig {
    /// Made at start for `localhost`, 127.0.0.1 and ::1, by nobody known.
    SelfSigned,
    /// Read from PEM files.
    Files {
        /// The certificate, then those that vouch for it.
        certificates: PathBuf,
        /// Its private key (PKCS #8, PKCS #1 or SEC 1).
        key: PathBuf,
    },
}

/// TLS could not be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file is missing or holds no PEM of the wanted kind.
    #[error("cannot read {}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: pem::Error,
    },
    /// No certificate could be made.
    #[error("a certificate could not be made")]
    SelfSigned {
        /// Why.
        #[source]
        source: rcgen::Error,
    },
    /// Certificate and key do not fit each other or this program.
    #[error("certificate and key cannot be used")]
    Unusable {
        /// Why.
        #[source]
        source: rustls::Error,
    },
}

/// The name of HTTP/2 over TLS (RFC 9113 3.1).
pub(crate) const H2: &[u8] = b"h2";

/// What a server needs to speak TLS.
pub(crate) struct Tls {
    pub(crate) acceptor: TlsAcceptor,
    pub(crate) certificate: CertificateDer<'static>,
}

impl Tls {
    /// With HTTP/2 among what a client may choose (RFC 7301), if it is wanted.
    pub(crate) fn new(config: &TlsConfig, http2: bool) -> Result<Self, TlsError> {
        let (chain, key) = match config {
            TlsConfig::SelfSigned => self_signed()?,
            TlsConfig::Files { certificates, key } => from_files(certificates, key)?,
        };
        let unusable = |source| TlsError::Unusable { source };
        let Some(certificate) = chain.first().cloned() else {
            return Err(unusable(rustls::Error::NoCertificatesPresented));
        };
        let mut tls = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(unusable)?
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .map_err(unusable)?;
        let offered = [(H2, http2), (b"http/1.1", true)].into_iter();
        let offered = offered.filter(|(_, offered)| *offered);
        tls.alpn_protocols = offered.map(|(name, _)| name.to_vec()).collect();
        Ok(Self {
            acceptor: TlsAcceptor::from(Arc::new(tls)),
            certificate,
        })
    }
}

type Pair = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

fn self_signed() -> Result<Pair, TlsError> {
    let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
    let made = rcgen::generate_simple_self_signed(names)
        .map_err(|source| TlsError::SelfSigned { source })?;
    Ok((vec![made.cert.into()], made.signing_key.into()))
}

fn from_files(certificates: &Path, key: &Path) -> Result<Pair, TlsError> {
    let in_file = |path: &Path| {
        let path = path.to_owned();
        move |source| TlsError::File { path, source }
    };
    let chain = CertificateDer::pem_file_iter(certificates)
        .and_then(Iterator::collect)
        .map_err(in_file(certificates))?;
    let key = PrivateKeyDer::from_pem_file(key).map_err(in_file(key))?;
    Ok((chain, key))
}
