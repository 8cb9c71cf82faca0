//! Random octets, and digests of what was made from them.

use std::sync::atomic::Ordering;

use authbench_core::entropy::Entropy as _;
use authbench_core::system::OsEntropy;
use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::answer::Refusal;
use crate::app::App;

/// `N` octets of the system's generator.
///
/// # Errors
/// [`Refusal::Unavailable`] when the generator gives nothing.
pub(crate) fn octets<const N: usize>() -> Result<[u8; N], Refusal> {
    let mut out = [0; N];
    OsEntropy.fill(&mut out).map_err(|_| Refusal::Unavailable)?;
    Ok(out)
}

/// A secret of 160 random bits in 27 characters: session identifiers, refresh
/// tokens, one-time artefacts (mutants of SESSION-004 and SESSION-005 sit
/// here).
pub(crate) fn secret(app: &App) -> Result<String, Refusal> {
    if app.flaw("M19") {
        return Ok(URL_SAFE_NO_PAD.encode(octets::<5>()?.repeat(4)));
    }
    Ok(URL_SAFE_NO_PAD.encode(octets::<20>()?))
}

/// The secret of a client.
pub(crate) fn client_secret() -> Result<String, Refusal> {
    Ok(URL_SAFE_NO_PAD.encode(octets::<20>()?))
}

/// A public handle of 96 random bits: of a login, of a token, of an account.
pub(crate) fn handle(_app: &App) -> Result<String, Refusal> {
    Ok(URL_SAFE_NO_PAD.encode(octets::<12>()?))
}

/// The form in which the store knows a secret (mutants of SESSION-009 and
/// SESSION-011 sit here).
pub(crate) fn digest(app: &App, secret: &str) -> String {
    if app.flaw("M22") {
        return secret.to_owned();
    }
    if app.flaw("M23") {
        return sha256(&secret.to_ascii_lowercase());
    }
    sha256(secret)
}

/// Flaw M17: what every process draws in the same order.
pub(crate) fn seeded(app: &App) -> String {
    let drawn = app.drawn.fetch_add(1, Ordering::SeqCst);
    sha256(&format!("seed {drawn}"))
}

fn sha256(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, text.as_bytes()))
}
