//! TLS, with a certificate of the server's own and with one from files.

use std::sync::Arc;

use authbench_server::{ServeError, Server, TlsConfig, TlsError};
use authbench_wire::Transport;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::json;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::client::{Answer, Ask, ask, exchange};
use crate::site::{Site, config, cookie};
use crate::strategy::Fake;

pub(crate) async fn send(site: &Site, name: &'static str, ask: &Ask) -> Answer {
    let stream = connect(site, name, &[]).await;
    exchange(stream, &ask.octets("localhost:8443")).await
}

/// A connection on which one of `protocols` (RFC 7301) may be spoken.
pub(crate) async fn connect(
    site: &Site,
    name: &'static str,
    protocols: &[&[u8]],
) -> TlsStream<TcpStream> {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from(site.certificate.clone().unwrap()))
        .unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    client.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    let stream = TcpStream::connect(site.addr).await.unwrap();
    let name = ServerName::try_from(name).unwrap();
    TlsConnector::from(Arc::new(client))
        .connect(name, stream)
        .await
        .unwrap()
}

#[tokio::test]
async fn the_own_certificate_serves_and_origins_are_https() {
    let site = Site::start_with(cookie(), Fake::default(), |config| {
        config.tls = Some(TlsConfig::SelfSigned);
    })
    .await;
    for name in ["localhost", "127.0.0.1", "::1"] {
        assert_eq!(send(&site, name, &ask("GET", "/healthz")).await.status, 200);
    }
    let missing = send(&site, "localhost", &ask("GET", "/nothing")).await;
    for answer in [missing, send(&site, "localhost", &ask("GET", "/me")).await] {
        let told = answer.header("strict-transport-security");
        let year = "max-age=31536000; includeSubDomains";
        assert_eq!(told, Some(year), "{}", answer.raw);
    }
    let login = json!({"user": "user-000001", "password": "lab-password-000001"});
    let login = ask("POST", "/login").without_proof().json(&login);
    let own = login.clone().header("origin", "https://localhost:8443");
    let answer = send(&site, "localhost", &own).await;
    assert_eq!(answer.status, 200, "{}", answer.raw);
    assert!(answer.cookie().is_some());
    let plain = login.header("origin", "http://localhost:8443");
    assert_eq!(send(&site, "localhost", &plain).await.status, 403);
}

#[tokio::test]
async fn certificates_come_from_files() {
    let folder = tempfile::tempdir().unwrap();
    let files = ["certificate.pem", "key.pem"].map(|name| folder.path().join(name));
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(&files[0], made.cert.pem()).unwrap();
    std::fs::write(&files[1], made.signing_key.serialize_pem()).unwrap();
    let [certificates, key] = files;
    let good = TlsConfig::Files {
        certificates: certificates.clone(),
        key: key.clone(),
    };
    let site = Site::start_with(Transport::Bearer, Fake::default(), |config| {
        config.tls = Some(good);
    })
    .await;
    assert_eq!(site.certificate.as_deref(), Some(made.cert.der().as_ref()));
    assert_eq!(
        send(&site, "localhost", &ask("GET", "/healthz"))
            .await
            .status,
        200
    );

    let missing = folder.path().join("nothing.pem");
    for (certificates, key, wrong) in [
        (missing.clone(), key.clone(), missing.clone()),
        (certificates.clone(), missing.clone(), missing.clone()),
        (
            certificates.clone(),
            certificates.clone(),
            certificates.clone(),
        ),
    ] {
        let mut config = config(
            Transport::Bearer,
            Arc::new(Fake::default()),
            Arc::clone(&site.clock),
        );
        config.tls = Some(TlsConfig::Files { certificates, key });
        match Server::bind(([127, 0, 0, 1], 0).into(), config).await.err() {
            Some(ServeError::Tls(TlsError::File { path, .. })) => assert_eq!(path, wrong),
            other => panic!("{other:?}"),
        }
    }
}
