//! Flaws that checks of the TRANSPORT group find.

use crate::flaw::Flaw;

pub(crate) const FLAWS: &[Flaw] = &[];
