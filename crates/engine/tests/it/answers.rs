//! Answers that are well-formed, however they come.

use std::io::Write as _;

use authbench_engine::{Engine, EngineOptions, Route};

use crate::server::{GET, OK, Outcome, Server, ask, head, kinds, options, outcome, repeat, second};

/// Status, content and whether the connection stays.
fn expect(answer: &str, piece: usize, expected: (u16, &[u8], bool)) {
    let reconnects = 3 * u64::from(!expected.2);
    for kind in kinds() {
        let (server, address) = Server::start(repeat(answer, piece));
        let mut engine = Engine::open(&options(kind, address)).unwrap();
        assert_eq!(engine.kind(), kind);
        for _ in 0..3 {
            let expected = Outcome::Answered {
                status: expected.0,
                body: expected.1.to_vec(),
                keep_alive: expected.2,
                wire_bytes: answer.len() as u64,
            };
            assert_eq!(ask(&mut engine, Route::Any, GET), expected, "{kind}");
        }
        assert_eq!(engine.reconnects(), reconnects, "{kind}");
        if reconnects == 0 {
            assert_eq!(server.accepted(), 1, "{kind}");
        }
    }
}

#[test]
fn by_length() {
    expect(OK, 1_000, (200, b"ok", true));
}

#[test]
fn octet_by_octet() {
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\na b\r\n1\r\nc\r\n0\r\nT: 1\r\n\r\n";
    expect(chunked, 1, (200, b"a bc", true));
    expect(OK, 1, (200, b"ok", true));
}

#[test]
fn interim_responses_and_none() {
    let interim = "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 404 No\r\nContent-Length: 1\r\n\r\n!";
    expect(interim, 1_000, (404, b"!", true));
    expect(interim, 7, (404, b"!", true));
    expect("HTTP/1.1 204 None\r\n\r\n", 1_000, (204, b"", true));
}

#[test]
fn the_last_one_on_its_connection() {
    let closing = "HTTP/1.1 401 No\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno";
    expect(closing, 1_000, (401, b"no", false));
    expect(
        "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
        9,
        (200, b"", false),
    );
}

#[test]
fn larger_than_any_buffer() {
    let body = "0123456789abcdef".repeat(64 * 1024);
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    expect(&answer, 100_000, (200, body.as_bytes(), true));
}

/// More at once than there are buffers for.
#[test]
fn from_many_connections_at_once() {
    const CONNECTIONS: u32 = 40;
    let body = "x".repeat(300_000);
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    for kind in kinds() {
        let (server, address) = Server::start(repeat(&answer, usize::MAX));
        let options = EngineOptions {
            connections: CONNECTIONS,
            ..options(kind, address)
        };
        let mut engine = Engine::open(&options).unwrap();
        let (mut sent, mut answered) = (0, 0);
        while answered < 2 * CONNECTIONS {
            while sent < 2 * CONNECTIONS
                && engine
                    .send(Route::Any, 7, |out| out.extend_from_slice(GET))
                    .is_some()
            {
                sent += 1;
            }
            engine.wait(second()).unwrap();
            while let Some(outcome) = outcome(&mut engine) {
                assert!(
                    matches!(outcome, Outcome::Answered { ref body, .. } if body.len() == 300_000)
                );
                answered += 1;
            }
        }
        assert_eq!(
            (engine.reconnects(), server.accepted()),
            (0, CONNECTIONS as usize)
        );
    }
}

#[test]
fn ended_by_closing() {
    for kind in kinds() {
        let (_server, address) = Server::start(|mut stream, _| {
            head(&mut stream);
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\nto ").unwrap();
            stream.write_all(b"the end").unwrap();
        });
        let mut engine = Engine::open(&options(kind, address)).unwrap();
        for _ in 0..2 {
            let expected = Outcome::Answered {
                status: 200,
                body: b"to the end".to_vec(),
                keep_alive: false,
                wire_bytes: 29,
            };
            assert_eq!(ask(&mut engine, Route::Any, GET), expected, "{kind}");
        }
        assert_eq!(engine.reconnects(), 2);
    }
}
