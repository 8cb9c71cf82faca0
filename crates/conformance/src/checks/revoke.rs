//! The group REVOKE: what ends a login, for whom, where, and when.

mod account;
mod all;
pub(super) mod dead;
mod endpoints;
mod entries;
mod list;
mod logout;
mod spelling;
mod spread;

use crate::check::Check;

/// The checks of this group, in the order of their numbers.
pub(super) const CHECKS: &[Check] = &[
    logout::REVOKE_001,
    logout::REVOKE_002,
    logout::REVOKE_003,
    all::REVOKE_004,
    account::REVOKE_005,
    account::REVOKE_006,
    list::REVOKE_007,
    spread::REVOKE_008,
    spelling::REVOKE_009,
    all::REVOKE_010,
    entries::REVOKE_011,
    endpoints::REVOKE_012,
];
