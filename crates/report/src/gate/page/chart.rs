//! Effects with their intervals beside their budgets.

use authbench_results::{GateCell, MetricClass, Verdict};
use maud::{Markup, html};

use crate::gate::order::is_counted;
use crate::gate::words;
use crate::svg::{Scale, drawing, px};

const WIDTH: f64 = 860.0;
const LEFT: f64 = 330.0;
const RIGHT: f64 = 180.0;
const TOP: f64 = 16.0;
const PITCH: f64 = 26.0;
/// Rows beyond these say nothing that the table does not.
const MOST: usize = 40;

/// One row a cell that has an effect, in their order; None if none has.
pub(super) fn effects(class: MetricClass, cells: &[&GateCell]) -> Option<Markup> {
    let cells: Vec<(&GateCell, f64)> = cells
        .iter()
        .filter_map(|cell| Some((*cell, cell.effect_percent.filter(|it| it.is_finite())?)))
        .take(MOST)
        .collect();
    if cells.is_empty() {
        return None;
    }
    let ends = cells.iter().flat_map(|(cell, effect)| {
        [
            Some(*effect),
            cell.low_percent,
            cell.high_percent,
            Some(cell.budget_percent),
        ]
    });
    let x = Scale::signed(ends.flatten());
    let at = |percent: f64| LEFT + x.fraction(percent) * (WIDTH - LEFT - RIGHT);
    let bottom = TOP + PITCH * cells.len() as f64;
    let id = format!("effects-{}", class.label());
    let body = html! {
        @for tick in x.ticks() {
            path class="grid" d=(format!("M{} {}V{}", px(at(tick)), px(TOP), px(bottom))) {}
            text class="tick" x=(px(at(tick))) y=(px(bottom + 16.0)) text-anchor="middle" { (words::signed(tick)) }
        }
        path class="axis" d=(format!("M{} {}V{}", px(at(0.0)), px(TOP), px(bottom))) {}
        text class="title" x=(px(at(0.0))) y=(px(bottom + 38.0)) text-anchor="middle" { "change against the base" }
        @for (row, (cell, effect)) in cells.iter().enumerate() {
            (line(cell, *effect, TOP + PITCH * (row as f64 + 0.5), &at))
        }
    };
    let title = format!("Effects: {}", class.label());
    let text = if is_counted(class) {
        "One row a cell: the mark is the change of what was counted, the thick stroke its budget. Hollow marks are advice."
    } else {
        "One row a cell: the mark is the effect, the thin line its 95 % interval, the thick stroke its budget. Verdicts \
         follow from a test that allows for the number of cells, so an interval just beyond its budget may be \
         inconclusive. Hollow marks are advice."
    };
    Some(html! {
        figure id=(id) class="wide" {
            h3 { (title) }
            p class="lead" { (text) }
            div class="scroll" tabindex="0" { (drawing(&id, &title, text, (WIDTH, bottom + 48.0), &body)) }
        }
    })
}

fn line(cell: &GateCell, effect: f64, y: f64, at: &dyn Fn(f64) -> f64) -> Markup {
    let colour = if cell.verdict == Verdict::Regressed {
        "red"
    } else {
        "quiet"
    };
    let mark = if cell.binding { "mark" } else { "mark hollow" };
    let name: String = format!("{} {}", cell.strategy, cell.metric)
        .chars()
        .take(52)
        .collect();
    let interval = cell.low_percent.zip(cell.high_percent);
    let interval = interval.filter(|(low, high)| low.is_finite() && high.is_finite());
    html! {
        g class=(colour) {
            text class="tick" x=(px(LEFT - 8.0)) y=(px(y + 4.0)) text-anchor="end" { (name) }
            path class="promise" d=(format!("M{} {}V{}", px(at(cell.budget_percent)), px(y - 9.0), px(y + 9.0))) {}
            @if let Some((low, high)) = interval {
                path class="line" d=(format!("M{} {}H{}", px(at(low)), px(y), px(at(high)))) {}
            }
            circle class=(mark) cx=(px(at(effect))) cy=(px(y)) r="4.4" {}
            text class="value" x=(px(WIDTH - RIGHT + 12.0)) y=(px(y + 4.0)) {
                (if interval.is_some() { words::effect(cell) } else { words::signed(effect) })
            }
        }
    }
}
