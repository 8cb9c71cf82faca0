//! Requests compiled from a profile: bytes with gaps, filled by copying into
//! a buffer that is used again and again.

use std::borrow::Cow;

use authbench_core::RefreshOffer;
use authbench_wire::profile::{Carrier, CsrfProof, Profile, RefreshCarrier, Request};
use authbench_wire::template::{GapError, Template};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// All but the unreserved characters (RFC 3986 2.3).
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// What fills the gaps of one request.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Values<'v> {
    /// The access credential, as [`crate::cookies`] spells it.
    pub(crate) credential: &'v [u8],
    /// The refresh token.
    pub(crate) refresh: &'v [u8],
    /// The name that the account's owner types.
    pub(crate) user: &'v str,
    /// The password.
    pub(crate) password: &'v str,
    /// Something new, for a change of state.
    pub(crate) value: u64,
    /// The name of the account that an admin acts on.
    pub(crate) subject_user: &'v str,
    /// The roles that it gets, a JSON array.
    pub(crate) roles: &'v str,
}

/// Which credentials a request shows.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Shows {
    /// None.
    Nothing,
    /// The access credential.
    Access,
    /// The access credential and the refresh token: the latter goes to where
    /// logins are renewed or ended by it, and nowhere else (RFC 6265bis 5.1.4).
    All,
}

/// A request with gaps.
#[derive(Clone, Debug)]
pub(crate) struct RequestTemplate {
    head: Vec<Part>,
    body: Option<Body>,
}

#[derive(Clone, Debug)]
struct Body {
    parts: Vec<Part>,
    encoding: Encoding,
}

#[derive(Clone, Debug)]
enum Part {
    Text(Box<[u8]>),
    Gap(Gap),
}

#[derive(Clone, Copy, Debug)]
enum Gap {
    Credential,
    Password,
    Refresh,
    RefreshCookie,
    Roles,
    SubjectUser,
    User,
    Value,
}

/// How text must be written to stand in a place.
#[derive(Clone, Copy, Debug)]
enum Encoding {
    /// As it is.
    Bare,
    /// Within a JSON string.
    Json,
    /// Percent-encoded: paths and forms.
    Percent,
}

impl RequestTemplate {
    /// Compiles `request` for the server at `origin` (scheme, host and port), to
    /// carry what `shows` says. A body that would show a refresh token is left
    /// out where the target promises none.
    ///
    /// # Errors
    /// [`GapError`] when the request has a gap that no load operation fills.
    pub(crate) fn compile(
        profile: &Profile,
        request: &Request,
        origin: &str,
        shows: Shows,
    ) -> Result<Self, GapError> {
        let has_tokens = matches!(
            profile.guarantees.refresh,
            RefreshOffer::RotatingKillsFamily { .. }
        );
        let body = request.body.as_ref().filter(|body| {
            has_tokens || shows != Shows::All || !body.value.gaps().any(|gap| gap == "refresh")
        });
        let mut head = vec![Part::text(&format!("{} ", request.method.as_str()))];
        head.extend(Part::of(&request.path.value)?);
        let authority = origin.split_once("://").map_or(origin, |(_, rest)| rest);
        let mut fields = format!(" HTTP/1.1\r\nHost: {authority}\r\nAccept: application/json\r\n");
        if profile.csrf == CsrfProof::SameOrigin && !request.method.is_safe() {
            fields.push_str(&format!(
                "Origin: {origin}\r\nSec-Fetch-Site: same-origin\r\n"
            ));
        }
        if body.is_some() {
            fields.push_str(&format!("Content-Type: {}\r\n", request.content_type));
        } else if !request.method.is_safe() {
            // RFC 9110 8.6: a method that expects content says that there is none.
            fields.push_str("Content-Length: 0\r\n");
        }
        head.push(Part::text(&fields));
        if shows != Shows::Nothing {
            let token = profile
                .refresh
                .as_ref()
                .filter(|_| has_tokens && shows == Shows::All);
            head.extend(credentials(&profile.carrier, token));
        }
        let body = match body {
            None => None,
            Some(template) => Some(Body {
                parts: Part::of(&template.value)?,
                encoding: Encoding::of(&request.content_type),
            }),
        };
        Ok(Self { head, body })
    }

    /// Writes the whole request to the end of `out`; `scratch` is overwritten.
    pub(crate) fn write(&self, values: &Values<'_>, scratch: &mut Vec<u8>, out: &mut Vec<u8>) {
        write_parts(&self.head, Encoding::Percent, values, out);
        let Some(body) = &self.body else {
            out.extend_from_slice(b"\r\n");
            return;
        };
        scratch.clear();
        write_parts(&body.parts, body.encoding, values, scratch);
        out.extend_from_slice(b"Content-Length: ");
        write_decimal(scratch.len() as u64, out);
        out.extend_from_slice(b"\r\n\r\n");
        out.extend_from_slice(scratch);
    }
}

/// The fields that carry the access credential, and the refresh token where
/// that travels in a cookie.
fn credentials(carrier: &Carrier, token: Option<&RefreshCarrier>) -> Vec<Part> {
    let token = match token {
        Some(RefreshCarrier::Cookie { name }) => Some(name),
        Some(RefreshCarrier::Body { .. }) | None => None,
    };
    let access = match carrier {
        Carrier::Bearer { .. } => "Authorization: Bearer ".to_owned(),
        Carrier::Cookie { name } => format!("Cookie: {name}"),
    };
    let mut parts = vec![Part::text(&access), Part::Gap(Gap::Credential)];
    if let Some(name) = token {
        let before = match carrier {
            Carrier::Bearer { .. } => format!("\r\nCookie: {name}="),
            Carrier::Cookie { .. } => format!("; {name}="),
        };
        parts.extend([Part::text(&before), Part::Gap(Gap::RefreshCookie)]);
    }
    parts.push(Part::text("\r\n"));
    parts
}

impl Part {
    fn text(text: &str) -> Self {
        Self::Text(text.as_bytes().into())
    }

    fn of(template: &Template) -> Result<Vec<Self>, GapError> {
        // Each gap is filled with a mark that no TOML text can hold unescaped
        // by chance, and the text is cut at the marks.
        let marked = template.fill(|gap| match gap {
            "user" => Some("\0u\0"),
            "password" => Some("\0p\0"),
            "value" => Some("\0v\0"),
            "refresh" => Some("\0r\0"),
            "roles" => Some("\0o\0"),
            "subject_user" => Some("\0s\0"),
            _ => None,
        })?;
        Ok(marked
            .split('\0')
            .enumerate()
            .filter(|(_, piece)| !piece.is_empty())
            .map(|(at, piece)| match piece {
                "u" if at % 2 == 1 => Self::Gap(Gap::User),
                "p" if at % 2 == 1 => Self::Gap(Gap::Password),
                "v" if at % 2 == 1 => Self::Gap(Gap::Value),
                "r" if at % 2 == 1 => Self::Gap(Gap::Refresh),
                "o" if at % 2 == 1 => Self::Gap(Gap::Roles),
                "s" if at % 2 == 1 => Self::Gap(Gap::SubjectUser),
                text => Self::text(text),
            })
            .collect())
    }
}

impl Encoding {
    fn of(content_type: &str) -> Self {
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        if essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            Self::Percent
        } else if essence.to_ascii_lowercase().ends_with("json") {
            Self::Json
        } else {
            Self::Bare
        }
    }

    fn apply(self, text: &str) -> Cow<'_, str> {
        match self {
            Self::Json
                if text
                    .chars()
                    .any(|c| c.is_control() || c == '"' || c == '\\') =>
            {
                let quoted = serde_json::Value::from(text).to_string();
                Cow::Owned(quoted[1..quoted.len() - 1].to_owned())
            }
            Self::Percent => utf8_percent_encode(text, RESERVED).into(),
            _ => Cow::Borrowed(text),
        }
    }
}

fn write_parts(parts: &[Part], encoding: Encoding, values: &Values<'_>, out: &mut Vec<u8>) {
    for part in parts {
        match part {
            Part::Text(text) => out.extend_from_slice(text),
            Part::Gap(Gap::Credential) => out.extend_from_slice(values.credential),
            Part::Gap(Gap::User) => {
                out.extend_from_slice(encoding.apply(values.user).as_bytes());
            }
            Part::Gap(Gap::Password) => {
                out.extend_from_slice(encoding.apply(values.password).as_bytes());
            }
            Part::Gap(Gap::Refresh) => match std::str::from_utf8(values.refresh) {
                Ok(text) => out.extend_from_slice(encoding.apply(text).as_bytes()),
                Err(_) => out.extend_from_slice(values.refresh),
            },
            Part::Gap(Gap::RefreshCookie) => out.extend_from_slice(values.refresh),
            // JSON already.
            Part::Gap(Gap::Roles) => out.extend_from_slice(values.roles.as_bytes()),
            Part::Gap(Gap::SubjectUser) => {
                out.extend_from_slice(encoding.apply(values.subject_user).as_bytes());
            }
            Part::Gap(Gap::Value) => write_decimal(values.value, out),
        }
    }
}

fn write_decimal(mut number: u64, out: &mut Vec<u8>) {
    let mut digits = [0; 20];
    let mut start = digits.len();
    loop {
        start -= 1;
        digits[start] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[start..]);
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use authbench_wire::Operation;

    use super::*;

    fn written(profile: &Profile, operation: Operation, values: &Values<'_>) -> String {
        let request = profile.request(operation).unwrap();
        let shows = match operation {
            Operation::Login => Shows::Nothing,
            Operation::Refresh => Shows::All,
            _ => Shows::Access,
        };
        let template =
            RequestTemplate::compile(profile, request, "http://127.0.0.1:80", shows).unwrap();
        let (mut scratch, mut out) = (b"old".to_vec(), Vec::new());
        template.write(values, &mut scratch, &mut out);
        String::from_utf8(out).unwrap()
    }

    fn profile(name: &str) -> Profile {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios/targets");
        Profile::read(&root.join(name)).unwrap()
    }

    const VALUES: Values<'_> = Values {
        credential: b"tok",
        user: "bo\"b",
        password: "p\\w",
        value: 407,
        refresh: b"ref",
        subject_user: "al",
        roles: r#"["user"]"#,
    };

    #[test]
    fn a_bearer_request() {
        let text = written(&profile("authbench-bearer"), Operation::Whoami, &VALUES);
        assert_eq!(
            text,
            "GET /me HTTP/1.1\r\nHost: 127.0.0.1:80\r\nAccept: application/json\r\n\
             Authorization: Bearer tok\r\n\r\n"
        );
    }

    #[test]
    fn a_cookie_request_that_changes_something_proves_its_origin() {
        let values = Values {
            credential: b"=tok",
            ..VALUES
        };
        let text = written(&profile("authbench-cookie"), Operation::Mutate, &values);
        assert_eq!(
            text,
            "PUT /me/note HTTP/1.1\r\nHost: 127.0.0.1:80\r\nAccept: application/json\r\n\
             Origin: http://127.0.0.1:80\r\nSec-Fetch-Site: same-origin\r\n\
             Content-Type: application/json\r\nCookie: __Host-auth=tok\r\n\
             Content-Length: 14\r\n\r\n{\"note\":\"407\"}"
        );
        let text = written(&profile("authbench-cookie"), Operation::Logout, &values);
        assert!(text.contains("\r\nContent-Length: 0\r\n"), "{text}");
    }

    #[test]
    fn a_refresh_token_goes_where_it_belongs_and_only_if_there_is_one() {
        let refresh = |name: &str, offer| {
            let mut profile = profile(name);
            profile.guarantees.refresh = offer;
            let cookie = name.ends_with("cookie");
            let values = Values {
                credential: if cookie { b"=tok" } else { b"tok" },
                ..VALUES
            };
            let whoami = written(&profile, Operation::Whoami, &values);
            assert!(!whoami.contains("ref"), "{whoami}");
            written(&profile, Operation::Refresh, &values)
        };
        let rotating = RefreshOffer::RotatingKillsFamily {
            grace_ms: 0,
            chain_ms: 1,
        };
        let text = refresh("authbench-cookie", rotating);
        assert!(
            text.contains("\r\nCookie: __Host-auth=tok; __Secure-refresh=ref\r\n"),
            "{text}"
        );
        let text = refresh("authbench-cookie", RefreshOffer::SwapsAccess);
        assert!(text.contains("\r\nCookie: __Host-auth=tok\r\n"), "{text}");
        let text = refresh("authbench-bearer", rotating);
        assert!(
            text.ends_with("\r\n\r\n{\"refresh_token\":\"ref\"}"),
            "{text}"
        );
        let text = refresh("authbench-bearer", RefreshOffer::SwapsAccess);
        assert!(text.contains("Content-Length: 0\r\n"), "{text}");
        assert!(text.ends_with("Bearer tok\r\n\r\n"), "{text}");
    }

    #[test]
    fn names_cannot_break_out_of_their_place() {
        let text = written(&profile("authbench-cookie"), Operation::Login, &VALUES);
        assert!(!text.contains("Cookie"), "{text}");
        let body = text.split("\r\n\r\n").nth(1).unwrap();
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(
            body,
            serde_json::json!({"user": "bo\"b", "password": "p\\w"})
        );
        let mut form = profile("authbench-cookie");
        let login = form.operations.get_mut(&Operation::Login).unwrap();
        login.content_type = "application/x-www-form-urlencoded".to_owned();
        login.path.value = Template::parse("/login/{user}");
        login.body = Some(Template::parse("u={user}&p={password}").into());
        let text = written(&form, Operation::Login, &VALUES);
        assert!(text.starts_with("POST /login/bo%22b HTTP"), "{text}");
        assert!(text.ends_with("\r\n\r\nu=bo%22b&p=p%5Cw"), "{text}");
    }

    #[test]
    fn a_gap_that_cannot_be_filled_is_an_error() {
        let mut odd = profile("authbench-cookie");
        odd.operations
            .get_mut(&Operation::Logout)
            .unwrap()
            .path
            .value = Template::parse("/logout/{login}");
        let request = odd.request(Operation::Logout).unwrap();
        let error = RequestTemplate::compile(&odd, request, "h", Shows::Access).unwrap_err();
        assert_eq!(error.gap, "login");
    }
}
