//! Flaws that checks of the CSRF group find.

use crate::flaw::Flaw;

pub(crate) const FLAWS: &[Flaw] = &[];
