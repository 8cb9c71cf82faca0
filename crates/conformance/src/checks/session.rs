//! The group SESSION.

mod fixation;

use crate::check::Check;

/// The checks of this group, in the order of their numbers.
pub(super) const CHECKS: &[Check] = &[fixation::SESSION_001];
