//! Flaws that checks of the JWT group find.

use crate::flaw::Flaw;
use crate::kind::Kind;

pub(crate) const FLAWS: &[Flaw] = &[
    Flaw {
        id: "M27",
        what: "`alg` none is believed",
        kind: Kind::JwtEs256,
        caught_by: "JWT-001",
        also: &["CRYPTO-001", "JWT-002"],
    },
    Flaw {
        id: "M41",
        what: "a token without `exp` lasts for ever",
        kind: Kind::JwtEs256,
        caught_by: "JWT-010",
        also: &[],
    },
];
