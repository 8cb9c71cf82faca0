//! Flaws that checks of the CRYPTO group find.

use crate::flaw::Flaw;
use crate::kind::Kind;

pub(crate) const FLAWS: &[Flaw] = &[
    Flaw {
        id: "M83",
        what: "a sealed cookie is not bound to its name",
        kind: Kind::Sealed,
        caught_by: "CRYPTO-005",
        also: &["PRIVILEGE-004"],
    },
    Flaw {
        id: "M85",
        what: "a logout of a renewed login lets its older sealed cookie live again",
        kind: Kind::Sealed,
        caught_by: "CRYPTO-009",
        also: &[],
    },
    Flaw {
        id: "M101",
        what: "a padded signature is accepted",
        kind: Kind::JwtEs256,
        caught_by: "CRYPTO-001",
        also: &[],
    },
    Flaw {
        id: "M103",
        what: "a JWE whose tag is cut to 12 octets is opened",
        kind: Kind::Sealed,
        caught_by: "CRYPTO-003",
        also: &[],
    },
    Flaw {
        id: "M105",
        what: "MACs are compared octet by octet, up to the first that differs",
        kind: Kind::JwtHs256,
        caught_by: "CRYPTO-007",
        also: &[],
    },
    Flaw {
        id: "M141",
        what: "the nonce of a sealed cookie is a counter that each process begins at zero",
        kind: Kind::Sealed,
        caught_by: "CRYPTO-006",
        also: &[],
    },
    Flaw {
        id: "M142",
        what: "a forgotten RSA key of 1024 bits is in the published key set",
        kind: Kind::JwtRs256,
        caught_by: "CRYPTO-008",
        also: &[],
    },
    Flaw {
        id: "M204",
        what: "a key for encryption is loaded to verify signatures",
        kind: Kind::JwtEs256,
        caught_by: "CRYPTO-002",
        also: &[],
    },
    Flaw {
        id: "M206",
        what: "of a bare MAC only the first half is looked at",
        kind: Kind::JwtEs256,
        caught_by: "CRYPTO-004",
        also: &[],
    },
];
