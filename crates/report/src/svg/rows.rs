//! Charts of one row a strategy: its name above, bars or marks below.

use maud::{Markup, html};

use super::{Scale, class, mark, px};

/// The layout of rows over one horizontal axis.
pub(crate) struct Rows {
    pub(crate) left: f64,
    pub(crate) width: f64,
    pub(crate) top: f64,
    /// Height of a row, its name included.
    pub(crate) pitch: f64,
    pub(crate) count: usize,
    pub(crate) x: Scale,
}

/// One bar, or a piece of a stacked one.
pub(crate) struct Bar {
    /// `solid`, `tint` or `hatched`.
    pub(crate) fill: &'static str,
    pub(crate) from: f64,
    pub(crate) to: f64,
    /// Offset below the row's top.
    pub(crate) down: f64,
    pub(crate) height: f64,
}

impl Rows {
    pub(crate) fn at_x(&self, value: f64) -> f64 {
        self.left + self.x.fraction(value) * self.width
    }

    pub(crate) fn row_top(&self, row: usize) -> f64 {
        self.top + self.pitch * row as f64
    }

    pub(crate) fn bottom(&self) -> f64 {
        self.row_top(self.count)
    }

    /// The height of the whole drawing with axis and title.
    pub(crate) fn drawing_height(&self) -> f64 {
        self.bottom() + 50.0
    }

    /// Grid lines, tick names and the title.
    pub(crate) fn axis(&self, title: &str, format: impl Fn(f64) -> String) -> Markup {
        let bottom = self.bottom() + 4.0;
        html! {
            @for tick in self.x.ticks() {
                @let at = self.at_x(tick);
                path class="grid" d=(format!("M{} {}V{}", px(at), px(self.top - 4.0), px(bottom))) {}
                text class="tick" x=(px(at)) y=(px(bottom + 16.0)) text-anchor="middle" { (format(tick)) }
            }
            text class="title" x=(px(self.left + self.width / 2.0)) y=(px(bottom + 38.0))
                text-anchor="middle" { (title) }
        }
    }

    /// A row's name with its mark, struck through if it failed.
    pub(crate) fn name(&self, row: usize, index: usize, name: &str, failed: bool) -> Markup {
        let y = self.row_top(row) + 12.0;
        html! {
            g class=(class(index)) { (mark(index, self.left + 5.0, y - 4.0, false)) }
            text class=(if failed { "name failed" } else { "name" })
                x=(px(self.left + 16.0)) y=(px(y)) { (name) }
        }
    }

    /// A bar of the strategy `index` in `row`. The smallest is still seen.
    pub(crate) fn bar(&self, row: usize, index: usize, bar: &Bar) -> Markup {
        let from = self.at_x(bar.from);
        let width = (self.at_x(bar.to) - from).max(if bar.to > bar.from { 1.5 } else { 0.0 });
        html! {
            g class=(class(index)) {
                rect class=(bar.fill) x=(px(from)) y=(px(self.row_top(row) + bar.down))
                    width=(px(width)) height=(px(bar.height)) {}
                @if bar.fill == "hatched" {
                    path class="hatch" d=(hatch(from, self.row_top(row) + bar.down, width, bar.height)) {}
                }
            }
        }
    }

    /// A number at the end of a bar.
    pub(crate) fn value(&self, row: usize, at: f64, down: f64, text: &str) -> Markup {
        html! {
            text class="value" x=(px(self.at_x(at) + 6.0)) y=(px(self.row_top(row) + down)) { (text) }
        }
    }
}

/// Slanted lines that fill a box: a fill that needs no colour.
pub(crate) fn hatch(x: f64, y: f64, width: f64, height: f64) -> String {
    const GAP: f64 = 5.0;
    let mut path = String::new();
    let mut start = -height;
    while start < width {
        // The line runs from the lower left to the upper right, cut at the box's sides.
        let (from, to) = (start.max(0.0), (start + height).min(width));
        if to > from {
            path.push_str(&format!(
                "M{} {}L{} {}",
                px(x + from),
                px(y + height - (from - start)),
                px(x + to),
                px(y + height - (to - start))
            ));
        }
        start += GAP;
    }
    path
}
