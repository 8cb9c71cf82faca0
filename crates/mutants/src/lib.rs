//! A small server of every family, sound until one of its flaws is switched
//! on.
//!
//! Each decision stands in one place: what a cookie looks like in `cookies`,
//! where credentials are looked for in `carrier`, whose they are in `caller`,
//! what a token must be in `jose` and `token`, what ends a login in `store`.
//! A flaw is one line there that asks `app.flaw("M27")`, and one entry in the
//! register of [`flaw`].

pub mod flaw;
pub mod kill;
pub mod kind;
pub mod specimen;

mod accounts;
mod answer;
mod app;
mod body;
mod caller;
mod carrier;
mod clock;
mod cookies;
mod cors;
mod csrf;
mod denylist;
mod flaws;
mod grant;
mod hooks;
mod jose;
mod key_source;
mod keys;
mod limits;
mod log;
mod profile;
mod random;
mod refresh;
mod routes;
mod sealed;
mod serve;
mod session;
mod store;
mod strict_json;
mod tls;
mod token;
mod verifier;

pub use flaw::Flaw;
pub use kind::Kind;
pub use specimen::{Specimen, SpecimenError};
