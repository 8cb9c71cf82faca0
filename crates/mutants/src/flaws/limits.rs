//! Flaws that checks of the LIMITS group find.

use crate::flaw::Flaw;
use crate::kind::Kind;

pub(crate) const FLAWS: &[Flaw] = &[Flaw {
    id: "M115",
    what: "each unknown kid fetches the key set",
    kind: Kind::JwtEs256,
    caught_by: "LIMITS-004",
    also: &[],
}];
