//! Target profiles: a stranger's server, described so that it can be spoken to.
//!
//! A profile maps operations to requests, says where the credential appears,
//! names users, and declares the guarantees that are then put to the test. An
//! operation that is not mapped must be listed as absent with its reason:
//! what was forgotten must not look like what does not exist.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use authbench_conf::{ConfError, Located};
use authbench_core::Guarantees;
use serde::{Deserialize, Serialize};

use crate::template::Template;

/// What a target may be asked to do.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Operation {
    /// Bars an account. Gaps: `subject_user`.
    Disable,
    /// Ends one listed login. Gaps: `login`.
    EndSession,
    /// Trades a password for credentials. Gaps: `user`, `password`.
    Login,
    /// Ends this login.
    Logout,
    /// Ends every login of the caller.
    LogoutAll,
    /// Changes harmless state. Gaps: `value`.
    Mutate,
    /// Changes the caller's password. Gaps: `password`, `new_password`.
    PasswordChange,
    /// Swaps credentials. Gaps: `refresh`.
    Refresh,
    /// Lists the caller's logins.
    Sessions,
    /// Gives an account roles. Gaps: `subject_user`, `roles` (a JSON array).
    SetRoles,
    /// Says who the caller is.
    Whoami,
}

impl Operation {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Disable,
        Self::EndSession,
        Self::Login,
        Self::Logout,
        Self::LogoutAll,
        Self::Mutate,
        Self::PasswordChange,
        Self::Refresh,
        Self::Sessions,
        Self::SetRoles,
        Self::Whoami,
    ];

    /// The name in profiles.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Disable => "disable",
            Self::EndSession => "end-session",
            Self::Login => "login",
            Self::Logout => "logout",
            Self::LogoutAll => "logout-all",
            Self::Mutate => "mutate",
            Self::PasswordChange => "password-change",
            Self::Refresh => "refresh",
            Self::Sessions => "sessions",
            Self::SetRoles => "set-roles",
            Self::Whoami => "whoami",
        }
    }

    /// The gaps that the operation can fill.
    const fn gaps(self) -> &'static [&'static str] {
        match self {
            Self::Disable => &["subject_user"],
            Self::EndSession => &["login"],
            Self::Login => &["user", "password"],
            Self::Logout | Self::LogoutAll | Self::Sessions | Self::Whoami => &[],
            Self::Mutate => &["value"],
            Self::PasswordChange => &["password", "new_password"],
            Self::Refresh => &["refresh"],
            Self::SetRoles => &["subject_user", "roles"],
        }
    }
}

/// A server under test.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// A short name for results.
    pub name: String,
    /// Scheme, host and port, e.g. `http://127.0.0.1:8080`; may be given on
    /// the command line instead.
    #[serde(default)]
    pub base_url: Option<String>,
    /// Where the access credential travels.
    pub carrier: Carrier,
    /// What unsafe requests must bring along.
    #[serde(default)]
    pub csrf: CsrfProof,
    /// How each operation is asked for.
    pub operations: BTreeMap<Operation, Request>,
    /// The operations that the target does not have, each with its reason.
    #[serde(default)]
    pub absent: BTreeMap<Operation, String>,
    /// Who can log in.
    pub users: Users,
    /// What the target's makers promise.
    pub guarantees: Guarantees,
    /// Doors that exist for tests only.
    #[serde(default)]
    pub lab: Lab,
}

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

/// What unsafe requests must bring along so that the target believes that its
/// own pages sent them.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CsrfProof {
    /// Nothing.
    #[default]
    None,
    /// `Origin` of the target itself, and `Sec-Fetch-Site: same-origin`.
    SameOrigin,
}

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
    /// JSON pointer to the login's handle (`login`, `whoami`), or within each
    /// entry (`sessions`).
    #[serde(default)]
    pub login: Option<String>,
    /// JSON pointer to the array of logins (`sessions`).
    #[serde(default)]
    pub list: Option<String>,
    /// JSON pointer to the instant of expiry in UTC milliseconds (`login`),
    /// or within each entry (`sessions`).
    #[serde(default)]
    pub expires_at_ms: Option<String>,
    /// JSON pointer to the instant from which every replica acts on it
    /// (`logout`, `logout-all`, `end-session`, `set-roles`).
    #[serde(default)]
    pub effective_from_ms: Option<String>,
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

/// Who can log in.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Users {
    /// Accounts one by one.
    #[serde(default)]
    pub list: Vec<User>,
    /// Accounts by a pattern, numbered from 0.
    #[serde(default)]
    pub pattern: Option<UserPattern>,
    /// An account that may administer others.
    #[serde(default)]
    pub admin: Option<User>,
}

/// An account of the target.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct User {
    /// The name to type.
    pub user: String,
    /// The password.
    pub password: String,
    /// What `whoami` must answer for this account; what the login answered,
    /// if absent.
    #[serde(default)]
    pub subject: Option<String>,
}

/// Many accounts: `{n}` stands for a number from 0, in six digits.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct UserPattern {
    /// The name to type.
    pub user: Template,
    /// The password.
    pub password: Template,
    /// What `whoami` must answer.
    #[serde(default)]
    pub subject: Option<Template>,
    /// How many there are.
    pub count: u32,
}

/// Doors that exist for tests only.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lab {
    /// The target has the lab routes of the reference server (clock and
    /// counts).
    #[serde(default)]
    pub reference_routes: bool,
}

impl Users {
    /// Account number `n`: first those of the list, then those of the pattern.
    #[must_use]
    pub fn nth(&self, n: u32) -> Option<User> {
        if let Some(user) = self.list.get(n as usize) {
            return Some(user.clone());
        }
        let n = n - u32::try_from(self.list.len()).ok()?;
        let pattern = self.pattern.as_ref().filter(|pattern| n < pattern.count)?;
        let digits = format!("{n:06}");
        let fill = |template: &Template| template.fill(|_| Some(digits.as_str())).ok();
        Some(User {
            user: fill(&pattern.user)?,
            password: fill(&pattern.password)?,
            subject: pattern.subject.as_ref().and_then(fill),
        })
    }

    /// How many accounts there are, the administrator not counted.
    #[must_use]
    pub fn count(&self) -> u32 {
        let listed = u32::try_from(self.list.len()).unwrap_or(u32::MAX);
        listed.saturating_add(self.pattern.as_ref().map_or(0, |pattern| pattern.count))
    }
}

impl Profile {
    /// Reads a profile from a file, or from `profile.toml` in a folder.
    ///
    /// # Errors
    /// [`ConfError`] with file, line and column.
    pub fn read(path: &Path) -> Result<Self, ConfError> {
        let file = if path.is_dir() {
            path.join("profile.toml")
        } else {
            PathBuf::from(path)
        };
        let profile: Self = authbench_conf::read(&file)?;
        profile.validated(&file)
    }

    /// Reads a profile from text; `file` is named in errors.
    ///
    /// # Errors
    /// [`ConfError`] with file, line and column.
    pub fn parse(file: &Path, text: &str) -> Result<Self, ConfError> {
        authbench_conf::parse::<Self>(file, text)?.validated(file)
    }

    /// The request for `operation`, if the target has it.
    #[must_use]
    pub fn request(&self, operation: Operation) -> Option<&Request> {
        self.operations.get(&operation)
    }

    fn validated(self, file: &Path) -> Result<Self, ConfError> {
        let whole = |message: String| ConfError::semantic(file, &Located::from(()), message);
        for operation in Operation::ALL {
            let (mapped, absent) = (
                self.operations.contains_key(&operation),
                self.absent.contains_key(&operation),
            );
            let label = operation.label();
            if !mapped && !absent {
                return Err(whole(format!(
                    "operation `{label}` is neither under [operations.{label}] nor, with a reason, under [absent]"
                )));
            }
            if mapped && absent {
                return Err(whole(format!(
                    "operation `{label}` is both mapped and absent"
                )));
            }
        }
        for (operation, request) in &self.operations {
            for template in std::iter::once(&request.path).chain(&request.body) {
                if let Some(gap) = template
                    .value
                    .gaps()
                    .find(|gap| !operation.gaps().contains(gap))
                {
                    let mut message = format!(
                        "`{}` has no value for the gap `{{{gap}}}`",
                        operation.label()
                    );
                    if let Some(near) = authbench_conf::nearest(gap, operation.gaps()) {
                        message.push_str(&format!("; did you mean `{{{near}}}`?"));
                    }
                    return Err(ConfError::semantic(file, template, message));
                }
            }
        }
        if self
            .operations
            .get(&Operation::Whoami)
            .is_some_and(|who| who.subject.is_none())
        {
            return Err(whole(
                "[operations.whoami] needs `subject`: acceptance is read from the identity echo"
                    .to_owned(),
            ));
        }
        for needed in [Operation::Login, Operation::Whoami] {
            if !self.operations.contains_key(&needed) {
                return Err(whole(format!(
                    "no target can be tried without `{}`",
                    needed.label()
                )));
            }
        }
        if self.users.count() == 0 {
            return Err(whole(
                "[users] names nobody: give `list` or `pattern`".to_owned(),
            ));
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COOKIE: &str = include_str!("../../../scenarios/targets/authbench-cookie/profile.toml");
    const BEARER: &str = include_str!("../../../scenarios/targets/authbench-bearer/profile.toml");

    fn error(text: &str) -> String {
        Profile::parse(Path::new("p.toml"), text)
            .map(|_| ())
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn the_shipped_profiles_are_good_and_differ_in_carrier_and_proof_only() {
        let cookie = Profile::parse(Path::new("c"), COOKIE).unwrap();
        let bearer = Profile::parse(Path::new("b"), BEARER).unwrap();
        assert_eq!(cookie.csrf, CsrfProof::SameOrigin);
        assert_eq!(bearer.csrf, CsrfProof::None);
        let after = |text: &'static str| text.split_once("[users.pattern]").unwrap().1;
        assert_eq!(after(COOKIE), after(BEARER));
        let user = cookie.users.nth(17).unwrap();
        assert_eq!(user.user, "user-000017");
        assert_eq!(user.subject.as_deref(), Some("acct-000017"));
        assert_eq!(cookie.users.nth(cookie.users.count()), None);
    }

    #[test]
    fn what_is_forgotten_is_not_taken_for_absent() {
        let text = BEARER.replace("[absent]\nrefresh = ", "[absent]\n#refresh = ");
        assert!(
            error(&text).contains("`refresh` is neither"),
            "{}",
            error(&text)
        );
        let both = BEARER.replace("[absent]\n", "[absent]\nlogout = \"none\"\n");
        assert!(
            error(&both).contains("`logout` is both"),
            "{}",
            error(&both)
        );
    }

    #[test]
    fn a_wrong_gap_or_key_is_told_with_its_place_and_the_nearest() {
        let gap = BEARER.replace("{new_password}", "{new_pasword}");
        let message = error(&gap);
        assert!(
            message.starts_with("p.toml:") && message.contains("{new_password}"),
            "{message}"
        );
        let key = BEARER.replace("success = [200]\nlist", "sucess = [200]\nlist");
        assert!(
            error(&key).contains("did you mean `success`"),
            "{}",
            error(&key)
        );
        let operation = BEARER.replace("[operations.logout-all]", "[operations.logoutall]");
        assert!(
            error(&operation).contains("`logout-all`"),
            "{}",
            error(&operation)
        );
        let echo = BEARER.replace("subject = \"/subject\"\nroles", "roles");
        assert!(error(&echo).contains("identity echo"), "{}", error(&echo));
    }
}
