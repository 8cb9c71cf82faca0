//! The group CSRF: what other sites can make a browser do.

mod cors;
mod forged;
mod login_logout;
mod metadata;
mod methods;
mod probe;
mod simple;
mod token;

use crate::check::Check;

/// The checks of this group, in the order of their numbers.
pub(super) const CHECKS: &[Check] = &[
    forged::CSRF_001,
    token::CSRF_002,
    methods::CSRF_003,
    simple::CSRF_004,
    metadata::CSRF_005,
    login_logout::CSRF_006,
    cors::CSRF_007,
];
