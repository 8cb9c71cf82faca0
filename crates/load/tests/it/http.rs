//! HTTP as the scripted server speaks it.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

/// How answers are framed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Framing {
    Length,
    /// In chunks, each octet of them written by itself.
    ChunkedDribble,
    /// With `Connection: close`, and closed.
    Closing,
    /// Ended by closing.
    ToTheEnd,
}

pub(crate) struct Request {
    pub(crate) method_and_path: String,
    pub(crate) credential: Option<String>,
    pub(crate) body: String,
}

pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) cookie: Option<String>,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) fn json(body: &serde_json::Value) -> Self {
        Self {
            status: 200,
            cookie: None,
            body: body.to_string(),
        }
    }

    pub(crate) fn status(status: u16) -> Self {
        Self {
            status,
            cookie: None,
            body: String::new(),
        }
    }
}

pub(crate) fn next_request(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<Request> {
    loop {
        let mut headers = [httparse::EMPTY_HEADER; 32];
        let mut parsed = httparse::Request::new(&mut headers);
        if let Ok(httparse::Status::Complete(length)) = parsed.parse(buffer) {
            let field = |name: &str| {
                let mut found = parsed
                    .headers
                    .iter()
                    .filter(|header| header.name.eq_ignore_ascii_case(name));
                let value = found
                    .next()
                    .map(|header| std::str::from_utf8(header.value).unwrap());
                assert!(found.next().is_none(), "{name} twice");
                value
            };
            assert!(field("host").unwrap().starts_with("127.0.0.1:"));
            let body_bytes = field("content-length").map_or(0, |text| text.parse().unwrap());
            if buffer.len() >= length + body_bytes {
                let method = parsed.method.unwrap();
                let cookie = field("cookie").and_then(|text| text.strip_prefix("__Host-auth="));
                if cookie.is_some() && method != "GET" {
                    assert_eq!(field("sec-fetch-site"), Some("same-origin"));
                }
                let bearer = field("authorization").and_then(|text| text.strip_prefix("Bearer "));
                let request = Request {
                    method_and_path: format!("{method} {}", parsed.path.unwrap()),
                    credential: cookie.or(bearer).map(str::to_owned),
                    body: String::from_utf8(buffer[length..length + body_bytes].to_vec()).unwrap(),
                };
                buffer.drain(..length + body_bytes);
                return Some(request);
            }
        }
        let mut piece = [0; 4096];
        match stream.read(&mut piece) {
            Ok(0) | Err(_) => return None,
            Ok(count) => buffer.extend_from_slice(&piece[..count]),
        }
    }
}

/// Whether the connection goes on.
pub(crate) fn write(stream: &mut TcpStream, reply: &Reply, framing: Framing) -> bool {
    let cookie = reply.cookie.as_ref().map_or_else(String::new, |token| {
        format!("Set-Cookie: __Host-auth={token}; Path=/; Secure\r\n")
    });
    let head = format!("HTTP/1.1 {} X\r\n{cookie}", reply.status);
    let body = &reply.body;
    let length = format!("Content-Length: {}\r\n", body.len());
    match framing {
        Framing::Length => stream
            .write_all(format!("{head}{length}\r\n{body}").as_bytes())
            .is_ok(),
        Framing::ChunkedDribble => {
            let (first, second) = body.split_at(body.len() / 2);
            let mut text = format!("{head}Transfer-Encoding: chunked\r\n\r\n");
            for chunk in [first, second]
                .into_iter()
                .filter(|chunk| !chunk.is_empty())
            {
                text.push_str(&format!("{:x}\r\n{chunk}\r\n", chunk.len()));
            }
            text.push_str("0\r\n\r\n");
            text.as_bytes()
                .chunks(1)
                .all(|octet| stream.write_all(octet).is_ok())
        }
        Framing::Closing => {
            let text = format!("{head}Connection: close\r\n{length}\r\n{body}");
            let _ = stream.write_all(text.as_bytes());
            false
        }
        Framing::ToTheEnd => {
            let _ = stream.write_all(format!("{head}\r\n{body}").as_bytes());
            false
        }
    }
}
