//! The HTTP contract of the project: which routes there are, what their bodies
//! look like, how credentials travel, and how a stranger's server is
//! described so that it can be spoken to in the same way.
//!
//! Nothing here opens a socket or knows a scheme.

pub mod bodies;
pub mod chunk;
pub mod cookie;
pub mod csrf;
pub mod profile;
pub mod refresh_cookie;
pub mod routes;
pub mod template;
pub mod transport;

pub use cookie::{CookieSettings, CookieSettingsError, SameSite};
pub use csrf::CsrfRefusal;
pub use profile::{Operation, Profile};
pub use routes::Route;
pub use transport::{Carried, DeliveryError, Transport};
