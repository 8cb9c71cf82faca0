//! Flaws that checks of the TRANSPORT group find.

use crate::flaw::Flaw;
use crate::kind::Kind;

pub(crate) const FLAWS: &[Flaw] = &[
    Flaw {
        id: "M75",
        what: "a bearer token is taken from the query",
        kind: Kind::JwtEs256,
        caught_by: "TRANSPORT-003",
        also: &[],
    },
    Flaw {
        id: "M87",
        what: "answers for one user may be kept by any cache",
        kind: Kind::SessionCookie,
        caught_by: "TRANSPORT-002",
        also: &[],
    },
    Flaw {
        id: "M114",
        what: "of two headers one route refuses both and another takes the last",
        kind: Kind::JwtEs256,
        caught_by: "TRANSPORT-004",
        also: &[],
    },
    Flaw {
        id: "M116",
        what: "X-User-Id is believed",
        kind: Kind::SessionCookie,
        caught_by: "TRANSPORT-006",
        also: &[],
    },
    Flaw {
        id: "M118",
        what: "HSTS of five minutes only",
        kind: Kind::SessionBearer,
        caught_by: "TRANSPORT-001",
        also: &[],
    },
    Flaw {
        id: "M125",
        what: "the API answers on the plain port as well",
        kind: Kind::SessionBearer,
        caught_by: "TRANSPORT-001",
        also: &[],
    },
    Flaw {
        id: "M127",
        what: "a bad signature is answered with its own text and a stack",
        kind: Kind::JwtEs256,
        caught_by: "TRANSPORT-005",
        also: &[],
    },
];
