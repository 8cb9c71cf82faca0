//! Keys that replicas in several processes share: each key is a file of their
//! folder, and each replica takes up what appears there.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use authbench_core::{Clock, UnixMs};
use authbench_schemes::keyring::{KeyRing, RingKey, RotateError};
use parking_lot::Mutex;
use zeroize::Zeroizing;

use super::BuildError;
use crate::share::{ShareError, ShareFolder};

/// How often a replica looks for a new key.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Milliseconds from the making of a key to the instant from which its
/// announcement counts: until then every replica has looked, so that none gets a
/// token by a key that it does not know.
const SETTLE_MS: u64 = 250;

/// Makes keys in the form of key files, and reads them.
pub(super) struct Source<K> {
    pub(super) fresh: Box<Fresh>,
    pub(super) parse: Box<Parse<K>>,
}

type Fresh = dyn Fn() -> Result<Zeroizing<Vec<u8>>, BuildError> + Send + Sync;
type Parse<K> = dyn Fn(&[u8]) -> Result<K, BuildError> + Send + Sync;

/// A ring that is led, and who leads it.
pub(super) type Led<K> = (Arc<KeyRing<K>>, Arc<dyn Lead>);

/// Changes the key that all replicas sign with.
pub(super) trait Lead: Send + Sync {
    /// Makes the next key.
    fn rotate(&self, at: UnixMs) -> Result<(), Box<dyn Error + Send + Sync>>;
}

/// Keeps a ring like those of the other replicas.
struct Follower<K> {
    ring: Arc<KeyRing<K>>,
    share: Arc<ShareFolder>,
    source: Source<K>,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

struct State {
    /// How many keys there have been.
    count: u32,
    /// Whether it has been told that the ring is not what it should be.
    is_told: bool,
}

/// A key could not be taken up or made.
#[derive(Debug, thiserror::Error)]
enum FollowError<E: Error + 'static> {
    #[error(transparent)]
    Build(#[from] BuildError),
    #[error(transparent)]
    Share(#[from] ShareError),
    #[error(transparent)]
    Ring(#[from] RotateError<E>),
}

/// The first key of `ring` signs since the replicas began; the next ones are
/// taken from their folder, from here on until the ring is gone.
pub(super) fn follow<K: RingKey>(
    ring: KeyRing<K>,
    share: &Arc<ShareFolder>,
    source: Source<K>,
    clock: &Arc<dyn Clock>,
) -> Result<Led<K>, BuildError> {
    const BEGAN: &str = "began_ms";
    let now = || Ok::<_, ShareError>(Zeroizing::new(clock.now().0.to_string().into_bytes()));
    let began = share.agreed(BEGAN, now)?;
    let began = number(&began).ok_or_else(|| share.contents(BEGAN))?;
    let ring = Arc::new(ring.led(UnixMs(began)));
    let follower = Arc::new(Follower {
        ring: Arc::clone(&ring),
        share: Arc::clone(share),
        source,
        clock: Arc::clone(clock),
        state: Mutex::new(State {
            count: 1,
            is_told: false,
        }),
    });
    let caught_up = follower.catch_up(&mut follower.state.lock().count);
    caught_up.map_err(|error| BuildError::Key {
        file: None,
        is_input: false,
        source: Box::new(error),
    })?;
    let watched = Arc::downgrade(&follower);
    std::thread::spawn(move || {
        while let Some(follower) = watched.upgrade() {
            follower.look();
            drop(follower);
            std::thread::sleep(LOOK_EVERY);
        }
    });
    Ok((ring, follower))
}

impl<K: RingKey> Follower<K> {
    /// Takes up the keys that have appeared, in their order.
    fn catch_up(&self, count: &mut u32) -> Result<(), FollowError<K::Error>> {
        loop {
            let name = name(*count + 1);
            let Some(text) = self.share.find(&name)? else {
                return Ok(());
            };
            let (at, octets) = take_instant(&text).ok_or_else(|| self.share.contents(&name))?;
            let key = (self.source.parse)(octets)?;
            self.ring.adopt(key, at)?;
            *count += 1;
        }
    }

    /// Takes up new keys, and makes one if its time has come.
    fn look(&self) {
        let mut state = self.state.lock();
        let outcome = self.catch_up(&mut state.count).and_then(|()| {
            let at = self.clock.now();
            if self.ring.is_due(at) && !self.ring.is_full(at) {
                self.make(&mut state.count, at)?;
            }
            Ok(())
        });
        match outcome {
            Ok(()) => state.is_told = false,
            // Once, and not at each look.
            Err(_) if state.is_told => {}
            Err(error) => {
                state.is_told = true;
                let error: &(dyn Error + 'static) = &error;
                tracing::error!(error, "the key ring is not what the other replicas have");
            }
        }
    }

    /// Makes the next key, unless another replica does: then that one is it.
    fn make(&self, count: &mut u32, at: UnixMs) -> Result<(), FollowError<K::Error>> {
        if self.ring.is_full(at) {
            return Err(RotateError::Full.into());
        }
        let fresh = (self.source.fresh)()?;
        let mut text = Zeroizing::new(format!("{}\n", at.plus_ms(SETTLE_MS).0).into_bytes());
        text.extend_from_slice(&fresh);
        self.share.put(&name(*count + 1), &text)?;
        self.catch_up(count)
    }
}

impl<K: RingKey> Lead for Follower<K> {
    fn rotate(&self, at: UnixMs) -> Result<(), Box<dyn Error + Send + Sync>> {
        let mut state = self.state.lock();
        self.catch_up(&mut state.count)?;
        self.make(&mut state.count, at)?;
        Ok(())
    }
}

/// The file of the key with this number, the first being 1.
pub(super) fn name(number: u32) -> String {
    format!("key-{number:04}")
}

/// Splits the line with the instant off a key.
fn take_instant(text: &[u8]) -> Option<(UnixMs, &[u8])> {
    let end = text.iter().position(|octet| *octet == b'\n')?;
    let at = number(&text[..end])?;
    Some((UnixMs(at), &text[end + 1..]))
}

fn number(text: &[u8]) -> Option<u64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}
