//! What the server says of itself when a store is opened: whether it can keep
//! the store's promises, and how well.

use std::collections::BTreeMap;

use authbench_core::Durability;
use redis::Value;

/// The server is set up in a way in which the store would break its promises.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(super) enum Unfit {
    /// Reads of a replica lag behind its master.
    #[error("the server is a replica; the store needs the master")]
    Replica,
    /// See [`super::script`].
    #[error("the server is part of a cluster; the store's scripts cannot run there")]
    Cluster,
    /// Whatever it drops of an index or of the records is a revocation that
    /// misses them.
    #[error(
        "the server drops keys when memory is short (maxmemory-policy {policy}); set noeviction"
    )]
    Evicts { policy: String },
    /// `HRANDFIELD` came with 6.2.
    #[error("the server is Redis {version}; the store needs 6.2 or newer")]
    Old { version: String },
}

/// What `INFO` answers, as far as the store looks.
#[derive(Debug)]
pub(super) struct Info<'a>(BTreeMap<&'a str, &'a str>);

impl<'a> Info<'a> {
    pub(super) fn parse(text: &'a str) -> Self {
        let pairs = text.lines().filter_map(|line| line.split_once(':'));
        Self(
            pairs
                .map(|(name, value)| (name, value.trim_end()))
                .collect(),
        )
    }

    fn is(&self, name: &str, value: &str) -> bool {
        self.0.get(name) == Some(&value)
    }

    /// Refuses servers on which the store would not work as promised.
    pub(super) fn check(&self) -> Result<(), Unfit> {
        if self.is("role", "slave") {
            return Err(Unfit::Replica);
        }
        if self.is("cluster_enabled", "1") {
            return Err(Unfit::Cluster);
        }
        if let Some(policy) = self.0.get("maxmemory_policy")
            && *policy != "noeviction"
            && !self.is("maxmemory", "0")
        {
            let policy = (*policy).to_owned();
            return Err(Unfit::Evicts { policy });
        }
        if let Some(version) = self.0.get("redis_version") {
            let mut parts = version
                .split('.')
                .map_while(|part| part.parse::<u32>().ok());
            let version_is_known = parts.next().zip(parts.next());
            if version_is_known.is_some_and(|version| version < (6, 2)) {
                let version = (*version).to_owned();
                return Err(Unfit::Old { version });
            }
        }
        Ok(())
    }
}

/// What the answer to `CONFIG GET *append*` promises of acknowledged writes
/// when the server dies.
///
/// - `appendfsync always`: they are on the disk before the answer (unless
///   `no-appendfsync-on-rewrite` lets a rewrite of the log suspend that).
/// - `appendfsync no`: the system has them before the answer.
/// - `appendfsync everysec`: that holds most of the time, but while the disk
///   is slow to sync, answers go out up to two seconds before the system has
///   the writes (`aof.c`, `flushAppendOnlyFile`). So nothing is promised.
/// - no log, or an answer that is not understood: nothing.
pub(super) fn durability(config: Value) -> Durability {
    let config: BTreeMap<String, String> = redis::from_redis_value(config).unwrap_or_default();
    let is = |name: &str, value: &str| config.get(name).is_some_and(|held| held == value);
    if !is("appendonly", "yes") {
        return Durability::None;
    }
    if is("appendfsync", "always") && is("no-appendfsync-on-rewrite", "no") {
        Durability::Disk
    } else if is("appendfsync", "always") || is("appendfsync", "no") {
        Durability::ProcessCrash
    } else {
        Durability::None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIT: &str = "# Server\r\nredis_version:7.0.15\r\n\r\n# Memory\r\nmaxmemory:0\r\n\
        maxmemory_policy:allkeys-lru\r\n# Replication\r\nrole:master\r\ncluster_enabled:0\r\n";

    #[test]
    fn servers_that_break_promises_are_refused() {
        let check = |from: &str, to: &str| Info::parse(&FIT.replace(from, to)).check();
        assert_eq!(check("", ""), Ok(()));
        assert_eq!(check("role:master", "role:slave"), Err(Unfit::Replica));
        assert_eq!(check("enabled:0", "enabled:1"), Err(Unfit::Cluster));
        let policy = "allkeys-lru".to_owned();
        assert_eq!(
            check("maxmemory:0", "maxmemory:9"),
            Err(Unfit::Evicts { policy })
        );
        let version = "6.0.16".to_owned();
        assert_eq!(check("7.0.15", &version), Err(Unfit::Old { version }));
        for version in ["6.2.0", "10.1.2", "unstable", "255.255.255"] {
            assert_eq!(check("7.0.15", version), Ok(()), "{version}");
        }
        let full = FIT.replace("maxmemory:0", "maxmemory:9");
        assert_eq!(
            Info::parse(&full.replace("allkeys-lru", "noeviction")).check(),
            Ok(())
        );
    }

    #[test]
    fn durability_is_what_the_log_gives() {
        let config = |only: &str, fsync: &str, paused: &str| {
            let text = |text: &str| Value::BulkString(text.as_bytes().to_vec());
            Value::Map(vec![
                (text("appendonly"), text(only)),
                (text("appendfsync"), text(fsync)),
                (text("no-appendfsync-on-rewrite"), text(paused)),
            ])
        };
        for (only, fsync, paused, expected) in [
            ("yes", "always", "no", Durability::Disk),
            ("yes", "always", "yes", Durability::ProcessCrash),
            ("yes", "no", "no", Durability::ProcessCrash),
            ("yes", "everysec", "no", Durability::None),
            ("yes", "sometimes", "no", Durability::None),
            ("no", "always", "no", Durability::None),
        ] {
            assert_eq!(
                durability(config(only, fsync, paused)),
                expected,
                "{only} {fsync} {paused}"
            );
        }
        assert_eq!(durability(Value::Nil), Durability::None);
    }
}
