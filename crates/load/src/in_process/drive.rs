//! Futures are finished where they are called.

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use authbench_core::StrategyError;
use authbench_core::strategy::BoxFuture;
use authbench_core::system::monotonic_ns;

use crate::error::LoadError;

/// How long a future is polled that nobody has to wake, milliseconds.
const STUCK_AFTER_MS: u64 = 2_000;
/// After so many polls others are let run in between.
const POLLS_AT_A_STRETCH: u32 = 64;

/// Whoever can finish a future on the calling thread: a runtime.
pub trait BlockOn: Send + Sync {
    /// Polls `future` until it is done, and does meanwhile whatever it waits
    /// for.
    fn block_on(&self, future: Pin<&mut (dyn Future<Output = ()> + Send)>);
}

/// Any closure that does so, such as `|future| runtime.block_on(future)`.
impl<F> BlockOn for F
where
    F: Fn(Pin<&mut (dyn Future<Output = ()> + Send)>) + Send + Sync,
{
    fn block_on(&self, future: Pin<&mut (dyn Future<Output = ()> + Send)>) {
        self(future);
    }
}

/// What comes of `future`.
///
/// # Errors
/// [`LoadError::Stuck`] when it never ends.
pub(super) fn finish<T: Send>(
    block_on: Option<&dyn BlockOn>,
    mut future: BoxFuture<'_, T>,
) -> Result<Result<T, StrategyError>, LoadError> {
    let Some(runtime) = block_on else {
        return poll(future.as_mut());
    };
    let mut result = None;
    let finished = async { result = Some(future.await) };
    runtime.block_on(pin!(finished));
    result.ok_or(LoadError::Stuck { waited_ms: 0 })
}

/// Polls without being woken. The first poll is the last for whatever is done
/// in memory; what is not waits for a lock.
fn poll<R>(mut future: Pin<&mut (dyn Future<Output = R> + Send + '_)>) -> Result<R, LoadError> {
    let mut cx = Context::from_waker(Waker::noop());
    if let Poll::Ready(result) = future.as_mut().poll(&mut cx) {
        return Ok(result);
    }
    let stuck_ns = monotonic_ns() + STUCK_AFTER_MS * 1_000_000;
    while monotonic_ns() < stuck_ns {
        for _ in 0..POLLS_AT_A_STRETCH {
            if let Poll::Ready(result) = future.as_mut().poll(&mut cx) {
                return Ok(result);
            }
            std::hint::spin_loop();
        }
        std::thread::yield_now();
    }
    Err(LoadError::Stuck {
        waited_ms: STUCK_AFTER_MS,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn later(polls: u32) -> BoxFuture<'static, u32> {
        let mut left = polls;
        Box::pin(std::future::poll_fn(move |_| {
            if left == 0 {
                return Poll::Ready(Ok(polls));
            }
            left -= 1;
            Poll::Pending
        }))
    }

    #[test]
    fn whatever_takes_several_polls_is_finished() {
        for polls in [0, 1, 1_000] {
            assert_eq!(finish(None, later(polls)).unwrap().unwrap(), polls);
        }
    }

    #[test]
    fn a_runtime_is_asked_for_everything() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let block_on = move |future: Pin<&mut (dyn Future<Output = ()> + Send)>| {
            runtime.block_on(future);
        };
        let sleeps: BoxFuture<'_, u8> = Box::pin(async {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            Ok(7)
        });
        assert_eq!(finish(Some(&block_on), sleeps).unwrap().unwrap(), 7);
        // One that does not keep its word is found out.
        let lazy = |_: Pin<&mut (dyn Future<Output = ()> + Send)>| {};
        let stuck = finish(Some(&lazy), later(0)).unwrap_err();
        assert!(matches!(stuck, LoadError::Stuck { .. }));
    }
}
