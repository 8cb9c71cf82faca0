//! Flaws that checks of the PRIVILEGE group find.

use crate::flaw::Flaw;
use crate::kind::Kind;

pub(crate) const FLAWS: &[Flaw] = &[Flaw {
    id: "M81",
    what: "roles are read from the token, never from the account",
    kind: Kind::Denylist,
    caught_by: "PRIVILEGE-001",
    also: &[],
}];
