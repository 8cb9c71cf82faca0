//! Flaws that checks of the CONCURRENCY group find.

use crate::flaw::Flaw;
use crate::kind::Kind;

pub(crate) const FLAWS: &[Flaw] = &[
    Flaw {
        id: "M77",
        what: "a slow request saves its session at its end, ended or not",
        kind: Kind::SessionCookie,
        caught_by: "CONCURRENCY-001",
        also: &[],
    },
    Flaw {
        id: "M89",
        what: "a refresh in flight at a logout writes the login back",
        kind: Kind::Refresh,
        caught_by: "CONCURRENCY-004",
        also: &[],
    },
    Flaw {
        id: "M97",
        what: "a login reads the password before a change and is stored after it",
        kind: Kind::SessionBearer,
        caught_by: "CONCURRENCY-002",
        also: &[],
    },
    Flaw {
        id: "M99",
        what: "a rotation takes the old identifier away before there is a new one",
        kind: Kind::SessionCookie,
        caught_by: "CONCURRENCY-006",
        also: &[],
    },
    Flaw {
        id: "M130",
        what: "parallel logins overwrite each other's entries in the index",
        kind: Kind::SessionCookie,
        caught_by: "CONCURRENCY-003",
        also: &["CONCURRENCY-002"],
    },
    Flaw {
        id: "M132",
        what: "a replica does not see what another one spent a moment ago",
        kind: Kind::Refresh,
        caught_by: "CONCURRENCY-005",
        also: &[],
    },
    Flaw {
        id: "M134",
        what: "a reset is read, and taken away later",
        kind: Kind::SessionCookie,
        caught_by: "CONCURRENCY-007",
        also: &[],
    },
    Flaw {
        id: "M136",
        what: "requests of one path that are under way share one answer",
        kind: Kind::JwtEs256,
        caught_by: "CONCURRENCY-008",
        also: &[],
    },
    Flaw {
        id: "M138",
        what: "a slow request that finds its login ended answers with a cookie of a new one",
        kind: Kind::Sealed,
        caught_by: "CONCURRENCY-001",
        also: &[],
    },
];
