//! Requests outside of a run.

use std::sync::atomic::AtomicU32;

use parking_lot::Mutex;

use crate::client::{Client, ClientOptions};
use crate::options::Options;
use crate::runner::RunError;
use crate::target::Target;
use crate::trial::{Shared, Trial};

/// Tries a target outside of a run, for those who want to know whether its
/// profile fits before any check is made.
pub struct Probe {
    target: Target,
    options: Options,
    shared: Shared,
}

impl Probe {
    /// A probe of `target` within the bounds of `options`.
    ///
    /// # Errors
    /// [`RunError::Client`] when the HTTP client cannot be made.
    pub fn new(target: Target, options: Options) -> Result<Self, RunError> {
        Ok(Self {
            shared: Shared::new(&target, &options)?,
            target,
            options,
        })
    }

    /// A trial whose findings go nowhere.
    #[must_use]
    pub fn trial(&self) -> Trial<'_> {
        Trial::new(&self.target, &self.options, &self.shared, 0)
    }
}

impl Shared {
    /// What a run over `target` shares.
    ///
    /// # Errors
    /// [`RunError::Client`] when the HTTP client cannot be made.
    pub(crate) fn new(target: &Target, options: &Options) -> Result<Self, RunError> {
        let client = Client::new(&ClientOptions {
            timeout: options.request_timeout,
            rate_per_s: options.rate_per_s,
            certificate_der: target.certificate_der.clone(),
        })
        .map_err(RunError::Client)?;
        Ok(Self {
            client,
            next_user: AtomicU32::new(0),
            expended: AtomicU32::new(0),
            proofs: Mutex::default(),
        })
    }
}
