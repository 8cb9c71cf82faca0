//! Instants as PASETO writes them: a date and time of day (RFC 3339).

use std::borrow::Cow;

use authbench_core::UnixMs;
use jiff::Timestamp;
use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::token::claims::ClaimTime;

/// An instant, written in whole seconds.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct DateTime(pub(super) UnixMs);

impl DateTime {
    /// The instant of whole seconds since 1970.
    pub(super) const fn of_s(seconds: u64) -> Self {
        Self(UnixMs(seconds.saturating_mul(1000)))
    }
}

impl ClaimTime for DateTime {
    fn instant(&self) -> Option<UnixMs> {
        Some(self.0)
    }
}

impl Serialize for DateTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let seconds = i64::try_from(self.0.whole_secs()).map_err(S::Error::custom)?;
        let time = Timestamp::from_second(seconds).map_err(S::Error::custom)?;
        serializer.collect_str(&time)
    }
}

impl<'de> Deserialize<'de> for DateTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        let time: Timestamp = text.parse().map_err(D::Error::custom)?;
        let ms = u64::try_from(time.as_millisecond()).map_err(D::Error::custom)?;
        Ok(Self(UnixMs(ms)))
    }
}
