//! Requests that start together.

use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};

use authbench_wire::Operation;
use futures_util::future::join_all;
use tokio::sync::Barrier;

use crate::stop::Stop;
use crate::trial::Trial;

/// What one racer came to.
#[derive(Clone, Debug)]
pub struct Finish<T> {
    /// Its number in the list of racers, from 0.
    pub racer: usize,
    /// Its outcome.
    pub outcome: T,
}

/// Runs all of `racers`, each from the instant at which all are ready; their
/// outcomes in the racers' order.
pub async fn together<T, F: Future<Output = T>>(racers: Vec<F>) -> Vec<T> {
    let barrier = Barrier::new(racers.len().max(1));
    join_all(racers.into_iter().map(|racer| async {
        barrier.wait().await;
        racer.await
    }))
    .await
}

/// Runs all of `racers` as [`together`] does; their outcomes in the order in
/// which they finished.
pub async fn ranked<T, F: Future<Output = T>>(racers: Vec<F>) -> Vec<Finish<T>> {
    let place = AtomicUsize::new(0);
    let racers = racers.into_iter().enumerate().map(|(racer, running)| {
        let place = &place;
        async move {
            let outcome = running.await;
            let finish = Finish { racer, outcome };
            (place.fetch_add(1, Ordering::Relaxed), finish)
        }
    });
    let mut finished = together(racers.collect()).await;
    finished.sort_by_key(|(place, _)| *place);
    finished.into_iter().map(|(_, finish)| finish).collect()
}

/// Leaves up to `count` open connections to each of `replicas` for a race to
/// use, so that none of its requests waits for a handshake.
///
/// # Errors
/// [`Stop`] when no answer comes.
pub async fn warm(trial: &Trial<'_>, replicas: &[usize], count: usize) -> Result<(), Stop> {
    for &replica in replicas {
        let asks = (0..count).map(|_| Ok(trial.ask(Operation::Whoami)?.at(replica)));
        let asks = asks.collect::<Result<Vec<_>, Stop>>()?;
        let answers = together(asks.into_iter().map(crate::ask::Ask::send).collect()).await;
        answers.into_iter().collect::<Result<Vec<_>, Stop>>()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn outcomes_come_in_the_racers_order_or_as_they_finish() {
        let racers = || {
            let waits = [30, 0, 10].map(|ms| async move {
                tokio::time::sleep(Duration::from_millis(ms * 10)).await;
                ms
            });
            waits.into_iter().collect::<Vec<_>>()
        };
        assert_eq!(together(racers()).await, [30, 0, 10]);
        let ranked = ranked(racers()).await;
        let order: Vec<_> = ranked.iter().map(|it| (it.racer, it.outcome)).collect();
        assert_eq!(order, [(1, 0), (2, 10), (0, 30)]);
        assert_eq!(together(Vec::<std::future::Ready<()>>::new()).await, []);
    }
}
