//! Stores at the limit of their client library: the store, a bare read of the
//! same record through the library, and what stands in between, in turns on one
//! machine against one server.
//!
//! `cargo bench -p authbench-benches --bench stores [-- redis|postgres|mysql|sqlite]`,
//! and with `--features reference` through other client libraries, too.

mod records;
mod redis;
mod sql;

use std::time::Duration;

use anyhow::{Result, anyhow};
use authbench_benches::cases::{self, Notice};
use authbench_benches::figures;
use authbench_benches::options::Options;
use authbench_lab::services::{self, Service};
use authbench_results::BenchFigure;
use tokio::runtime::Runtime;

/// How long the contenders of one table take turns.
const SPAN: Duration = Duration::from_secs(20);

/// One table: its rows' figures.
type Table = fn(&Place<'_>) -> Result<Vec<BenchFigure>>;

/// What a table needs.
struct Place<'p> {
    runtime: &'p Runtime,
    /// The server; empty for SQLite.
    url: &'p str,
    span: Duration,
}

fn main() -> Result<()> {
    let options = Options::from_args();
    // As many threads as cores, for server and client alike.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let mut left_out = Notice::default();
    let mut found = Vec::new();
    let tables: [(&str, Option<Service>, Table); 4] = [
        ("redis", Some(Service::Redis), redis::measure),
        ("postgres", Some(Service::Postgres), sql::postgres),
        ("mysql", Some(Service::Mysql), sql::mysql),
        ("sqlite", None, sql::sqlite),
    ];
    for (name, service, table) in tables {
        if !options.wants(&format!("stores/{name}")) {
            continue;
        }
        if let Some(missing) = service.and_then(cases::absent) {
            left_out.add(name, missing);
            continue;
        }
        let url = service.map_or(Ok(""), services::shared);
        found.extend(table(&Place {
            runtime: &runtime,
            url: url.map_err(|error| anyhow!("{error}"))?,
            span: options.span(SPAN),
        })?);
    }
    figures::write(env!("CARGO_TARGET_TMPDIR"), "stores", &found)?;
    left_out.print();
    Ok(())
}
