//! The HTTP engine of the load driver: keep-alive connections to one or more
//! addresses, driven by one thread, each with at most one request under way.
//!
//! The caller writes a whole HTTP/1.1 request into a buffer that the engine
//! lends ([`Engine::send`]), waits ([`Engine::wait`]), takes what is over
//! ([`Engine::next_done`]), looks at it in place ([`Engine::view`]) and gives
//! the connection back ([`Engine::release`]). Whatever goes wrong with a
//! request comes up as its [`Broken`]; a connection that is lost is made anew
//! by the engine itself.
//!
//! [`EngineKind`] names the transports. [`Engine`] is the same for all.

mod broken;
mod conn;
mod cookies;
mod engine;
mod epoll;
mod error;
mod exchange;
mod http1;
mod hyper;
mod idle;
mod options;
mod pace;
mod socket;
mod tls;
mod uring;

pub use broken::Broken;
pub use cookies::{SetCookie, SetCookies};
pub use engine::Engine;
pub use error::{EngineError, Lack};
pub use exchange::{Done, InFlight};
pub use http1::{Answer, Malformed, View};
pub use options::{EngineKind, EngineOptions, Route, Security, TlsClient, Trust, UnknownEngine};
