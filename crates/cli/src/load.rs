//! What `authbench load` says of its measurement.

use std::collections::BTreeMap;
use std::fmt;

use authbench_load::{CellOutcome, Histogram, Kind, PlainOutcome};
use serde::Serialize;

/// The measurement as JSON (`authbench.load/1`). Times are nanoseconds.
#[derive(Debug, Serialize)]
pub(crate) struct Summary {
    schema: &'static str,
    url: String,
    engine: &'static str,
    threads: usize,
    connections: u32,
    /// `open` or `closed`.
    model: &'static str,
    /// Null in a closed loop.
    offered_per_s: Option<f64>,
    measured_s: f64,
    drained_s: f64,
    interrupted: bool,
    arrivals: u64,
    completed: u64,
    completed_per_s: f64,
    failures: u64,
    outcomes: BTreeMap<&'static str, u64>,
    statuses: BTreeMap<u16, u64>,
    reconnects: u64,
    backlog_max: u64,
    sent_bytes_per_request: Option<f64>,
    received_bytes_per_request: Option<f64>,
    /// From the intended send time; in a closed loop from the send.
    response: Option<Times>,
    /// From the send.
    service: Option<Times>,
    /// Null in a closed loop.
    send_lag: Option<Times>,
    driver_cpu_ns_per_request: Option<f64>,
    driver_busy_fraction: Option<f64>,
    warnings: Vec<String>,
}

/// A distribution of times, nanoseconds.
#[derive(Debug, Serialize)]
pub(crate) struct Times {
    count: u64,
    min_ns: u64,
    mean_ns: f64,
    p50_ns: u64,
    p90_ns: u64,
    p99_ns: u64,
    p999_ns: u64,
    max_ns: u64,
}

impl Times {
    fn of(recorded: &Histogram<u64>) -> Option<Self> {
        let at = |quantile| recorded.value_at_quantile(quantile);
        (!recorded.is_empty()).then(|| Self {
            count: recorded.len(),
            min_ns: recorded.min(),
            mean_ns: recorded.mean(),
            p50_ns: at(0.5),
            p90_ns: at(0.9),
            p99_ns: at(0.99),
            p999_ns: at(0.999),
            max_ns: recorded.max(),
        })
    }
}

/// Over this part of the time the driver had no time to be punctual.
const BUSY_BUDGET: f64 = 0.9;
/// 1 % of the sends may be later than this.
const LAG_BUDGET_NS: u64 = 100_000;

impl Summary {
    pub(crate) fn new(url: &str, threads: usize, outcome: &PlainOutcome) -> Self {
        let PlainOutcome {
            cell,
            statuses,
            engine,
        } = outcome;
        let point = &cell.point;
        let is_closed = cell.is_closed_loop();
        let answered: u64 = cell.blocks.iter().map(|block| block.completed).sum();
        let duration_ns: u64 = cell.blocks.iter().map(|block| block.duration_ns).sum();
        let per = |sum: u64, count: u64| (count > 0).then(|| sum as f64 / count as f64);
        let wire = cell.wire(authbench_load::Action::Read);
        // Of several lanes the busiest one's.
        let busy = per(cell.busy_ns, duration_ns);
        let outcomes = Kind::ALL.into_iter().filter_map(|kind| {
            let count = cell.tally.of_kind(kind);
            (count > 0).then(|| (kind.label(), count))
        });
        Self {
            schema: "authbench.load/1",
            url: url.to_owned(),
            engine: engine.label(),
            threads,
            connections: point.connections,
            model: if is_closed { "closed" } else { "open" },
            offered_per_s: point.arrivals.mean_per_s(point.measure_ms),
            measured_s: cell.measured_ns as f64 / 1e9,
            drained_s: cell.drained_ns as f64 / 1e9,
            interrupted: cell.interrupted,
            arrivals: cell.arrivals,
            completed: cell.completed,
            completed_per_s: cell.completed_per_s(),
            failures: cell.tally.failures(),
            outcomes: outcomes.collect(),
            statuses: statuses.clone(),
            reconnects: cell.reconnects,
            backlog_max: cell.backlog_max,
            sent_bytes_per_request: per(wire.sent_bytes, wire.exchanges),
            received_bytes_per_request: per(wire.received_bytes, wire.exchanges),
            response: Times::of(&cell.response_ns),
            service: Times::of(&cell.service_ns),
            send_lag: Times::of(&cell.send_lag_ns).filter(|_| !is_closed),
            driver_cpu_ns_per_request: per(cell.driver_cpu_ns, answered),
            driver_busy_fraction: busy,
            warnings: warnings(cell, busy),
        }
    }

    /// Whether anything was measured, and all of it was right.
    pub(crate) fn is_good(&self) -> bool {
        self.completed > 0 && self.failures == 0
    }

    /// Whether anything was measured at all.
    pub(crate) fn is_measured(&self) -> bool {
        self.completed > 0
    }
}

fn warnings(cell: &CellOutcome, busy: Option<f64>) -> Vec<String> {
    let mut warnings = Vec::new();
    if cell.is_closed_loop() {
        warnings.push(
            "closed loop: a server that stalls is asked less, so these times are not what users \
             feel; give a rate with -R"
                .to_owned(),
        );
    } else {
        let lag_ns = cell.send_lag_ns.value_at_quantile(0.99);
        if !cell.send_lag_ns.is_empty() && lag_ns > LAG_BUDGET_NS {
            warnings.push(format!(
                "the driver was late: 1 % of its sends by more than {:.0} us",
                lag_ns as f64 / 1e3
            ));
        }
        if let Some(busy) = busy.filter(|busy| *busy > BUSY_BUDGET) {
            warnings.push(format!(
                "the driver was busy for {:.0} % of the time: use more threads (-t) or a lower rate",
                busy * 100.0
            ));
        }
    }
    warnings
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.head(f)?;
        self.times(f)?;
        if let (Some(sent), Some(received)) =
            (self.sent_bytes_per_request, self.received_bytes_per_request)
        {
            writeln!(
                f,
                "  octets per request  {sent:.0} sent, {received:.0} received"
            )?;
        }
        if let (Some(cpu_ns), Some(busy)) =
            (self.driver_cpu_ns_per_request, self.driver_busy_fraction)
        {
            writeln!(
                f,
                "  driver  {:.2} us of CPU per request, busy for {:.0} % of the time",
                cpu_ns / 1e3,
                busy * 100.0
            )?;
        }
        for warning in &self.warnings {
            writeln!(f, "  NOTE: {warning}")?;
        }
        Ok(())
    }
}

impl Summary {
    fn head(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let model = match self.offered_per_s {
            Some(rate) => format!("open loop at {rate:.0}/s"),
            None => "closed loop".to_owned(),
        };
        let plural = if self.threads == 1 { "" } else { "s" };
        let ended = if self.interrupted {
            " (interrupted)"
        } else {
            ""
        };
        writeln!(f, "{}", self.url)?;
        writeln!(
            f,
            "  {} connections, {} thread{plural}, {}, {model}, {:.1} s{ended}",
            self.connections, self.threads, self.engine, self.measured_s,
        )?;
        writeln!(
            f,
            "  {} answers, {:.0}/s, {} failures, {} reconnects",
            self.completed, self.completed_per_s, self.failures, self.reconnects
        )?;
        let statuses: Vec<String> = self
            .statuses
            .iter()
            .map(|(status, count)| format!("{status}: {count}"))
            .collect();
        writeln!(f, "  statuses  {}", statuses.join(", "))?;
        for (kind, count) in &self.outcomes {
            if *kind != Kind::Right.label() {
                writeln!(f, "  {count} x {kind}")?;
            }
        }
        Ok(())
    }

    fn times(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "  {:<9} {:>9} {:>9} {:>9} {:>9} {:>10}",
            "us", "p50", "p90", "p99", "p99.9", "max"
        )?;
        for (name, times) in [
            ("response", &self.response),
            ("service", &self.service),
            ("send lag", &self.send_lag),
        ] {
            if let Some(times) = times {
                let us = |ns: u64| ns as f64 / 1e3;
                writeln!(
                    f,
                    "  {name:<9} {:>9.1} {:>9.1} {:>9.1} {:>9.1} {:>10.1}",
                    us(times.p50_ns),
                    us(times.p90_ns),
                    us(times.p99_ns),
                    us(times.p999_ns),
                    us(times.max_ns)
                )?;
            }
        }
        Ok(())
    }
}
