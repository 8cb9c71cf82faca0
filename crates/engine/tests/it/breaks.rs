//! What goes wrong with an exchange.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use authbench_engine::{Engine, Route};
use proptest::prelude::*;

use crate::server::{
    GET, OK, Outcome, Server, ask, head, kinds, linger, options, repeat, second, settle,
};

/// What a server does with a request, by the first letter of its path.
fn act(stream: &mut TcpStream, act: u8) -> bool {
    let (text, goes_on) = match act {
        b'r' => (OK, true),
        b'c' => (
            "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
            false,
        ),
        b'h' => ("", false),
        b't' => ("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", false),
        b'e' => ("HTTP/1.1 200 OK\r\n\r\nall", false),
        b's' => (
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok and more",
            true,
        ),
        b'g' => ("SSH-2.0-OpenSSH_9.6\r\n", true),
        b'u' => (
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nok",
            true,
        ),
        other => panic!("no act {other}"),
    };
    stream.write_all(text.as_bytes()).unwrap();
    goes_on
}

fn acting(mut stream: TcpStream, _: usize) {
    stream.set_nodelay(true).unwrap();
    while let Some(head) = head(&mut stream) {
        if !act(&mut stream, head.as_bytes()[5]) {
            return;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// One after the other on one connection, every transport sees the same,
    /// and makes as many connections.
    #[test]
    fn all_transports_agree(acts in proptest::collection::vec(
        proptest::sample::select(b"rrrchtesgu".to_vec()), 1..12)
    ) {
        let seen: Vec<_> = kinds().into_iter().map(|kind| {
            let (server, address) = Server::start(acting);
            let mut engine = Engine::open(&options(kind, address)).unwrap();
            let outcomes: Vec<_> = acts.iter().map(|act| {
                let request = format!("GET /{} HTTP/1.1\r\n\r\n", char::from(*act));
                ask(&mut engine, Route::Any, request.as_bytes())
            }).collect();
            let expected_reconnects = acts.iter().filter(|act| **act != b'r').count();
            settle(&mut engine, |engine| engine.has_idle(Route::Any));
            assert_eq!(engine.reconnects() as usize, expected_reconnects);
            while server.accepted() <= expected_reconnects {
                std::thread::yield_now();
            }
            (outcomes, server.accepted())
        }).collect();
        for (act, outcome) in acts.iter().zip(&seen[0].0) {
            let expected = match act {
                b'r' => *outcome == Outcome::ok(),
                b'c' | b'e' | b's' => outcome.is_ok(),
                b'h' | b't' => *outcome == Outcome::Closed,
                _ => *outcome == Outcome::Malformed,
            };
            prop_assert!(expected, "{}: {outcome:?}", char::from(*act));
        }
        for other in &seen[1..] {
            for (own, others) in seen[0].0.iter().zip(&other.0) {
                prop_assert_eq!(own.meaning(), others.meaning());
            }
            prop_assert_eq!(other.1, seen[0].1);
        }
    }
}

#[test]
fn closed_by_the_peer_while_idle() {
    for kind in kinds() {
        let (server, address) = Server::start(|mut stream, number| match number {
            0 => {
                head(&mut stream);
                stream.write_all(OK.as_bytes()).unwrap();
            }
            _ => repeat(OK, 100)(stream, number),
        });
        let mut engine = Engine::open(&options(kind, address)).unwrap();
        assert!(ask(&mut engine, Route::Any, GET).is_ok());
        // The connection is made anew without a request being lost.
        settle(&mut engine, |engine| engine.reconnects() == 1);
        assert_eq!(ask(&mut engine, Route::Any, GET), Outcome::ok(), "{kind}");
        assert_eq!((engine.reconnects(), server.accepted()), (1, 2), "{kind}");
    }
}

#[test]
fn octets_that_nobody_asked_for_are_no_answer() {
    for kind in kinds() {
        let (server, address) = Server::start(|mut stream, number| match number {
            0 => {
                stream
                    .write_all(b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n")
                    .unwrap();
                linger(&mut stream);
            }
            _ => repeat(OK, 100)(stream, number),
        });
        let mut engine = Engine::open(&options(kind, address)).unwrap();
        settle(&mut engine, |engine| engine.reconnects() == 1);
        assert_eq!(ask(&mut engine, Route::Any, GET), Outcome::ok(), "{kind}");
        assert_eq!(server.accepted(), 2);
    }
}

#[test]
fn reset_by_the_peer() {
    for kind in kinds() {
        let (_server, address) = Server::start(|mut stream, number| match number {
            // Unread octets make the close a reset.
            0 => {
                stream.read_exact(&mut [0; 4]).unwrap();
            }
            _ => repeat(OK, 100)(stream, number),
        });
        let mut engine = Engine::open(&options(kind, address)).unwrap();
        assert_eq!(
            ask(&mut engine, Route::Any, GET),
            Outcome::Connection,
            "{kind}"
        );
        assert_eq!(ask(&mut engine, Route::Any, GET), Outcome::ok(), "{kind}");
        assert_eq!(engine.reconnects(), 1);
    }
}

fn upload(length: usize) -> Vec<u8> {
    let head = format!("POST / HTTP/1.1\r\nContent-Length: {length}\r\n\r\n");
    [head.into_bytes(), vec![b'u'; length]].concat()
}

#[test]
fn a_request_in_many_parts() {
    const LENGTH: usize = 16 * 1024 * 1024;
    for kind in kinds() {
        let (_server, address) = Server::start(|mut stream, _| {
            while head(&mut stream).is_some() {
                let mut content = vec![0; LENGTH];
                stream.read_exact(&mut content).unwrap();
                assert!(content.iter().all(|byte| *byte == b'u'));
                stream.write_all(OK.as_bytes()).unwrap();
            }
        });
        let mut engine = Engine::open(&options(kind, address)).unwrap();
        for _ in 0..2 {
            assert_eq!(
                ask(&mut engine, Route::Any, &upload(LENGTH)),
                Outcome::ok(),
                "{kind}"
            );
        }
        assert_eq!(engine.reconnects(), 0);
    }
}

#[test]
fn an_answer_before_the_request_is_through() {
    for kind in kinds() {
        let (_server, address) = Server::start(|mut stream, number| match number {
            0 => {
                head(&mut stream);
                stream
                    .write_all(b"HTTP/1.1 413 Much\r\nContent-Length: 0\r\n\r\n")
                    .unwrap();
                linger_unread(&stream);
            }
            _ => repeat(OK, 100)(stream, number),
        });
        let mut engine = Engine::open(&options(kind, address)).unwrap();
        let outcome = ask(&mut engine, Route::Any, &upload(64 * 1024 * 1024));
        assert!(
            matches!(
                outcome,
                Outcome::Answered {
                    status: 413,
                    keep_alive: false,
                    ..
                }
            ),
            "{kind}: {outcome:?}"
        );
        assert_eq!(ask(&mut engine, Route::Any, GET), Outcome::ok(), "{kind}");
        assert_eq!(engine.reconnects(), 1);
    }
}

/// Holds the connection without reading until the client is gone, as a write
/// shows.
fn linger_unread(mut stream: &TcpStream) {
    for _ in 0..1_000 {
        std::thread::sleep(std::time::Duration::from_millis(2));
        if stream.peek(&mut [0]).is_err() || stream.write(b" ").is_err() {
            return;
        }
    }
}

#[test]
fn dropped_with_requests_on_their_way() {
    for kind in kinds() {
        let (gone, is_gone) = std::sync::mpsc::channel();
        let (_server, address) = Server::start(move |mut stream, _| {
            linger(&mut stream);
            gone.send(()).unwrap();
        });
        let mut engine = Engine::open(&options(kind, address)).unwrap();
        engine.send(Route::Any, 7_u32, |out| {
            out.extend_from_slice(&upload(4_000));
        });
        engine.wait(second() - 990_000_000).unwrap();
        assert!(engine.next_done().is_none());
        drop(engine);
        is_gone.recv().unwrap();
    }
}
