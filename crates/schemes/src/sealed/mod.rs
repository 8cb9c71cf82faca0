//! Sealed cookies: the login itself, encrypted, is what the client holds.
//!
//! Nobody but us can read or change it (AES-256-GCM), and it opens nowhere but
//! in the cookie that it was made for. Two strategies stand on that:
//!
//! - [`stateless`]: nothing is remembered. What is sealed holds until it
//!   expires, and an older cookie of a login is as good as a newer one.
//! - [`Sealed`]: a record for each login says that it runs, what its roles are
//!   and which generation of its cookie is the latest. Deleting it ends the
//!   login at once, and an older generation is refused: no rollback.

mod format;
mod key;
mod settings;
mod state;
mod stored;

use std::sync::Arc;

use authbench_core::Entropy;

pub use self::format::{Format, MAX_TEXT_OCTETS, SealError};
pub use self::key::{KEY_OCTETS, Key, KeyError, MAX_SEALS};
pub use self::settings::{Settings, SettingsError};
pub use self::stored::Sealed;
use crate::keyring::KeyRing;
use crate::stateless::Stateless;

/// Sealed cookies that stand by themselves, in a cookie named `cookie_name`,
/// with keys of `keys` (made for [`Settings::rotation`]) and nonces and login
/// handles from `entropy`. Replicas share the keys.
///
/// # Errors
/// [`SettingsError`] when a setting is out of its bounds or the ring lets go
/// of its keys too early.
pub fn stateless<E: Entropy + Clone + 'static>(
    settings: &Settings,
    cookie_name: &str,
    keys: Arc<KeyRing<Key>>,
    entropy: E,
) -> Result<Stateless<Format, E>, SettingsError> {
    let format = Format::stateless(settings, cookie_name, keys, entropy.clone())?;
    Ok(Stateless::new(format, entropy))
}
