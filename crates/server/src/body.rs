//! Request bodies: JSON and nothing else, bounded in size and time.

use std::time::Duration;

use axum::body::Body;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use http_body_util::BodyExt as _;
use hyper::body::Body as _;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use crate::config::Limits;
use crate::denial::Denial;

/// Reads a body as JSON. The octets are wiped afterwards: they may hold a
/// password.
pub(crate) async fn json<T: DeserializeOwned>(
    headers: &HeaderMap,
    body: Body,
    limits: &Limits,
) -> Result<T, Denial> {
    if !says_json(headers) {
        return Err(Denial::MediaType);
    }
    let time = Duration::from_millis(limits.body_timeout_ms);
    let octets = tokio::time::timeout(time, read(body, limits.body_octets_max))
        .await
        .map_err(|_| Denial::TooSlow)??;
    serde_json::from_slice(&octets)
        .map_err(|_| Denial::BadRequest("the body is not the JSON that this route takes"))
}

/// Reads a body as JSON, or takes the lack of one for `T`'s default. A body
/// that is there has to be good.
pub(crate) async fn json_or_none<T: DeserializeOwned + Default>(
    headers: &HeaderMap,
    body: Body,
    limits: &Limits,
) -> Result<T, Denial> {
    if body.is_end_stream() {
        Ok(T::default())
    } else {
        json(headers, body, limits).await
    }
}

async fn read(mut body: Body, octets_max: usize) -> Result<Zeroizing<Vec<u8>>, Denial> {
    let declared = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if declared > octets_max {
        return Err(Denial::TooLarge);
    }
    let mut octets = Zeroizing::new(Vec::with_capacity(declared));
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Denial::BadRequest("the body broke off"))?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if octets.len() + data.len() > octets_max {
            return Err(Denial::TooLarge);
        }
        octets.extend_from_slice(&data);
    }
    Ok(octets)
}

/// Whether the one content type is `application/json`, at most with the
/// charset that JSON has anyway (RFC 8259 8.1). Forms and plain text, which a
/// foreign page can send without asking first, are not (ASVS 5.0 3.5.2).
fn says_json(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(CONTENT_TYPE).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return false;
    };
    let Ok(text) = value.to_str() else {
        return false;
    };
    let (essence, parameter) = text.split_once(';').unwrap_or((text, "charset=utf-8"));
    essence.trim().eq_ignore_ascii_case("application/json")
        && parameter.trim().eq_ignore_ascii_case("charset=utf-8")
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::convert::Infallible;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use bytes::Bytes;
    use http::HeaderValue;
    use hyper::body::Frame;

    use super::*;

    fn judge(values: &[&'static str]) -> bool {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(CONTENT_TYPE, HeaderValue::from_static(value));
        }
        says_json(&headers)
    }

    #[test]
    fn only_json_is_json() {
        assert!(judge(&["application/json"]));
        assert!(judge(&["Application/JSON; charset=UTF-8"]));
        for wrong in [
            &[][..],
            &["text/plain"],
            &["application/x-www-form-urlencoded"],
            &["multipart/form-data; boundary=x"],
            &["text/plain; application/json"],
            &["application/json; charset=latin1"],
            &["application/jsonp"],
            &["application/json, text/plain"],
            &["application/json", "application/json"],
        ] {
            assert!(!judge(wrong), "{wrong:?}");
        }
    }

    /// A body that does not say how long it is.
    struct Chunks(VecDeque<&'static [u8]>);

    impl hyper::body::Body for Chunks {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            let next = self.0.pop_front();
            Poll::Ready(next.map(|chunk| Ok(Frame::data(Bytes::from_static(chunk)))))
        }
    }

    #[tokio::test]
    async fn a_body_is_bounded_whether_or_not_it_declares_its_size() {
        let undeclared = || Body::new(Chunks([&b"{\"a\":"[..], b"1}"].into()));
        assert!(matches!(read(undeclared(), 6).await, Err(Denial::TooLarge)));
        let read_whole = read(undeclared(), 7).await.unwrap();
        assert_eq!(read_whole.as_slice(), b"{\"a\":1}");
        let declared = Body::from("x".repeat(8));
        assert!(matches!(read(declared, 7).await, Err(Denial::TooLarge)));
    }
}
