//! The group CRYPTO.

mod compared;
mod nonces;
mod rollback;
mod sealed;
mod sizes;
mod vectors;

use crate::check::Check;

/// The checks of this group, in the order of their numbers.
pub(super) const CHECKS: &[Check] = &[
    vectors::CRYPTO_001,
    vectors::CRYPTO_002,
    vectors::CRYPTO_003,
    vectors::CRYPTO_004,
    sealed::CRYPTO_005,
    nonces::CRYPTO_006,
    compared::CRYPTO_007,
    sizes::CRYPTO_008,
    rollback::CRYPTO_009,
];
