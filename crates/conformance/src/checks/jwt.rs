//! The group JWT: tokens, and what is forged from them.
//!
//! Everything that is correctly signed but wrong needs the signing key
//! (`keys.sign`); what needs only a token is tried without it.

mod confusion;
mod critical;
mod duplicate;
mod ecdsa;
mod embedded;
mod encryption;
mod ground;
mod kid;
mod kind;
mod names;
mod remote;
mod rotation;
mod secret;
mod signature;
mod skew;
mod spelling;
mod time;
mod types;

use crate::check::Check;

/// The checks of this group, in the order of their numbers.
pub(super) const CHECKS: &[Check] = &[
    signature::JWT_001,
    signature::JWT_002,
    confusion::JWT_003,
    confusion::JWT_004,
    embedded::JWT_005,
    remote::JWT_006,
    kid::JWT_007,
    secret::JWT_008,
    ecdsa::JWT_009,
    time::JWT_010,
    skew::JWT_011,
    types::JWT_012,
    names::JWT_013,
    names::JWT_014,
    kind::JWT_015,
    critical::JWT_016,
    duplicate::JWT_017,
    spelling::JWT_018,
    encryption::JWT_019,
    rotation::JWT_020,
];
