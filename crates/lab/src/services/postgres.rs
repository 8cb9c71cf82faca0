//! A PostgreSQL of our own.

use rustix::process::Signal;

use super::Service;
use super::server::{Plan, Server, ServiceError};

/// How a private PostgreSQL commits.
#[derive(Clone, Copy, Debug)]
pub struct PostgresOptions {
    /// `synchronous_commit`: whether a commit is on its way to the disk before it is
    /// acknowledged. Off, a crash of the server alone may lose the last acknowledged commits.
    pub synchronous_commit: bool,
    /// `fsync` and `full_page_writes`: whether the disk is waited for. It matters to a crash of
    /// the machine, and to what a commit costs; not to a crash of the server alone.
    pub fsync: bool,
    /// `shared_buffers` in MiB.
    pub shared_buffers_mib: u32,
}

impl Default for PostgresOptions {
    /// The durability of an untouched installation, in little memory.
    fn default() -> Self {
        Self {
            synchronous_commit: true,
            fsync: true,
            shared_buffers_mib: 64,
        }
    }
}

impl Server {
    /// Starts a private PostgreSQL and waits until it accepts connections.
    ///
    /// # Errors
    /// [`ServiceError`].
    pub fn postgres(options: PostgresOptions) -> Result<Self, ServiceError> {
        Self::start(Service::Postgres, |password| plan(options, password))
    }
}

fn plan(options: PostgresOptions, password: &str) -> Plan {
    let PostgresOptions {
        synchronous_commit,
        fsync,
        shared_buffers_mib,
    } = options;
    let settings = format!(
        "-c listen_addresses=127.0.0.1 -c unix_socket_directories= -c max_connections=200 \
         -c shared_buffers={shared_buffers_mib}MB -c synchronous_commit={synchronous_commit} \
         -c fsync={fsync} -c full_page_writes={fsync} -c jit=off"
    );
    Plan {
        script: format!(
            r#"[ -e data/PG_VERSION ] || "${{1%/*}}/initdb" -D data -U authbench -A password \
                   --pwfile=password --no-locale --encoding=UTF8 --no-sync
               exec "$1" -D data -p "$2" {settings}"#
        ),
        file: ("password", format!("{password}\n")),
        ready: "database system is ready to accept connections",
        // The fast way down: it ends its clients' connections instead of waiting for them.
        stop: Signal::INT,
        url: |port, password| format!("postgres://authbench:{password}@127.0.0.1:{port}/postgres"),
    }
}
