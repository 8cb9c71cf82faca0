//! Test vectors that others made, and ours: read, put to a [`Verifier`], and
//! compared.
//!
//! Three forms are read: Wycheproof's (JWS, JWK, JwCrypto, JWE, and primitives
//! with their schemas), the one of the RFC 7520 cookbook, and PASETO's. A type
//! of group of our own, `JsonWebToken`, has Wycheproof's form; its tokens are
//! judged with their claims, by the group's `issuer`, `audience` and `now_s`.
//!
//! [`Verifier`]: crate::verifier::Verifier

mod bytes;
mod case;
mod cookbook;
mod file;
mod paseto;
mod primitives;
mod run;
mod shipped;
mod waivers;
mod wycheproof;

pub use case::{Case, Expected, Question};
pub use file::{VectorError, VectorFile};
pub use run::{CaseRun, Counts, FileRun, Verdict, run};
pub use shipped::{shipped, shipped_waivers};
pub use waivers::{Said, Waiver, Waivers};
