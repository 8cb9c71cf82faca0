//! What of issued tokens is refused before it expires. All functions run under
//! the store's one lock.

use crate::app::App;
use crate::kind::SKEW_MS;
use crate::store::Data;
use crate::token::Claims;

/// Remembers that the token is denied, until it is refused by itself. Keyed
/// by `jti`, so that no other spelling of the token lives (mutants of
/// REVOKE-009 and REVOKE-011 sit here).
pub(crate) fn deny(app: &App, data: &mut Data, claims: &Claims) {
    let mut until_ms = claims
        .expires_s
        .saturating_mul(1000)
        .saturating_add(SKEW_MS);
    if app.flaw("M71") {
        until_ms = app.now_ms() + 5 * 60_000;
    }
    data.denied.insert(claims.id.clone(), until_ms);
}

/// Whether the token is denied, older than its subject's cut-off, or older
/// than the store's memory (mutants of REVOKE-004, REVOKE-010 and FAULT-008
/// sit here).
pub(crate) fn is_denied(app: &App, data: &Data, claims: &Claims) -> bool {
    let cut = data.cutoffs.get(&claims.subject);
    let is_cut = cut.is_some_and(|(number, until_ms)| match app.flaw("M90") {
        true => claims.issued_s < (until_ms - cutoff_ends_ms(app, 0)) / 1000,
        false => claims.number <= *number && !app.flaw("M65"),
    });
    let is_lost = data.floor.is_none_or(|floor| claims.number <= floor);
    data.denied.contains_key(&claims.id) || is_cut || (is_lost && !app.flaw("M156"))
}

/// Until when a cut-off made now must be remembered.
pub(crate) fn cutoff_ends_ms(app: &App, now_ms: u64) -> u64 {
    now_ms + app.kind.access_ttl_ms() + SKEW_MS
}
