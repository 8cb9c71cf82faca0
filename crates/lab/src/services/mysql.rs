//! A MariaDB, or MySQL, of our own.

use rustix::process::Signal;

use super::Service;
use super::server::{Plan, Server, ServiceError};

/// How a private MariaDB commits.
#[derive(Clone, Copy, Debug)]
pub struct MysqlOptions {
    /// `innodb_flush_log_at_trx_commit`.
    pub log_flush: LogFlush,
    /// `innodb_buffer_pool_size` in MiB.
    pub buffer_pool_mib: u32,
}

/// What happens to the log before a commit is acknowledged.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum LogFlush {
    /// Nothing (0): a crash of the server alone may lose the last second.
    EverySecond,
    /// It is handed to the kernel (2): a crash of the machine may lose the last second.
    Kernel,
    /// It is on the disk (1), as in an untouched installation.
    #[default]
    Disk,
}

impl Default for MysqlOptions {
    /// The durability of an untouched installation, in little memory.
    fn default() -> Self {
        Self {
            log_flush: LogFlush::default(),
            buffer_pool_mib: 64,
        }
    }
}

impl Server {
    /// Starts a private MariaDB or MySQL and waits until it accepts connections.
    ///
    /// # Errors
    /// [`ServiceError`].
    pub fn mysql(options: MysqlOptions) -> Result<Self, ServiceError> {
        Self::start(Service::Mysql, |password| plan(options, password))
    }
}

fn plan(options: MysqlOptions, password: &str) -> Plan {
    let flush = match options.log_flush {
        LogFlush::EverySecond => 0,
        LogFlush::Disk => 1,
        LogFlush::Kernel => 2,
    };
    let pool = options.buffer_pool_mib;
    Plan {
        // MariaDB brings a script that makes its tables; MySQL does it itself. Each server has
        // temporary files in a folder of its own: a start removes all others' that it finds.
        script: format!(
            r#"mkdir -p tmp
               if ! [ -d data/mysql ]; then
                   case "$1" in
                       */mariadbd)
                           PATH="$PATH:${{1%/*}}" mariadb-install-db --no-defaults \
                               --datadir="$PWD/data" --tmpdir="$PWD/tmp" \
                               --skip-test-db --skip-name-resolve \
                               --innodb-flush-log-at-trx-commit=0 ;;
                       *) "$1" --no-defaults --initialize-insecure --datadir="$PWD/data" \
                           --tmpdir="$PWD/tmp" ;;
                   esac
               fi
               exec "$1" --no-defaults --datadir="$PWD/data" --init-file="$PWD/init.sql" \
                   --bind-address=127.0.0.1 --port="$2" --socket=server.sock \
                   --pid-file=server.pid --tmpdir="$PWD/tmp" --skip-name-resolve --loose-mysqlx=0 \
                   --max-connections=200 --innodb-buffer-pool-size={pool}M \
                   --innodb-flush-log-at-trx-commit={flush}"#
        ),
        file: (
            "init.sql",
            format!(
                "CREATE DATABASE IF NOT EXISTS authbench;\n\
                 CREATE USER IF NOT EXISTS 'authbench'@'127.0.0.1' IDENTIFIED BY '{password}';\n\
                 GRANT ALL PRIVILEGES ON *.* TO 'authbench'@'127.0.0.1';\n"
            ),
        ),
        ready: "ready for connections",
        stop: Signal::TERM,
        url: |port, password| format!("mysql://authbench:{password}@127.0.0.1:{port}/authbench"),
    }
}
