//! The search for the highest rate that a strategy carries.

use authbench_results::{Knee, KneeTry};
use maud::{Markup, html};

use super::{Chart, Drawing, Table, crossed, strategies_legend};
use crate::limits;
use crate::reading::{Reading, Strategy};
use crate::svg::{Axis, Plot, Scale, class, mark, px};
use crate::units;

pub(crate) const CHART: Chart = Chart {
    id: "knee",
    title: "What each strategy carries",
    wide: true,
    draw,
};

fn draw(reading: &Reading<'_>) -> Result<Drawing, &'static str> {
    let found: Vec<(&Strategy<'_>, &Knee)> = reading
        .strategies
        .iter()
        .filter_map(|strategy| Some((strategy, strategy.facts.knee.as_ref()?)))
        .collect();
    if found.is_empty() {
        return Err("the highest rate that a strategy carries was not sought");
    }
    let tries = || found.iter().flat_map(|(_, knee)| &knee.tries);
    let objectives = objectives(&found);
    let times = tries()
        .filter_map(|one| one.response_ns_p99)
        .chain(objectives.iter().copied());
    let plot = Plot {
        left: 76.0,
        top: 40.0,
        width: 880.0,
        height: 330.0,
        x: Scale::linear(tries().map(|one| one.rate_per_s).fold(0.0, f64::max)),
        y: Scale::time(times.map(|ns| ns as f64)),
    };
    Ok(Drawing {
        lead:
            "All rates that were tried, and the 99th percentile that was seen: filled mark where \
               the objective held, hollow mark where it did not, crossed out where the try says \
               nothing of the server. The dashed line is the objective; a failure breaks it too."
                .to_owned(),
        size: (1000.0, 424.0),
        body: html! {
            (plot.axes(
                &Axis { title: "requests offered per second", format: units::count },
                &Axis { title: "99th percentile of the response time", format: units::tick_ns },
            ))
            @for ns in objectives { (objective(&plot, ns)) }
            @for (strategy, knee) in &found { (line(&plot, strategy, knee)) }
        },
        legend: strategies_legend(reading),
        table: table(&found),
    })
}

/// The stated times, each once.
fn objectives(found: &[(&Strategy<'_>, &Knee)]) -> Vec<u64> {
    let mut objectives: Vec<u64> = found.iter().map(|(_, knee)| knee.slo_ns_p99).collect();
    objectives.sort_unstable();
    objectives.dedup();
    objectives
}

fn objective(plot: &Plot, ns: u64) -> Markup {
    let y = plot.at_y(ns as f64);
    html! {
        path class="line dashed" d=(format!("M{} {}h{}", px(plot.left), px(y), px(plot.width))) {}
        text class="title" x=(px(plot.left + 6.0)) y=(px(y - 6.0)) { "p99 ≤ " (units::tick_ns(ns as f64)) }
    }
}

fn line(plot: &Plot, strategy: &Strategy<'_>, knee: &Knee) -> Markup {
    let mut seen: Vec<(&KneeTry, (f64, f64))> = knee
        .tries
        .iter()
        .filter_map(|one| Some((one, (one.rate_per_s, one.response_ns_p99? as f64))))
        .collect();
    seen.sort_by(|a, b| a.1.0.total_cmp(&b.1.0));
    let believed: Vec<(f64, f64)> = seen
        .iter()
        .filter(|(one, _)| one.doubtful.is_none())
        .map(|(_, at)| *at)
        .collect();
    html! {
        g class=(class(strategy.index)) {
            path class="thread" d=(plot.path(&believed)) {}
            @for (one, (rate, ns)) in &seen {
                @let (x, y) = (plot.at_x(*rate), plot.at_y(*ns));
                @if one.doubtful.is_some() { (crossed(x, y)) }
                @else { (mark(strategy.index, x, y, !one.held)) }
            }
        }
    }
}

fn table(found: &[(&Strategy<'_>, &Knee)]) -> Table {
    let head = [
        "strategy",
        "objective",
        "tried",
        "p99",
        "failures",
        "held?",
        "believe it?",
    ];
    let row = |strategy: &Strategy<'_>, knee: &Knee, one: &KneeTry| {
        vec![
            strategy.name().to_owned(),
            limits::objective(knee),
            units::per_s(one.rate_per_s),
            one.response_ns_p99
                .map_or("no read was answered".to_owned(), |ns| {
                    units::duration_ns(ns as f64)
                }),
            units::count(one.failures as f64),
            if one.held { "yes" } else { "no" }.to_owned(),
            one.doubtful
                .as_ref()
                .map_or("yes".to_owned(), |why| format!("no: {why}")),
        ]
    };
    Table {
        head: head.map(str::to_owned).to_vec(),
        rows: found
            .iter()
            .flat_map(|(strategy, knee)| knee.tries.iter().map(|one| row(strategy, knee, one)))
            .collect(),
    }
}
