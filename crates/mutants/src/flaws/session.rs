//! Flaws that checks of the SESSION group find.

use crate::flaw::Flaw;
use crate::kind::Kind;

pub(crate) const FLAWS: &[Flaw] = &[Flaw {
    id: "M13",
    what: "a login keeps the identifier that the request brought",
    kind: Kind::SessionCookie,
    caught_by: "SESSION-001",
    also: &["SESSION-002", "SESSION-003"],
}];
