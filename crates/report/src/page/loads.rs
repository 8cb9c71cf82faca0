//! How load was made: one line for each way.

use authbench_results::{Cell, Load};
use maud::{Markup, html};

use crate::common::is_open;
use crate::reading::Reading;
use crate::units::{self, setting_ms};
use crate::words;

/// A way of making load, and the rates at which it was used.
struct Way {
    phase: Option<String>,
    facts: Vec<(&'static str, String)>,
    rates: Vec<f64>,
}

pub(super) fn of(reading: &Reading<'_>) -> Markup {
    let ways = ways(&reading.result.cells);
    html! {
        @if ways.is_empty() { p { "Nothing was measured under load." } }
        @else {
            div class="columns" {
                @for way in &ways {
                    div {
                        @if let Some(phase) = &way.phase { h3 { "Phase " (phase) } }
                        dl class="facts" {
                            dt { "offered" } dd { (rates(way)) }
                            @for (name, value) in &way.facts { dt { (name) } dd { (value) } }
                        }
                    }
                }
            }
        }
    }
}

fn ways(cells: &[Cell]) -> Vec<Way> {
    let mut ways: Vec<Way> = Vec::new();
    for cell in cells {
        let facts = facts(&cell.load);
        let rate = is_open(cell).then_some(cell.load.offered_per_s);
        match ways
            .iter_mut()
            .find(|way| way.phase == cell.phase && way.facts == facts)
        {
            Some(way) => way.rates.extend(rate),
            None => ways.push(Way {
                phase: cell.phase.clone(),
                facts,
                rates: rate.into_iter().collect(),
            }),
        }
    }
    for way in &mut ways {
        way.rates.sort_by(f64::total_cmp);
        way.rates.dedup();
    }
    ways
}

fn rates(way: &Way) -> String {
    if way.rates.is_empty() {
        return "nothing: a closed loop".to_owned();
    }
    let rates: Vec<String> = way.rates.iter().map(|rate| units::per_s(*rate)).collect();
    rates.join(", ")
}

fn facts(load: &Load) -> Vec<(&'static str, String)> {
    let count = |number: u32| units::count(f64::from(number));
    let unknown = || "unknown".to_owned();
    let mut facts = vec![
        ("spacing", words::spacing(load.process).to_owned()),
        ("rate over time", words::shape(&load.shape)),
        (
            "time",
            format!(
                "{} after {} of warm-up",
                setting_ms(load.measured_ms),
                setting_ms(load.warmup_ms)
            ),
        ),
        ("users", count(load.users)),
        ("connections", count(load.connections)),
        ("driver threads", count(load.threads)),
        ("engine", load.engine.clone().unwrap_or_else(unknown)),
        ("service", words::topology(&load.topology)),
    ];
    if load.think_ms > 0.0 {
        let think = units::duration_ns(load.think_ms * 1e6);
        facts.push(("users think", format!("{think} on average")));
    }
    facts
}
