//! Servers that crash (SIGKILL) or are restarted under load: what was acknowledged is there
//! afterwards as the store's promise says, and nodes find back by themselves.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use authbench_core::{
    AnyStore, Durability, Inserted, Record, RecordStore, Rotated, StoreError, StoreFault,
    SubjectId, UnixMs,
};
use authbench_lab::services::{
    Append, LogFlush, MysqlOptions, PostgresOptions, RedisOptions, Server,
};
use tokio::task::{JoinSet, block_in_place, yield_now};

use crate::place::{Place, insert, key, record};

/// Tasks that write.
const WRITERS: usize = 6;
/// What a task has inserted so many of its steps ago it may delete.
const LAG: usize = 10;
/// A test that hangs has failed, whatever the machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// What is there when all acknowledged writes are: generations by the number of the record, none
/// where it was deleted. Records with a write that was not acknowledged are left out.
type Acknowledged = BTreeMap<usize, Option<u32>>;

/// Inserts, rotates and deletes until the first error.
async fn write(store: &AnyStore, writer: usize) -> Acknowledged {
    let mut done = Acknowledged::new();
    for step in 0.. {
        let n = step * WRITERS + writer;
        let Ok(inserted) = noted(store.insert_new(&key(n), &record(1)).await) else {
            break;
        };
        assert_eq!(inserted, Inserted::New, "{n}");
        done.insert(n, Some(0));
        // Every third is left as it was inserted.
        if step % 3 == 0 {
            done.remove(&n);
            let Ok(rotated) = noted(store.rotate(&key(n), 0, UnixMs(2_000)).await) else {
                break;
            };
            assert!(matches!(rotated, Rotated::Done(_)), "{n}: {rotated:?}");
            done.insert(n, Some(1));
        } else if step % 3 == 1 && step > LAG {
            let n = n - LAG * WRITERS;
            done.remove(&n);
            let Ok(was_there) = noted(store.delete(&key(n)).await) else {
                break;
            };
            assert!(was_there, "{n}");
            done.insert(n, None);
        }
    }
    done
}

fn noted<T>(outcome: Result<T, StoreError>) -> Result<T, StoreFault> {
    outcome.map_err(|error| {
        let fault = error.fault;
        let is_outage = matches!(fault, StoreFault::Unreachable | StoreFault::TimedOut);
        assert!(is_outage, "{error}");
        fault
    })
}

/// How a server goes down.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Way {
    Killed,
    Stopped,
}

/// A store after its server went down in the middle of writes, and came back.
struct Aftermath {
    // The server lives as long as somebody looks.
    _server: Server,
    store: Arc<AnyStore>,
    acknowledged: Acknowledged,
}

async fn crash(mut server: Server, place: &Place, way: Way) -> Aftermath {
    let nodes = [
        Arc::new(place.node().await.unwrap()),
        Arc::new(place.node().await.unwrap()),
    ];
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let node = Arc::clone(&nodes[writer % 2]);
        writers.spawn(async move { write(&node, writer).await });
    }
    // Much has been acknowledged by then, of each kind.
    while nodes[0].get(&key(WRITERS * 50)).await.unwrap().is_none() {
        yield_now().await;
    }
    block_in_place(|| match way {
        Way::Killed => server.kill(),
        Way::Stopped => server.stop(),
    })
    .unwrap();
    for node in &nodes {
        let fault = node.get(&key(0)).await.unwrap_err().fault;
        assert_eq!(fault, StoreFault::Unreachable);
    }
    let acknowledged = writers.join_all().await;
    block_in_place(|| server.restart()).unwrap();
    for node in &nodes {
        tokio::time::timeout(PATIENCE, heals(node)).await.unwrap();
    }
    Aftermath {
        _server: server,
        store: Arc::clone(&nodes[1]),
        acknowledged: acknowledged.into_iter().flatten().collect(),
    }
}

/// Calls until it works.
async fn heals(store: &AnyStore) {
    while store.get(&key(0)).await.is_err() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

impl Aftermath {
    /// Every acknowledged write is there.
    async fn keeps_what_was_acknowledged(&self) {
        for (n, generation) in &self.acknowledged {
            let held = self.get(*n).await;
            let held = held.map(|held| held.generation);
            assert_eq!(held, *generation, "record {n}");
        }
        for expected in [None, Some(0), Some(1)] {
            let mut found = self.acknowledged.values();
            assert!(found.any(|found| *found == expected), "{expected:?}");
        }
    }

    /// Whatever is left, the list and the records agree, and writes are done.
    async fn is_sound(&self) {
        let subject = SubjectId::new("u");
        let mut found = Vec::new();
        let numbers = 0..=*self.acknowledged.keys().last().unwrap() + 2 * WRITERS;
        for n in numbers {
            found.extend(self.get(n).await.map(|held| (key(n), held)));
        }
        let mut listed = self.store.list_by_subject(&subject).await.unwrap();
        found.sort_by_key(|(key, _)| *key);
        listed.sort_by_key(|(key, _)| *key);
        assert!(listed == found, "list and records differ");
        let deleted = self.store.delete_by_subject(&subject, None).await.unwrap();
        assert_eq!(deleted, found.len() as u64);
        insert(&*self.store, 0).await;
    }

    async fn get(&self, n: usize) -> Option<Record> {
        self.store.get(&key(n)).await.unwrap()
    }
}

/// A server that is killed keeps as much as the store promises, which is `expected`.
async fn is_killed(server: Server, place: Place, expected: Durability) -> Aftermath {
    let promised = place.node().await.unwrap().promises().durability;
    assert_eq!(promised, expected);
    let aftermath = crash(server, &place, Way::Killed).await;
    if matches!(expected, Durability::Disk | Durability::ProcessCrash) {
        aftermath.keeps_what_was_acknowledged().await;
    }
    aftermath.is_sound().await;
    aftermath
}

/// A server that is asked to end keeps everything, whatever it promises of crashes.
async fn is_stopped(server: Server, place: Place) {
    let aftermath = crash(server, &place, Way::Stopped).await;
    aftermath.keeps_what_was_acknowledged().await;
    aftermath.is_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn private_redis_is_killed() {
    for (append, expected) in [
        (Append::Always, Durability::Disk),
        (Append::EverySecond, Durability::None),
    ] {
        let server = Server::redis(RedisOptions { append }).unwrap();
        let place = Place::on(&server);
        is_killed(server, place, expected).await;
    }
}

/// The promise of nothing is no understatement.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn private_redis_without_a_log_forgets_all_logins() {
    let server = Server::redis(RedisOptions::default()).unwrap();
    let place = Place::on(&server);
    let node = place.node().await.unwrap();
    assert_eq!(node.promises().durability, Durability::None);
    let aftermath = crash(server, &place, Way::Killed).await;
    let left = aftermath.store.list_by_subject(&SubjectId::new("u")).await;
    assert_eq!(left.unwrap(), []);
    aftermath.is_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn private_redis_is_stopped() {
    let append = Append::EverySecond;
    let server = Server::redis(RedisOptions { append }).unwrap();
    let place = Place::on(&server);
    is_stopped(server, place).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn private_postgres_is_killed() {
    for (synchronous_commit, fsync, expected) in [
        (true, true, Durability::Disk),
        (true, false, Durability::ProcessCrash),
        (false, true, Durability::None),
    ] {
        let options = PostgresOptions {
            fsync,
            ..PostgresOptions::default()
        };
        let server = Server::postgres(options).unwrap();
        let place = Place::on(&server).commit(synchronous_commit);
        is_killed(server, place, expected).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn private_postgres_is_stopped() {
    let server = Server::postgres(PostgresOptions::default()).unwrap();
    let place = Place::on(&server).commit(false);
    is_stopped(server, place).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn private_mysql_is_killed() {
    for (log_flush, expected) in [
        (LogFlush::Disk, Durability::Disk),
        (LogFlush::Kernel, Durability::ProcessCrash),
        (LogFlush::EverySecond, Durability::None),
    ] {
        let options = MysqlOptions {
            log_flush,
            ..MysqlOptions::default()
        };
        let server = Server::mysql(options).unwrap();
        let place = Place::on(&server);
        is_killed(server, place, expected).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn private_mysql_is_stopped() {
    let options = MysqlOptions {
        log_flush: LogFlush::EverySecond,
        ..MysqlOptions::default()
    };
    let server = Server::mysql(options).unwrap();
    let place = Place::on(&server);
    is_stopped(server, place).await;
}
