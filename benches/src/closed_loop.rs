//! A closed loop over keep-alive connections: as plain as can be, so that all
//! servers of a comparison see the very same client. It measures nothing by
//! itself; the server's CPU is read from outside. Not for latencies: a closed
//! loop hides the time that requests would have waited.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use anyhow::{Context as _, Result, bail, ensure};

struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
}

/// Sends `request` over `connections` connections until `requests` answers have
/// come, each connection waiting for its answer before it asks again. Every
/// answer must be a 200 with a body of the same length.
///
/// # Errors
/// When the server cannot be reached, closes a connection, or answers
/// otherwise.
pub fn drive(address: SocketAddr, request: &[u8], connections: usize, requests: u64) -> Result<()> {
    let mut lines = Vec::with_capacity(connections);
    for _ in 0..connections {
        let stream = TcpStream::connect(address).context("the server cannot be reached")?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        lines.push(Connection {
            stream,
            received: Vec::with_capacity(4096),
        });
    }
    for line in &mut lines {
        line.stream.write_all(request)?;
    }
    let mut buffer = [0_u8; 16 * 1024];
    let mut answered = 0;
    while answered < requests {
        for line in &mut lines {
            match line.stream.read(&mut buffer) {
                Ok(0) => bail!("the server closed a connection"),
                Ok(length) => line.received.extend_from_slice(&buffer[..length]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
                Err(error) => return Err(error).context("a connection broke"),
            }
            if let Some(length) = complete(&line.received)? {
                ensure!(
                    length == line.received.len(),
                    "more than one answer to one request"
                );
                line.received.clear();
                answered += 1;
                line.stream.write_all(request)?;
            }
        }
    }
    Ok(())
}

/// One request on a connection of its own; the whole answer as text.
///
/// # Errors
/// When the server cannot be reached or does not answer with a 200.
pub fn ask(address: SocketAddr, request: &[u8]) -> Result<String> {
    let mut stream = TcpStream::connect(address).context("the server cannot be reached")?;
    stream.write_all(request)?;
    let mut received = Vec::new();
    let mut buffer = [0_u8; 4096];
    loop {
        let length = stream.read(&mut buffer)?;
        ensure!(length > 0, "the server closed the connection");
        received.extend_from_slice(&buffer[..length]);
        if complete(&received)?.is_some() {
            return Ok(String::from_utf8_lossy(&received).into_owned());
        }
    }
}

/// The length of the answer at the beginning of `received`, once it is whole.
fn complete(received: &[u8]) -> Result<Option<usize>> {
    let Some(head) = received.windows(4).position(|four| four == b"\r\n\r\n") else {
        return Ok(None);
    };
    let text = std::str::from_utf8(&received[..head]).context("a head that is not text")?;
    ensure!(
        text.starts_with("HTTP/1.1 200"),
        "not a 200: {}",
        text.lines().next().unwrap_or("")
    );
    let body = text
        .lines()
        .find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length")
                .then(|| value.trim().parse::<usize>())
        })
        .context("an answer without Content-Length")??;
    let length = head + 4 + body;
    Ok((received.len() >= length).then_some(length))
}
