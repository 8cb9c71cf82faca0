//! What only the stores on PostgreSQL and MariaDB do: schemas, promises, and
//! rows that are not as they should be.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::error::Error as _;
use std::time::Duration;

use authbench_core::{
    Digest, Durability, Inserted, LoginId, PAYLOAD_OCTETS_MAX, Record, RecordStore, Roles,
    StoreError, StoreFault, SubjectId, UnixMs,
};
use authbench_stores::{MysqlSettings, MysqlStore, PostgresSettings, PostgresStore};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, MySqlConnection, PgConnection};
use tokio::time::timeout;

use scratch::{mysql_settings, open_mysql, open_postgres, postgres_settings};

mod scratch;

fn key() -> Digest {
    Digest::of("x")
}

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

async fn insert(store: &impl RecordStore, record: &Record) {
    let inserted = store.insert_new(&key(), record).await;
    assert_eq!(inserted.unwrap(), Inserted::New);
}

async fn postgres_sql(sql: &str) {
    let settings = postgres_settings();
    let mut connection = PgConnection::connect(settings.url.as_str()).await.unwrap();
    let sql = format!("SET search_path = {}; {sql}", settings.schema);
    connection
        .execute(sqlx::raw_sql(AssertSqlSafe(sql)))
        .await
        .unwrap();
}

async fn mysql_sql(sql: &str) {
    let settings = mysql_settings();
    let url = settings.url.as_str();
    let mut connection = MySqlConnection::connect(url).await.unwrap();
    let sql = format!("USE {}; {sql}", settings.schema);
    connection
        .execute(sqlx::raw_sql(AssertSqlSafe(sql)))
        .await
        .unwrap();
}

/// What both databases can be told to do to the record, in the same words.
const SPOILERS: [&str; 7] = [
    "UPDATE records SET roles = 'admin'",
    "UPDATE records SET roles = '[1]'",
    "UPDATE records SET expires_at_ms = -1",
    "UPDATE records SET issued_at_ms = -1",
    "UPDATE records SET used_at_ms = -1",
    "UPDATE records SET revision = 4294967296",
    "UPDATE records SET generation = -1",
];

async fn is_corrupt(store: &impl RecordStore, spoiler: &str) {
    let error = store.get(&key()).await.expect_err(spoiler);
    assert_eq!(error.fault, StoreFault::Corrupt, "{spoiler}");
    assert!(error.source().is_some(), "{spoiler}");
    let list = store.list_by_subject(&record().subject).await;
    assert_eq!(list.expect_err(spoiler).fault, StoreFault::Corrupt);
    assert!(store.delete(&key()).await.unwrap(), "{spoiler}");
}

#[tokio::test]
async fn a_spoiled_record_in_postgres_is_an_outage_and_never_a_login() {
    let store = open_postgres().await.unwrap();
    for spoiler in SPOILERS
        .into_iter()
        .chain(["UPDATE records SET login = '\\x00'"])
    {
        insert(&store, &record()).await;
        postgres_sql(spoiler).await;
        is_corrupt(&store, spoiler).await;
    }
}

#[tokio::test]
async fn a_spoiled_record_in_mysql_is_an_outage_and_never_a_login() {
    let store = open_mysql().await.unwrap();
    for spoiler in SPOILERS {
        insert(&store, &record()).await;
        mysql_sql(spoiler).await;
        is_corrupt(&store, spoiler).await;
    }
    // A subject is octets there, and need be no text.
    insert(&store, &record()).await;
    mysql_sql("UPDATE records SET subject = x'FF'").await;
    let error = store.get(&key()).await.unwrap_err();
    assert_eq!(error.fault, StoreFault::Corrupt);
}

async fn refuses(store: &impl RecordStore, record: Record) {
    let error = store.insert_new(&key(), &record).await.unwrap_err();
    assert_eq!(error.fault, StoreFault::Rejected, "{error}");
    assert!(error.source().is_some());
    assert_eq!(store.get(&key()).await.unwrap(), None);
}

async fn refuses_what_does_not_fit(store: &impl RecordStore) {
    let payload = |octets| vec![0xFF; octets].into_boxed_slice();
    let late = UnixMs(1 << 63);
    refuses(
        store,
        Record {
            expires_at: late,
            roles: Roles::default(),
            ..record()
        },
    )
    .await;
    refuses(
        store,
        Record {
            payload: payload(PAYLOAD_OCTETS_MAX + 1),
            ..record()
        },
    )
    .await;
    // Of letters that do not repeat: PostgreSQL compresses what does.
    let long: String = (0..2_000_u32)
        .map(|n| Digest::of(&n.to_string()).prefix().to_string())
        .collect();
    refuses(
        store,
        Record {
            subject: SubjectId::new(&long),
            ..record()
        },
    )
    .await;
    let fitting = Record {
        payload: payload(PAYLOAD_OCTETS_MAX),
        ..record()
    };
    insert(store, &fitting).await;
    assert_eq!(store.get(&key()).await.unwrap(), Some(fitting));
}

#[tokio::test]
async fn postgres_refuses_what_does_not_fit() {
    let store = open_postgres().await.unwrap();
    let zero = Record {
        subject: SubjectId::new("a\0b"),
        ..record()
    };
    refuses(&store, zero).await;
    refuses_what_does_not_fit(&store).await;
}

#[tokio::test]
async fn mysql_refuses_what_does_not_fit() {
    refuses_what_does_not_fit(&open_mysql().await.unwrap()).await;
}

#[tokio::test]
async fn stores_in_two_schemas_of_one_server_know_nothing_of_each_other() {
    let one = open_postgres().await.unwrap();
    insert(&one, &record()).await;
    let other = std::thread::spawn(|| {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let store = open_postgres().await.unwrap();
            assert_eq!(store.get(&key()).await.unwrap(), None);
            insert(&store, &record()).await;
            assert!(store.delete(&key()).await.unwrap());
        });
    });
    other.join().unwrap();
    assert_eq!(one.get(&key()).await.unwrap(), Some(record()));
}

async fn at_once<S: RecordStore + 'static>(
    open: impl Fn() -> tokio::task::JoinHandle<Result<S, StoreError>>,
) {
    let opening: Vec<_> = (0..6).map(|_| open()).collect();
    let mut nodes = Vec::new();
    for node in opening {
        nodes.push(node.await.unwrap().unwrap());
    }
    insert(&nodes[0], &record()).await;
    for node in &nodes {
        assert_eq!(node.get(&key()).await.unwrap(), Some(record()));
    }
    assert!(nodes[5].delete(&key()).await.unwrap());
    for node in &nodes {
        assert_eq!(node.get(&key()).await.unwrap(), None);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nodes_that_make_one_schema_at_once_see_each_others_writes() {
    let settings = postgres_settings();
    at_once(|| tokio::spawn(PostgresStore::open(settings.clone()))).await;
    let settings = mysql_settings();
    at_once(|| tokio::spawn(MysqlStore::open(settings.clone()))).await;
}

#[tokio::test]
async fn tables_of_a_newer_version_are_refused() {
    open_postgres().await.unwrap();
    open_mysql().await.unwrap();
    let newer = "INSERT INTO _sqlx_migrations \
        (version, description, success, checksum, execution_time) \
        VALUES (9999, 'newer', true, '', 0)";
    postgres_sql(newer).await;
    mysql_sql(newer).await;
    let error = PostgresStore::open(postgres_settings()).await.unwrap_err();
    assert_eq!(error.fault, StoreFault::Rejected);
    let error = MysqlStore::open(mysql_settings()).await.unwrap_err();
    assert_eq!(error.fault, StoreFault::Rejected);
}

#[tokio::test]
async fn postgres_promises_what_its_settings_are() {
    let asynchronous = open_postgres().await.unwrap().promises();
    assert_eq!(asynchronous.durability, Durability::None);
    let settings = PostgresSettings {
        synchronous_commit: true,
        ..postgres_settings()
    };
    let store = PostgresStore::open(settings).await.unwrap();
    let url = postgres_settings().url;
    let mut connection = PgConnection::connect(url.as_str()).await.unwrap();
    let fsync: String = sqlx::query_scalar("SHOW fsync")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    let expected = if fsync == "on" {
        Durability::Disk
    } else {
        Durability::ProcessCrash
    };
    assert_eq!(store.promises().durability, expected);
}

#[tokio::test]
async fn servers_that_are_not_there_and_settings_that_are_none_are_errors() {
    let nowhere = PostgresSettings {
        url: "postgres://me:s3cret@127.0.0.1:1/x".into(),
        ..PostgresSettings::default()
    };
    let error = PostgresStore::open(nowhere.clone()).await.unwrap_err();
    assert_eq!(error.fault, StoreFault::Unreachable);
    assert!(!format!("{error:?} {nowhere:?}").contains("s3cret"));
    let nowhere = MysqlSettings {
        url: "mysql://me:s3cret@127.0.0.1:1/x".into(),
        ..MysqlSettings::default()
    };
    let error = MysqlStore::open(nowhere.clone()).await.unwrap_err();
    assert_eq!(error.fault, StoreFault::Unreachable);
    assert!(!format!("{error:?} {nowhere:?}").contains("s3cret"));

    let schema = "x; DROP SCHEMA public".to_owned();
    let settings = PostgresSettings {
        schema: schema.clone(),
        ..postgres_settings()
    };
    let error = PostgresStore::open(settings).await.unwrap_err();
    assert_eq!(error.fault, StoreFault::Rejected);
    let settings = MysqlSettings {
        schema,
        ..mysql_settings()
    };
    let error = MysqlStore::open(settings).await.unwrap_err();
    assert_eq!(error.fault, StoreFault::Rejected);
}

/// Another one keeps the row locked: the operation ends in time, and the store
/// works on.
#[tokio::test]
async fn a_locked_row_times_out_for_writers_and_not_for_readers() {
    let settings = PostgresSettings {
        timeout_ms: 100,
        ..postgres_settings()
    };
    let store = PostgresStore::open(settings.clone()).await.unwrap();
    insert(&store, &record()).await;
    let mut other = PgConnection::connect(settings.url.as_str()).await.unwrap();
    let lock = format!("DELETE FROM {}.records", settings.schema);
    let mut transaction = other.begin().await.unwrap();
    transaction.execute(AssertSqlSafe(lock)).await.unwrap();
    times_out(&store).await;
    transaction.rollback().await.unwrap();
    assert!(store.delete(&key()).await.unwrap());

    let settings = MysqlSettings {
        timeout_ms: 100,
        ..mysql_settings()
    };
    let store = MysqlStore::open(settings.clone()).await.unwrap();
    insert(&store, &record()).await;
    let url = settings.url.as_str();
    let mut other = MySqlConnection::connect(url).await.unwrap();
    let lock = format!("DELETE FROM {}.records", settings.schema);
    let mut transaction = other.begin().await.unwrap();
    transaction.execute(AssertSqlSafe(lock)).await.unwrap();
    times_out(&store).await;
    transaction.rollback().await.unwrap();
    assert!(store.delete(&key()).await.unwrap());
}

async fn times_out(store: &impl RecordStore) {
    let patience = Duration::from_secs(20);
    let deleted = timeout(patience, store.delete(&key())).await;
    let error = deleted.expect("an end in time").unwrap_err();
    assert_eq!(error.fault, StoreFault::TimedOut);
    assert_eq!(store.get(&key()).await.unwrap(), Some(record()));
}

#[tokio::test]
async fn a_closed_store_is_out_of_reach() {
    let store = open_postgres().await.unwrap();
    store.close().await;
    let error = store.get(&key()).await.unwrap_err();
    assert_eq!(error.fault, StoreFault::Unreachable);
    let store = open_mysql().await.unwrap();
    store.close().await;
    let error = store.get(&key()).await.unwrap_err();
    assert_eq!(error.fault, StoreFault::Unreachable);
}
