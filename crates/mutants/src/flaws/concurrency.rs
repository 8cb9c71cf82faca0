//! Flaws that checks of the CONCURRENCY group find.

use crate::flaw::Flaw;

pub(crate) const FLAWS: &[Flaw] = &[];
