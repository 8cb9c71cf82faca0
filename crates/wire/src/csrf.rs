//! Proof that a state change was asked for by the site's own pages.
//!
//! Rule (OWASP CSRF Prevention, "Fetch Metadata" with an origin check as
//! fallback; ASVS 5.0 3.5.1, 3.5.3): an unsafe request whose credential is a
//! cookie must carry `Sec-Fetch-Site: same-origin`, or, where that header is
//! missing, an `Origin` equal to the server's own. With neither it is refused.
//! A foreign `Origin` is refused in any case.

use http::HeaderMap;
use http::header::{HOST, ORIGIN};

/// The request gave no proof of its origin, or a foreign one.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("an unsafe request with a cookie needs a same-origin proof")]
pub struct CsrfRefusal;

/// Judges the headers of an unsafe request; `scheme` is `http` or `https`, as
/// the server itself was reached.
///
/// # Errors
/// [`CsrfRefusal`] when the proof is missing, foreign, `null`, or given twice.
pub fn same_origin(headers: &HeaderMap, scheme: &str) -> Result<(), CsrfRefusal> {
    let site = single(headers, "sec-fetch-site")?;
    let origin = single(headers, ORIGIN.as_str())?;
    let host = single(headers, HOST.as_str())?;
    let own = |origin: &str| {
        origin
            .strip_prefix(scheme)
            .and_then(|rest| rest.strip_prefix("://"))
            .is_some_and(|rest| host.is_some_and(|host| rest.eq_ignore_ascii_case(host)))
    };
    match (site, origin) {
        (Some("same-origin"), None) => Ok(()),
        (Some("same-origin") | None, Some(origin)) if own(origin) => Ok(()),
        _ => Err(CsrfRefusal),
    }
}

fn single<'h>(headers: &'h HeaderMap, name: &str) -> Result<Option<&'h str>, CsrfRefusal> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(|_| CsrfRefusal),
        (Some(_), Some(_)) => Err(CsrfRefusal),
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn judge(pairs: &[(&'static str, &'static str)]) -> Result<(), CsrfRefusal> {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_static("app.test:8443"));
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        same_origin(&headers, "https")
    }

    #[test]
    fn own_pages_pass() {
        assert_eq!(judge(&[("sec-fetch-site", "same-origin")]), Ok(()));
        assert_eq!(judge(&[("origin", "https://app.test:8443")]), Ok(()));
        assert_eq!(
            judge(&[
                ("sec-fetch-site", "same-origin"),
                ("origin", "https://app.test:8443")
            ]),
            Ok(())
        );
    }

    #[test]
    fn all_others_do_not() {
        for pairs in [
            &[][..],
            &[("sec-fetch-site", "cross-site")],
            &[("sec-fetch-site", "same-site")],
            &[("sec-fetch-site", "none")],
            &[
                ("sec-fetch-site", "same-origin"),
                ("sec-fetch-site", "same-origin"),
            ],
            &[
                ("sec-fetch-site", "same-origin"),
                ("origin", "https://evil.test"),
            ],
            &[
                ("sec-fetch-site", "cross-site"),
                ("origin", "https://app.test:8443"),
            ],
            &[("origin", "null")],
            &[("origin", "https://app.test")],
            &[("origin", "http://app.test:8443")],
            &[("origin", "https://app.test:84430")],
            &[("origin", "https://xapp.test:8443")],
            &[
                ("origin", "https://app.test:8443"),
                ("origin", "https://app.test:8443"),
            ],
        ] {
            assert_eq!(judge(pairs), Err(CsrfRefusal), "{pairs:?}");
        }
    }
}
