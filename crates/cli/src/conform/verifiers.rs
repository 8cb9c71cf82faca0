//! The doors to the verifiers of our schemes: each passes a question on to the
//! code that judges credentials in production, and adds nothing to it.

mod jwt;
mod paseto;
mod sealed;

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
