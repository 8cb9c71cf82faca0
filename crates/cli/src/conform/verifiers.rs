//! The doors to the verifiers of our schemes: each passes a question on to the
//! code that judges credentials in production, and adds nothing to it.

mod jwt;
mod paseto;
mod sealed;

use std::sync::Arc;

use authbench_catalog::registry::Scheme;
use authbench_conformance::verifier::Verifier;

/// The verifier of each kind of credential that cryptography protects.
pub(crate) fn all() -> Vec<Box<dyn Verifier>> {
    vec![
        Box::new(jwt::Jwts),
        Box::new(paseto::Pasetos),
        Box::new(sealed::Cookies::default()),
    ]
}

/// The verifier of that name.
pub(crate) fn named(name: &str) -> Option<Box<dyn Verifier>> {
    all().into_iter().find(|verifier| verifier.name() == name)
}

/// The verifier of a recipe's credentials; none where they hold nothing that
/// cryptography protects, or nothing that is vectors' matter.
pub(crate) fn of(scheme: &Scheme) -> Option<Arc<dyn Verifier>> {
    match scheme {
        Scheme::Jwt(_) | Scheme::JwtDenylist(_) | Scheme::JwtEpoch(_) | Scheme::JwtRefresh(_) => {
            Some(Arc::new(jwt::Jwts))
        }
        Scheme::Paseto(_) => Some(Arc::new(paseto::Pasetos)),
        Scheme::SealedCookie(_) => Some(Arc::new(sealed::Cookies::default())),
        Scheme::Biscuit(_) | Scheme::Introspection(_) | Scheme::Session(_) => None,
    }
}
