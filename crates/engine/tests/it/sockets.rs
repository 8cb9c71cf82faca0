//! Connections: to where, how many, and again.

use std::net::TcpListener;

use authbench_engine::{
    Engine, EngineError, EngineKind, EngineOptions, Lack, Route, Security, TlsClient, Trust,
};

use crate::server::{GET, OK, Outcome, Server, ask, head, kinds, options, repeat, settle};

#[test]
fn nobody_listens() {
    let address = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    for kind in kinds() {
        let error = Engine::<u32>::open(&options(kind, address)).unwrap_err();
        assert!(
            matches!(&error, EngineError::Connect { address: to, source }
                if *to == address && source.kind() == std::io::ErrorKind::ConnectionRefused),
            "{kind}: {error:?}"
        );
    }
}

#[test]
fn a_server_that_comes_back() {
    for kind in kinds() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let first = Server::accept(listener, 1, |mut stream, _| {
            head(&mut stream);
        });
        let mut engine = Engine::open(&options(kind, address)).unwrap();
        // Let the listener be closed before the connection is.
        while std::net::TcpStream::connect(address).is_ok() {
            std::thread::yield_now();
        }
        assert_eq!(ask(&mut engine, Route::Any, GET), Outcome::Closed, "{kind}");
        assert!(!engine.has_idle(Route::Any));
        let pauses = authbench_core::system::monotonic_ns() + 30_000_000;
        settle(&mut engine, |engine| {
            assert!(!engine.has_idle(Route::Any));
            authbench_core::system::monotonic_ns() > pauses
        });
        let listener = TcpListener::bind(address).unwrap();
        let _second = Server::accept(listener, usize::MAX, repeat(OK, 100));
        assert_eq!(ask(&mut engine, Route::Any, GET), Outcome::ok(), "{kind}");
        // A repeated attempt is not another reconnect.
        assert_eq!((engine.reconnects(), first.accepted()), (1, 1), "{kind}");
    }
}

#[test]
fn replicas() {
    for kind in kinds() {
        let (one, first) = Server::start(repeat(OK, 100));
        let (two, second) = Server::start(repeat(
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\ntwo",
            100,
        ));
        let options = EngineOptions {
            addresses: vec![first, second],
            connections: 5,
            ..options(kind, first)
        };
        let mut engine = Engine::open(&options).unwrap();
        let from = |outcome: Outcome| match outcome {
            Outcome::Answered { body, .. } => String::from_utf8(body).unwrap(),
            other => panic!("{other:?}"),
        };
        for _ in 0..4 {
            assert_eq!(from(ask(&mut engine, Route::To(1), GET)), "two", "{kind}");
            assert_eq!(from(ask(&mut engine, Route::To(0), GET)), "ok", "{kind}");
        }
        let mut any: Vec<_> = (0..4)
            .map(|_| from(ask(&mut engine, Route::Any, GET)))
            .collect();
        any.sort_unstable();
        assert_eq!(any, ["ok", "ok", "two", "two"], "{kind}");
        assert!(!engine.has_idle(Route::To(2)));
        assert_eq!(engine.send(Route::To(2), 7, |_| panic!("nowhere to")), None);
        assert_eq!((one.accepted(), two.accepted()), (3, 2), "{kind}");
    }
}

#[test]
fn what_cannot_be_is_said() {
    let (_server, address) = Server::start(repeat(OK, 100));
    let tls = EngineOptions {
        security: Security::Tls(TlsClient {
            server_name: "localhost".to_owned(),
            trust: Trust::Nobody,
        }),
        ..options(EngineKind::IoUring, address)
    };
    let error = Engine::<u32>::open(&tls).unwrap_err();
    assert!(
        matches!(
            error,
            EngineError::Unavailable {
                kind: EngineKind::IoUring,
                reason: Lack::Security(_)
            }
        ),
        "{error:?}"
    );
    for kind in kinds() {
        let nowhere = EngineOptions {
            addresses: Vec::new(),
            ..options(kind, address)
        };
        let error = Engine::<u32>::open(&nowhere).unwrap_err();
        assert!(matches!(error, EngineError::NoAddress), "{error:?}");
    }
}

#[test]
fn the_best_that_there_is() {
    let (_server, address) = Server::start(repeat(OK, 100));
    let mut engine = Engine::open(&options(EngineKind::Auto, address)).unwrap();
    assert_eq!(Some(&engine.kind()), kinds().last());
    assert_eq!(ask(&mut engine, Route::Any, GET), Outcome::ok());
}
