//! Looking into a store, and losing what it holds, over every store.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::num::NonZeroU32;

use authbench_core::{Digest, Inserted, LoginId, Record, SubjectId, UnixMs};
use authbench_lab::services::{Service, shared};
use authbench_stores::{
    Inspect, MemoryStore, RedisSettings, RedisStore, SqliteSettings, SqliteStore,
};

mod scratch;

fn record(number: u32) -> Record {
    Record {
        subject: SubjectId::new(&format!("u{}", number % 7)),
        login: LoginId(u128::from(number).to_be_bytes()),
        roles: ["user"].iter().collect(),
        issued_at: UnixMs(1),
        // Some expire soon, others never.
        expires_at: UnixMs(if number.is_multiple_of(2) { 2 } else { 1 << 60 }),
        used_at: UnixMs(1),
        generation: 0,
        revision: 0,
        payload: Box::from(number.to_be_bytes()),
    }
}

/// More records than a page of any store has.
const RECORDS: u32 = 700;

async fn shows_all_and_loses_all(store: impl Inspect) {
    assert!(store.records().await.unwrap().is_empty());
    let mut kept = Vec::new();
    for number in 0..RECORDS {
        let (key, record) = (Digest::of(&number.to_string()), record(number));
        let inserted = store.insert_new(&key, &record).await;
        assert_eq!(inserted.unwrap(), Inserted::New);
        kept.push((key, record));
    }
    kept.sort_by_key(|(key, _)| *key);
    let mut shown = store.records().await.unwrap();
    shown.sort_by_key(|(key, _)| *key);
    assert!(shown == kept, "{} of {}", shown.len(), kept.len());
    store.wipe().await.unwrap();
    assert!(store.records().await.unwrap().is_empty());
    for number in 0..7 {
        let subject = record(number).subject;
        assert!(store.list_by_subject(&subject).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn memory() {
    shows_all_and_loses_all(MemoryStore::new()).await;
}

#[tokio::test]
async fn sqlite() {
    let store = SqliteStore::open(SqliteSettings::default()).await;
    shows_all_and_loses_all(store.unwrap()).await;
}

#[tokio::test]
async fn postgres() {
    shows_all_and_loses_all(scratch::open_postgres().await.unwrap()).await;
}

#[tokio::test]
async fn mysql() {
    shows_all_and_loses_all(scratch::open_mysql().await.unwrap()).await;
}

#[tokio::test]
async fn redis() {
    let settings = RedisSettings {
        url: shared(Service::Redis).unwrap().into(),
        prefix: format!("authbench-inspect[{}]:", std::process::id()),
        timeout_ms: NonZeroU32::new(20_000).unwrap(),
        ..RedisSettings::default()
    };
    shows_all_and_loses_all(RedisStore::open(settings).await.unwrap()).await;
}
