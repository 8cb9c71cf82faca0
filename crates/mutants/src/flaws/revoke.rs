//! Flaws that checks of the REVOKE group find.

use crate::flaw::Flaw;
use crate::kind::Kind;

pub(crate) const FLAWS: &[Flaw] = &[
    Flaw {
        id: "M63",
        what: "a logout ends the access token, and the refresh token lives",
        kind: Kind::Refresh,
        caught_by: "REVOKE-002",
        also: &["REFRESH-005", "REVOKE-003", "REVOKE-007", "CONCURRENCY-004"],
    },
    Flaw {
        id: "M67",
        what: "tokens of deleted accounts are good",
        kind: Kind::Denylist,
        caught_by: "REVOKE-006",
        also: &["PRIVILEGE-005"],
    },
];
