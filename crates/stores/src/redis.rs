//! Records in Redis, over one connection that all operations share.
//!
//! Under the store's prefix, `r:` and a digest is a record, and `s:` and a
//! subject is the index of that subject's records: a hash whose fields are
//! digests, because Redis packs small hashes tightest. A read is a plain
//! `GET`; whatever must be atomic is one script on the server, in one round
//! trip.
//!
//! Keys have lifetimes only so that Redis collects garbage by itself: a record
//! stays for as long as it has left from its latest use to its expiry, and
//! `garbage_after_ms` more, by the server's clock, and an index as long as the
//! longest of its records. Callers compare instants, which may be of another
//! clock.

mod answers;
mod codec;
mod link;
mod records;
mod script;
mod server;
mod settings;
mod uses;
mod wire;

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use authbench_core::{
    Digest, Durability, Record, RecordStore as _, StoreError, StoreFault, SubjectId,
};
use redis::{Cmd, Value};

use crate::inspect::Inspect;
use crate::traffic::{HasTraffic, Traffic};
use answers::{error, failed};
pub(crate) use link::{Link, Repeat, client, fault_of};
pub use settings::RedisSettings;
use uses::LatestUses;

/// The longest lifetime of a key, over two thousand years; Redis refuses those
/// that end beyond its calendar.
const LIFETIME_MS_MAX: u64 = 1 << 46;

/// Keys that a purge looks at in one step, during which the server does
/// nothing else: some tenths of a millisecond.
const PAGE_KEYS: u32 = 250;

/// Keeps records in Redis 6.2 or newer, or one of its kin that speaks RESP3 and
/// runs Lua.
///
/// A lost connection is made anew by the next operation. An operation that
/// meets the loss fails, unless it can be repeated without harm. It takes at
/// most two timeouts, or four if repeated.
#[derive(Debug)]
pub struct RedisStore {
    link: Link,
    record_prefix: Vec<u8>,
    index_prefix: Vec<u8>,
    durability: Durability,
    garbage_after_ms: u64,
    /// Where the next purge begins: a cursor of `SCAN`.
    sweep: AtomicU64,
    uses: LatestUses,
}

/// The server keeps no state when it should keep records.
#[derive(Debug, thiserror::Error)]
#[error("`stateless` is no durability of a store")]
struct StatelessStore;

impl RedisStore {
    /// Connects, and asks the server whether and how well it can keep the
    /// store's promises. That is not asked again: who changes the server's
    /// configuration afterwards changes what the promises are worth.
    ///
    /// # Errors
    /// [`StoreError`] if the server cannot be reached, or refuses the login, or
    /// is a replica, part of a cluster, older than 6.2, or set to drop keys
    /// when memory is short.
    pub async fn open(settings: RedisSettings) -> Result<Self, StoreError> {
        const OPERATION: &str = "open";
        let RedisSettings {
            url,
            prefix,
            timeout_ms,
            durability,
            garbage_after_ms,
            tcp_nodelay,
            known_uses,
        } = settings;
        let timeout = Duration::from_millis(timeout_ms.get().into());
        let link = Link::new(&url, timeout, tcp_nodelay).map_err(failed(OPERATION))?;
        let info = link.ask(&redis::cmd("INFO"), Repeat::Harmless).await;
        let info: String = redis::from_redis_value(info.map_err(failed(OPERATION))?)
            .map_err(|error| failed(OPERATION)(error.into()))?;
        server::Info::parse(&info)
            .check()
            .map_err(|unfit| error(OPERATION, StoreFault::Rejected, unfit))?;
        let durability = match durability {
            Some(Durability::Stateless) => {
                return Err(error(OPERATION, StoreFault::Rejected, StatelessStore));
            }
            Some(stated) => stated,
            None => ask_durability(&link).await?,
        };
        Ok(Self {
            link,
            record_prefix: [prefix.as_bytes(), b"r:"].concat(),
            index_prefix: [prefix.as_bytes(), b"s:"].concat(),
            durability,
            garbage_after_ms,
            sweep: AtomicU64::new(0),
            uses: LatestUses::new(known_uses),
        })
    }

    /// Deletes everything under the store's prefix, in several steps: records
    /// that are inserted meanwhile may stay.
    ///
    /// # Errors
    /// [`StoreError`] as with every operation.
    pub async fn clear(&self) -> Result<(), StoreError> {
        const OPERATION: &str = "clear the store";
        for prefix in [&self.record_prefix, &self.index_prefix] {
            let mut cursor = 0;
            loop {
                let (next, keys) = self.page(OPERATION, prefix, cursor).await?;
                if !keys.is_empty() {
                    let mut unlink = redis::cmd("UNLINK");
                    unlink.arg(keys);
                    let unlinked = self.link.ask(&unlink, Repeat::Harmless).await;
                    unlinked.map_err(failed(OPERATION))?;
                }
                cursor = next;
                if cursor == 0 {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Some of the keys that begin with `prefix`, and the cursor of the next
    /// page, 0 after the last one.
    async fn page(
        &self,
        operation: &'static str,
        prefix: &[u8],
        cursor: u64,
    ) -> Result<(u64, Vec<Vec<u8>>), StoreError> {
        let mut scan = redis::cmd("SCAN");
        scan.arg(cursor).arg("MATCH").arg(pattern(prefix));
        scan.arg("COUNT").arg(PAGE_KEYS);
        let page = self.link.ask(&scan, Repeat::Harmless).await;
        redis::from_redis_value(page.map_err(failed(operation))?)
            .map_err(|error| failed(operation)(error.into()))
    }

    fn record_key(&self, key: &Digest) -> Vec<u8> {
        [self.record_prefix.as_slice(), &key.0].concat()
    }

    fn index_key(&self, subject: &SubjectId) -> Vec<u8> {
        [self.index_prefix.as_slice(), subject.as_str().as_bytes()].concat()
    }

    /// For how long Redis keeps the record, in milliseconds.
    fn lifetime_ms(&self, record: &Record) -> u64 {
        let used_at = record.issued_at.max(record.used_at);
        let left_ms = record.expires_at.since(used_at);
        left_ms
            .saturating_add(self.garbage_after_ms)
            .clamp(1, LIFETIME_MS_MAX)
    }

    async fn run(
        &self,
        operation: &'static str,
        script: &script::Script,
        call: &Cmd,
        repeat: Repeat,
    ) -> Result<Value, StoreError> {
        let answer = self.link.run(script, call, repeat).await;
        answer.map_err(failed(operation))
    }
}

async fn ask_durability(link: &Link) -> Result<Durability, StoreError> {
    let mut command = redis::cmd("CONFIG");
    command.arg("GET").arg("*append*");
    match link.ask(&command, Repeat::Harmless).await {
        Ok(config) => Ok(server::durability(config)),
        Err(error) if fault_of(&error) == StoreFault::Rejected => Ok(Durability::None),
        Err(error) => Err(failed("open")(error)),
    }
}

impl HasTraffic for RedisStore {
    fn traffic(&self) -> Option<Traffic> {
        Some(self.link.traffic())
    }
}

impl Inspect for RedisStore {
    async fn records(&self) -> Result<Vec<(Digest, Record)>, StoreError> {
        const OPERATION: &str = "read all records";
        // A walk may show a key twice.
        let mut found = std::collections::BTreeMap::new();
        let mut cursor = 0;
        loop {
            let (next, names) = self.page(OPERATION, &self.record_prefix, cursor).await?;
            let keys = names.iter().map(|name| {
                let digest = &name[self.record_prefix.len()..];
                let digest = digest.try_into().map(Digest);
                digest.map_err(|length| error(OPERATION, StoreFault::Corrupt, length))
            });
            let keys: Vec<Digest> = keys.collect::<Result<_, _>>()?;
            let records = self.get_many(&keys).await?;
            let there = keys.into_iter().zip(records);
            found.extend(there.filter_map(|(key, record)| Some((key, record?))));
            cursor = next;
            if cursor == 0 {
                return Ok(found.into_iter().collect());
            }
        }
    }

    async fn wipe(&self) -> Result<(), StoreError> {
        self.clear().await
    }
}

/// A pattern that matches what begins with `prefix` and nothing else.
fn pattern(prefix: &[u8]) -> Vec<u8> {
    let mut pattern = Vec::with_capacity(prefix.len() + 1);
    for octet in prefix {
        if b"*?[]^-\\".contains(octet) {
            pattern.push(b'\\');
        }
        pattern.push(*octet);
    }
    pattern.push(b'*');
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_their_prefix_only() {
        assert_eq!(pattern(b"a*[b]?\\:"), br"a\*\[b\]\?\\:*");
    }
}
