//! Flaws that checks of the REFRESH group find.

use crate::flaw::Flaw;
use crate::kind::Kind;

pub(crate) const FLAWS: &[Flaw] = &[
    Flaw {
        id: "M53",
        what: "a spent refresh token is refused, but its family lives",
        kind: Kind::Refresh,
        caught_by: "REFRESH-002",
        also: &[],
    },
    Flaw {
        id: "M55",
        what: "the second loser of a race ends the family, though replays are declared",
        kind: Kind::Hybrid,
        caught_by: "REFRESH-003",
        also: &["REFRESH-006", "CONCURRENCY-005"],
    },
    Flaw {
        id: "M57",
        what: "a spent token within its grace works after the logout",
        kind: Kind::Hybrid,
        caught_by: "REFRESH-005",
        also: &["CONCURRENCY-004"],
    },
    Flaw {
        id: "M59",
        what: "each refresh restarts the absolute lifetime",
        kind: Kind::Refresh,
        caught_by: "REFRESH-008",
        also: &["SESSION-007"],
    },
    Flaw {
        id: "M60",
        what: "an old token after the grace ends all renewal, yet brings an access token",
        kind: Kind::Refresh,
        caught_by: "REFRESH-001",
        also: &[],
    },
    Flaw {
        id: "M61",
        what: "a refresh does not look at whether the account is barred",
        kind: Kind::Refresh,
        caught_by: "REFRESH-012",
        also: &["REVOKE-006"],
    },
    Flaw {
        id: "M62",
        what: "a second replay takes the access cookie away",
        kind: Kind::Hybrid,
        caught_by: "REFRESH-006",
        also: &[],
    },
    Flaw {
        id: "M64",
        what: "the grace is half as long as declared",
        kind: Kind::Hybrid,
        caught_by: "REFRESH-007",
        also: &[],
    },
    Flaw {
        id: "M66",
        what: "another client that tries a refresh token burns it",
        kind: Kind::Refresh,
        caught_by: "REFRESH-009",
        also: &[],
    },
    Flaw {
        id: "M68",
        what: "within the grace a spent token works for any client",
        kind: Kind::Hybrid,
        caught_by: "REFRESH-004",
        also: &[],
    },
    Flaw {
        id: "M72",
        what: "the refresh cookie goes with every request",
        kind: Kind::Hybrid,
        caught_by: "REFRESH-011",
        also: &["COOKIE-004"],
    },
    Flaw {
        id: "M121",
        what: "the refresh endpoint takes access tokens",
        kind: Kind::Refresh,
        caught_by: "REFRESH-010",
        also: &["JWT-015"],
    },
];
