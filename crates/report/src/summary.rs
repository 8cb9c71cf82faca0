//! The summary table: one row a strategy, the same on the page and in the
//! terminal.

use authbench_results::{Histogram, Memory, Metric, RunResult};

use crate::reading::{Reading, Strategy};
use crate::units;
use crate::words;

/// One strategy in the summary table.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SummaryRow {
    /// Its name.
    pub strategy: String,
    /// The load at which the authenticate columns and the wire bytes were
    /// measured, e.g. `3,000/s`. The same in all rows, unless the strategies
    /// have no load in common.
    pub load: String,
    /// Why the numbers are not worth comparing, one phrase each; empty if
    /// they are. They are shown struck through.
    pub failures: Vec<String>,
    /// Median time to authenticate a request, from its intended send time.
    pub authenticate_p50: Figure,
    /// 99th percentile of the same.
    pub authenticate_p99: Figure,
    /// CPU time of the server per request.
    pub server_cpu: Figure,
    /// Requests per second that one core could carry, by the CPU time at the
    /// highest load.
    pub core_carries: Figure,
    /// Median time of a login, password hash included.
    pub login_hashed: Figure,
    /// Median time of a login, password hash left out.
    pub login_unhashed: Figure,
    /// Octets on the wire per request, both directions.
    pub wire: Figure,
    /// Octets of the access credential.
    pub token: Figure,
    /// Octets that a login occupies in server and store together.
    pub memory: Figure,
    /// Median time from an acknowledged revocation to the last acceptance.
    pub revocation_p50: Figure,
    /// The longest such time.
    pub revocation_max: Figure,
    /// Store look-ups per request.
    pub lookups: Figure,
}

/// A number as it is shown, and whether to believe it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Figure {
    /// The formatted number with its unit; a dash if there is none.
    pub text: String,
    /// Whether to believe it.
    pub standing: Standing,
}

/// Whether to believe a number.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Standing {
    /// Yes.
    Good,
    /// It was measured, and for this reason is not to be believed.
    Doubtful(String),
    /// It was not measured, for this reason.
    Missing(String),
}

/// A column of the summary table.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Column {
    /// The heading above the headings that belong together; empty if there is
    /// none.
    pub group: &'static str,
    /// The heading.
    pub heading: &'static str,
    /// What the number means, in one sentence.
    pub meaning: &'static str,
}

/// The summary rows of `result`, in the order of the file.
#[must_use]
pub fn summary(result: &RunResult) -> Vec<SummaryRow> {
    rows(&Reading::of(result))
}

pub(crate) fn rows(reading: &Reading<'_>) -> Vec<SummaryRow> {
    let load = |strategy: &Strategy<'_>| match strategy.common {
        Some(cell) if !reading.is_common_the_same() => words::place(cell),
        _ => reading.common_load(),
    };
    reading
        .strategies
        .iter()
        .map(|strategy| row(strategy, &load(strategy)))
        .collect()
}

impl SummaryRow {
    /// The columns of [`SummaryRow::figures`], in the same order.
    pub const COLUMNS: [Column; 12] = [
        Column {
            group: "authenticate",
            heading: "p50",
            meaning: "half of the requests took no longer, counted from the instant at which they were meant to be sent",
        },
        Column {
            group: "authenticate",
            heading: "p99",
            meaning: "99 of 100 requests took no longer",
        },
        Column {
            group: "server",
            heading: "CPU/request",
            meaning: "processor time of the server per request while it is offered more than it can answer; at lower loads each request pays for a wake-up of its own, see the measurements",
        },
        Column {
            group: "server",
            heading: "core carries",
            meaning: "requests per second that one fully used core carries: one second divided by that processor time",
        },
        Column {
            group: "login",
            heading: "hashed",
            meaning: "median time of a login, password hash included",
        },
        Column {
            group: "login",
            heading: "unhashed",
            meaning: "median time of a login, password hash left out: what the strategy itself costs",
        },
        Column {
            group: "wire",
            heading: "per request",
            meaning: "octets per request and its answer, heads and bodies",
        },
        Column {
            group: "token",
            heading: "size",
            meaning: "octets of the access credential",
        },
        Column {
            group: "memory",
            heading: "per login",
            meaning: "octets that one login occupies in server and store; < where it is too little to be seen",
        },
        Column {
            group: "revocation",
            heading: "p50",
            meaning: "median time from an acknowledged logout to the last acceptance of its credential",
        },
        Column {
            group: "revocation",
            heading: "max",
            meaning: "the longest such time; ≥ where it was still accepted at the last try",
        },
        Column {
            group: "look-ups",
            heading: "per request",
            meaning: "store look-ups per authenticated request",
        },
    ];

    /// The numbers from left to right, as [`SummaryRow::COLUMNS`] names them.
    #[must_use]
    pub fn figures(&self) -> [&Figure; 12] {
        [
            &self.authenticate_p50,
            &self.authenticate_p99,
            &self.server_cpu,
            &self.core_carries,
            &self.login_hashed,
            &self.login_unhashed,
            &self.wire,
            &self.token,
            &self.memory,
            &self.revocation_p50,
            &self.revocation_max,
            &self.lookups,
        ]
    }

    /// Why numbers of this row are missing or doubtful, one line each; columns
    /// with the same reason share a line.
    #[must_use]
    pub fn remarks(&self) -> Vec<String> {
        let mut by_reason: Vec<(&str, Vec<String>)> = Vec::new();
        for (column, figure) in Self::COLUMNS.iter().zip(self.figures()) {
            let (Standing::Doubtful(reason) | Standing::Missing(reason)) = &figure.standing else {
                continue;
            };
            let name = format!("{} {}", column.group, column.heading);
            match by_reason
                .iter_mut()
                .find(|(known, _)| *known == reason.as_str())
            {
                Some((_, columns)) => columns.push(name),
                None => by_reason.push((reason, vec![name])),
            }
        }
        by_reason
            .into_iter()
            .map(|(reason, columns)| format!("{}: {reason}", columns.join(", ")))
            .collect()
    }
}

impl Figure {
    pub(crate) fn good(text: String) -> Self {
        Self {
            text,
            standing: Standing::Good,
        }
    }

    pub(crate) fn missing(reason: impl Into<String>) -> Self {
        Self {
            text: units::DASH.to_owned(),
            standing: Standing::Missing(reason.into()),
        }
    }

    pub(crate) fn doubtful(text: String, reason: impl Into<String>) -> Self {
        Self {
            text,
            standing: Standing::Doubtful(reason.into()),
        }
    }

    /// Octets of two metrics together: as good as the worse of them.
    pub(crate) fn sum(one: &Metric, other: &Metric) -> Self {
        match (one.value, other.value) {
            (Some(a), Some(b)) => {
                let worse = if one.valid { other } else { one };
                Self::of_metric(
                    &Metric {
                        value: Some(a + b),
                        ..worse.clone()
                    },
                    units::bytes,
                )
            }
            (None, _) => Self::of_metric(one, units::bytes),
            (_, None) => Self::of_metric(other, units::bytes),
        }
    }

    /// Why it is missing or doubtful, if it is.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        match &self.standing {
            Standing::Good => None,
            Standing::Doubtful(reason) | Standing::Missing(reason) => Some(reason),
        }
    }

    /// The text with a question mark if it is not to be believed.
    #[must_use]
    pub fn marked(&self) -> String {
        match self.standing {
            Standing::Doubtful(_) => format!("{} ?", self.text),
            Standing::Good | Standing::Missing(_) => self.text.clone(),
        }
    }

    pub(crate) fn of_metric(metric: &Metric, format: impl Fn(f64) -> String) -> Self {
        let reason = || {
            metric
                .reason
                .clone()
                .unwrap_or_else(|| "no reason was noted".to_owned())
        };
        match metric.value {
            None => Self::missing(reason()),
            Some(value) if metric.valid => Self::good(format(value)),
            Some(value) => Self {
                text: format(value),
                standing: Standing::Doubtful(reason()),
            },
        }
    }
}

fn row(strategy: &Strategy<'_>, load: &str) -> SummaryRow {
    let facts = strategy.facts;
    SummaryRow {
        strategy: facts.strategy.clone(),
        load: load.to_owned(),
        failures: strategy.failures.clone(),
        authenticate_p50: response(strategy, |histogram| histogram.p50_ns),
        authenticate_p99: response(strategy, |histogram| histogram.p99_ns),
        server_cpu: Figure::of_metric(
            &facts.saturated_server_cpu_ns_per_request,
            units::duration_ns,
        ),
        core_carries: Figure::of_metric(&facts.requests_per_core_s, units::about_per_s),
        login_hashed: median(facts.login.hashed.as_ref()),
        login_unhashed: median(facts.login.unhashed.as_ref()),
        wire: at_common(strategy, |cell| {
            Figure::sum(
                &cell.costs.wire_sent_bytes_per_request,
                &cell.costs.wire_received_bytes_per_request,
            )
        }),
        token: facts.token_bytes.map_or_else(
            || Figure::missing("the credential was not seen"),
            |octets| Figure::good(units::bytes(octets as f64)),
        ),
        memory: memory(&facts.memory),
        revocation_p50: revocation(strategy, false),
        revocation_max: revocation(strategy, true),
        lookups: Figure::of_metric(&facts.lookups_per_request, units::few),
    }
}

fn at_common(
    strategy: &Strategy<'_>,
    figure: impl Fn(&authbench_results::Cell) -> Figure,
) -> Figure {
    strategy.common.map_or_else(
        || Figure::missing("not measured at the load of this table"),
        figure,
    )
}

fn response(strategy: &Strategy<'_>, pick: fn(&Histogram) -> u64) -> Figure {
    at_common(strategy, |cell| {
        let Some(histogram) = &cell.latency.response else {
            return Figure::missing("no request was answered");
        };
        let text = units::duration_ns(pick(histogram) as f64);
        if cell.valid {
            return Figure::good(text);
        }
        let reason = cell
            .reason
            .clone()
            .unwrap_or_else(|| "no reason was noted".to_owned());
        Figure::doubtful(text, reason)
    })
}

fn median(histogram: Option<&Histogram>) -> Figure {
    histogram.map_or_else(
        || Figure::missing("no login was timed"),
        |histogram| Figure::good(units::duration_ns(histogram.p50_ns as f64)),
    )
}

fn memory(memory: &Memory) -> Figure {
    let figure = Figure::sum(
        &memory.server_bytes_per_login,
        &memory.store_bytes_per_login,
    );
    match memory.bytes_per_login() {
        Some(octets) if octets < memory.resolution_bytes_per_login => Figure::good(format!(
            "< {}",
            units::bytes(memory.resolution_bytes_per_login)
        )),
        _ => figure,
    }
}

fn revocation(strategy: &Strategy<'_>, longest: bool) -> Figure {
    let Some(revocation) = strategy.facts.revocation.as_ref().filter(|r| r.samples > 0) else {
        return Figure::missing("no revocation was tried");
    };
    let time_ns = if longest {
        revocation.max_ns()
    } else {
        revocation.p50_ns()
    };
    let Some(ns) = time_ns else {
        return Figure::missing("the revocation times cannot be read");
    };
    if ns == 0 {
        return Figure::good("at once".to_owned());
    }
    // A sample that outlived the last try is only known to have lasted longer. The
    // longest times are theirs, so the median is affected only if they are that many.
    let censored = if longest {
        revocation.still_accepted_at_end > 0
    } else {
        revocation.still_accepted_at_end > revocation.samples / 2
    };
    Figure::good(format!(
        "{}{}",
        if censored { "≥ " } else { "" },
        units::duration_ns(ns as f64)
    ))
}
