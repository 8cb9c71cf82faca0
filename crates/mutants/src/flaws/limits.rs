//! Flaws that checks of the LIMITS group find.

use crate::flaw::Flaw;
use crate::kind::Kind;

pub(crate) const FLAWS: &[Flaw] = &[
    Flaw {
        id: "M113",
        what: "the key of an encrypted token is derived in as many steps as it asks for",
        kind: Kind::JwtHs256,
        caught_by: "LIMITS-002",
        also: &[],
    },
    Flaw {
        id: "M115",
        what: "each unknown kid fetches the key set",
        kind: Kind::JwtEs256,
        caught_by: "LIMITS-004",
        also: &[],
    },
    Flaw {
        id: "M190",
        what: "a head that is too large is an internal error",
        kind: Kind::JwtEs256,
        caught_by: "LIMITS-001",
        also: &["JWT-007"],
    },
    Flaw {
        id: "M192",
        what: "each unknown identifier leaves a record",
        kind: Kind::SessionBearer,
        caught_by: "LIMITS-003",
        also: &[],
    },
    Flaw {
        id: "M196",
        what: "a head that is too large is refused for good: no cookie is cleared",
        kind: Kind::SessionCookie,
        caught_by: "LIMITS-005",
        also: &[],
    },
];
