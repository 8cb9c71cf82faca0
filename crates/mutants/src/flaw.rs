//! The register of flaws: each is one switch of the specimen, and names the
//! check that must find it.

use crate::flaws;
use crate::kind::Kind;

/// One thing that can be made wrong.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Flaw {
    /// Its name, e.g. `M27`.
    pub id: &'static str,
    /// What is wrong while it is switched on.
    pub what: &'static str,
    /// The kind of specimen that it is switched on in.
    pub kind: Kind,
    /// The check that must fail.
    pub caught_by: &'static str,
    /// Other checks that may fail as well.
    pub also: &'static [&'static str],
}

/// All flaws, by topic.
pub fn all() -> impl Iterator<Item = &'static Flaw> {
    [
        flaws::cookie::FLAWS,
        flaws::session::FLAWS,
        flaws::jwt::FLAWS,
        flaws::refresh::FLAWS,
        flaws::revoke::FLAWS,
        flaws::csrf::FLAWS,
        flaws::transport::FLAWS,
        flaws::concurrency::FLAWS,
        flaws::fault::FLAWS,
        flaws::privilege::FLAWS,
        flaws::limits::FLAWS,
        flaws::crypto::FLAWS,
    ]
    .into_iter()
    .flatten()
}

/// The flaw of that name.
#[must_use]
pub fn find(id: &str) -> Option<&'static Flaw> {
    all().find(|flaw| flaw.id == id)
}
