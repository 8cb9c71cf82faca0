//! One exchange through hyper: the octets of a request in, the parts of an
//! answer out.

use std::error::Error as _;
use std::io;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::{Request, Response, Version};

use super::link::{Body, Protocol, Sender};
use crate::broken::Broken;
use crate::cookies;
use crate::http1::{Answer, BODY_BYTES_MAX, Malformed};

/// The most header fields of a request.
const HEADERS_MAX: usize = 64;

/// Reads a whole HTTP/1.1 request. For HTTP/2 the host moves into the target,
/// whose scheme is `scheme` (RFC 9113 8.3.1).
///
/// # Errors
/// `InvalidInput` when the octets are none.
pub(super) fn request(
    octets: &[u8],
    protocol: Protocol,
    scheme: &str,
) -> io::Result<Request<Body>> {
    let mut fields = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut parsed = httparse::Request::new(&mut fields);
    let httparse::Status::Complete(length) = parsed.parse(octets).map_err(invalid)? else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let host = parsed
        .headers
        .iter()
        .find(|field| field.name.eq_ignore_ascii_case("host"))
        .map_or(&b""[..], |field| field.value);
    let target = parsed.path.unwrap_or_default();
    let mut request = Request::builder().method(parsed.method.unwrap_or_default());
    request = match protocol {
        Protocol::Http1 => request.uri(target),
        Protocol::Http2 => {
            let authority = String::from_utf8_lossy(host);
            request
                .version(Version::HTTP_2)
                .uri(format!("{scheme}://{authority}{target}"))
        }
    };
    for field in parsed.headers.iter() {
        let is = |name: &str| field.name.eq_ignore_ascii_case(name);
        // RFC 9113 8.2.2, 8.3.1.
        if protocol == Protocol::Http1 || !(is("host") || is("connection")) {
            request = request.header(field.name, field.value);
        }
    }
    let content = Bytes::copy_from_slice(&octets[length..]);
    request.body(Body::new(content)).map_err(invalid)
}

/// Sends `request` by `sender`, and writes the answer's field lines and content
/// into `octets`, which are given back with the sender. What depends on the
/// connection, [`Answer::wire_bytes`] and [`Answer::keep_alive`], is not known
/// here.
pub(super) async fn run(
    mut sender: Option<Sender>,
    request: io::Result<Request<Body>>,
    mut octets: Vec<u8>,
) -> (Result<Answer, Broken>, Vec<u8>, Option<Sender>) {
    octets.clear();
    let answer = match (&mut sender, request) {
        (_, Err(error)) => Err(Broken::Connection(error)),
        (None, Ok(_)) => Err(Broken::Closed),
        (Some(sender), Ok(request)) => match sender.send(request).await {
            Ok(response) => answer(response, &mut octets).await,
            Err(error) => Err(broken(error)),
        },
    };
    (answer, octets, sender)
}

async fn answer(response: Response<Incoming>, octets: &mut Vec<u8>) -> Result<Answer, Broken> {
    let (head, mut body) = response.into_parts();
    let mut sets_cookies = false;
    for (name, value) in &head.headers {
        sets_cookies |= cookies::is_set_cookie(name.as_str().as_bytes());
        octets.extend_from_slice(name.as_str().as_bytes());
        octets.extend_from_slice(b": ");
        octets.extend_from_slice(value.as_bytes());
        octets.extend_from_slice(b"\r\n");
    }
    let from = octets.len();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(broken)?.into_data() else {
            continue;
        };
        if octets.len() - from + data.len() > BODY_BYTES_MAX {
            return Err(Broken::Malformed(Malformed::TooLong {
                part: "the content",
                bytes_max: BODY_BYTES_MAX,
            }));
        }
        octets.extend_from_slice(&data);
    }
    Ok(Answer {
        status: head.status.as_u16(),
        keep_alive: false,
        wire_bytes: 0,
        body: from..octets.len(),
        head: 0..from,
        sets_cookies,
    })
}

/// What hyper's words mean here.
fn broken(error: hyper::Error) -> Broken {
    match system_kind(&error) {
        Some(io::ErrorKind::UnexpectedEof) => Broken::Closed,
        Some(io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData) => foreign(error),
        Some(kind) => Broken::Connection(io::Error::new(kind, error)),
        None if error.is_parse() => foreign(error),
        None if error.is_incomplete_message() || error.is_canceled() || error.is_closed() => {
            Broken::Closed
        }
        None => Broken::Connection(io::Error::other(error)),
    }
}

fn foreign(error: hyper::Error) -> Broken {
    Broken::Malformed(Malformed::Foreign(Box::new(error)))
}

/// The kind of the system's error that lies beneath, if one does.
fn system_kind(error: &hyper::Error) -> Option<io::ErrorKind> {
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return Some(error.kind());
        }
        cause = error.source();
    }
    None
}

fn invalid<E: Into<Box<dyn std::error::Error + Send + Sync>>>(error: E) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, error)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PUT: &[u8] =
        b"PUT /me/note?a=1 HTTP/1.1\r\nHost: localhost:80\r\nConnection: keep-alive\r\n\
        Cookie: a=b\r\nContent-Length: 2\r\n\r\n{}";

    #[test]
    fn a_request_keeps_its_parts() {
        let http1 = request(PUT, Protocol::Http1, "http").unwrap();
        assert_eq!(
            (http1.method().as_str(), http1.uri().to_string()),
            ("PUT", "/me/note?a=1".to_owned())
        );
        assert_eq!(http1.headers()["host"], "localhost:80");
        let http2 = request(PUT, Protocol::Http2, "https").unwrap();
        assert_eq!(http2.uri(), "https://localhost:80/me/note?a=1");
        assert_eq!(http2.headers()["cookie"], "a=b");
        assert_eq!(http2.headers().len(), 2, "no host, no connection");
    }

    #[test]
    fn what_is_no_request_is_an_error() {
        for octets in [
            &b""[..],
            b"GET / HT",
            b"GET / HTTP/1.1\r\nHost",
            b"G\0 / HTTP/1.1\r\n\r\n",
        ] {
            let error = request(octets, Protocol::Http1, "http").unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        }
        assert!(
            request(
                b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
                Protocol::Http2,
                "http"
            )
            .is_err()
        );
    }
}
