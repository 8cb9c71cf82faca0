//! The keys of a token format, and their lives. A key is shown to verifiers
//! (at once), signs (from `announce_ms` later on, until its successor does),
//! verifies (until its last token has expired) and is gone. All this is a
//! function of the instant that is passed in: nodes whose clocks differ read
//! one ring, each by its own clock.
//!
//! Reading takes no lock and costs one atomic load; a change builds the new
//! state beside the old one and swaps it in. Keys that were made here are
//! nowhere else: a ring outlives its nodes, but not the process.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};
use authbench_core::{Entropy, UnixMs};
use parking_lot::Mutex;

#[cfg(test)]
mod tests;

/// The most keys of one ring at once. A verifier tries no more, and no reader
/// of a JWK set has to hold more (ASVS 5.0 2.4.1).
pub const MAX_KEYS: usize = 16;

/// A key that can be in a ring.
pub trait RingKey: Sized + Send + Sync + 'static {
    /// Why a key could not be made.
    type Error: Error + Send + Sync + 'static;

    /// Names the key; the same for the same key, on every node.
    fn kid(&self) -> &str;

    /// A fresh key for the same algorithm.
    ///
    /// # Errors
    /// When there is no randomness or the generation failed.
    fn successor(&self, entropy: &dyn Entropy) -> Result<Self, Self::Error>;
}

/// How the keys of a ring change.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Rotation {
    /// Milliseconds for which a key signs; none if keys change by hand only.
    pub every_ms: Option<u64>,
    /// Milliseconds for which a key is shown before it signs, so that whoever
    /// keeps a copy of the JWK set has it when the first token comes.
    pub announce_ms: u64,
    /// Milliseconds for which a key verifies after it has ceased to sign: the
    /// longest life of a token and twice what clocks may differ by.
    pub overlap_ms: u64,
}

/// The keys of a ring did not change.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RotateError<E: Error + 'static> {
    /// The ring was made of one key that stays.
    #[error("this key ring does not change")]
    Fixed,
    /// The ring has [`MAX_KEYS`] keys that still verify.
    #[error("the key ring has {MAX_KEYS} keys already")]
    Full,
    /// No new key could be made.
    #[error("no new key could be made")]
    Key(#[source] E),
}

/// The keys of one issuer. Replicas share it through an `Arc`.
pub struct KeyRing<K> {
    keys: ArcSwap<Keys<K>>,
    /// Held by whoever changes the keys.
    changing: Mutex<()>,
    change: Option<Change>,
}

struct Change {
    rotation: Rotation,
    /// None if the next keys come from outside.
    entropy: Option<Box<dyn Entropy>>,
}

impl<K: RingKey> KeyRing<K> {
    /// A ring of one key, for ever: it can be neither rotated nor withdrawn.
    #[must_use]
    pub fn fixed(key: K) -> Self {
        Self::with(key, None)
    }

    /// A ring that begins with `key` and makes its successors from `entropy`.
    /// The first key signs from whenever the ring is first asked; its period
    /// is counted from there.
    #[must_use]
    pub fn rotating(key: K, rotation: Rotation, entropy: impl Entropy + 'static) -> Self {
        let entropy: Option<Box<dyn Entropy>> = Some(Box::new(entropy));
        Self::with(key, Some(Change { rotation, entropy }))
    }

    /// The same ring, but its next keys come from outside, by [`KeyRing::adopt`]
    /// alone: so do rings in several processes have the same keys. The first
    /// key's period is counted from `since`.
    #[must_use]
    pub fn led(mut self, since: UnixMs) -> Self {
        if let Some(change) = &mut self.change {
            change.entropy = None;
        }
        let mut keys = Keys::clone(&self.keys.load());
        keys.since = Some(since);
        self.keys = ArcSwap::from_pointee(keys);
        self
    }

    /// Whether at `at` the newest key has signed for so long that the next one
    /// must be shown.
    #[must_use]
    pub fn is_due(&self, at: UnixMs) -> bool {
        let change = self.change.as_ref();
        change.is_some_and(|change| change.is_due(&self.keys.load(), at))
    }

    /// Whether at `at` every place of the ring is taken.
    #[must_use]
    pub fn is_full(&self, at: UnixMs) -> bool {
        let keys = self.keys.load();
        let living = keys.older.iter();
        let living = living.filter(|older| at < gone_at(older, keys.overlap_ms));
        living.count() + 1 >= MAX_KEYS
    }

    /// As [`KeyRing::rotate`], with a key that was made elsewhere.
    ///
    /// # Errors
    /// [`RotateError::Fixed`] and [`RotateError::Full`]; nothing has changed
    /// then.
    pub fn adopt(&self, key: K, at: UnixMs) -> Result<(), RotateError<K::Error>> {
        let change = self.change.as_ref().ok_or(RotateError::Fixed)?;
        let _changing = self.changing.lock();
        self.rotate_locked(change, at, || Ok(key))
    }

    /// How the keys change; none for a fixed ring.
    #[must_use]
    pub fn rotation(&self) -> Option<&Rotation> {
        self.change.as_ref().map(|change| &change.rotation)
    }

    /// The keys as they are now.
    #[must_use]
    pub fn keys(&self) -> Snapshot<K> {
        Snapshot(self.keys.load())
    }

    /// The key that signs at `at`. When the one before has signed for its
    /// period, this makes the next one; with every place of the ring taken
    /// that waits until there is room.
    ///
    /// # Errors
    /// When a new key was due and could not be made.
    pub fn signer(&self, at: UnixMs) -> Result<Arc<K>, K::Error> {
        if let Some((change, entropy)) = self.maker()
            && change.is_due(&self.keys.load(), at)
        {
            self.turn(change, entropy, at)?;
        }
        Ok(Arc::clone(self.keys.load().signer(at)))
    }

    /// Makes a new key, which signs from `announce_ms` after `at` on. The one
    /// before signs until then and verifies for `overlap_ms` more.
    ///
    /// # Errors
    /// [`RotateError`]; nothing has changed then. A led ring is fixed in this
    /// sense.
    pub fn rotate(&self, at: UnixMs) -> Result<(), RotateError<K::Error>> {
        let (change, entropy) = self.maker().ok_or(RotateError::Fixed)?;
        let _changing = self.changing.lock();
        self.rotate_locked(change, at, || self.successor(entropy))
    }

    /// Takes a compromised key out at once: whatever it signed is refused from
    /// now on (ASVS 5.0 11.1.2, 13.3.4). If no other key was to sign after it,
    /// a new one does from `at` on. Says whether there was such a key.
    ///
    /// # Errors
    /// [`RotateError`]; nothing has changed then.
    pub fn withdraw(&self, kid: &str, at: UnixMs) -> Result<bool, RotateError<K::Error>> {
        let (_, entropy) = self.maker().ok_or(RotateError::Fixed)?;
        let _changing = self.changing.lock();
        let mut keys = Keys::clone(&self.keys.load());
        if keys.newest.kid() == kid {
            let fresh = keys.newest.successor(entropy);
            keys.newest = Arc::new(fresh.map_err(RotateError::Key)?);
            keys.since = keys.since.map(|since| since.max(at));
        } else {
            let before = keys.older.len();
            keys.older.retain(|older| older.key.kid() != kid);
            if keys.older.len() == before {
                return Ok(false);
            }
        }
        self.keys.store(Arc::new(keys));
        Ok(true)
    }

    fn with(key: K, change: Option<Change>) -> Self {
        let keys = Keys {
            newest: Arc::new(key),
            since: None,
            older: Vec::new(),
            overlap_ms: change.as_ref().map_or(0, |it| it.rotation.overlap_ms),
        };
        Self {
            keys: ArcSwap::from_pointee(keys),
            changing: Mutex::new(()),
            change,
        }
    }

    /// Does what [`Change::is_due`] found, unless somebody else has done it
    /// meanwhile.
    fn turn(&self, change: &Change, entropy: &dyn Entropy, at: UnixMs) -> Result<(), K::Error> {
        let _changing = self.changing.lock();
        let keys = self.keys.load();
        if !change.is_due(&keys, at) {
            return Ok(());
        }
        if keys.since.is_none() {
            let mut dated = Keys::clone(&keys);
            dated.since = Some(at);
            self.keys.store(Arc::new(dated));
            return Ok(());
        }
        match self.rotate_locked(change, at, || self.successor(entropy)) {
            Ok(()) | Err(RotateError::Full | RotateError::Fixed) => Ok(()),
            Err(RotateError::Key(error)) => Err(error),
        }
    }

    /// How the keys change, and what this ring makes the next one of; nothing
    /// if it makes none.
    fn maker(&self) -> Option<(&Change, &dyn Entropy)> {
        let change = self.change.as_ref()?;
        Some((change, change.entropy.as_deref()?))
    }

    fn successor(&self, entropy: &dyn Entropy) -> Result<K, K::Error> {
        self.keys.load().newest.successor(entropy)
    }

    fn rotate_locked(
        &self,
        change: &Change,
        at: UnixMs,
        next: impl FnOnce() -> Result<K, K::Error>,
    ) -> Result<(), RotateError<K::Error>> {
        let mut keys = Keys::clone(&self.keys.load());
        keys.older
            .retain(|older| at < gone_at(older, keys.overlap_ms));
        if keys.older.len() + 1 >= MAX_KEYS {
            return Err(RotateError::Full);
        }
        let fresh = Arc::new(next().map_err(RotateError::Key)?);
        let announced = at.plus_ms(change.rotation.announce_ms);
        // Not before the one that is already announced.
        let from = announced.max(keys.since.unwrap_or_default());
        let key = std::mem::replace(&mut keys.newest, fresh);
        keys.since = Some(from);
        keys.older.push(Older {
            key,
            retires_at: from,
        });
        self.keys.store(Arc::new(keys));
        Ok(())
    }
}

impl<K: RingKey> fmt::Debug for KeyRing<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys = self.keys.load();
        let older = keys.older.iter().map(|older| older.key.kid());
        f.debug_struct("KeyRing")
            .field("newest", &keys.newest.kid())
            .field("older", &older.collect::<Vec<_>>())
            .field("rotation", &self.rotation())
            .finish_non_exhaustive()
    }
}

impl Change {
    /// Whether the newest key has signed for so long that the next one must be
    /// shown, or has never been asked for.
    fn is_due<K>(&self, keys: &Keys<K>, at: UnixMs) -> bool {
        let Rotation {
            every_ms,
            announce_ms,
            ..
        } = self.rotation;
        match (every_ms, keys.since) {
            (None, _) => false,
            (Some(_), None) => true,
            (Some(every_ms), Some(since)) => {
                at >= since.plus_ms(every_ms.saturating_sub(announce_ms))
            }
        }
    }
}

/// The keys of a ring at one moment.
pub struct Snapshot<K>(Guard<Arc<Keys<K>>>);

impl<K> Snapshot<K> {
    /// The key that was made last.
    #[must_use]
    pub fn newest(&self) -> &K {
        &self.0.newest
    }

    /// The key that verifies at `at` and is the one that `is` means.
    pub fn find(&self, at: UnixMs, is: impl Fn(&K) -> bool) -> Option<&K> {
        if is(&self.0.newest) {
            return Some(&self.0.newest);
        }
        self.verifying(at).skip(1).find(|key| is(key))
    }

    /// Every key that verifies at `at`, the newest first: what a JWK set lists
    /// (RFC 7517 5).
    pub fn verifying(&self, at: UnixMs) -> impl Iterator<Item = &K> {
        let overlap_ms = self.0.overlap_ms;
        let older = self.0.older.iter().rev();
        let older = older.filter(move |older| at < gone_at(older, overlap_ms));
        std::iter::once(&*self.0.newest).chain(older.map(|older| &*older.key))
    }
}

struct Keys<K> {
    /// Signs from `since` on, or from ever if that is not dated.
    newest: Arc<K>,
    since: Option<UnixMs>,
    /// In the order in which they sign.
    older: Vec<Older<K>>,
    overlap_ms: u64,
}

struct Older<K> {
    key: Arc<K>,
    retires_at: UnixMs,
}

impl<K> Keys<K> {
    /// The first that has not retired at `at`: where one was withdrawn, the
    /// next takes its period over.
    fn signer(&self, at: UnixMs) -> &Arc<K> {
        let mut older = self.older.iter();
        let signing = older.find(|older| at < older.retires_at);
        signing.map_or(&self.newest, |older| &older.key)
    }
}

impl<K> Clone for Keys<K> {
    fn clone(&self) -> Self {
        Self {
            newest: Arc::clone(&self.newest),
            since: self.since,
            older: self.older.clone(),
            overlap_ms: self.overlap_ms,
        }
    }
}

impl<K> Clone for Older<K> {
    fn clone(&self) -> Self {
        Self {
            key: Arc::clone(&self.key),
            retires_at: self.retires_at,
        }
    }
}

const fn gone_at<K>(older: &Older<K>, overlap_ms: u64) -> UnixMs {
    older.retires_at.plus_ms(overlap_ms)
}
