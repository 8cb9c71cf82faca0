//! How an operation is asked for.

use authbench_conf::Located;
use serde::{Deserialize, Serialize};

use crate::template::Template;

/// How an operation is asked for.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// GET, POST, PUT, PATCH or DELETE.
    pub method: Method,
    /// The path, with gaps.
    pub path: Located<Template>,
    /// The body, with gaps; none if absent.
    #[serde(default)]
    pub body: Option<Located<Template>>,
    /// The body's media type.
    #[serde(default = "json_media_type")]
    pub content_type: String,
    /// The statuses that mean "done"; 401 and 403 mean "refused", all others
    /// mean that the target gave no judgement.
    pub success: Vec<u16>,
    /// The statuses that mean "so many logins there may be, and no more"
    /// (`login`).
    #[serde(default)]
    pub limit_reached: Vec<u16>,
    /// JSON pointer to the caller's subject in the answer (`login`,
    /// `whoami`): the identity echo.
    #[serde(default)]
    pub subject: Option<String>,
    /// JSON pointer to the caller's roles (`whoami`).
    #[serde(default)]
    pub roles: Option<String>,
    /// JSON pointer to the login's handle (`login`, `refresh`, `whoami`), or
    /// within each entry (`sessions`).
    #[serde(default)]
    pub login: Option<String>,
    /// JSON pointer to the array of logins (`sessions`).
    #[serde(default)]
    pub list: Option<String>,
    /// JSON pointer to the instant of expiry in UTC milliseconds (`login`,
    /// `refresh`), or within each entry (`sessions`).
    #[serde(default)]
    pub expires_at_ms: Option<String>,
    /// JSON pointer, within each entry, to the instant at which the login
    /// began, UTC milliseconds (`sessions`).
    #[serde(default)]
    pub issued_at_ms: Option<String>,
    /// JSON pointer to the instant from which every replica acts on it
    /// (`disable`, `end-session`, `logout`, `logout-all`, `password-change`,
    /// `revoke`, `set-roles`).
    #[serde(default)]
    pub effective_from_ms: Option<String>,
    /// JSON pointer to a one-time artefact (`reset-start`).
    #[serde(default)]
    pub token: Option<String>,
    /// JSON pointer to what `mutate` changed (`read-state`).
    #[serde(default)]
    pub value: Option<String>,
}

impl Request {
    /// A request without body that is done with status 200, and whose answer
    /// nothing is read from.
    #[must_use]
    pub fn new(method: Method, path: Template) -> Self {
        Self {
            method,
            path: path.into(),
            body: None,
            content_type: json_media_type(),
            success: vec![200],
            limit_reached: Vec::new(),
            subject: None,
            roles: None,
            login: None,
            list: None,
            expires_at_ms: None,
            issued_at_ms: None,
            effective_from_ms: None,
            token: None,
            value: None,
        }
    }

    /// Every pointer into the answer, with its key in the profile.
    pub(super) fn pointers(&self) -> impl Iterator<Item = (&'static str, &str)> {
        [
            ("subject", &self.subject),
            ("roles", &self.roles),
            ("login", &self.login),
            ("list", &self.list),
            ("expires_at_ms", &self.expires_at_ms),
            ("issued_at_ms", &self.issued_at_ms),
            ("effective_from_ms", &self.effective_from_ms),
            ("token", &self.token),
            ("value", &self.value),
        ]
        .into_iter()
        .filter_map(|(key, pointer)| Some((key, pointer.as_deref()?)))
    }

    /// Whether path or body has this gap.
    #[must_use]
    pub fn has_gap(&self, gap: &str) -> bool {
        std::iter::once(&self.path)
            .chain(&self.body)
            .any(|template| template.value.gaps().any(|found| found == gap))
    }
}

fn json_media_type() -> String {
    "application/json".to_owned()
}

/// A request method.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// Removes.
    Delete,
    /// Reads.
    Get,
    /// Changes a part.
    Patch,
    /// Does.
    Post,
    /// Replaces.
    Put,
}

impl Method {
    /// As it stands on the request line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Delete => "DELETE",
            Self::Get => "GET",
            Self::Patch => "PATCH",
            Self::Post => "POST",
            Self::Put => "PUT",
        }
    }

    /// Whether it changes nothing (RFC 9110 9.2.1).
    #[must_use]
    pub const fn is_safe(self) -> bool {
        matches!(self, Self::Get)
    }
}
