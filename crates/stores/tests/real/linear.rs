//! Callers on two nodes race for one key, and whatever they were answered, there is an order of
//! their calls in which a single caller would have been answered the same: each call takes
//! effect at one instant between its beginning and its end (linearizability; Wing and Gong,
//! "Testing and Verifying Concurrent Objects", 1993).
//!
//! Logout against a write in flight, refresh against refresh and against logout, touch against
//! all of them, are instances of it.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use authbench_core::{
    AnyStore, Entropy as _, Inserted, Record, RecordStore, Rotated, SeededEntropy, StoreError,
    Swapped, UnixMs,
};
use authbench_lab::services::Service;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::place::{Cleared, EVERY, FAR, Place, key, record};

/// Callers at once, and what each does in one round.
const CALLERS: usize = 4;
const CALLS: usize = 4;
/// Rounds, each on a key of its own.
const ROUNDS: usize = 150;

#[derive(Clone, Copy, Debug)]
enum Op {
    Insert {
        login: u8,
    },
    Get,
    Touch {
        at: UnixMs,
    },
    /// What a touch does beside its reading, for a store that needs two statements for it.
    Note {
        at: UnixMs,
    },
    Rotate {
        generation: u32,
        at: UnixMs,
    },
    Swap {
        revision: u32,
        until: UnixMs,
    },
    Delete,
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum Answer {
    Inserted(bool),
    Found(Option<Record>),
    Noted,
    Rotated(Rotated),
    Swapped(Swapped),
    Deleted(bool),
}

/// A call with its place in time: ticks of one counter for all callers.
#[derive(Clone, Debug)]
struct Call {
    begin: u64,
    end: u64,
    op: Op,
    answer: Answer,
}

impl Op {
    /// Few kinds of values, so that calls meet.
    fn from_octets([kind, a, b]: [u8; 3]) -> Self {
        let at = UnixMs(2_000 + u64::from(b));
        match kind % 12 {
            0..=2 => Self::Insert { login: a },
            3 => Self::Get,
            4 => Self::Touch { at },
            5..=7 => Self::Rotate {
                generation: u32::from(a % 3),
                at,
            },
            8..=9 => Self::Swap {
                revision: u32::from(a % 4),
                until: UnixMs(FAR.0 - u64::from(b)),
            },
            _ => Self::Delete,
        }
    }

    async fn call(self, store: &impl RecordStore, n: usize) -> Result<Answer, StoreError> {
        let key = &key(n);
        Ok(match self {
            Self::Insert { login } => {
                let inserted = store.insert_new(key, &record(login)).await?;
                Answer::Inserted(inserted == Inserted::New)
            }
            Self::Get => Answer::Found(store.get(key).await?),
            Self::Touch { at } | Self::Note { at } => {
                Answer::Found(store.get_touched(key, at, EVERY).await?)
            }
            Self::Rotate { generation, at } => {
                Answer::Rotated(store.rotate(key, generation, at).await?)
            }
            Self::Swap { revision, until } => {
                let new = swapped_in(until);
                Answer::Swapped(store.compare_and_swap(key, revision, &new).await?)
            }
            Self::Delete => Answer::Deleted(store.delete(key).await?),
        })
    }

    /// What a single caller is answered, and what then is held.
    fn alone(self, held: Option<&Record>) -> (Answer, Option<Record>) {
        match (self, held) {
            (Self::Insert { login }, None) => (Answer::Inserted(true), Some(record(login))),
            (Self::Insert { .. }, Some(_)) => (Answer::Inserted(false), held.cloned()),
            (Self::Get, _) => (Answer::Found(held.cloned()), held.cloned()),
            (Self::Touch { at }, _) => (Answer::Found(held.cloned()), touched(held, at)),
            (Self::Note { at }, _) => (Answer::Noted, touched(held, at)),
            (Self::Rotate { .. }, None) => (Answer::Rotated(Rotated::Missing), None),
            (Self::Rotate { generation, at }, Some(held)) if held.generation == generation => {
                let rotated = Record {
                    generation: held.generation + 1,
                    revision: held.revision + 1,
                    used_at: held.used_at.max(at),
                    ..held.clone()
                };
                let answer = Rotated::Done(rotated.clone());
                (Answer::Rotated(answer), Some(rotated))
            }
            (Self::Rotate { .. }, Some(held)) => {
                let answer = Rotated::Stale(held.clone());
                (Answer::Rotated(answer), Some(held.clone()))
            }
            (Self::Swap { .. }, None) => (Answer::Swapped(Swapped::Missing), None),
            (Self::Swap { revision, until }, Some(held)) if held.revision == revision => {
                let new = Record {
                    subject: held.subject.clone(),
                    login: held.login,
                    used_at: held.used_at,
                    revision: revision + 1,
                    ..swapped_in(until)
                };
                (Answer::Swapped(Swapped::Done), Some(new))
            }
            (Self::Swap { .. }, Some(_)) => (Answer::Swapped(Swapped::Stale), held.cloned()),
            (Self::Delete, _) => (Answer::Deleted(held.is_some()), None),
        }
    }
}

fn touched(held: Option<&Record>, at: UnixMs) -> Option<Record> {
    held.map(|held| Record {
        used_at: held.used_at.max(at),
        ..held.clone()
    })
}

/// Reads and touches as two calls in the time of the one. On the SQL stores the answer may be older
/// than what the touch is added to: PostgreSQL answers from the statement's snapshot, though it
/// compares and writes the row as it is; MariaDB needs a statement for each.
fn split_touches(calls: Vec<Call>) -> Vec<Call> {
    let split = |call: Call| match call.op {
        Op::Touch { at } => {
            let (op, answer) = (Op::Note { at }, Answer::Noted);
            let note = Call { op, answer, ..call };
            let op = Op::Get;
            vec![Call { op, ..call }, note]
        }
        _ => vec![call],
    };
    calls.into_iter().flat_map(split).collect()
}

/// A swap puts the generation back, as a new sign-on does.
fn swapped_in(until: UnixMs) -> Record {
    Record {
        expires_at: until,
        ..record(0)
    }
}

/// Whether one order explains all answers, from an empty key to `last`.
fn has_an_order(calls: &[Call], last: Option<&Record>) -> bool {
    fn search(
        calls: &[Call],
        done: u32,
        held: Option<&Record>,
        last: Option<&Record>,
        dead_ends: &mut HashSet<(u32, String)>,
    ) -> bool {
        if done.count_ones() as usize == calls.len() {
            return held == last;
        }
        if !dead_ends.insert((done, format!("{held:?}"))) {
            return false;
        }
        let open = || (0..calls.len()).filter(|n| done & (1 << n) == 0);
        // The next one had begun when the first of those that are left ended.
        let first_end = open().map(|n| calls[n].end).min().unwrap_or(u64::MAX);
        open().filter(|n| calls[*n].begin < first_end).any(|n| {
            let (answer, then) = calls[n].op.alone(held);
            answer == calls[n].answer
                && search(calls, done | 1 << n, then.as_ref(), last, dead_ends)
        })
    }
    search(calls, 0, None, last, &mut HashSet::new())
}

/// One round on key `n`: what was called, and what is held in the end.
async fn race(
    nodes: &[Arc<AnyStore>],
    n: usize,
    plan: [[Op; CALLS]; CALLERS],
) -> (Vec<Call>, Option<Record>) {
    let (clock, start) = (Arc::new(AtomicU64::new(0)), Arc::new(Barrier::new(CALLERS)));
    let mut running = JoinSet::new();
    for (caller, ops) in plan.into_iter().enumerate() {
        let (clock, start) = (Arc::clone(&clock), Arc::clone(&start));
        let node = Arc::clone(&nodes[caller % nodes.len()]);
        running.spawn(async move {
            start.wait().await;
            let mut calls = Vec::new();
            for op in ops {
                let begin = clock.fetch_add(1, Ordering::SeqCst);
                let answer = op.call(&*node, n).await.unwrap();
                let end = clock.fetch_add(1, Ordering::SeqCst);
                calls.push(Call {
                    begin,
                    end,
                    op,
                    answer,
                });
            }
            calls
        });
    }
    let calls = running.join_all().await.concat();
    (calls, nodes[0].get(&key(n)).await.unwrap())
}

async fn every_race_has_an_order(service: Service) {
    let place = Cleared(Place::on_shared(service).commit(false));
    let nodes = [
        Arc::new(place.0.node().await.unwrap()),
        Arc::new(place.0.node().await.unwrap()),
    ];
    let entropy = SeededEntropy::new(11);
    for round in 0..ROUNDS {
        let mut octets = [[[0; 3]; CALLS]; CALLERS];
        let flat = octets.as_flattened_mut().as_flattened_mut();
        entropy.fill(flat).unwrap();
        let mut plan = octets.map(|ops| ops.map(Op::from_octets));
        // Something to fight for.
        plan[round % CALLERS][0] = Op::Insert { login: 1 };
        let (mut calls, last) = race(&nodes, round, plan).await;
        if service != Service::Redis {
            calls = split_touches(calls);
        }
        if !has_an_order(&calls, last.as_ref()) {
            calls.sort_by_key(|call| call.begin);
            let calls = calls.iter().map(|call| format!("{call:?}\n"));
            let calls: String = calls.collect();
            panic!("round {round}: no order explains\n{calls}and in the end {last:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_race_on_redis_has_an_order() {
    every_race_has_an_order(Service::Redis).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_race_on_postgres_has_an_order() {
    every_race_has_an_order(Service::Postgres).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_race_on_mysql_has_an_order() {
    every_race_has_an_order(Service::Mysql).await;
}

mod search {
    use super::*;

    fn call(begin: u64, end: u64, op: Op, answer: Answer) -> Call {
        Call {
            begin,
            end,
            op,
            answer,
        }
    }

    const INSERT: Op = Op::Insert { login: 1 };
    const ROTATE: Op = Op::Rotate {
        generation: 0,
        at: UnixMs(2_000),
    };

    fn rotated() -> Record {
        Record {
            generation: 1,
            revision: 1,
            used_at: UnixMs(2_000),
            ..record(1)
        }
    }

    fn done() -> Answer {
        Answer::Rotated(Rotated::Done(rotated()))
    }

    #[test]
    fn overlapping_calls_may_take_effect_in_either_order() {
        let calls = [
            call(0, 3, INSERT, Answer::Inserted(true)),
            call(1, 2, Op::Delete, Answer::Deleted(true)),
        ];
        assert!(has_an_order(&calls, None));
        assert!(!has_an_order(&calls, Some(&record(1))));
    }

    #[test]
    fn a_call_that_had_ended_came_before() {
        let calls = [
            call(0, 1, Op::Delete, Answer::Deleted(true)),
            call(2, 3, INSERT, Answer::Inserted(true)),
        ];
        assert!(!has_an_order(&calls, None));
    }

    #[test]
    fn two_winners_of_one_generation_have_no_order() {
        let calls = [
            call(0, 1, INSERT, Answer::Inserted(true)),
            call(2, 5, ROTATE, done()),
            call(3, 4, ROTATE, done()),
        ];
        assert!(!has_an_order(&calls, Some(&rotated())));
        let stale = Answer::Rotated(Rotated::Stale(rotated()));
        let calls = [
            calls[0].clone(),
            calls[1].clone(),
            call(3, 4, ROTATE, stale),
        ];
        assert!(has_an_order(&calls, Some(&rotated())));
    }

    #[test]
    fn a_record_that_comes_back_has_no_order() {
        let calls = [
            call(0, 1, INSERT, Answer::Inserted(true)),
            call(2, 5, ROTATE, done()),
            call(3, 4, Op::Delete, Answer::Deleted(true)),
            call(6, 7, Op::Get, Answer::Found(Some(rotated()))),
        ];
        assert!(!has_an_order(&calls, Some(&rotated())));
    }
}
