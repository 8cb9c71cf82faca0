//! A server that dies, and comes back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use authbench_core::{RecordStore as _, StoreFault};
use authbench_lab::services::{Append, RedisOptions, Server};
use authbench_stores::RedisStore;
use tokio::task::JoinSet;

use super::{ask, insert, key, raw, record, settings};

/// A test that hangs has failed, whatever the machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// Calls until it works.
async fn heals(store: &RedisStore) {
    while store.get(&key(0)).await.is_err() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_is_an_error_and_not_a_wait_and_heals() {
    let mut server = Server::redis(RedisOptions::default()).unwrap();
    let store = Arc::new(RedisStore::open(settings(server.url())).await.unwrap());
    insert(&store, 0, &record("u", 1)).await;
    let stopped = Arc::new(AtomicBool::new(false));
    let mut traffic = JoinSet::new();
    for n in 0..32 {
        let (store, stopped) = (Arc::clone(&store), Arc::clone(&stopped));
        traffic.spawn(async move {
            let mut faults = Vec::new();
            while !stopped.load(Ordering::SeqCst) {
                let done = if n % 2 == 0 {
                    store.get(&key(n)).await.map(drop)
                } else {
                    store.delete(&key(n)).await.map(drop)
                };
                faults.extend(done.err().map(|error| error.fault));
                tokio::task::yield_now().await;
            }
            faults
        });
    }
    tokio::time::sleep(Duration::from_millis(50)).await;
    tokio::task::block_in_place(|| server.kill()).unwrap();
    // Each of these is answered, and none by a record.
    for _ in 0..20 {
        assert_eq!(
            store.get(&key(0)).await.unwrap_err().fault,
            StoreFault::Unreachable
        );
        assert_eq!(
            store.delete(&key(0)).await.unwrap_err().fault,
            StoreFault::Unreachable
        );
    }
    tokio::task::block_in_place(|| server.restart()).unwrap();
    tokio::time::timeout(PATIENCE, heals(&store)).await.unwrap();
    stopped.store(true, Ordering::SeqCst);
    let faults = tokio::time::timeout(PATIENCE, traffic.join_all())
        .await
        .unwrap();
    for faults in faults {
        assert!(!faults.is_empty(), "a task saw no outage");
        assert!(
            faults.iter().all(|fault| *fault == StoreFault::Unreachable),
            "{faults:?}"
        );
    }
    insert(&store, 0, &record("u", 1)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_do_not_see_a_restart_between_two_reads() {
    let append = Append::Always;
    let mut server = Server::redis(RedisOptions { append }).unwrap();
    let store = RedisStore::open(settings(server.url())).await.unwrap();
    insert(&store, 0, &record("u", 1)).await;
    for _ in 0..3 {
        tokio::task::block_in_place(|| server.kill()).unwrap();
        tokio::task::block_in_place(|| server.restart()).unwrap();
        assert_eq!(store.get(&key(0)).await.unwrap(), Some(record("u", 1)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_writes_survive_a_kill_where_the_log_is_synced() {
    const RECORDS: usize = 400;
    let append = Append::Always;
    let mut server = Server::redis(RedisOptions { append }).unwrap();
    let store = Arc::new(RedisStore::open(settings(server.url())).await.unwrap());
    for n in 0..RECORDS {
        insert(&store, n, &record("u", 1)).await;
    }
    let mut deleting = JoinSet::new();
    for first in 0..8 {
        let store = Arc::clone(&store);
        deleting.spawn(async move {
            let mut acknowledged = Vec::new();
            for n in (first..RECORDS).step_by(8) {
                match store.delete(&key(n)).await {
                    Ok(true) => acknowledged.push(n),
                    Ok(false) => panic!("{n} was not there"),
                    Err(_) => break,
                }
            }
            acknowledged
        });
    }
    while store.get(&key(16)).await.unwrap().is_some() {
        tokio::task::yield_now().await;
    }
    tokio::task::block_in_place(|| server.kill()).unwrap();
    let acknowledged = deleting.join_all().await.concat();
    tokio::task::block_in_place(|| server.restart()).unwrap();
    tokio::time::timeout(PATIENCE, heals(&store)).await.unwrap();
    assert!(
        !acknowledged.is_empty(),
        "killed too early to tell anything"
    );
    for n in &acknowledged {
        assert_eq!(store.get(&key(*n)).await.unwrap(), None, "{n} is back");
    }
    // Each task may have had one deletion under way.
    let left = store
        .list_by_subject(&record("u", 1).subject)
        .await
        .unwrap()
        .len();
    let expected = RECORDS - acknowledged.len();
    assert!(
        (expected - 8..=expected).contains(&left),
        "{left} of {expected}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_has_no_room_for_us_is_tried_again() {
    let server = Server::redis(RedisOptions::default()).unwrap();
    let store = RedisStore::open(settings(server.url())).await.unwrap();
    let mut admin = raw(server.url()).await;
    let _: () = ask(&mut admin, "CONFIG SET maxclients 1").await;
    let killed: u64 = ask(&mut admin, "CLIENT KILL TYPE normal").await;
    assert_eq!(killed, 1);
    for _ in 0..3 {
        store.get(&key(0)).await.unwrap_err();
    }
    let _: () = ask(&mut admin, "CONFIG SET maxclients 100").await;
    tokio::time::timeout(PATIENCE, heals(&store)).await.unwrap();
}
