//! Flaws that checks of the SESSION group find.

use crate::flaw::Flaw;
use crate::kind::Kind;

pub(crate) const FLAWS: &[Flaw] = &[
    Flaw {
        id: "M13",
        what: "a login keeps the identifier of the login before it",
        kind: Kind::SessionCookie,
        caught_by: "SESSION-001",
        also: &["SESSION-003"],
    },
    Flaw {
        id: "M14",
        what: "a step-up leaves the old identifier alive",
        kind: Kind::SessionBearer,
        caught_by: "SESSION-003",
        also: &[],
    },
    Flaw {
        id: "M15",
        what: "a login adopts an identifier that was never issued",
        kind: Kind::SessionCookie,
        caught_by: "SESSION-002",
        also: &[],
    },
    Flaw {
        id: "M16",
        what: "no login ends by inactivity",
        kind: Kind::SessionBearer,
        caught_by: "SESSION-006",
        also: &[],
    },
    Flaw {
        id: "M17",
        what: "every process draws the same numbers for jti",
        kind: Kind::JwtEs256,
        caught_by: "SESSION-004",
        also: &[],
    },
    Flaw {
        id: "M18",
        what: "the artefact of a new password opens a session",
        kind: Kind::SessionBearer,
        caught_by: "SESSION-008",
        also: &[],
    },
    Flaw {
        id: "M19",
        what: "identifiers of 160 bits repeat 40 random ones",
        kind: Kind::SessionBearer,
        caught_by: "SESSION-005",
        also: &[],
    },
    Flaw {
        id: "M20",
        what: "nobody counts the logins of an account",
        kind: Kind::SessionBearer,
        caught_by: "SESSION-010",
        also: &[],
    },
    Flaw {
        id: "M21",
        what: "each use restarts the absolute lifetime",
        kind: Kind::SessionCookie,
        caught_by: "SESSION-007",
        also: &["COOKIE-007"],
    },
    Flaw {
        id: "M22",
        what: "the store knows identifiers as they are",
        kind: Kind::SessionBearer,
        caught_by: "SESSION-011",
        also: &[],
    },
    Flaw {
        id: "M23",
        what: "lookup does not care for letter case",
        kind: Kind::SessionBearer,
        caught_by: "SESSION-009",
        also: &[],
    },
    Flaw {
        id: "M25",
        what: "the log holds the cookie header",
        kind: Kind::SessionCookie,
        caught_by: "SESSION-011",
        also: &[],
    },
];
