//! Bounds, and errors that name the place at which a file breaks one.

use std::path::Path;

use authbench_conf::{ConfError, Located};

/// Checks values of one file.
pub(super) struct Check<'f> {
    /// The file, for errors.
    pub(super) file: &'f Path,
}

impl Check<'_> {
    /// An error at a value's place.
    pub(super) fn fault<T>(&self, at: &Located<T>, message: impl Into<String>) -> ConfError {
        ConfError::semantic(self.file, at, message)
    }

    /// Refuses a value that is not from `min` to `max`.
    pub(super) fn within<T>(
        &self,
        at: &Located<T>,
        what: &str,
        min: u64,
        max: u64,
    ) -> Result<(), ConfError>
    where
        T: Copy + Into<u64>,
    {
        let value = at.value.into();
        if (min..=max).contains(&value) {
            return Ok(());
        }
        Err(self.fault(at, format!("{what}: {value} is not from {min} to {max}")))
    }

    /// Refuses a rate under which too little would be measured.
    pub(super) fn rate(&self, rate: &Located<u32>, measure_ms: u64) -> Result<(), ConfError> {
        self.within(rate, "a rate per second", 1, 1_000_000)?;
        let arrivals = u64::from(rate.value) * measure_ms / 1_000;
        if arrivals >= 100 {
            return Ok(());
        }
        Err(self.fault(
            rate,
            format!(
                "about {arrivals} requests would be measured, too few for a 99th percentile; \
                 raise the rate or `measure_ms` until there are 100"
            ),
        ))
    }

    /// Refuses a list whose values do not grow.
    pub(super) fn ascending<T: Ord + std::fmt::Display>(
        &self,
        list: &[Located<T>],
        what: &str,
    ) -> Result<(), ConfError> {
        match list.windows(2).find(|pair| pair[0] >= pair[1]) {
            None => Ok(()),
            Some(pair) => Err(self.fault(
                &pair[1],
                format!("{what} must ascend, but {} follows {}", pair[1], pair[0]),
            )),
        }
    }
}
