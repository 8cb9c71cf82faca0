//! HTTP/1.1 under TLS, against a scripted server.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use authbench_engine::{
    Engine, EngineError, EngineKind, EngineOptions, Route, Security, TlsClient, Trust,
};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::server::{GET, OK, Outcome, Server, ask, options, settle};

/// A certificate for these names that vouches for itself, and a server that
/// shows it and offers to speak `alpn`.
pub(crate) fn identity(names: &[&str], alpn: &[&[u8]]) -> (Vec<u8>, Arc<ServerConfig>) {
    let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
    let made = rcgen::generate_simple_self_signed(names).unwrap();
    let certificate = made.cert.der().clone();
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.clone()],
            PrivateKeyDer::from(made.signing_key),
        )
        .unwrap();
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    (certificate.to_vec(), Arc::new(config))
}

pub(crate) fn trusting(kind: EngineKind, address: SocketAddr, trust: Trust) -> EngineOptions {
    EngineOptions {
        security: Security::Tls(TlsClient {
            server_name: "localhost".to_owned(),
            trust,
        }),
        ..options(kind, address)
    }
}

type Secured = StreamOwned<ServerConnection, TcpStream>;

/// Serves under TLS, and sends each write in a record of its own.
fn start(
    config: Arc<ServerConfig>,
    serve: impl Fn(&mut Secured, usize) + Send + Sync + 'static,
) -> (Server, SocketAddr) {
    Server::start(move |stream, number| {
        stream.set_nodelay(true).unwrap();
        let tls = ServerConnection::new(Arc::clone(&config)).unwrap();
        serve(&mut StreamOwned::new(tls, stream), number);
    })
}

fn head(stream: &mut impl Read) -> bool {
    let mut head = Vec::new();
    let mut octet = [0];
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut octet) {
            Ok(1) => head.push(octet[0]),
            _ => return false,
        }
    }
    true
}

/// Gives the answer in pieces of so many octets, again and again.
fn repeat(answer: &str, piece: usize) -> impl Fn(&mut Secured, usize) + use<> {
    let answer = answer.as_bytes().to_vec();
    move |stream, _| {
        while head(stream) {
            for piece in answer.chunks(piece) {
                if stream
                    .write_all(piece)
                    .and_then(|()| stream.flush())
                    .is_err()
                {
                    return;
                }
            }
        }
    }
}

const KINDS: [EngineKind; 3] = [EngineKind::Auto, EngineKind::Epoll, EngineKind::Hyper];

#[test]
fn answers_in_records_of_any_size() {
    let (certificate, config) = identity(&["localhost"], &[]);
    let long = "0123456789abcdef".repeat(8 * 1024);
    let long = format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{long}",
        long.len()
    );
    for (answer, piece) in [
        (OK, 1),
        (OK, 1_000),
        (long.as_str(), 5_000),
        (&long, usize::MAX),
    ] {
        let (server, address) = start(Arc::clone(&config), repeat(answer, piece));
        for (at, kind) in KINDS.into_iter().enumerate() {
            let trust = Trust::Roots(vec![certificate.clone()]);
            let mut engine = Engine::open(&trusting(kind, address, trust)).unwrap();
            for _ in 0..3 {
                let outcome = ask(&mut engine, Route::Any, GET);
                assert!(
                    matches!(outcome, Outcome::Answered { status: 200, keep_alive: true, wire_bytes, .. }
                        if wire_bytes == answer.len() as u64),
                    "{kind}: {outcome:?}"
                );
            }
            assert_eq!((engine.reconnects(), server.accepted()), (0, at + 1));
            assert_eq!(
                engine.kind(),
                if at == 0 { EngineKind::Epoll } else { kind }
            );
        }
    }
}

#[test]
fn a_request_in_many_records() {
    const LENGTH: usize = 4 * 1024 * 1024;
    let (_, config) = identity(&["localhost"], &[]);
    let (_server, address) = start(config, |stream, _| {
        while head(stream) {
            let mut content = vec![0; LENGTH];
            stream.read_exact(&mut content).unwrap();
            assert!(content.iter().all(|octet| *octet == b'u'));
            stream.write_all(OK.as_bytes()).unwrap();
        }
    });
    let head = format!("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {LENGTH}\r\n\r\n");
    let request = [head.into_bytes(), vec![b'u'; LENGTH]].concat();
    for kind in KINDS {
        let mut engine = Engine::open(&trusting(kind, address, Trust::Nobody)).unwrap();
        for _ in 0..2 {
            assert_eq!(
                ask(&mut engine, Route::Any, &request),
                Outcome::ok(),
                "{kind}"
            );
        }
        assert_eq!(engine.reconnects(), 0);
    }
}

#[test]
fn closed_by_the_peer() {
    let (_, config) = identity(&["localhost"], &[]);
    for kind in KINDS {
        let (server, address) = start(Arc::clone(&config), |stream, number| match number {
            // Within the answer, without a good-bye.
            0 => {
                head(stream);
                stream
                    .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
                    .unwrap();
            }
            // An end without a good-bye is none.
            1 => {
                head(stream);
                stream.write_all(b"HTTP/1.1 200 OK\r\n\r\nall?").unwrap();
            }
            // With a good-bye.
            2 => {
                head(stream);
                stream.write_all(b"HTTP/1.1 200 OK\r\n\r\nall").unwrap();
                stream.conn.send_close_notify();
                stream.flush().unwrap();
            }
            // While nothing is asked.
            3 => {
                head(stream);
                stream.write_all(OK.as_bytes()).unwrap();
                stream.conn.send_close_notify();
                stream.flush().unwrap();
            }
            _ => repeat(OK, 100)(stream, number),
        });
        let mut engine = Engine::open(&trusting(kind, address, Trust::Nobody)).unwrap();
        for (number, expected) in [Outcome::Closed, Outcome::Closed].into_iter().enumerate() {
            let outcome = ask(&mut engine, Route::Any, GET);
            assert_eq!(outcome, expected, "{kind} {number}");
        }
        let outcome = ask(&mut engine, Route::Any, GET);
        assert!(
            matches!(&outcome, Outcome::Answered { body, keep_alive: false, .. } if body == b"all"),
            "{kind}: {outcome:?}"
        );
        assert!(ask(&mut engine, Route::Any, GET).is_ok());
        settle(&mut engine, |engine| engine.reconnects() == 4);
        assert_eq!(ask(&mut engine, Route::Any, GET), Outcome::ok(), "{kind}");
        assert_eq!((engine.reconnects(), server.accepted()), (4, 5), "{kind}");
    }
}

#[test]
fn nobody_else_is_believed() {
    let (certificate, config) = identity(&["localhost"], &[]);
    let (other, elsewhere) = identity(&["elsewhere.test"], &[]);
    let (_server, address) = start(config, repeat(OK, 100));
    let (_elsewhere, elsewhere) = start(elsewhere, repeat(OK, 100));
    for kind in [EngineKind::Epoll, EngineKind::Hyper, EngineKind::Http2] {
        for (address, trusted) in [
            (address, vec![other.clone()]),
            (address, Vec::new()),
            (elsewhere, vec![other.clone(), certificate.clone()]),
        ] {
            let options = trusting(kind, address, Trust::Roots(trusted));
            let error = Engine::<u32>::open(&options).unwrap_err();
            assert!(
                matches!(&error, EngineError::Connect { source, .. }
                    if source.kind() == std::io::ErrorKind::InvalidData),
                "{kind}: {error:?}"
            );
        }
    }
}
