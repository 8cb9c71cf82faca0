//! Flaws that checks of the LIMITS group find.

use crate::flaw::Flaw;

pub(crate) const FLAWS: &[Flaw] = &[];
