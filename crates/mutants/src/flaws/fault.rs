//! Flaws that checks of the FAULT group find.

use crate::flaw::Flaw;
use crate::kind::Kind;

pub(crate) const FLAWS: &[Flaw] = &[
    Flaw {
        id: "M109",
        what: "while the store is out of reach, whom a replica last saw is let in",
        kind: Kind::SessionBearer,
        caught_by: "FAULT-001",
        also: &[],
    },
    Flaw {
        id: "M79",
        what: "what cannot be looked up in the denylist is taken for not denied",
        kind: Kind::Denylist,
        caught_by: "FAULT-002",
        also: &["FAULT-001", "FAULT-004"],
    },
    Flaw {
        id: "M150",
        what: "a logout that could not be stored is acknowledged",
        kind: Kind::SessionCookie,
        caught_by: "FAULT-003",
        also: &["FAULT-004"],
    },
    Flaw {
        id: "M152",
        what: "a logout that could not be stored is remembered by its own process alone",
        kind: Kind::SessionBearer,
        caught_by: "FAULT-004",
        also: &[],
    },
    Flaw {
        id: "M154",
        what: "what was denied is lost when the store restarts",
        kind: Kind::Denylist,
        caught_by: "FAULT-005",
        also: &[],
    },
    Flaw {
        id: "M160",
        what: "fetched keys are used past their age when no others can be had",
        kind: Kind::JwtEs256,
        caught_by: "FAULT-006",
        also: &["LIMITS-004"],
    },
    Flaw {
        id: "M111",
        what: "each replica judges expiry by its own clock, and one that is set back revives",
        kind: Kind::JwtHs256,
        caught_by: "FAULT-007",
        also: &[],
    },
    Flaw {
        id: "M156",
        what: "a denylist that was lost denies nothing",
        kind: Kind::Denylist,
        caught_by: "FAULT-008",
        also: &[],
    },
];
