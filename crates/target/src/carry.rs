//! Where a request presents credentials, and where an answer gives them.

use authbench_core::{Presented, Secret};
use authbench_wire::Operation;
use authbench_wire::chunk::{self, CHUNKS_MAX};
use authbench_wire::profile::{Carrier, Profile, RefreshCarrier};
use reqwest::header::{AUTHORIZATION, COOKIE, HeaderName, HeaderValue};

use crate::answer::Answer;

/// The parts of `presented` that a request can carry. The others are no
/// credentials of this target.
pub(crate) fn carriable<'p>(profile: &Profile, presented: &Presented<'p>) -> Presented<'p> {
    Presented {
        access: presented.access.filter(|text| match &profile.carrier {
            Carrier::Bearer { .. } => fits_header(text),
            Carrier::Cookie { name } => cookies(name, text).is_some(),
        }),
        refresh: presented.refresh.filter(|text| match &profile.refresh {
            None => false,
            Some(RefreshCarrier::Body { .. }) => true,
            Some(RefreshCarrier::Cookie { .. }) => fits_cookie(text),
        }),
    }
}

/// The headers that present what `presented` has for `operation`; none if
/// they cannot. A refresh token in a cookie goes with what is about it only,
/// as browsers do with a narrowed path.
pub(crate) fn headers(
    profile: &Profile,
    operation: Operation,
    presented: &Presented<'_>,
) -> Option<Vec<(HeaderName, HeaderValue)>> {
    let (mut headers, mut pairs) = (Vec::new(), Vec::new());
    match (&profile.carrier, presented.access) {
        (_, None) => {}
        (Carrier::Bearer { .. }, Some(access)) => {
            let fits = fits_header(access).then(|| format!("Bearer {access}"));
            headers.push((AUTHORIZATION, secret(fits?)?));
        }
        (Carrier::Cookie { name }, Some(access)) => pairs.extend(cookies(name, access)?),
    }
    let about_refresh = matches!(operation, Operation::Refresh | Operation::Revoke);
    if let (Some(RefreshCarrier::Cookie { name }), Some(token), true) =
        (&profile.refresh, presented.refresh, about_refresh)
    {
        pairs.push(fits_cookie(token).then(|| format!("{name}={token}"))?);
    }
    if !pairs.is_empty() {
        headers.push((COOKIE, secret(pairs.join("; "))?));
    }
    Some(headers)
}

/// The refresh token as the value of a gap, if it travels so.
pub(crate) fn gap<'p>(profile: &Profile, presented: &Presented<'p>) -> Option<&'p str> {
    match &profile.refresh {
        Some(RefreshCarrier::Body { .. }) => presented.refresh,
        Some(RefreshCarrier::Cookie { .. }) | None => None,
    }
}

/// What a browser would hold as the cookie `name` after this answer, in one
/// piece or in several; none if it is unset or emptied.
pub(crate) fn cookie(answer: &Answer, name: &str) -> Option<Secret> {
    let names = (0..CHUNKS_MAX).map(|index| chunk::name(name, index));
    let pieces: Vec<_> = names.map_while(|name| answer.cookie(&name)).collect();
    match answer.cookie(name) {
        Some(whole) if pieces.is_empty() => Some(Secret::new(whole.to_owned())),
        None if !pieces.is_empty() => chunk::join(name, &pieces),
        _ => None,
    }
}

/// The pairs that present a credential as the cookie `name`, in several pieces
/// if it is too large for one.
fn cookies(name: &str, credential: &str) -> Option<Vec<String>> {
    if !fits_cookie(credential) {
        return None;
    }
    if chunk::fits(name, credential) {
        return Some(vec![format!("{name}={credential}")]);
    }
    let pieces = chunk::split(name, credential)?;
    let names = (0..CHUNKS_MAX).map(|index| chunk::name(name, index));
    let pairs = names.zip(pieces);
    Some(
        pairs
            .map(|(name, piece)| format!("{name}={piece}"))
            .collect(),
    )
}

/// What ends a cookie, or quotes it, would present something else.
fn fits_cookie(text: &str) -> bool {
    fits_header(text) && !text.contains([';', ',', '"', '\\', ' '])
}

fn fits_header(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte.is_ascii_graphic() || byte == b' ')
}

fn secret(text: String) -> Option<HeaderValue> {
    let mut value = HeaderValue::try_from(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}
