//! Store servers to test and measure against: private ones, started from the binaries of this
//! machine, or one that somebody else runs and names in the environment.
//!
//! A private server listens on loopback only, behind a random password, keeps its data in a
//! temporary folder, and goes with its [`Server`]; when this process dies without dropping it
//! (SIGKILL, Ctrl-C, a static), a guard process takes server and folder down instead.

mod account;
mod locate;
mod mysql;
mod postgres;
mod proxied;
mod redis;
mod server;

use std::fmt;
use std::sync::OnceLock;

pub use locate::{Found, NotFound, locate, locate_binary};
pub use mysql::{LogFlush, MysqlOptions};
pub use postgres::PostgresOptions;
pub use proxied::{Proxied, ProxiedError, services_through_proxies};
pub use redis::{Append, RedisOptions};
pub use server::{Server, ServiceError};

/// A kind of store server.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Service {
    /// `redis-server`.
    Redis,
    /// PostgreSQL.
    Postgres,
    /// MariaDB, or MySQL.
    Mysql,
}

impl Service {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::Redis, Self::Postgres, Self::Mysql];

    /// Its name in lower case, as the workspace's `docker-compose.yml` has it too.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Redis => "redis",
            Self::Postgres => "postgres",
            Self::Mysql => "mysql",
        }
    }

    /// The environment variable that names a server somebody else runs.
    #[must_use]
    pub const fn url_variable(self) -> &'static str {
        match self {
            Self::Redis => "AUTHBENCH_REDIS_URL",
            Self::Postgres => "AUTHBENCH_POSTGRES_URL",
            Self::Mysql => "AUTHBENCH_MYSQL_URL",
        }
    }

    /// Where the workspace's `docker-compose.yml` puts it.
    #[must_use]
    pub const fn compose_url(self) -> &'static str {
        match self {
            Self::Redis => "redis://:authbench@127.0.0.1:16379/0",
            Self::Postgres => "postgres://authbench:authbench@127.0.0.1:15432/authbench",
            Self::Mysql => "mysql://root:authbench@127.0.0.1:13306/authbench",
        }
    }

    /// The port that its clients take when a URL names none.
    #[must_use]
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Redis => 6379,
            Self::Postgres => 5432,
            Self::Mysql => 3306,
        }
    }

    /// The package of Debian and Ubuntu that brings its server.
    #[must_use]
    pub const fn debian_package(self) -> &'static str {
        match self {
            Self::Redis => "redis-server",
            Self::Postgres => "postgresql",
            Self::Mysql => "mariadb-server",
        }
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

/// A server to talk to.
#[derive(Debug)]
pub enum Instance {
    /// Somebody else's, by its URL: it is neither started nor stopped, and users keep to a key
    /// prefix or schema of their own.
    Borrowed(String),
    /// Ours, gone when this is dropped.
    Private(Box<Server>),
}

impl Instance {
    /// What [`locate`] finds, started if it is a binary, with the default options.
    ///
    /// # Errors
    /// [`ServiceError`], which says what to install when there is nothing to start.
    pub fn obtain(service: Service) -> Result<Self, ServiceError> {
        if let Found::Url(url) = locate(service)? {
            return Ok(Self::Borrowed(url));
        }
        let started = match service {
            Service::Redis => Server::redis(RedisOptions::default()),
            Service::Postgres => Server::postgres(PostgresOptions::default()),
            Service::Mysql => Server::mysql(MysqlOptions::default()),
        };
        Ok(Self::Private(Box::new(started?)))
    }

    /// The server, if it is ours to pause, kill and restart.
    pub fn private(&mut self) -> Option<&mut Server> {
        match self {
            Self::Borrowed(_) => None,
            Self::Private(server) => Some(server),
        }
    }

    /// Where clients find it, password included.
    #[must_use]
    pub fn url(&self) -> &str {
        match self {
            Self::Borrowed(url) => url,
            Self::Private(server) => server.url(),
        }
    }
}

/// [`Instance::obtain`] for Redis.
///
/// # Errors
/// As there.
pub fn redis() -> Result<Instance, ServiceError> {
    Instance::obtain(Service::Redis)
}

/// [`Instance::obtain`] for PostgreSQL.
///
/// # Errors
/// As there.
pub fn postgres() -> Result<Instance, ServiceError> {
    Instance::obtain(Service::Postgres)
}

/// [`Instance::obtain`] for MariaDB or MySQL.
///
/// # Errors
/// As there.
pub fn mysql() -> Result<Instance, ServiceError> {
    Instance::obtain(Service::Mysql)
}

/// The URL of one instance that all of this process shares, obtained at the first call, private
/// ones until the process ends. Users keep to a key prefix or schema of their own.
///
/// # Errors
/// As [`Instance::obtain`], at each call the same.
pub fn shared(service: Service) -> Result<&'static str, &'static ServiceError> {
    static URLS: [OnceLock<Result<String, ServiceError>>; 3] = [const { OnceLock::new() }; 3];
    let obtain = || {
        let instance = Instance::obtain(service)?;
        let url = instance.url().to_owned();
        // Never dropped: the guard takes the server down when this process has ended.
        std::mem::forget(instance);
        Ok(url)
    };
    let url = URLS[service as usize].get_or_init(obtain);
    url.as_ref().map(String::as_str)
}

#[cfg(test)]
mod tests;
