//! Flaws that checks of the CSRF group find.

use crate::flaw::Flaw;
use crate::kind::Kind;

pub(crate) const FLAWS: &[Flaw] = &[
    Flaw {
        id: "M73",
        what: "`text/plain` is taken for JSON",
        kind: Kind::Sealed,
        caught_by: "CSRF-004",
        also: &[],
    },
    Flaw {
        id: "M100",
        what: "`Origin: null` counts as the own one where `Sec-Fetch-Site` is missing",
        kind: Kind::Sealed,
        caught_by: "CSRF-001",
        also: &[],
    },
    Flaw {
        id: "M102",
        what: "cookie and header need only be equal (naive double submit)",
        kind: Kind::SessionCookie,
        caught_by: "CSRF-002",
        also: &[],
    },
    Flaw {
        id: "M104",
        what: "a GET with `_method=PUT` in its query changes the note",
        kind: Kind::Sealed,
        caught_by: "CSRF-003",
        also: &[],
    },
    Flaw {
        id: "M106",
        what: "a login needs no proof of origin",
        kind: Kind::Sealed,
        caught_by: "CSRF-006",
        also: &[],
    },
    Flaw {
        id: "M107",
        what: "without `Sec-Fetch-Site` any origin is taken",
        kind: Kind::Sealed,
        caught_by: "CSRF-005",
        also: &["CSRF-001"],
    },
    Flaw {
        id: "M108",
        what: "CORS reflects every origin",
        kind: Kind::Sealed,
        caught_by: "CSRF-007",
        also: &[],
    },
    Flaw {
        id: "M110",
        what: "`Sec-Fetch-Site: same-site` counts as the own site",
        kind: Kind::Hybrid,
        caught_by: "CSRF-005",
        also: &[],
    },
];
