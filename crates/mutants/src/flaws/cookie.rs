//! Flaws that checks of the COOKIE group find.

use crate::flaw::Flaw;
use crate::kind::Kind;

pub(crate) const FLAWS: &[Flaw] = &[
    Flaw {
        id: "M01",
        what: "the credential's cookie has no `Secure`",
        kind: Kind::Sealed,
        caught_by: "COOKIE-001",
        also: &["TRANSPORT-001", "COOKIE-005", "COOKIE-006"],
    },
    Flaw {
        id: "M02",
        what: "the cookies have no `SameSite`",
        kind: Kind::SessionCookie,
        caught_by: "COOKIE-003",
        also: &[],
    },
    Flaw {
        id: "M03",
        what: "the session identifier stands in the body of the login, too",
        kind: Kind::SessionCookie,
        caught_by: "COOKIE-002",
        also: &["BROWSER-001"],
    },
    Flaw {
        id: "M04",
        what: "`Path` stands twice in each `Set-Cookie`",
        kind: Kind::SessionCookie,
        caught_by: "COOKIE-005",
        also: &[],
    },
    Flaw {
        id: "M05",
        what: "the cookies have a `Domain`, which their prefix forbids",
        kind: Kind::Sealed,
        caught_by: "COOKIE-004",
        also: &["COOKIE-005", "COOKIE-006", "COOKIE-008", "BROWSER-003"],
    },
    Flaw {
        id: "M06",
        what: "logging out clears the cookies of another path",
        kind: Kind::SessionCookie,
        caught_by: "COOKIE-008",
        also: &["COOKIE-005"],
    },
    Flaw {
        id: "M07",
        what: "all groups are embedded, until the cookie of the largest account is too large",
        kind: Kind::Sealed,
        caught_by: "COOKIE-006",
        also: &["BROWSER-004"],
    },
    Flaw {
        id: "M08",
        what: "of two cookies of one name the first replica takes the first, the second the last",
        kind: Kind::SessionCookie,
        caught_by: "COOKIE-010",
        also: &["BROWSER-003"],
    },
    Flaw {
        id: "M09",
        what: "the server keeps no absolute end of a session of its own",
        kind: Kind::SessionCookie,
        caught_by: "COOKIE-007",
        also: &["SESSION-007", "FAULT-007"],
    },
    Flaw {
        id: "M11",
        what: "the e-mail address stands among the roles in the token",
        kind: Kind::JwtEs256,
        caught_by: "COOKIE-009",
        also: &[],
    },
];
