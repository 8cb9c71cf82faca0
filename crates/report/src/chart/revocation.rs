//! How long a credential lives on after its logout was acknowledged.

use authbench_results::{ClockKind, Revocation, Staleness};
use maud::{Markup, html};

use super::{Chart, Drawing, Table};
use crate::reading::{Reading, Strategy};
use crate::svg::{Rows, Scale, class, mark, px};
use crate::units;

pub(crate) const CHART: Chart = Chart {
    id: "revocation",
    title: "How long a logout takes to hold",
    wide: false,
    draw,
};

/// The place of "at once" on an axis that cannot show 0.
const AT_ONCE_X: f64 = 36.0;

struct Row<'s, 'r> {
    strategy: &'s Strategy<'r>,
    /// Whether it was seen from other replicas than the one that was asked to
    /// end the login.
    elsewhere: bool,
    revocation: &'r Revocation,
    p50_ns: f64,
    max_ns: f64,
    /// The promise, as nanoseconds at most; None for "at once".
    promise_ns: Option<f64>,
}

fn draw(reading: &Reading<'_>) -> Result<Drawing, &'static str> {
    let found: Vec<Row<'_, '_>> = reading.strategies.iter().flat_map(rows_of).collect();
    if found.is_empty() {
        return Err("no revocation was tried");
    }
    let times: Vec<f64> = found
        .iter()
        .flat_map(|row| [row.p50_ns, row.max_ns].into_iter().chain(row.promise_ns))
        .collect();
    // Three powers of ten at least, so that a time can be seen to be long.
    let longest = times.iter().copied().fold(0.0, f64::max);
    let rows = Rows {
        left: 84.0,
        width: 400.0,
        top: 12.0,
        pitch: 42.0,
        count: found.len(),
        x: Scale::time(times.into_iter().chain([longest / 2e3])),
    };
    let labels = Rows { left: 12.0, ..rows };
    Ok(Drawing {
        lead:
            "Time from the acknowledgement of a logout to the last acceptance of its credential: \
               filled mark for the median, hollow mark for the longest, an upright bar for the \
               longest that the strategy promises. An arrow means that it was still accepted at \
               the last try. “Elsewhere” is the same seen from every other replica than the one that \
               ended the login."
                .to_owned(),
        size: (520.0, rows.drawing_height()),
        body: html! {
            (rows.axis("time to the last acceptance", units::tick_ns))
            path class="grid" d=(format!("M{0} {1}V{2}", AT_ONCE_X, px(rows.top - 4.0), px(rows.bottom() + 4.0))) {}
            text class="tick" x=(AT_ONCE_X) y=(px(rows.bottom() + 20.0)) text-anchor="middle" { "at once" }
            @for (at, row) in found.iter().enumerate() {
                (labels.name(at, row.strategy.index, &row.name(), !row.strategy.failures.is_empty()))
                (track(&rows, at, row))
            }
        },
        legend: html! {
            span class="key" { (sample(false)) "median" }
            span class="key" { (sample(true)) "longest" }
            span class="key" {
                svg viewBox="0 0 26 14" width="26" height="14" aria-hidden="true" { path class="promise" d="M13 1V13" {} }
                "promised at most"
            }
        },
        table: table(&found),
    })
}

impl Row<'_, '_> {
    fn name(&self) -> String {
        let place = if self.elsewhere { ", elsewhere" } else { "" };
        format!("{}{place}", self.strategy.name())
    }
}

fn rows_of<'s, 'r>(strategy: &'s Strategy<'r>) -> impl Iterator<Item = Row<'s, 'r>> {
    let facts = strategy.facts;
    let here = facts.revocation.as_ref().map(|own| (own, false));
    let elsewhere = facts.revocation_elsewhere.as_ref().map(|own| (own, true));
    let tried = here.into_iter().chain(elsewhere);
    tried.filter_map(|(revocation, elsewhere)| row(strategy, revocation, elsewhere))
}

fn row<'s, 'r>(
    strategy: &'s Strategy<'r>,
    revocation: &'r Revocation,
    elsewhere: bool,
) -> Option<Row<'s, 'r>> {
    let guarantees = &strategy.facts.guarantees;
    let slack_ms = guarantees.expiry_slack_ms;
    let promise_ms = match guarantees.revoke_one {
        Staleness::Immediate => None,
        Staleness::WithinMs(ms) => Some(ms),
        Staleness::UntilExpiry => Some(guarantees.lifetime_ms.saturating_add(slack_ms)),
    };
    Some(Row {
        strategy,
        elsewhere,
        revocation,
        p50_ns: revocation.p50_ns()? as f64,
        max_ns: revocation.max_ns()? as f64,
        promise_ns: promise_ms.map(|ms| ms as f64 * 1e6),
    })
}

fn sample(hollow: bool) -> Markup {
    html! {
        svg viewBox="0 0 26 14" width="26" height="14" aria-hidden="true" { (mark(0, 13.0, 7.0, hollow)) }
    }
}

fn track(rows: &Rows, at: usize, row: &Row<'_, '_>) -> Markup {
    let place = |ns: f64| if ns > 0.0 { rows.at_x(ns) } else { AT_ONCE_X };
    let y = rows.row_top(at) + 27.0;
    let (p50, max) = (place(row.p50_ns), place(row.max_ns));
    let promise = row.promise_ns.map_or(AT_ONCE_X, place);
    let index = row.strategy.index;
    html! {
        path class="promise" d=(format!("M{} {}v18", px(promise), px(y - 9.0))) {}
        g class=(class(index)) {
            path class="thread" d=(format!("M{} {}H{}", px(AT_ONCE_X), px(y), px(max))) {}
            path class="line" d=(format!("M{} {}H{}", px(p50), px(y), px(max))) {}
            @if row.revocation.still_accepted_at_end > 0 {
                path class="line" d=(format!("M{0} {1}h18m-6 -5l6 5l-6 5", px(max), px(y))) {}
            }
            (mark(index, max, y, true))
            (mark(index, p50, y, false))
        }
        text class="value" x="508" y=(px(rows.row_top(at) + 12.0)) text-anchor="end" { (in_words(row)) }
    }
}

fn in_words(row: &Row<'_, '_>) -> String {
    let least = if row.revocation.still_accepted_at_end > 0 {
        "≥ "
    } else {
        ""
    };
    match (row.p50_ns, row.max_ns) {
        (_, max) if max <= 0.0 => "at once".to_owned(),
        (p50, max) => format!("{}, longest {least}{}", time(p50), time(max)),
    }
}

fn table(found: &[Row<'_, '_>]) -> Table {
    let head = [
        "strategy",
        "logouts tried",
        "refused at once",
        "median",
        "longest",
        "still accepted at the end",
        "later than promised",
        "promise",
        "clock",
    ];
    let rows = found
        .iter()
        .map(|row| {
            let revocation = row.revocation;
            let number = |n: u64| units::count(n as f64);
            vec![
                row.name(),
                number(revocation.samples),
                number(revocation.never_accepted),
                time(row.p50_ns),
                time(row.max_ns),
                number(revocation.still_accepted_at_end),
                number(revocation.accepted_after_deadline),
                row.promise_ns.map_or("at once".to_owned(), |ns| {
                    format!("at most {}", units::tick_ns(ns))
                }),
                match revocation.clock {
                    ClockKind::Real => "waited for".to_owned(),
                    ClockKind::Stepped => "the server's clock was stepped".to_owned(),
                },
            ]
        })
        .collect();
    Table {
        head: head.map(str::to_owned).to_vec(),
        rows,
    }
}

fn time(ns: f64) -> String {
    if ns > 0.0 {
        units::duration_ns(ns)
    } else {
        "at once".to_owned()
    }
}
