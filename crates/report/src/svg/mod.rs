//! Drawing: scales from numbers to places, frames with axes, and the marks by
//! which strategies are told apart. Inline SVG, coloured by the page's style
//! sheet, so that both themes come from one drawing.

mod mark;
mod plot;
mod rows;
mod scale;

pub(crate) use mark::{class, legend_entry, mark};
pub(crate) use plot::{Axis, Plot, spread};
pub(crate) use rows::{Bar, Rows, hatch};
pub(crate) use scale::Scale;

use maud::{Markup, html};

/// A whole drawing, described for those who do not see it.
pub(crate) fn drawing(
    id: &str,
    title: &str,
    description: &str,
    (width, height): (f64, f64),
    body: &Markup,
) -> Markup {
    html! {
        svg viewBox=(format!("0 0 {width} {height}")) width=(width) height=(height) role="img"
            aria-labelledby=(format!("{id}-title {id}-desc")) {
            title id=(format!("{id}-title")) { (title) }
            desc id=(format!("{id}-desc")) { (description) }
            (body)
        }
    }
}

/// A coordinate with a tenth of a unit: more is not seen.
pub(crate) fn px(coordinate: f64) -> String {
    let text = format!("{coordinate:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}
