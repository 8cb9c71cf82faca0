//! The group CONCURRENCY.

mod aftermath;
mod artefact;
mod crowd;
mod listing;
mod logins;
mod renewal;
mod rotation;
mod slow;

use crate::check::Check;

/// The checks of this group, in the order of their numbers.
pub(super) const CHECKS: &[Check] = &[
    slow::CONCURRENCY_001,
    logins::CONCURRENCY_002,
    listing::CONCURRENCY_003,
    renewal::CONCURRENCY_004,
    renewal::CONCURRENCY_005,
    rotation::CONCURRENCY_006,
    artefact::CONCURRENCY_007,
    crowd::CONCURRENCY_008,
];
