//! Marks: a strategy is told by its colour and by the shape of its marks, so
//! that either alone is enough.

use maud::{Markup, html};

use super::px;

/// How many colours the style sheet has.
const COLOURS: usize = 8;

/// The style class of the strategy with this index.
pub(crate) fn class(index: usize) -> String {
    format!("s{}", index % COLOURS)
}

/// The mark of the strategy with this index; `hollow` for a second kind of
/// number of the same strategy.
pub(crate) fn mark(index: usize, x: f64, y: f64, hollow: bool) -> Markup {
    let kind = if hollow { "mark hollow" } else { "mark" };
    // Colours repeat after eight and shapes after seven: pairs repeat after 56.
    match index % SHAPES.len() {
        0 => html! { circle class=(kind) cx=(px(x)) cy=(px(y)) r="4.4" {} },
        shape => html! { path class=(kind) d=(outline(SHAPES[shape], x, y)) {} },
    }
}

/// The corners of each shape around its centre; a circle has none.
const SHAPES: [&[(f64, f64)]; 7] = [
    &[],
    &[(-4.0, -4.0), (4.0, -4.0), (4.0, 4.0), (-4.0, 4.0)],
    &[(0.0, -5.4), (5.0, 3.8), (-5.0, 3.8)],
    &[(0.0, -5.6), (5.6, 0.0), (0.0, 5.6), (-5.6, 0.0)],
    &[(0.0, 5.4), (5.0, -3.8), (-5.0, -3.8)],
    &[
        (-1.8, -5.2),
        (1.8, -5.2),
        (1.8, -1.8),
        (5.2, -1.8),
        (5.2, 1.8),
        (1.8, 1.8),
        (1.8, 5.2),
        (-1.8, 5.2),
        (-1.8, 1.8),
        (-5.2, 1.8),
        (-5.2, -1.8),
        (-1.8, -1.8),
    ],
    &[
        (0.0, -5.2),
        (5.0, -1.6),
        (3.1, 4.3),
        (-3.1, 4.3),
        (-5.0, -1.6),
    ],
];

fn outline(corners: &[(f64, f64)], x: f64, y: f64) -> String {
    let places: Vec<String> = corners
        .iter()
        .map(|(dx, dy)| format!("{} {}", px(x + dx), px(y + dy)))
        .collect();
    format!("M{}Z", places.join("L"))
}

/// A strategy's entry in a legend: a bit of its line with its mark, and its
/// name.
pub(crate) fn legend_entry(index: usize, name: &str, failed: bool) -> Markup {
    html! {
        span class={ "key " (class(index)) } {
            svg viewBox="0 0 26 14" width="26" height="14" aria-hidden="true" {
                path class="line" d="M1 7H25" {}
                (mark(index, 13.0, 7.0, false))
            }
            @if failed { s { (name) } } @else { (name) }
        }
    }
}
