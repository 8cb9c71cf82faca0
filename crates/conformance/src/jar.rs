//! A model of what a conforming browser's cookie jar keeps (RFC 6265bis 5).

mod set_cookie;

pub use set_cookie::{SameSite, SetCookie};

/// The most octets of name and value together (RFC 6265bis 5.6).
pub const COOKIE_OCTETS_MAX: usize = 4096;
/// The most octets of one attribute's value (RFC 6265bis 5.6).
pub const ATTRIBUTE_OCTETS_MAX: usize = 1024;
/// The longest life that a browser grants, seconds: 400 days
/// (RFC 6265bis 5.5).
pub const LIFE_S_MAX: i64 = 400 * 24 * 60 * 60;

/// A cookie that the jar keeps.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Kept {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
    /// The domain, without a leading dot.
    pub domain: String,
    /// Whether only that very host gets it.
    pub host_only: bool,
    /// The path below which it is sent.
    pub path: String,
    /// The instant of its end, UTC milliseconds; the browser's end if none.
    pub expires_at_ms: Option<u64>,
    /// Sent over TLS only.
    pub secure: bool,
    /// Hidden from scripts.
    pub http_only: bool,
    /// When other sites may send it.
    pub same_site: Option<SameSite>,
}

/// Why a browser would drop a cookie.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Dropped {
    /// No name and no value, or characters that end the parsing.
    #[error("it has no name and no value, or holds a control character (RFC 6265bis 5.6)")]
    Grammar,
    /// Name and value are too long.
    #[error("name and value hold more than 4096 octets together (RFC 6265bis 5.6)")]
    TooLong,
    /// `Domain` is not the host or a parent of it, or an IP address.
    #[error("its Domain does not cover the host (RFC 6265bis 5.7)")]
    ForeignDomain,
    /// `__Secure-` without `Secure`.
    #[error("its __Secure- name demands Secure (RFC 6265bis 5.7)")]
    SecurePrefix,
    /// `__Host-` without `Secure` and `Path=/`, or with `Domain`.
    #[error("its __Host- name demands Secure, Path=/ and no Domain (RFC 6265bis 5.7)")]
    HostPrefix,
    /// `__Http-` or `__Host-Http-` without `Secure` and `HttpOnly`.
    #[error("its name demands Secure and HttpOnly (layered cookies 5.7)")]
    HttpPrefix,
    /// `SameSite=None` without `Secure`.
    #[error("SameSite=None demands Secure (RFC 6265bis 5.7)")]
    CrossSiteInsecure,
    /// A nameless cookie whose value looks like a prefix.
    #[error("a cookie without a name must not begin as a prefix (RFC 6265bis 5.7)")]
    NamelessPrefix,
}

/// The cookies of one browser.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Jar {
    kept: Vec<Kept>,
}

impl Jar {
    /// What the jar makes of one `Set-Cookie` from `host` for a request of
    /// `path` at `now_ms`: kept, replaced, removed, or dropped.
    ///
    /// The connection counts as trustworthy (loopback is, W3C Secure Contexts
    /// 3.1), so `Secure` cookies are kept without TLS.
    ///
    /// # Errors
    /// [`Dropped`]: why a browser would drop it.
    pub fn take(
        &mut self,
        cookie: &SetCookie,
        host: &str,
        path: &str,
        now_ms: u64,
    ) -> Result<(), Dropped> {
        let kept = judge(cookie, host, path, now_ms)?;
        self.kept.retain(|old| {
            (&old.name, &old.domain, old.host_only, &old.path)
                != (&kept.name, &kept.domain, kept.host_only, &kept.path)
        });
        let dead = kept.expires_at_ms.is_some_and(|at| at <= now_ms);
        if !dead {
            self.kept.push(kept);
        }
        Ok(())
    }

    /// The cookies that go with a request, in the order in which a browser
    /// sends them: longer paths first, then as they were kept (RFC 6265bis
    /// 5.8.3).
    #[must_use]
    pub fn sent(&self, host: &str, path: &str, now_ms: u64) -> Vec<&Kept> {
        let mut sent: Vec<_> = self
            .kept
            .iter()
            .filter(|cookie| cookie.expires_at_ms.is_none_or(|at| at > now_ms))
            .filter(|cookie| {
                if cookie.host_only {
                    cookie.domain.eq_ignore_ascii_case(host)
                } else {
                    domain_matches(host, &cookie.domain)
                }
            })
            .filter(|cookie| path_matches(path, &cookie.path))
            .collect();
        sent.sort_by_key(|cookie| std::cmp::Reverse(cookie.path.len()));
        sent
    }

    /// Every cookie that is kept, dead ones included.
    #[must_use]
    pub fn all(&self) -> &[Kept] {
        &self.kept
    }

    /// The value of the first cookie of this name.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&str> {
        let found = self.kept.iter().find(|cookie| cookie.name == name);
        found.map(|cookie| cookie.value.as_str())
    }

    /// Puts a cookie in as it is, as a sibling host or an attacker would.
    pub fn plant(&mut self, cookie: Kept) {
        self.kept.push(cookie);
    }
}

fn judge(cookie: &SetCookie, host: &str, path: &str, now_ms: u64) -> Result<Kept, Dropped> {
    let octets = cookie.name.len() + cookie.value.len();
    if octets == 0 || cookie.has_control {
        return Err(Dropped::Grammar);
    }
    if octets > COOKIE_OCTETS_MAX {
        return Err(Dropped::TooLong);
    }
    let host = host.to_ascii_lowercase();
    let (domain, host_only) = match &cookie.domain {
        Some(domain) if !domain.is_empty() => {
            if !domain_matches(&host, domain) {
                return Err(Dropped::ForeignDomain);
            }
            (domain.clone(), false)
        }
        _ => (host, true),
    };
    let own_path = cookie.path.clone().unwrap_or_else(|| default_path(path));
    prefixes(cookie, host_only, &own_path)?;
    if cookie.same_site == Some(SameSite::None) && !cookie.secure {
        return Err(Dropped::CrossSiteInsecure);
    }
    Ok(Kept {
        name: cookie.name.clone(),
        value: cookie.value.clone(),
        domain,
        host_only,
        path: own_path,
        expires_at_ms: cookie.expires_at_ms(now_ms),
        secure: cookie.secure,
        http_only: cookie.http_only,
        same_site: cookie.same_site,
    })
}

/// RFC 6265bis 5.7, steps 20 to 22: prefixes count in any letter case.
fn prefixes(cookie: &SetCookie, host_only: bool, path: &str) -> Result<(), Dropped> {
    let begins = |text: &str, prefix: &str| {
        text.get(..prefix.len())
            .is_some_and(|head| head.eq_ignore_ascii_case(prefix))
    };
    let name = cookie.name.as_str();
    if name.is_empty() {
        let posing = ["__Secure-", "__Host-", "__Http-", "__Host-Http-"];
        return match posing.iter().any(|prefix| begins(&cookie.value, prefix)) {
            true => Err(Dropped::NamelessPrefix),
            false => Ok(()),
        };
    }
    if begins(name, "__Secure-") && !cookie.secure {
        return Err(Dropped::SecurePrefix);
    }
    let own = cookie.secure && host_only && path == "/" && cookie.path.is_some();
    if begins(name, "__Host-") && !own {
        return Err(Dropped::HostPrefix);
    }
    let hidden = cookie.secure && cookie.http_only;
    if (begins(name, "__Http-") || begins(name, "__Host-Http-")) && !hidden {
        return Err(Dropped::HttpPrefix);
    }
    Ok(())
}

/// RFC 6265bis 5.1.3.
fn domain_matches(host: &str, domain: &str) -> bool {
    if host.eq_ignore_ascii_case(domain) {
        return true;
    }
    let is_address = host.parse::<std::net::IpAddr>().is_ok() || host.starts_with('[');
    let cut = host.len().checked_sub(domain.len() + 1);
    !is_address
        && cut.is_some_and(|cut| {
            host.is_char_boundary(cut + 1)
                && host[cut + 1..].eq_ignore_ascii_case(domain)
                && host.as_bytes()[cut] == b'.'
        })
}

/// RFC 6265bis 5.1.4.
fn default_path(path: &str) -> String {
    match path.rfind('/') {
        Some(0) | None => "/".to_owned(),
        Some(last) => path[..last].to_owned(),
    }
}

/// RFC 6265bis 5.1.4.
fn path_matches(path: &str, cookie_path: &str) -> bool {
    let path = path.split(['?', '#']).next().unwrap_or("/");
    path == cookie_path
        || path
            .strip_prefix(cookie_path)
            .is_some_and(|rest| cookie_path.ends_with('/') || rest.starts_with('/'))
}

#[cfg(test)]
mod tests;
