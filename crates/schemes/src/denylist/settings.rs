//! What a recipe says about its denylist.

use serde::{Deserialize, Serialize};

/// The settings of [`Denylist`](super::Denylist).
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Whether tokens pass that cannot be looked up because the store is out
    /// of reach. Then an outage, which an attacker may be able to cause, brings
    /// every revoked token back to life: against ASVS 5.0 16.5.3, and here to
    /// show what it does. No is the default.
    pub fail_open: bool,
}
