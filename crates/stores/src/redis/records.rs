//! The operations, each one command or one script.

use std::sync::atomic::Ordering;

use authbench_core::{
    Digest, Inserted, LoginId, OutageBehaviour, Record, RecordStore, Rotated, Staleness,
    StoreError, StoreFault, StorePromises, SubjectId, Swapped, Touch, UnixMs,
};
use redis::{Cmd, Value};

use super::answers::{count_of, decode, encode, error, failed, record_of, unexpected};
use super::link::Repeat;
use super::{PAGE_KEYS, RedisStore, codec, pattern, script};

impl RecordStore for RedisStore {
    fn promises(&self) -> StorePromises {
        StorePromises {
            staleness: Staleness::Immediate,
            durability: self.durability,
            outage: OutageBehaviour::FailsClosed,
        }
    }

    async fn insert_new(&self, key: &Digest, record: &Record) -> Result<Inserted, StoreError> {
        const OPERATION: &str = "insert a record";
        let octets = encode(OPERATION, record, 0)?;
        let call = script::INSERT.call(
            &[&self.record_key(key), &self.index_key(&record.subject)],
            &[
                &octets,
                &key.0,
                self.lifetime_ms(record).to_string().as_bytes(),
                &self.record_prefix,
            ],
        );
        let answer = self
            .run(OPERATION, &script::INSERT, &call, Repeat::Never)
            .await?;
        match answer {
            Value::Int(0) => Ok(Inserted::Taken),
            Value::Int(1) => Ok(Inserted::New),
            _ => Err(unexpected(OPERATION)),
        }
    }

    async fn get(&self, key: &Digest) -> Result<Option<Record>, StoreError> {
        const OPERATION: &str = "read a record";
        let key = self.record_key(key);
        let mut command = Cmd::with_capacity(2, 3 + key.len());
        command.arg("GET").arg(&key);
        let answer = self.link.ask(&command, Repeat::Harmless).await;
        record_of(OPERATION, &answer.map_err(failed(OPERATION))?)
    }

    /// One `MGET`. What is no string there reads as absent.
    async fn get_many(&self, keys: &[Digest]) -> Result<Vec<Option<Record>>, StoreError> {
        const OPERATION: &str = "read records";
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let mut command = redis::cmd("MGET");
        for key in keys {
            command.arg(self.record_key(key));
        }
        let answer = self.link.ask(&command, Repeat::Harmless).await;
        match answer.map_err(failed(OPERATION))? {
            Value::Array(found) if found.len() == keys.len() => {
                let records = found.iter().map(|found| record_of(OPERATION, found));
                records.collect()
            }
            _ => Err(unexpected(OPERATION)),
        }
    }

    async fn get_touched(
        &self,
        key: &Digest,
        at: UnixMs,
        touch: Touch,
    ) -> Result<Option<Record>, StoreError> {
        let Some((earliest, latest)) = due_between(touch, at) else {
            return self.get(key).await;
        };
        if self
            .uses
            .latest(key)
            .is_some_and(|used_at| used_at > latest)
        {
            let record = self.get(key).await?;
            let is_due = |record: &Record| touch.is_due(record.used_at, at);
            if !record.as_ref().is_some_and(is_due) {
                return Ok(record);
            }
        }
        let record = self.touch(key, at, earliest, latest).await?;
        if let Some(record) = &record {
            let touched = touch.is_due(record.used_at, at) && at < record.expires_at;
            self.uses
                .note(key, if touched { at } else { record.used_at });
        }
        Ok(record)
    }

    async fn rotate(
        &self,
        key: &Digest,
        expected_generation: u32,
        at: UnixMs,
    ) -> Result<Rotated, StoreError> {
        const OPERATION: &str = "rotate a record";
        let next_generation = expected_generation.wrapping_add(1);
        let call = script::ROTATE.call(
            &[&self.record_key(key)],
            &[
                &expected_generation.to_be_bytes(),
                &next_generation.to_be_bytes(),
                &at.0.to_be_bytes(),
            ],
        );
        let answer = self
            .run(OPERATION, &script::ROTATE, &call, Repeat::Never)
            .await?;
        let parts = match &answer {
            Value::Nil => return Ok(Rotated::Missing),
            Value::Array(parts) => parts.as_slice(),
            _ => return Err(unexpected(OPERATION)),
        };
        match parts {
            [Value::Int(0), Value::BulkString(octets)] => {
                decode(OPERATION, octets).map(Rotated::Stale)
            }
            [Value::Int(1), Value::BulkString(octets)] => {
                decode(OPERATION, octets).map(Rotated::Done)
            }
            _ => Err(unexpected(OPERATION)),
        }
    }

    async fn compare_and_swap(
        &self,
        key: &Digest,
        expected_revision: u32,
        record: &Record,
    ) -> Result<Swapped, StoreError> {
        const OPERATION: &str = "swap a record";
        let octets = encode(OPERATION, record, expected_revision.wrapping_add(1))?;
        let call = script::SWAP.call(
            &[&self.record_key(key)],
            &[
                &expected_revision.to_be_bytes(),
                &octets[codec::FRONT],
                &octets[codec::FRONT.end..codec::COUNTS.start],
                &octets[codec::COUNTS],
                &octets[codec::tail_at(&record.subject)..],
                self.lifetime_ms(record).to_string().as_bytes(),
                &self.index_prefix,
            ],
        );
        let answer = self
            .run(OPERATION, &script::SWAP, &call, Repeat::Never)
            .await?;
        match answer {
            Value::Int(0) => Ok(Swapped::Missing),
            Value::Int(1) => Ok(Swapped::Stale),
            Value::Int(2) => Ok(Swapped::Done),
            // What the script could not read; nor can we, or the form has two
            // descriptions.
            Value::BulkString(octets) => {
                decode(OPERATION, &octets)?;
                Err(unexpected(OPERATION))
            }
            _ => Err(unexpected(OPERATION)),
        }
    }

    async fn delete(&self, key: &Digest) -> Result<bool, StoreError> {
        const OPERATION: &str = "delete a record";
        let call = script::DELETE.call(&[&self.record_key(key)], &[&key.0, &self.index_prefix]);
        let answer = self
            .run(OPERATION, &script::DELETE, &call, Repeat::Never)
            .await?;
        count_of(OPERATION, &answer).map(|count| count > 0)
    }

    async fn delete_by_subject(
        &self,
        subject: &SubjectId,
        keep: Option<LoginId>,
    ) -> Result<u64, StoreError> {
        const OPERATION: &str = "delete the records of a subject";
        let keep = keep.as_ref().map_or(&[][..], |login| &login.0);
        let call = script::DELETE_BY_SUBJECT.call(
            &[&self.index_key(subject)],
            &[&self.record_prefix, subject.as_str().as_bytes(), keep],
        );
        let answer = self
            .run(OPERATION, &script::DELETE_BY_SUBJECT, &call, Repeat::Never)
            .await?;
        count_of(OPERATION, &answer)
    }

    async fn list_by_subject(
        &self,
        subject: &SubjectId,
    ) -> Result<Vec<(Digest, Record)>, StoreError> {
        const OPERATION: &str = "list the records of a subject";
        let call = script::LIST.call(
            &[&self.index_key(subject)],
            &[&self.record_prefix, subject.as_str().as_bytes()],
        );
        let answer = self
            .run(OPERATION, &script::LIST, &call, Repeat::Harmless)
            .await?;
        let Value::Array(found) = answer else {
            return Err(unexpected(OPERATION));
        };
        let (pairs, []) = found.as_chunks() else {
            return Err(unexpected(OPERATION));
        };
        let pairs = pairs.iter().map(|pair| match pair {
            [Value::BulkString(key), Value::BulkString(octets)] => {
                let key = key.as_slice().try_into();
                let key = key.map_err(|length| error(OPERATION, StoreFault::Corrupt, length))?;
                Ok((Digest(key), decode(OPERATION, octets)?))
            }
            _ => Err(unexpected(OPERATION)),
        });
        pairs.collect()
    }

    /// Walks over all keys of the database, some hundred in one step, from
    /// where the last purge stopped. Redis collects expired records by itself,
    /// only later; a purge is for those who cannot wait.
    async fn purge(&self, at: UnixMs, limit: u64) -> Result<u64, StoreError> {
        const OPERATION: &str = "purge records";
        let pattern = pattern(&self.record_prefix);
        let prefix_octets = self.record_prefix.len().to_string();
        let mut cursor = self.sweep.load(Ordering::Relaxed);
        // A walk that begins with 0 sees every key that is there throughout.
        let mut is_whole = cursor == 0;
        let mut removed = 0;
        while removed < limit {
            let call = script::PURGE.call(
                &[],
                &[
                    cursor.to_string().as_bytes(),
                    &pattern,
                    PAGE_KEYS.to_string().as_bytes(),
                    &at.0.to_be_bytes(),
                    (limit - removed).to_string().as_bytes(),
                    prefix_octets.as_bytes(),
                    &self.index_prefix,
                ],
            );
            let page = self.run(OPERATION, &script::PURGE, &call, Repeat::Never);
            let (next, gone): (u64, u64) = redis::from_redis_value(page.await?)
                .map_err(|error| failed(OPERATION)(error.into()))?;
            removed += gone;
            if removed >= limit {
                // The rest of this page is looked at again.
                break;
            }
            cursor = next;
            if cursor == 0 {
                if is_whole {
                    break;
                }
                is_whole = true;
            }
        }
        self.sweep.store(cursor, Ordering::Relaxed);
        Ok(removed)
    }
}

impl RedisStore {
    /// Reads, and writes the use down if the latest is between these two.
    async fn touch(
        &self,
        key: &Digest,
        at: UnixMs,
        earliest: UnixMs,
        latest: UnixMs,
    ) -> Result<Option<Record>, StoreError> {
        const OPERATION: &str = "touch a record";
        let arguments = [at, earliest, latest].map(|at| at.0.to_be_bytes());
        let [at, earliest, latest] = arguments.each_ref();
        let call = script::TOUCH.call(&[&self.record_key(key)], &[at, earliest, latest]);
        // Repeated, it finds the use written down and leaves it.
        let answer = self
            .run(OPERATION, &script::TOUCH, &call, Repeat::Harmless)
            .await?;
        record_of(OPERATION, &answer)
    }
}

/// The earliest and the latest of latest uses for which a use at `at` is
/// written down; none if there is no such use. The same as [`Touch::is_due`],
/// put the other way round, so that the script only compares.
fn due_between(touch: Touch, at: UnixMs) -> Option<(UnixMs, UnixMs)> {
    let latest = at.0.checked_sub(touch.after_ms.max(1))?;
    let earliest = match at.0.checked_sub(touch.within_ms) {
        Some(too_early) => too_early.checked_add(1)?,
        None => 0,
    };
    (earliest <= latest).then_some((UnixMs(earliest), UnixMs(latest)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_script_is_told_what_is_due(
            after_ms in prop_oneof![0..5_u64, Just(u64::MAX)],
            within_ms in prop_oneof![0..8_u64, Just(u64::MAX)],
            at in prop_oneof![0..12_u64, u64::MAX - 12..=u64::MAX],
            used_at in prop_oneof![0..12_u64, u64::MAX - 12..=u64::MAX],
        ) {
            let touch = Touch { after_ms, within_ms };
            let between = due_between(touch, UnixMs(at));
            let due = between.is_some_and(|(earliest, latest)| {
                (earliest..=latest).contains(&UnixMs(used_at))
            });
            prop_assert_eq!(due, touch.is_due(UnixMs(used_at), UnixMs(at)));
        }
    }
}
