//! Ports for servers that may be down for a while.

use std::net::{Ipv4Addr, TcpListener};

use authbench_core::entropy::{Entropy as _, EntropyError};
use authbench_core::system::OsEntropy;

/// Below the ports that the kernel gives to clients: a client that knocks at the port of a server
/// that is down could else be given that very port, and be connected to itself.
const PORTS: (u16, u16) = (20_000, 32_000);

/// A loopback port from 20000 to 31999 that was free a moment ago, for a server that is to come
/// back on it after a crash. The kernel gives it to no client meanwhile; another server may take
/// it.
///
/// # Errors
/// [`EntropyError`] when the system gives no random octets.
pub fn free_port() -> Result<u16, EntropyError> {
    loop {
        let mut octets = [0; 2];
        OsEntropy.fill(&mut octets)?;
        let port = PORTS.0 + u16::from_le_bytes(octets) % (PORTS.1 - PORTS.0);
        if is_free(port) {
            return Ok(port);
        }
    }
}

pub(crate) fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}
