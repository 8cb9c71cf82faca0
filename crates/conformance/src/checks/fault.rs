//! The group FAULT: what happens when store, process, keys or clock fail.

mod acknowledged;
mod clocks;
mod key_source;
mod lost;
mod mode;
mod outage;
mod revoked;

use crate::check::Check;

/// The checks of this group, in the order of their numbers.
pub(super) const CHECKS: &[Check] = &[
    outage::FAULT_001,
    revoked::FAULT_002,
    acknowledged::FAULT_003,
    revoked::FAULT_004,
    lost::FAULT_005,
    key_source::FAULT_006,
    clocks::FAULT_007,
    lost::FAULT_008,
];
