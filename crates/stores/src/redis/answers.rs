//! The server's answers as records and counts, and its failures as store
//! failures.

use authbench_core::{Record, StoreError, StoreFault};
use redis::{RedisError, Value};

use super::codec;
use super::link::fault_of;

const STORE: &str = "redis";

/// An answer of a shape that nobody asked for.
#[derive(Debug, thiserror::Error)]
#[error("the server's answer has another shape than what was asked for")]
struct Unexpected;

pub(super) fn failed(operation: &'static str) -> impl Fn(RedisError) -> StoreError {
    move |source| error(operation, fault_of(&source), source)
}

pub(super) fn error(
    operation: &'static str,
    fault: StoreFault,
    source: impl std::error::Error + Send + Sync + 'static,
) -> StoreError {
    StoreError {
        store: STORE,
        operation,
        fault,
        source: Some(Box::new(source)),
    }
}

pub(super) fn unexpected(operation: &'static str) -> StoreError {
    error(operation, StoreFault::Corrupt, Unexpected)
}

pub(super) fn encode(
    operation: &'static str,
    record: &Record,
    revision: u32,
) -> Result<Vec<u8>, StoreError> {
    codec::encode(record, revision)
        .map_err(|too_long| error(operation, StoreFault::Rejected, too_long))
}

pub(super) fn decode(operation: &'static str, octets: &[u8]) -> Result<Record, StoreError> {
    codec::decode(octets).map_err(|unreadable| error(operation, StoreFault::Corrupt, unreadable))
}

/// The record of an answer that is one or nothing.
pub(super) fn record_of(
    operation: &'static str,
    answer: &Value,
) -> Result<Option<Record>, StoreError> {
    match answer {
        Value::Nil => Ok(None),
        Value::BulkString(octets) => decode(operation, octets).map(Some),
        _ => Err(unexpected(operation)),
    }
}

/// The count in an answer that is one.
pub(super) fn count_of(operation: &'static str, answer: &Value) -> Result<u64, StoreError> {
    match answer {
        Value::Int(count) => u64::try_from(*count).map_err(|_| unexpected(operation)),
        _ => Err(unexpected(operation)),
    }
}
