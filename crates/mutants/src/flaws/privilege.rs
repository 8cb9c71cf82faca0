//! Flaws that checks of the PRIVILEGE group find.

use crate::flaw::Flaw;
use crate::kind::Kind;

pub(crate) const FLAWS: &[Flaw] = &[
    Flaw {
        id: "M81",
        what: "roles are read from the token, never from the account",
        kind: Kind::Denylist,
        caught_by: "PRIVILEGE-001",
        also: &[],
    },
    Flaw {
        id: "M170",
        what: "a password can be changed without the current one",
        kind: Kind::SessionCookie,
        caught_by: "PRIVILEGE-002",
        also: &[],
    },
    Flaw {
        id: "M117",
        what: "a step-up lifts all logins of the user, for good",
        kind: Kind::SessionBearer,
        caught_by: "PRIVILEGE-003",
        also: &[],
    },
    Flaw {
        id: "M172",
        what: "a role in a cookie beside the credential is believed",
        kind: Kind::Hybrid,
        caught_by: "PRIVILEGE-004",
        also: &[],
    },
    Flaw {
        id: "M119",
        what: "subjects are made of user names, and come again with them",
        kind: Kind::Denylist,
        caught_by: "PRIVILEGE-005",
        also: &[],
    },
    Flaw {
        id: "M178",
        what: "whoever is logged in may read what belongs to others",
        kind: Kind::SessionCookie,
        caught_by: "PRIVILEGE-005",
        also: &[],
    },
    Flaw {
        id: "M174",
        what: "a login tells whether the user is known",
        kind: Kind::SessionBearer,
        caught_by: "PRIVILEGE-006",
        also: &[],
    },
    Flaw {
        id: "M176",
        what: "wrong guesses of a stranger lock the victim out",
        kind: Kind::SessionCookie,
        caught_by: "PRIVILEGE-006",
        also: &[],
    },
];
