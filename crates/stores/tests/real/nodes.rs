//! All laws of stores once more, with the operations spread over two nodes: two stores with
//! connections of their own on one schema, as two replicas of a server have them.

use std::cell::OnceCell;
use std::sync::atomic::{AtomicUsize, Ordering};

use authbench_core::{
    AnyStore, Digest, Inserted, LoginId, Record, RecordStore, Rotated, StoreError, StorePromises,
    SubjectId, Swapped, Touch, UnixMs,
};
use authbench_lab::services::Service;
use authbench_testkit::store_laws;

use crate::place::{Cleared, Place};

/// Two nodes that look like one store: each operation goes to the other one.
#[derive(Debug)]
struct Nodes {
    nodes: [AnyStore; 2],
    operations: AtomicUsize,
}

impl Nodes {
    fn next(&self) -> &AnyStore {
        &self.nodes[self.operations.fetch_add(1, Ordering::Relaxed) % 2]
    }
}

impl RecordStore for Nodes {
    fn promises(&self) -> StorePromises {
        self.next().promises()
    }

    async fn insert_new(&self, key: &Digest, record: &Record) -> Result<Inserted, StoreError> {
        self.next().insert_new(key, record).await
    }

    async fn get(&self, key: &Digest) -> Result<Option<Record>, StoreError> {
        self.next().get(key).await
    }

    async fn get_many(&self, keys: &[Digest]) -> Result<Vec<Option<Record>>, StoreError> {
        self.next().get_many(keys).await
    }

    async fn get_touched(
        &self,
        key: &Digest,
        at: UnixMs,
        touch: Touch,
    ) -> Result<Option<Record>, StoreError> {
        self.next().get_touched(key, at, touch).await
    }

    async fn rotate(
        &self,
        key: &Digest,
        expected_generation: u32,
        at: UnixMs,
    ) -> Result<Rotated, StoreError> {
        self.next().rotate(key, expected_generation, at).await
    }

    async fn compare_and_swap(
        &self,
        key: &Digest,
        expected_revision: u32,
        record: &Record,
    ) -> Result<Swapped, StoreError> {
        let node = self.next();
        node.compare_and_swap(key, expected_revision, record).await
    }

    async fn delete(&self, key: &Digest) -> Result<bool, StoreError> {
        self.next().delete(key).await
    }

    async fn delete_by_subject(
        &self,
        subject: &SubjectId,
        keep: Option<LoginId>,
    ) -> Result<u64, StoreError> {
        self.next().delete_by_subject(subject, keep).await
    }

    async fn list_by_subject(
        &self,
        subject: &SubjectId,
    ) -> Result<Vec<(Digest, Record)>, StoreError> {
        self.next().list_by_subject(subject).await
    }

    async fn purge(&self, at: UnixMs, limit: u64) -> Result<u64, StoreError> {
        self.next().purge(at, limit).await
    }
}

/// The thread's two nodes, on a place of its own.
struct Opened {
    nodes: [AnyStore; 2],
    // After the nodes, whose traces it removes.
    _place: Cleared,
}

/// The thread's nodes, emptied: at the end of time everything has expired.
async fn open(service: Service) -> Result<Nodes, StoreError> {
    thread_local!(static OPENED: OnceCell<Opened> = const { OnceCell::new() });
    let opened = || OPENED.with(|opened| opened.get().map(|opened| opened.nodes.clone()));
    let nodes = match opened() {
        Some(nodes) => nodes,
        None => {
            let place = Cleared(Place::on_shared(service).commit(false));
            let nodes = [place.0.node().await?, place.0.node().await?];
            let new = Opened {
                nodes: nodes.clone(),
                _place: place,
            };
            OPENED.with(|opened| assert!(opened.set(new).is_ok(), "opened twice"));
            nodes
        }
    };
    let operations = AtomicUsize::new(0);
    let store = Nodes { nodes, operations };
    store.purge(UnixMs(u64::MAX), u64::MAX).await?;
    Ok(store)
}

async fn open_redis() -> Result<Nodes, StoreError> {
    open(Service::Redis).await
}

async fn open_postgres() -> Result<Nodes, StoreError> {
    open(Service::Postgres).await
}

async fn open_mysql() -> Result<Nodes, StoreError> {
    open(Service::Mysql).await
}

store_laws!(redis, super::open_redis);
store_laws!(postgres, super::open_postgres);
store_laws!(mysql, super::open_mysql);
