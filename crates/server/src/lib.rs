//! The reference server: hosts any strategy over HTTP, so that strategies are
//! measured and tried through the same door.
//!
//! What it adds to a strategy is what every honest server has to add: accounts
//! with slow password hashes, one shape for all refusals, proof of origin for
//! ambient credentials, bounds on everything that a stranger sends. It does not
//! know which strategy it hosts.
//!
//! ```no_run
//! # async fn run(
//! #     strategy: std::sync::Arc<dyn authbench_core::DynStrategy>,
//! # ) -> Result<(), Box<dyn std::error::Error>> {
//! use authbench_server::{Accounts, Server, ServerConfig};
//! use authbench_wire::Transport;
//!
//! let entropy = authbench_core::system::OsEntropy;
//! let (accounts, shown_once) = Accounts::demo(&entropy)?;
//! let config = ServerConfig::new(strategy, Transport::Bearer, accounts.into());
//! let server = Server::bind(([127, 0, 0, 1], 8080).into(), config).await?;
//! for user in &shown_once {
//!     println!("{} {}", user.name, user.password.expose());
//! }
//! server.serve(async { std::future::pending().await }).await;
//! # Ok(())
//! # }
//! ```

pub mod accounts;
mod answer;
mod app;
mod body;
pub mod burn;
pub mod config;
mod delivery;
mod denial;
pub mod keys;
pub mod next;
mod routes;
pub mod serve;
pub mod tls;

pub use accounts::{Accounts, AccountsError, DemoUser};
pub use burn::{Burn, BurntOperation};
pub use config::{
    ContentsFuture, Limits, ServerClock, ServerConfig, SetStore, StatsSource, StoreContents,
};
pub use keys::{KeySetError, PublishedKeys, RotateKeys, SigningKey};
pub use next::{NextError, NextService};
pub use serve::{Drained, ServeError, Server};
pub use tls::{TlsConfig, TlsError};
