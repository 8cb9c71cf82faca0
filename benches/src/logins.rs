//! Many logins at once, for benches of stores.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use anyhow::{Context as _, Result, bail};
use authbench_core::{AuthStrategy, Entropy, Roles, SeededEntropy, Subject, SubjectId, UnixMs};

/// When the logins begin.
pub const ISSUED_AT: UnixMs = UnixMs(1_765_000_000_000);

/// Whose roles a login refers to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RoleSets {
    /// One set for all, as when a directory keeps each set of roles once.
    Shared,
    /// A set of its own for each subject.
    Own,
}

/// What a future that never waits comes to.
///
/// # Errors
/// When it waits.
pub fn ready<T>(future: impl Future<Output = T>) -> Result<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => Ok(outcome),
        Poll::Pending => bail!("an operation in memory waits for something"),
    }
}

/// Subject number `n`.
#[must_use]
pub fn subject(n: usize, roles: &Roles) -> Subject {
    Subject {
        id: SubjectId::new(&format!("user-{n:08}")),
        roles: roles.clone(),
    }
}

/// Logs in one login for each of `count` subjects; gives each access
/// credential to `keep`.
///
/// # Errors
/// When a login fails.
pub async fn log_in(
    strategy: &impl AuthStrategy,
    count: usize,
    role_sets: RoleSets,
    mut keep: impl FnMut(&str),
) -> Result<()> {
    let names = ["user", "editor"];
    let shared = Roles::from_iter(names);
    for n in 0..count {
        let subject = match role_sets {
            RoleSets::Shared => subject(n, &shared),
            RoleSets::Own => subject(n, &Roles::from_iter(names)),
        };
        let credentials = strategy
            .issue(&subject, ISSUED_AT)
            .await
            .context("a login failed")?
            .granted()
            .context("a login is one too many")?;
        keep(credentials.access.expose());
    }
    Ok(())
}

/// Credentials of `N` octets each, side by side in memory, so that going
/// through them costs the caches as little as it can.
#[derive(Debug, Default)]
pub struct Ids<const N: usize>(Vec<[u8; N]>);

impl<const N: usize> Ids<N> {
    /// None yet.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds `id` at the end; anything of another length is left out.
    pub fn push(&mut self, id: &str) {
        self.0.extend(<[u8; N]>::try_from(id.as_bytes()));
    }

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Puts them into a random order, that of `seed` (Fisher and Yates).
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn shuffle(&mut self, seed: u64) -> Result<()> {
        let mut numbers = vec![[0_u8; 8]; self.0.len()];
        SeededEntropy::new(seed).fill(numbers.as_flattened_mut())?;
        for (n, number) in (0..self.0.len()).zip(numbers) {
            let other = u64::from_le_bytes(number) % (n as u64 + 1);
            self.0.swap(n, usize::try_from(other)?);
        }
        Ok(())
    }

    /// All of them, again and again.
    pub fn cycle(&self) -> impl Iterator<Item = &str> {
        self.0
            .iter()
            .map(|id| std::str::from_utf8(id).unwrap_or_default())
            .cycle()
    }
}
