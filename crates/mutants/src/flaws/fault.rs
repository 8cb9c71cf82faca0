//! Flaws that checks of the FAULT group find.

use crate::flaw::Flaw;

pub(crate) const FLAWS: &[Flaw] = &[];
