//! Bodies of requests.

use http::HeaderMap;
use http::header::CONTENT_TYPE;
use serde::de::DeserializeOwned;

use crate::answer::Refusal;
use crate::app::App;

/// Reads a body that must be JSON and must say so: no other media type is
/// taken for it, so that other sites need a preflight (OWASP CSRF Prevention,
/// "Disallowing Simple Requests"; mutants of CSRF-004 sit here).
pub(crate) fn read<T: DeserializeOwned>(
    app: &App,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<T, Refusal> {
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    let (Some(media_type), None) = (types.next(), types.next()) else {
        return Err(Refusal::MediaType);
    };
    let essence = media_type
        .to_str()
        .ok()
        .and_then(|text| text.split(';').next())
        .map(str::trim);
    let text = app.flaw("M73") && essence == Some("text/plain");
    if !text && !essence.is_some_and(|essence| essence.eq_ignore_ascii_case("application/json")) {
        return Err(Refusal::MediaType);
    }
    serde_json::from_slice(body).map_err(|_| Refusal::Malformed)
}
