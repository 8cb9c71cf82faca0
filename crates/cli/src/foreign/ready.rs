//! Whether a server answers already.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// How long one try may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// The beginning of an answer that says yes, without the version's last digit.
const YES: (&[u8], &[u8]) = (b"HTTP/1.", b" 200");

/// Whether a GET of `path` is answered with status 200 now.
pub(super) fn answers(address: SocketAddr, path: &str) -> bool {
    first_octets(address, path).is_ok_and(|octets| {
        let (version, rest) = octets.split_at(YES.0.len());
        version == YES.0 && rest[1..].starts_with(YES.1)
    })
}

fn first_octets(address: SocketAddr, path: &str) -> std::io::Result<[u8; 12]> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut octets = [0; 12];
    stream.read_exact(&mut octets)?;
    Ok(octets)
}
