//! Flaws that checks of the COOKIE group find.

use crate::flaw::Flaw;
use crate::kind::Kind;

pub(crate) const FLAWS: &[Flaw] = &[Flaw {
    id: "M01",
    what: "the session cookie has no `Secure`",
    kind: Kind::SessionCookie,
    caught_by: "COOKIE-001",
    also: &["TRANSPORT-001", "COOKIE-004", "COOKIE-005"],
}];
