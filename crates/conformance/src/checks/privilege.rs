//! The group PRIVILEGE: what an identity may do, and what proves it.

mod demotion;
mod guesses;
mod held;
mod identity;
mod proof;

use crate::check::Check;

/// The checks of this group, in the order of their numbers.
pub(super) const CHECKS: &[Check] = &[
    demotion::PRIVILEGE_001,
    proof::PRIVILEGE_002,
    proof::PRIVILEGE_003,
    held::PRIVILEGE_004,
    identity::PRIVILEGE_005,
    guesses::PRIVILEGE_006,
];
