//! The group COOKIE: what a browser makes of the cookies, and what they show.

mod attributes;
mod duplicate;
mod expiry;
mod kept;
mod logout;
mod privacy;
mod scope;
mod size;
mod tour;

use crate::check::Check;

/// The checks of this group, in the order of their numbers.
pub(super) const CHECKS: &[Check] = &[
    attributes::COOKIE_001,
    attributes::COOKIE_002,
    attributes::COOKIE_003,
    scope::COOKIE_004,
    kept::COOKIE_005,
    size::COOKIE_006,
    expiry::COOKIE_007,
    logout::COOKIE_008,
    privacy::COOKIE_009,
    duplicate::COOKIE_010,
];
