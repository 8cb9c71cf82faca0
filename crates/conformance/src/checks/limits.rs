//! The group LIMITS.

mod bomb;
mod clutter;
mod encrypted;
mod fetches;
mod oversized;

use crate::check::Check;

/// The checks of this group, in the order of their numbers.
pub(super) const CHECKS: &[Check] = &[
    oversized::LIMITS_001,
    encrypted::LIMITS_002,
    clutter::LIMITS_003,
    fetches::LIMITS_004,
    bomb::LIMITS_005,
];
