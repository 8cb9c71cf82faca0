//! The group TRANSPORT.

mod cache;
mod carriers;
mod plain;
mod proxies;
mod refusals;
mod urls;

use crate::check::Check;

/// The checks of this group, in the order of their numbers.
pub(super) const CHECKS: &[Check] = &[
    plain::TRANSPORT_001,
    cache::TRANSPORT_002,
    urls::TRANSPORT_003,
    carriers::TRANSPORT_004,
    refusals::TRANSPORT_005,
    proxies::TRANSPORT_006,
];
