//! Flaws that checks of the REFRESH group find.

use crate::flaw::Flaw;
use crate::kind::Kind;

pub(crate) const FLAWS: &[Flaw] = &[Flaw {
    id: "M53",
    what: "a spent refresh token is refused, but its family lives",
    kind: Kind::Refresh,
    caught_by: "REFRESH-002",
    also: &["REFRESH-004"],
}];
