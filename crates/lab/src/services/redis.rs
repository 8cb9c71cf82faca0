//! A Redis of our own.

use rustix::process::Signal;

use super::Service;
use super::server::{Plan, Server, ServiceError};

/// How a private Redis keeps its data. The default keeps them in memory alone, as a cache does.
#[derive(Clone, Copy, Debug, Default)]
pub struct RedisOptions {
    /// Its log of writes (`appendonly`, `appendfsync`).
    pub append: Append,
}

/// When Redis writes down what it has acknowledged. There are never snapshots (`save ""`).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Append {
    /// Not at all: a restart begins empty.
    #[default]
    Never,
    /// To the kernel before the answer, to the disk about once a second.
    EverySecond,
    /// To the disk before the answer.
    Always,
}

impl Server {
    /// Starts a private Redis and waits until it answers.
    ///
    /// # Errors
    /// [`ServiceError`].
    pub fn redis(options: RedisOptions) -> Result<Self, ServiceError> {
        Self::start(Service::Redis, |password| plan(options, password))
    }
}

fn plan(options: RedisOptions, password: &str) -> Plan {
    let (append_only, fsync) = match options.append {
        Append::Never => ("no", "no"),
        Append::EverySecond => ("yes", "everysec"),
        Append::Always => ("yes", "always"),
    };
    Plan {
        script: r#"mkdir -p data; exec "$1" redis.conf --port "$2""#.to_owned(),
        file: (
            "redis.conf",
            format!(
                "bind 127.0.0.1\ndir data\ndaemonize no\nlogfile \"\"\nsave \"\"\n\
                 requirepass {password}\nappendonly {append_only}\nappendfsync {fsync}\n"
            ),
        ),
        ready: "Ready to accept connections",
        stop: Signal::TERM,
        url: |port, password| format!("redis://:{password}@127.0.0.1:{port}/0"),
    }
}
