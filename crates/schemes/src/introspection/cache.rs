//! Answers that are kept for a while.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use authbench_core::{Digest, Identity, SubjectId, UnixMs};
use quick_cache::sync;

use super::settings::Settings;

/// A bounded number of answers, each for a bounded time.
pub(super) struct Cache {
    kept: sync::Cache<Digest, Kept>,
    keeps_ms: u64,
    /// Counts what was forgotten. An answer to a question that was asked before
    /// must not be kept: it may be the one that was to be forgotten.
    forgotten: AtomicU64,
}

#[derive(Clone)]
struct Kept {
    identity: Identity,
    /// When the question was put, so that the answer is no older than that.
    asked_at: UnixMs,
}

/// A question that is under way: what had been forgotten when it began.
#[derive(Clone, Copy)]
pub(super) struct Asked(u64);

impl Cache {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            kept: sync::Cache::new(settings.cache_entries),
            keeps_ms: settings.cache_ms,
            forgotten: AtomicU64::new(0),
        }
    }

    pub(super) const fn keeps_ms(&self) -> u64 {
        self.keeps_ms
    }

    /// The answer of less than `keeps_ms` before `at`. One of after `at` (a
    /// clock stepped back) is none: nobody knows how old it is.
    pub(super) fn get(&self, key: &Digest, at: UnixMs) -> Option<Identity> {
        let kept = self.kept.get(key)?;
        let is_fresh = kept.asked_at <= at && at.since(kept.asked_at) < self.keeps_ms;
        is_fresh.then_some(kept.identity)
    }

    /// To be called before the server is asked.
    pub(super) fn ask(&self) -> Asked {
        Asked(self.forgotten.load(Ordering::SeqCst))
    }

    /// Keeps an answer, unless something was forgotten since the question.
    pub(super) fn keep(&self, asked: Asked, key: Digest, identity: &Identity, at: UnixMs) {
        if self.ask().0 != asked.0 {
            return;
        }
        let kept = Kept {
            identity: identity.clone(),
            asked_at: at,
        };
        self.kept.insert(key, kept);
        // Whoever forgets counts first and removes afterwards. If it counted
        // just now, it may have found nothing to remove.
        if self.ask().0 != asked.0 {
            self.kept.remove(&key);
        }
    }

    /// Takes out what the server no longer says.
    pub(super) fn remove(&self, key: &Digest) {
        self.kept.remove(key);
    }

    /// Forgets one token.
    pub(super) fn forget(&self, key: &Digest) {
        self.forgotten.fetch_add(1, Ordering::SeqCst);
        self.kept.remove(key);
    }

    /// Forgets every token of `subject`. Looks at all that is kept, which is
    /// bounded; revocations are rare where answers are kept.
    pub(super) fn forget_subject(&self, subject: &SubjectId) {
        self.forgotten.fetch_add(1, Ordering::SeqCst);
        self.kept
            .retain(|_, kept| kept.identity.subject != *subject);
    }
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache")
            .field("entries", &self.kept.len())
            .field("keeps_ms", &self.keeps_ms)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use authbench_core::{LoginId, Roles};

    use super::*;

    const AT: UnixMs = UnixMs(1_000);

    fn cache(cache_entries: usize) -> Cache {
        Cache::new(&Settings {
            cache_ms: 50,
            cache_entries,
            ..Settings::default()
        })
    }

    fn identity(name: &str) -> Identity {
        Identity {
            subject: SubjectId::new(name),
            roles: Roles::default(),
            login: LoginId([0; 16]),
            expires_at: AT.plus_ms(1_000),
        }
    }

    #[test]
    fn an_answer_is_kept_for_its_time_and_not_backwards() {
        let (cache, key) = (cache(10), Digest::of("a"));
        cache.keep(cache.ask(), key, &identity("ada"), AT);
        for (at, kept) in [(999, false), (1_000, true), (1_049, true), (1_050, false)] {
            assert_eq!(cache.get(&key, UnixMs(at)).is_some(), kept, "{at}");
        }
        assert_eq!(cache.get(&Digest::of("b"), AT), None);
    }

    #[test]
    fn nothing_is_kept_that_was_asked_before_something_was_forgotten() {
        let (cache, key) = (cache(10), Digest::of("a"));
        let forget: [&dyn Fn(); 2] = [&|| cache.forget(&key), &|| {
            cache.forget_subject(&SubjectId::new("ada"));
        }];
        for forget in forget {
            let asked = cache.ask();
            forget();
            cache.keep(asked, key, &identity("ada"), AT);
            assert_eq!(cache.get(&key, AT), None);
            cache.keep(cache.ask(), key, &identity("ada"), AT);
            assert!(cache.get(&key, AT).is_some());
            forget();
            assert_eq!(cache.get(&key, AT), None);
        }
    }

    #[test]
    fn whoever_forgets_a_subject_forgets_nobody_else_and_the_cache_is_bounded() {
        let cache = cache(64);
        for n in 0..10_000 {
            let name = if n % 2 == 0 { "ada" } else { "bob" };
            let key = Digest::of(&n.to_string());
            cache.keep(cache.ask(), key, &identity(name), AT);
        }
        assert!(cache.kept.len() <= 64);
        let before = cache.kept.len();
        cache.forget_subject(&SubjectId::new("ada"));
        let left = cache.kept.iter().count();
        assert!(left < before && left > 0);
        let foreign = |(_, kept): (Digest, Kept)| kept.identity.subject == SubjectId::new("bob");
        assert!(cache.kept.iter().all(foreign));
    }
}
