//! The cookie that carries a refresh token, for the cookie transport. The
//! token never stands in a body there (ASVS 5.0 3.3.4).
//!
//! Its path is that of the refresh route, so that no other request shows the
//! token; what ends a login by it ([`Route::Revoke`]) lies below. A `__Host-`
//! name would demand `Path=/` (RFC 6265bis 4.1.3.2), so it is `__Secure-`
//! (4.1.3.1). That prefix does not keep a neighbouring subdomain from planting
//! a cookie of the same name: beside the own one the request is refused, and
//! without it the browser would renew the neighbour's login. Where subdomains
//! are not trusted, no narrowed cookie is safe from that.

use http::{HeaderMap, HeaderValue};

use crate::chunk;
use crate::cookie::{self, MAX_AGE_NONE, SameSite, is_cookie_octet};
use crate::routes::Route;
use crate::transport::{Carried, DeliveryError};

/// The cookie's name.
pub const NAME: &str = "__Secure-refresh";

/// The `Set-Cookie` value that gives `token` to a browser until it is closed.
///
/// # Errors
/// [`DeliveryError`] when a browser would not keep or send it: it is never
/// split.
pub fn set(token: &str) -> Result<HeaderValue, DeliveryError> {
    if !token.bytes().all(is_cookie_octet) {
        return Err(DeliveryError::Unprintable);
    }
    if !chunk::fits(NAME, token) {
        let octets = NAME.len() + token.len();
        return Err(DeliveryError::TooLarge { octets });
    }
    header(token, "")
}

/// The `Set-Cookie` value that takes the cookie away. It may stand in the
/// answer to any route: only sending is bound to the path.
///
/// # Errors
/// None.
pub fn clear() -> Result<HeaderValue, DeliveryError> {
    header("", MAX_AGE_NONE)
}

/// What the request carries.
#[must_use]
pub fn extract(headers: &HeaderMap) -> Carried<'_> {
    cookie::single(headers, NAME)
}

fn header(value: &str, more: &str) -> Result<HeaderValue, DeliveryError> {
    let path = Route::Refresh.path();
    cookie::header(NAME, value, path, SameSite::Strict, more)
}

#[cfg(test)]
mod tests {
    use http::header::COOKIE;

    use super::*;

    #[test]
    fn it_is_narrowed_to_the_refresh_route_and_what_lies_below() {
        let set = set("tok").unwrap();
        assert!(set.is_sensitive());
        assert_eq!(
            set.to_str().unwrap(),
            "__Secure-refresh=tok; Path=/refresh; Secure; HttpOnly; SameSite=Strict"
        );
        assert_eq!(
            clear().unwrap().to_str().unwrap(),
            "__Secure-refresh=; Path=/refresh; Secure; HttpOnly; SameSite=Strict; Max-Age=0"
        );
        // RFC 6265bis 5.1.4: the path and what follows it after a slash.
        let below = format!("{}/", Route::Refresh.path());
        let reached = Route::ALL
            .into_iter()
            .filter(|route| *route == Route::Refresh || route.path().starts_with(&below));
        assert_eq!(reached.collect::<Vec<_>>(), [Route::Refresh, Route::Revoke]);
    }

    #[test]
    fn what_is_set_is_what_is_read_and_two_are_none() {
        let mut headers = HeaderMap::new();
        let add = |headers: &mut HeaderMap, text| {
            headers.append(COOKIE, HeaderValue::from_static(text));
        };
        assert_eq!(extract(&headers), Carried::Nothing);
        add(
            &mut headers,
            "__Host-auth=a; __Secure-refreshx=b; __Secure-refresh=tok",
        );
        assert_eq!(extract(&headers), Carried::One("tok"));
        add(&mut headers, "__Secure-refresh=planted");
        assert_eq!(extract(&headers), Carried::Ambiguous);
        for wrong in ["a;b", "a b", "ä"] {
            assert_eq!(set(wrong), Err(DeliveryError::Unprintable), "{wrong}");
        }
        let octets = 4097;
        let large = "a".repeat(octets - NAME.len());
        assert_eq!(set(&large), Err(DeliveryError::TooLarge { octets }));
        assert!(set(&large[1..]).is_ok());
    }
}
