//! Where credentials appear, and what must come with them.

use serde::{Deserialize, Serialize};

/// Where the access credential appears.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Carrier {
    /// `Authorization: Bearer`; the login answers with the token in its body.
    Bearer {
        /// JSON pointer (RFC 6901) to the token in the answer to the login.
        token: String,
    },
    /// A cookie that the login sets.
    Cookie {
        /// The cookie's name.
        name: String,
    },
}

impl Carrier {
    /// The name of the transport.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Bearer { .. } => "bearer",
            Self::Cookie { .. } => "cookie",
        }
    }
}

/// Where a refresh token appears, which need not be where the access credential
/// does.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum RefreshCarrier {
    /// In bodies: the answers to a login and to a refresh give the token, and
    /// the requests of `refresh` and `revoke` present it in the gap
    /// `{refresh}`.
    Body {
        /// JSON pointer (RFC 6901) to the token in the answers.
        token: String,
    },
    /// In a cookie that the login and the refresh set, and that goes with
    /// `refresh` and `revoke` only (RFC 6265bis 5.1.4).
    Cookie {
        /// The cookie's name.
        name: String,
    },
}

/// What unsafe requests must bring along so that the target believes that its
/// own pages sent them.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CsrfProof {
    /// Nothing.
    #[default]
    None,
    /// `Origin` of the target itself, and `Sec-Fetch-Site: same-origin`.
    SameOrigin,
    /// A token that the login sets in a cookie which scripts may read, and that
    /// they send back in a header; and what `same-origin` sends as well.
    Token {
        /// The cookie's name.
        cookie: String,
        /// The header's name.
        header: String,
    },
}
