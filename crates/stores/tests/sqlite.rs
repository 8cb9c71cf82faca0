//! What only the SQLite store does: files, several nodes on one file, and
//! files that are not as they should be.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::num::NonZeroU32;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use authbench_core::{
    Digest, Durability, Inserted, LoginId, Record, RecordStore, Roles, StoreFault, SubjectId,
    Swapped, UnixMs,
};
use authbench_stores::{SqliteSettings, SqliteStore, Synchronous};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _};

fn record() -> Record {
    Record {
        subject: SubjectId::new("u"),
        login: LoginId([1; 16]),
        roles: ["user"].iter().collect(),
        issued_at: UnixMs(1),
        expires_at: UnixMs(2),
        used_at: UnixMs(1),
        generation: 0,
        revision: 0,
        payload: Box::default(),
    }
}

fn at(path: &Path) -> SqliteSettings {
    SqliteSettings {
        path: Some(path.to_owned()),
        ..SqliteSettings::default()
    }
}

async fn run_sql(path: &Path, sql: &'static str) {
    let address = format!("sqlite://{}", path.display());
    let mut connection = SqliteConnection::connect(&address).await.unwrap();
    sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

#[tokio::test]
async fn records_survive_reopening_and_the_file_is_private() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("records.sqlite");
    let key = Digest::of("x");
    let store = SqliteStore::open(at(&path)).await.unwrap();
    assert_eq!(store.promises().durability, Durability::ProcessCrash);
    assert_eq!(
        store.insert_new(&key, &record()).await.unwrap(),
        Inserted::New
    );
    for entry in std::fs::read_dir(dir.path()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{:?}", entry.file_name());
    }
    store.close().await;
    assert_eq!(
        store.get(&key).await.unwrap_err().fault,
        StoreFault::Unreachable
    );

    let settings = SqliteSettings {
        synchronous: Synchronous::Full,
        ..at(&path)
    };
    let store = SqliteStore::open(settings).await.unwrap();
    assert_eq!(store.promises().durability, Durability::Disk);
    assert_eq!(store.get(&key).await.unwrap(), Some(record()));
}

#[tokio::test]
async fn a_private_file_goes_with_its_store() {
    let store = SqliteStore::open(SqliteSettings::default()).await.unwrap();
    assert_eq!(store.promises().durability, Durability::None);
    let path = store.path().to_owned();
    assert!(path.exists());
    drop(store);
    assert!(!path.exists() && !path.parent().unwrap().exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nodes_that_open_a_new_file_at_once_see_each_others_writes() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("records.sqlite");
    let opening: Vec<_> = (0..6)
        .map(|_| tokio::spawn(SqliteStore::open(at(&path))))
        .collect();
    let mut nodes = Vec::new();
    for node in opening {
        nodes.push(node.await.unwrap().unwrap());
    }
    for (n, node) in nodes.iter().enumerate() {
        let key = Digest::of(&n.to_string());
        assert_eq!(
            node.insert_new(&key, &record()).await.unwrap(),
            Inserted::New
        );
        for other in &nodes {
            assert_eq!(other.get(&key).await.unwrap(), Some(record()));
        }
    }
    for (n, node) in nodes.iter().enumerate() {
        let key = Digest::of(&n.to_string());
        assert!(node.delete(&key).await.unwrap());
        for other in &nodes {
            assert_eq!(other.get(&key).await.unwrap(), None);
            let swapped = other.compare_and_swap(&key, 0, &record()).await.unwrap();
            assert_eq!(swapped, Swapped::Missing);
        }
    }
}

#[tokio::test]
async fn a_spoiled_record_is_an_outage_and_never_a_login() {
    let spoilers = [
        "UPDATE records SET login = x'00'",
        "UPDATE records SET roles = 'admin'",
        "UPDATE records SET roles = '[1]'",
        "UPDATE records SET expires_at_ms = -1",
        "UPDATE records SET issued_at_ms = -1",
        "UPDATE records SET revision = 4294967296",
        "UPDATE records SET subject = CAST(x'ff' AS TEXT)",
    ];
    for spoiler in spoilers {
        let store = SqliteStore::open(SqliteSettings::default()).await.unwrap();
        let key = Digest::of("x");
        assert_eq!(
            store.insert_new(&key, &record()).await.unwrap(),
            Inserted::New
        );
        run_sql(store.path(), spoiler).await;
        let error = store.get(&key).await.expect_err(spoiler);
        assert_eq!(error.fault, StoreFault::Corrupt, "{spoiler}");
        assert!(std::error::Error::source(&error).is_some(), "{spoiler}");
        assert!(
            store.delete(&key).await.unwrap(),
            "{spoiler}: not even deletable"
        );
    }
}

#[tokio::test]
async fn a_key_of_the_wrong_length_is_corrupt_in_a_list() {
    let store = SqliteStore::open(SqliteSettings::default()).await.unwrap();
    assert_eq!(
        store.insert_new(&Digest::of("x"), &record()).await.unwrap(),
        Inserted::New
    );
    run_sql(store.path(), "UPDATE records SET digest = x'00'").await;
    let error = store
        .list_by_subject(&SubjectId::new("u"))
        .await
        .unwrap_err();
    assert_eq!(error.fault, StoreFault::Corrupt);
}

#[tokio::test]
async fn files_that_are_not_ours_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("text");
    std::fs::write(&path, "no database, whatever its name says".repeat(40)).unwrap();
    let error = SqliteStore::open(at(&path)).await.unwrap_err();
    assert_eq!(error.fault, StoreFault::Corrupt);

    let path = dir.path().join("newer");
    SqliteStore::open(at(&path)).await.unwrap().close().await;
    run_sql(&path, "PRAGMA user_version = 99").await;
    let error = SqliteStore::open(at(&path)).await.unwrap_err();
    assert_eq!(error.fault, StoreFault::Rejected);

    let error = SqliteStore::open(at(&dir.path().join("missing/records")))
        .await
        .unwrap_err();
    assert_eq!(error.fault, StoreFault::Unreachable);
}

#[tokio::test]
async fn tables_of_an_older_version_grow_and_keep_their_records() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("records.sqlite");
    let options = SqliteConnectOptions::new().filename(&path);
    let options = options.create_if_missing(true);
    let mut connection = options.connect().await.unwrap();
    let first = include_str!("../migrations/sqlite/0001_records.sql");
    sqlx::raw_sql(first).execute(&mut connection).await.unwrap();
    let old = "INSERT INTO records VALUES (?, 'u', x'01010101010101010101010101010101', \
        '[\"user\"]', 1, 2, 7)";
    let insert = sqlx::query(old).bind(Digest::of("x").0.to_vec());
    insert.execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();

    let store = SqliteStore::open(at(&path)).await.unwrap();
    let expected = Record {
        revision: 7,
        ..record()
    };
    let read = store.get(&Digest::of("x")).await.unwrap();
    assert_eq!(read, Some(expected));
}

#[tokio::test]
async fn a_locked_file_times_out_for_writers_and_not_for_readers() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("records.sqlite");
    let settings = SqliteSettings {
        busy_timeout_ms: 50,
        readers: NonZeroU32::MIN,
        ..at(&path)
    };
    let store = SqliteStore::open(settings).await.unwrap();
    let key = Digest::of("x");
    assert_eq!(
        store.insert_new(&key, &record()).await.unwrap(),
        Inserted::New
    );

    let address = format!("sqlite://{}", path.display());
    let mut other = SqliteConnection::connect(&address).await.unwrap();
    let transaction = other.begin_with("BEGIN IMMEDIATE").await.unwrap();
    assert_eq!(
        store.delete(&key).await.unwrap_err().fault,
        StoreFault::TimedOut
    );
    assert_eq!(store.get(&key).await.unwrap(), Some(record()));
    transaction.rollback().await.unwrap();
    assert!(store.delete(&key).await.unwrap());
}

#[tokio::test]
async fn instants_past_sqlites_numbers_are_refused() {
    let store = SqliteStore::open(SqliteSettings::default()).await.unwrap();
    let key = Digest::of("x");
    let late = Record {
        expires_at: UnixMs(1 << 63),
        roles: Roles::default(),
        ..record()
    };
    let error = store.insert_new(&key, &late).await.unwrap_err();
    assert_eq!(error.fault, StoreFault::Rejected);
    assert_eq!(store.get(&key).await.unwrap(), None);
}
