//! Flaws that checks of the CRYPTO group find.

use crate::flaw::Flaw;

pub(crate) const FLAWS: &[Flaw] = &[];
