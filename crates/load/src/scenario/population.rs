//! Who takes part.

use authbench_conf::Located;
use serde::{Deserialize, Serialize};

use super::check::Check;
use super::default;
use authbench_conf::ConfError;

/// Who takes part.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Population {
    /// Accounts: 1 to 1,000,000.
    pub users: Located<u32>,
    /// Logins that each account holds at once, as with a telephone and a
    /// laptop: 1 to 100. With the accounts they make 10,000,000 at most. Each
    /// is a virtual user.
    #[serde(default = "default::one")]
    pub devices: Located<u32>,
    /// Roles that each account has: 1 to 1,000. Tokens that carry them grow
    /// with their number.
    #[serde(default = "default::one")]
    pub roles: Located<u32>,
    /// Who is chosen for an arrival.
    #[serde(default)]
    pub popularity: Popularity,
    /// With `popularity = "zipf"`: how much the popular are preferred; the
    /// account of rank k is chosen in proportion to k to the power of minus
    /// this. More than 0, up to 4; 1 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zipf_exponent: Option<Located<f64>>,
}

/// Who is chosen for an arrival.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Popularity {
    /// All alike: each in turn, in an order drawn from the seed.
    #[default]
    Uniform,
    /// A few often, most seldom (Zipf's law).
    Zipf,
}

impl Population {
    /// Virtual users: logins held at once.
    #[must_use]
    pub fn virtual_users(&self) -> u32 {
        self.users.value.saturating_mul(self.devices.value)
    }

    /// The exponent of Zipf's law, if users are chosen by it.
    #[must_use]
    pub fn zipf(&self) -> Option<f64> {
        let exponent = self
            .zipf_exponent
            .as_ref()
            .map_or(1.0, |located| located.value);
        (self.popularity == Popularity::Zipf).then_some(exponent)
    }

    pub(super) fn validate(&self, check: &Check<'_>) -> Result<(), ConfError> {
        check.within(&self.users, "users", 1, 1_000_000)?;
        check.within(&self.devices, "`devices`", 1, 100)?;
        check.within(&self.roles, "`roles`", 1, 1_000)?;
        let all = u64::from(self.users.value) * u64::from(self.devices.value);
        if all > 10_000_000 {
            return Err(check.fault(
                &self.devices,
                format!("{all} logins in all are more than 10000000; lower `users` or `devices`"),
            ));
        }
        match &self.zipf_exponent {
            Some(exponent) if self.popularity != Popularity::Zipf => Err(check.fault(
                exponent,
                "`zipf_exponent` means nothing without popularity = \"zipf\"",
            )),
            Some(exponent) if !(exponent.value > 0.0 && exponent.value <= 4.0) => Err(check.fault(
                exponent,
                format!("`zipf_exponent`: {exponent} is not above 0 and up to 4"),
            )),
            _ => Ok(()),
        }
    }
}
