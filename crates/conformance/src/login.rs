//! What a client holds after a login.

use authbench_wire::chunk::{self, CHUNKS_MAX};
use authbench_wire::profile::{Carrier, Profile, RefreshCarrier, User};

use crate::answer::Answer;
use crate::jar::{Dropped, Jar};

/// What a client holds after a login.
#[derive(Clone, Debug)]
pub struct Login {
    /// Who logged in.
    pub user: User,
    /// Which replica let the user in.
    pub replica: usize,
    /// What `whoami` must answer.
    pub subject: String,
    /// The access credential.
    pub access: String,
    /// The refresh token, if there is one.
    pub refresh: Option<String>,
    /// The login's handle, if the target tells one.
    pub handle: Option<String>,
    /// When the access credential ends, as the target tells, UTC milliseconds.
    pub expires_at_ms: Option<u64>,
    /// The browser's jar after the login.
    pub jar: Jar,
    /// Cookies that a browser dropped, and why.
    pub dropped: Vec<(String, Dropped)>,
    /// The answer that brought it all.
    pub answer: Answer,
}

/// The credentials that an answer brings.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Brought {
    /// The access credential.
    pub access: Option<String>,
    /// The refresh token.
    pub refresh: Option<String>,
}

/// Reads what an answer brings, as the profile says where it stands.
#[must_use]
pub fn brought(profile: &Profile, answer: &Answer) -> Brought {
    let access = match &profile.carrier {
        Carrier::Bearer { token } => answer.pointed(token),
        Carrier::Cookie { name } => whole_cookie(answer, name),
    };
    let refresh = match &profile.refresh {
        None => None,
        Some(RefreshCarrier::Body { token }) => answer.pointed(token),
        Some(RefreshCarrier::Cookie { name }) => whole_cookie(answer, name),
    };
    Brought { access, refresh }
}

/// The names of the cookies that carry a credential; a trailing `.` stands for
/// the pieces of a large one.
#[must_use]
pub fn credential_cookies(profile: &Profile) -> Vec<&str> {
    let mut names = Vec::new();
    if let Carrier::Cookie { name } = &profile.carrier {
        names.push(name.as_str());
    }
    if let Some(RefreshCarrier::Cookie { name }) = &profile.refresh {
        names.push(name.as_str());
    }
    names
}

/// Whether a cookie is a credential, or a piece of one.
#[must_use]
pub fn is_credential(profile: &Profile, cookie: &str) -> bool {
    credential_cookies(profile).iter().any(|name| {
        cookie == *name
            || cookie
                .strip_prefix(name)
                .and_then(|rest| rest.strip_prefix('.'))
                .is_some_and(|index| index.parse::<u8>().is_ok())
    })
}

/// The cookie `name` after this answer, in one piece or put together; none if
/// it is unset or emptied.
fn whole_cookie(answer: &Answer, name: &str) -> Option<String> {
    let cookies = answer.set_cookies();
    let value = |name: &str| {
        let set = cookies.iter().rev().find(|cookie| cookie.name == name);
        set.filter(|cookie| !cookie.value.is_empty() && cookie.max_age_s.is_none_or(|s| s > 0))
            .map(|cookie| cookie.value.as_str())
    };
    if let Some(whole) = value(name) {
        return Some(whole.to_owned());
    }
    let names: Vec<_> = (0..CHUNKS_MAX)
        .map(|index| chunk::name(name, index))
        .collect();
    let pieces: Vec<_> = names.iter().map_while(|name| value(name)).collect();
    if pieces.is_empty() {
        return None;
    }
    chunk::join(name, &pieces).map(|whole| whole.expose().to_owned())
}

/// The pairs of a `Cookie` header that present `text` as the cookie `name`, in
/// several pieces if it is too large for one.
pub(crate) fn cookie_pairs(name: &str, text: &str) -> Vec<String> {
    if !chunk::fits(name, text)
        && let Some(pieces) = chunk::split(name, text)
    {
        let names = (0..CHUNKS_MAX).map(|index| chunk::name(name, index));
        return names
            .zip(pieces)
            .map(|(name, piece)| format!("{name}={piece}"))
            .collect();
    }
    vec![format!("{name}={text}")]
}
