//! How large a request, and what it holds, may be (ASVS 5.0 4.2.5, 15.2.2).

/// Octets of a body.
pub(crate) const BODY_OCTETS_MAX: usize = 64 * 1024;
/// Octets of a request's head; more is answered 431 by the HTTP library.
pub(crate) const HEAD_OCTETS_MAX: usize = 64 * 1024;
/// Header fields of a request.
pub(crate) const HEADERS_MAX: usize = 100;
/// Octets of all cookies together.
pub(crate) const COOKIE_OCTETS_MAX: usize = 16 * 1024;
/// Octets of a credential.
pub(crate) const CREDENTIAL_OCTETS_MAX: usize = 8 * 1024;
/// Octets of any text that a client may leave here.
pub(crate) const TEXT_OCTETS_MAX: usize = 4096;
/// Milliseconds that `/slow` waits at most.
pub(crate) const SLOW_MS_MAX: u64 = 10_000;
