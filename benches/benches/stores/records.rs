//! The records that are read, and strategies over the store that holds them.

use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use authbench_core::system::{OsEntropy, SystemClock};
use authbench_core::{
    AuthStrategy as _, Clock as _, Digest, Inserted, LoginId, Presented, Record, RecordStore,
    Subject, SubjectId, Touch, UnixMs,
};
use authbench_schemes::session::{Idle, Session, Settings};

/// Records that are read, again and again: as many logins.
pub(crate) const RECORDS: u64 = 1_000;

/// No use comes late enough to be written down.
pub(crate) const SELDOM: Touch = Touch {
    after_ms: 1 << 40,
    within_ms: u64::MAX,
};

/// Each use is written down.
pub(crate) const ALWAYS: Touch = Touch {
    after_ms: 0,
    within_ms: u64::MAX,
};

/// Record number `n`'s key.
pub(crate) fn key(n: u64) -> Digest {
    Digest::of(&(n % RECORDS).to_string())
}

/// Puts the records in, where they are not yet.
pub(crate) async fn fill(store: &impl RecordStore) -> Result<()> {
    let at = SystemClock.now();
    for n in 0..RECORDS {
        let record = Record {
            subject: SubjectId::new(&format!("acct-{n:08}")),
            login: LoginId([7; 16]),
            roles: ["user", "editor"].into_iter().collect(),
            issued_at: at,
            expires_at: at.plus_ms(1 << 40),
            used_at: at,
            generation: 0,
            revision: 0,
            payload: Box::default(),
        };
        let inserted = store.insert_new(&key(n), &record).await?;
        ensure!(inserted == Inserted::New, "a record was there before");
    }
    Ok(())
}

/// Sessions in a store, with the identifiers of their logins.
pub(crate) struct Sessions<S> {
    strategy: Session<Arc<S>, OsEntropy>,
    ids: Vec<String>,
    at: UnixMs,
}

impl<S: RecordStore> Sessions<S> {
    /// [`RECORDS`] logins. With `idle`, each use is to be noted that comes 90 s
    /// after the one before it: none of them here.
    pub(crate) async fn new(store: &Arc<S>, idle: bool) -> Result<Self> {
        let settings = Settings {
            idle: idle
                .then(|| Idle::new(1_800_000, Some(90_000)))
                .transpose()?,
            ..Settings::default()
        };
        let strategy = Session::new(settings, Arc::clone(store), OsEntropy);
        let at = SystemClock.now();
        let mut ids = Vec::new();
        for n in 0..RECORDS {
            let subject = Subject {
                id: SubjectId::new(&format!("acct-{n:08}")),
                roles: ["user", "editor"].into_iter().collect(),
            };
            let issued = strategy.issue(&subject, at).await?.granted();
            let credentials = issued.context("a login is one too many")?;
            ids.push(credentials.access.expose().to_owned());
        }
        Ok(Self { strategy, ids, at })
    }

    /// One request of login number `n`.
    pub(crate) async fn judge(&self, n: u64) {
        let place = usize::try_from(n % RECORDS).unwrap_or_default();
        let presented = Presented::access(&self.ids[place]);
        match self.strategy.authenticate(&presented, self.at).await {
            Ok(decision) => assert!(decision.accepted().is_some(), "a login was refused"),
            Err(error) => panic!("no judgement: {error}"),
        }
    }
}
