//! The group SESSION.

mod entropy;
mod exact;
mod expiry;
mod fixation;
mod limit;
mod partial;
mod references;
mod renewed;
mod secrets;
mod unique;
mod unknown;

use crate::check::Check;

/// The checks of this group, in the order of their numbers.
pub(super) const CHECKS: &[Check] = &[
    fixation::SESSION_001,
    unknown::SESSION_002,
    renewed::SESSION_003,
    unique::SESSION_004,
    entropy::SESSION_005,
    expiry::SESSION_006,
    expiry::SESSION_007,
    partial::SESSION_008,
    exact::SESSION_009,
    limit::SESSION_010,
    secrets::SESSION_011,
];
