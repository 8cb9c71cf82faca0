//! What a lab does to a store beside using it: looks at everything that it
//! holds, and loses it.

use std::sync::Arc;

use authbench_core::{Digest, Record, RecordStore, StoreError, UnixMs};

/// A store that can be looked into. No strategy asks for it.
pub trait Inspect: RecordStore {
    /// Every record with its key, expired ones included, in no particular
    /// order. Records that are written meanwhile may be missing.
    ///
    /// # Errors
    /// [`StoreError`] when the store did not answer, or holds what is no
    /// record.
    fn records(&self) -> impl Future<Output = Result<Vec<(Digest, Record)>, StoreError>> + Send;

    /// Loses every record, as a store does that was lost and begins anew.
    /// Records that are written meanwhile may stay.
    ///
    /// # Errors
    /// [`StoreError`] when it was not confirmed.
    fn wipe(&self) -> impl Future<Output = Result<(), StoreError>> + Send {
        async { self.purge(UnixMs(u64::MAX), u64::MAX).await.map(drop) }
    }
}

impl<S: Inspect + ?Sized> Inspect for Arc<S> {
    fn records(&self) -> impl Future<Output = Result<Vec<(Digest, Record)>, StoreError>> + Send {
        (**self).records()
    }

    fn wipe(&self) -> impl Future<Output = Result<(), StoreError>> + Send {
        (**self).wipe()
    }
}
