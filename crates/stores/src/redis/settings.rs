//! How a Redis store is opened.

use std::num::NonZeroU32;

use authbench_core::Durability;
use serde::{Deserialize, Serialize};

use crate::ServerUrl;

/// How a Redis store is opened.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct RedisSettings {
    /// The server, as `redis://[[user]:password@]host[:port][/database]`, or
    /// `redis+unix:///path`.
    pub url: ServerUrl,
    /// What the store's keys begin with. Stores of one prefix share records;
    /// no store touches a key that begins otherwise.
    pub prefix: String,
    /// Milliseconds to wait for a connection, and again for an answer, before
    /// the operation fails as timed out.
    pub timeout_ms: NonZeroU32,
    /// What survives a crash of the server, where the server does not tell
    /// (`CONFIG` is forbidden to the user): none promises nothing then.
    /// [`Durability::Stateless`] is refused.
    pub durability: Option<Durability>,
    /// Milliseconds for which Redis keeps a record beyond its own lifetime.
    pub garbage_after_ms: u64,
    /// Whether the connection sends each request at once (`TCP_NODELAY`)
    /// instead of waiting for the acknowledgement of the one before. Off, as in
    /// the client library: requests then share packets, which on one machine
    /// gives a third more reads a second at concurrency 64. Over a network,
    /// where that wait is a round trip, on.
    pub tcp_nodelay: bool,
    /// Records whose latest use each node remembers, at 8 octets each, so as to
    /// read them at half the cost while no touch is due. Rounded up to a power
    /// of two.
    pub known_uses: u32,
}

impl Default for RedisSettings {
    fn default() -> Self {
        Self {
            url: ServerUrl::from("redis://127.0.0.1:6379/0"),
            prefix: "authbench:".to_owned(),
            timeout_ms: NonZeroU32::new(500).unwrap_or(NonZeroU32::MIN),
            durability: None,
            garbage_after_ms: 24 * 60 * 60 * 1000,
            tcp_nodelay: false,
            known_uses: 1 << 16,
        }
    }
}
