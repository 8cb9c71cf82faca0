//! Requests that start together.

use std::future::Future;

use futures_util::future::join_all;
use tokio::sync::Barrier;

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
