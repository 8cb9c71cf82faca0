//! Networks that fail between a node and its server: an operation ends in an error and in time,
//! never in an answer that nobody gave, and heals with the network.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use authbench_core::{
    AnyStore, Inserted, RecordStore, Rotated, StoreError, StoreFault, SubjectId, Swapped, UnixMs,
};
use authbench_lab::proxy::{Fault, Proxy};
use authbench_lab::services::Service;
use tokio::task::JoinSet;
use tokio::time::error::Elapsed;

use crate::place::{Cleared, EVERY, Place, insert, key, record};

/// A test that hangs has failed, whatever the machine.
const PATIENCE: Duration = Duration::from_secs(60);

const AT: UnixMs = UnixMs(2_000);

const FAULTS: [Fault; 4] = [
    Fault::Refuse,
    Fault::Hang,
    Fault::DropAnswer,
    Fault::TruncateAnswer,
];

/// A place on the shared server, one node behind a proxy, and one that sees the truth.
struct Setting {
    proxy: Proxy,
    node: AnyStore,
    truth: AnyStore,
    _place: Cleared,
}

impl Setting {
    async fn on(service: Service) -> Self {
        let mut place = Place::on_shared(service);
        let proxy = Proxy::start(address(&place.url)).unwrap();
        let truth = place.node().await.unwrap();
        // Short, for hanging networks are waited for; long enough to connect in on a busy machine.
        place.timeout_ms = 1_000;
        let node = place.through(&proxy).node().await.unwrap();
        Self {
            proxy,
            node,
            truth,
            _place: Cleared(place),
        }
    }

    fn break_with(&self, fault: Option<Fault>) {
        self.proxy.set_fault(fault).unwrap();
    }

    /// Calls until it works.
    async fn heals(&self) {
        let works = async {
            while self.node.get(&key(0)).await.is_err() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, works).await.unwrap();
    }
}

fn address(url: &str) -> SocketAddr {
    let (_, rest) = url.split_once("://").unwrap();
    let authority = rest.split('/').next().unwrap();
    let host = authority.rsplit('@').next().unwrap();
    std::net::ToSocketAddrs::to_socket_addrs(host)
        .unwrap()
        .next()
        .unwrap()
}

type Operation = Pin<Box<dyn Future<Output = Result<(), StoreError>> + Send>>;

/// How every operation fails at present: one after the other, or all at once, which saves time
/// where each has to wait for as long as it may.
async fn faults_of_all(store: &AnyStore, at_once: bool) -> Vec<StoreFault> {
    let operations: [fn(AnyStore) -> Operation; 10] = [
        |s| Box::pin(async move { s.get(&key(0)).await.map(drop) }),
        |s| Box::pin(async move { s.get_many(&[key(0), key(1)]).await.map(drop) }),
        |s| Box::pin(async move { s.get_touched(&key(0), AT, EVERY).await.map(drop) }),
        |s| Box::pin(async move { s.rotate(&key(1), 0, AT).await.map(drop) }),
        |s| Box::pin(async move { s.compare_and_swap(&key(2), 0, &record(1)).await.map(drop) }),
        |s| Box::pin(async move { s.insert_new(&key(9), &record(1)).await.map(drop) }),
        |s| Box::pin(async move { s.delete(&key(3)).await.map(drop) }),
        |s| Box::pin(async move { s.list_by_subject(&SubjectId::new("u")).await.map(drop) }),
        |s| Box::pin(async move { s.purge(UnixMs(1), 10).await.map(drop) }),
        |s| {
            Box::pin(async move {
                s.delete_by_subject(&SubjectId::new("u"), None)
                    .await
                    .map(drop)
            })
        },
    ];
    let mut running = JoinSet::new();
    let mut faults = Vec::new();
    for operation in operations {
        running.spawn(tokio::time::timeout(PATIENCE, operation(store.clone())));
        if !at_once {
            faults.extend(running.join_next().await.map(Result::unwrap));
        }
    }
    faults.extend(running.join_all().await);
    let fault = |ended: Result<Result<(), StoreError>, Elapsed>| ended.unwrap().unwrap_err().fault;
    faults.into_iter().map(fault).collect()
}

/// What nobody answered is an error, of each operation, and each way of failing.
async fn every_operation_fails(service: Service) {
    for fault in FAULTS {
        let setting = Setting::on(service).await;
        for n in 0..5 {
            insert(&setting.node, n).await;
        }
        setting.break_with(Some(fault));
        let seen = faults_of_all(&setting.node, fault == Fault::Hang).await;
        let as_expected = |seen: &StoreFault| match fault {
            Fault::Hang => *seen == StoreFault::TimedOut,
            _ => matches!(seen, StoreFault::Unreachable | StoreFault::TimedOut),
        };
        assert!(seen.iter().all(as_expected), "{fault:?}: {seen:?}");
        if fault == Fault::Refuse {
            // Nothing came through, so nothing was done.
            for n in 0..5 {
                let held = setting.truth.get(&key(n)).await.unwrap();
                assert_eq!(held, Some(record(1)), "{fault:?}");
            }
        }
        setting.break_with(None);
        setting.heals().await;
        // A write that failed may yet have been done; it is the same for all who look.
        for n in [0, 1, 2, 3, 4, 9] {
            let held = setting.truth.get(&key(n)).await.unwrap();
            assert_eq!(setting.node.get(&key(n)).await.unwrap(), held);
        }
    }
}

/// On a network that drops an answer now and then, one caller alone is never told that somebody
/// else was faster: a repeated write would be its own competitor, and to a client with a refresh
/// token that looks like theft.
async fn no_answer_is_of_a_repetition(service: Service) {
    const ROUNDS: usize = 150;
    let setting = Setting::on(service).await;
    let ended = Arc::new(AtomicBool::new(false));
    let mut failures = 0;
    thread::scope(|scope| {
        let (proxy, stop) = (&setting.proxy, Arc::clone(&ended));
        scope.spawn(move || {
            while !stop.load(Ordering::SeqCst) {
                proxy.set_fault(Some(Fault::DropAnswer)).unwrap();
                thread::sleep(Duration::from_millis(1));
                proxy.set_fault(None).unwrap();
                thread::sleep(Duration::from_millis(7));
            }
        });
        let rounds = async {
            for n in 0..ROUNDS {
                failures += one_life(&setting.node, n).await;
            }
        };
        tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(rounds));
        ended.store(true, Ordering::SeqCst);
    });
    assert!(failures > 0, "no answer was dropped: this told nothing");
    assert!(failures < ROUNDS * 4, "nothing else: this told nothing");
}

/// A record's life by one caller, who goes on to the next after an error: says how many.
async fn one_life(store: &AnyStore, n: usize) -> usize {
    match store.insert_new(&key(n), &record(1)).await {
        Ok(inserted) => assert_eq!(inserted, Inserted::New, "{n} is nobody else's"),
        Err(_) => return 1,
    }
    for generation in 0..2 {
        match store.rotate(&key(n), generation, UnixMs(2_000)).await {
            Ok(rotated) => assert!(matches!(rotated, Rotated::Done(_)), "{n}: {rotated:?}"),
            Err(_) => return 1,
        }
    }
    match store.compare_and_swap(&key(n), 2, &record(1)).await {
        Ok(swapped) => assert_eq!(swapped, Swapped::Done, "{n}"),
        Err(_) => return 1,
    }
    match store.delete(&key(n)).await {
        Ok(was_there) => assert!(was_there, "{n} was there"),
        Err(_) => return 1,
    }
    0
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_operation_on_redis_fails_with_the_network() {
    every_operation_fails(Service::Redis).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_operation_on_postgres_fails_with_the_network() {
    every_operation_fails(Service::Postgres).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_operation_on_mysql_fails_with_the_network() {
    every_operation_fails(Service::Mysql).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_answer_of_redis_is_of_a_repetition() {
    no_answer_is_of_a_repetition(Service::Redis).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_answer_of_postgres_is_of_a_repetition() {
    no_answer_is_of_a_repetition(Service::Postgres).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_answer_of_mysql_is_of_a_repetition() {
    no_answer_is_of_a_repetition(Service::Mysql).await;
}
