//! What the store asks of its server, and what it promises for it.

use std::num::NonZeroU32;

use authbench_core::{Durability, RecordStore as _, StoreFault};
use authbench_lab::services::Server;
use authbench_lab::services::{Append, RedisOptions};
use authbench_stores::{HasTraffic as _, RedisSettings, RedisStore, Traffic};

use super::{EVERY, UnixMs, ask, insert, key, raw, record, settings};

async fn refused(settings: RedisSettings) -> StoreFault {
    RedisStore::open(settings).await.unwrap_err().fault
}

#[tokio::test]
async fn durability_is_read_from_the_server() {
    for (append, expected) in [
        (Append::Never, Durability::None),
        (Append::EverySecond, Durability::None),
        (Append::Always, Durability::Disk),
    ] {
        let server = Server::redis(RedisOptions { append }).unwrap();
        let store = RedisStore::open(settings(server.url())).await.unwrap();
        assert_eq!(store.promises().durability, expected, "{append:?}");
    }
}

#[tokio::test]
async fn durability_is_stated_where_the_server_does_not_tell() {
    let server = Server::redis(RedisOptions {
        append: Append::Always,
    })
    .unwrap();
    let mut admin = raw(server.url()).await;
    let _: () = ask(&mut admin, "ACL SETUSER app on >secret ~* &* +@all -config").await;
    let url = format!("redis://app:secret@127.0.0.1:{}/0", server.port());
    for (stated, expected) in [
        (None, Durability::None),
        (Some(Durability::Disk), Durability::Disk),
        (Some(Durability::ProcessCrash), Durability::ProcessCrash),
    ] {
        let settings = RedisSettings {
            durability: stated,
            ..settings(&url)
        };
        let store = RedisStore::open(settings).await.unwrap();
        assert_eq!(store.promises().durability, expected);
    }
    let durability = Some(Durability::Stateless);
    let settings = RedisSettings {
        durability,
        ..settings(&url)
    };
    assert_eq!(refused(settings).await, StoreFault::Rejected);
}

#[tokio::test]
async fn servers_that_would_break_promises_are_refused() {
    let server = Server::redis(RedisOptions::default()).unwrap();
    let mut admin = raw(server.url()).await;
    let _: () = ask(
        &mut admin,
        "CONFIG SET maxmemory 1gb maxmemory-policy volatile-lru",
    )
    .await;
    assert_eq!(refused(settings(server.url())).await, StoreFault::Rejected);
    let _: () = ask(&mut admin, "CONFIG SET maxmemory-policy noeviction").await;
    RedisStore::open(settings(server.url())).await.unwrap();
    let _: () = ask(&mut admin, "REPLICAOF 127.0.0.1 1").await;
    assert_eq!(refused(settings(server.url())).await, StoreFault::Rejected);
}

#[tokio::test]
async fn what_cannot_be_reached_is_told_apart() {
    let server = Server::redis(RedisOptions::default()).unwrap();
    let stranger = format!("redis://:wrong@127.0.0.1:{}/0", server.port());
    assert_eq!(refused(settings(&stranger)).await, StoreFault::Rejected);
    assert_eq!(refused(settings("no url")).await, StoreFault::Rejected);

    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("redis://{}/0", silent.local_addr().unwrap());
    let timeout_ms = NonZeroU32::new(50).unwrap();
    let patient = RedisSettings {
        timeout_ms,
        ..settings(&url)
    };
    assert_eq!(refused(patient).await, StoreFault::TimedOut);
    drop(silent);
    assert_eq!(refused(settings(&url)).await, StoreFault::Unreachable);
}

/// What the store counts is what the server counts.
#[tokio::test]
async fn traffic_is_what_the_server_sees() {
    let server = Server::redis(RedisOptions::default()).unwrap();
    let store = RedisStore::open(settings(server.url())).await.unwrap();
    let mut admin = raw(server.url()).await;
    let act = async || {
        insert(&store, 0, &record("u", 1)).await;
        for n in 0..20 {
            store.get(&key(n)).await.unwrap();
        }
        store.get_many(&[key(0), key(1)]).await.unwrap();
        store
            .get_touched(&key(0), UnixMs(5_000), EVERY)
            .await
            .unwrap();
        let _ = store.rotate(&key(0), 0, UnixMs(6_000)).await.unwrap();
        store
            .list_by_subject(&record("u", 1).subject)
            .await
            .unwrap();
        store.delete(&key(0)).await.unwrap();
    };
    // Once more, with errors and loading of scripts in it, and once without.
    for _ in 0..2 {
        let (said, before) = seen(&mut admin).await;
        let told = store.traffic().unwrap();
        act().await;
        let told = store.traffic().unwrap().since(told);
        let (_, after) = seen(&mut admin).await;
        // The first answer went out after it was made, the second question
        // came in before.
        let question = "*2\r\n$4\r\nINFO\r\n$5\r\nstats\r\n".len() as u64;
        assert_eq!(told.octets_sent, after.0 - before.0 - question);
        assert_eq!(told.octets_received, after.1 - before.1 - said);
    }
    let none = Traffic::default();
    assert_eq!(none.since(store.traffic().unwrap()), none);
}

/// The length of the answer on the wire, and the octets in and out that it
/// tells of.
async fn seen(admin: &mut redis::aio::MultiplexedConnection) -> (u64, (u64, u64)) {
    let info: String = ask(admin, "INFO stats").await;
    let count = |name: &str| -> u64 {
        let line = info.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap().trim_end().parse().unwrap()
    };
    let octets = format!("${}\r\n{info}\r\n", info.len()).len() as u64;
    (
        octets,
        (
            count("total_net_input_bytes:"),
            count("total_net_output_bytes:"),
        ),
    )
}
