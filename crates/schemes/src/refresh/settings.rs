//! What a recipe says about its refresh tokens.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

/// The longest life of a chain: 400 days, as long as a browser keeps a cookie
/// (RFC 6265bis 5.5).
pub const MAX_CHAIN_MS: u64 = 400 * 24 * 60 * 60 * 1000;

/// The longest window in which a spent token is still answered: a minute. It
/// is there for an answer that was lost and for tabs that race, both a matter
/// of seconds; a thief may use it as well.
pub const MAX_WINDOW_MS: u64 = 60_000;

/// The settings of [`Refreshing`](super::Refreshing).
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Milliseconds from login to the end of all renewal, however often it was
    /// renewed (ASVS 5.0 10.4.8; NIST SP 800-63B-4 2.1.3 allows 30 days at
    /// AAL1). From 1 to [`MAX_CHAIN_MS`].
    #[serde(deserialize_with = "chain_ms")]
    pub chain_ms: u64,
    /// What becomes of a token that was used before.
    pub grace: Grace,
}

/// What becomes of a refresh token that was used before.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Grace {
    /// It ends the login, always (RFC 9700 4.14.2). A client whose answer was
    /// lost, or that renews in two tabs at once, logs in again.
    #[default]
    Strict,
    /// The predecessor of the newest token is answered with that newest token
    /// once more, for a while after its use; whatever is older ends the login.
    ReplaySuccessor {
        /// Milliseconds from the use on, which answers do not extend; from 1
        /// to [`MAX_WINDOW_MS`].
        #[serde(deserialize_with = "window_ms")]
        window_ms: u64,
    },
}

impl Grace {
    /// Milliseconds for which a spent token is answered.
    #[must_use]
    pub const fn window_ms(self) -> u64 {
        match self {
            Self::Strict => 0,
            Self::ReplaySuccessor { window_ms } => window_ms,
        }
    }
}

impl Default for Settings {
    /// Thirty days, strict.
    fn default() -> Self {
        Self {
            chain_ms: 30 * 24 * 60 * 60 * 1000,
            grace: Grace::Strict,
        }
    }
}

fn chain_ms<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    bounded(from, "chain_ms", MAX_CHAIN_MS)
}

fn window_ms<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    bounded(from, "window_ms", MAX_WINDOW_MS)
}

fn bounded<'de, D: Deserializer<'de>>(from: D, key: &str, most: u64) -> Result<u64, D::Error> {
    let value = u64::deserialize(from)?;
    if (1..=most).contains(&value) {
        Ok(value)
    } else {
        Err(D::Error::custom(format_args!(
            "{key} is {value}, allowed are 1 to {most}"
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_have_bounds() {
        let read = |text: &str| serde_json::from_str::<Settings>(text);
        assert_eq!(read("{}").unwrap(), Settings::default());
        let grace = r#"{"grace":{"replay-successor":{"window_ms":60000}}}"#;
        assert_eq!(read(grace).unwrap().grace.window_ms(), 60_000);
        for wrong in [
            r#"{"chain_ms":0}"#,
            r#"{"chain_ms":34560000001}"#,
            r#"{"chain":1}"#,
            r#"{"grace":"lenient"}"#,
            &grace.replace("60000", "60001"),
            &grace.replace("60000", "0"),
            &grace.replace("window_ms", "window"),
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
