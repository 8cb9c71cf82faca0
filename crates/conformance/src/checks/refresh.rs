//! The group REFRESH.

pub(super) mod account;
mod binding;
mod chain;
mod grace;
mod purpose;
pub(super) mod race;
mod restore;
mod revoked;
mod rotation;
pub(super) mod token;

use crate::check::Check;

/// The checks of this group, in the order of their numbers.
pub(super) const CHECKS: &[Check] = &[
    rotation::REFRESH_001,
    rotation::REFRESH_002,
    race::REFRESH_003,
    grace::REFRESH_004,
    revoked::REFRESH_005,
    restore::REFRESH_006,
    restore::REFRESH_007,
    chain::REFRESH_008,
    binding::REFRESH_009,
    purpose::REFRESH_010,
    purpose::REFRESH_011,
    account::REFRESH_012,
];
