//! A frame with two axes.

use maud::{Markup, html};

use super::{Scale, px};

/// The drawing area of a chart with two axes.
pub(crate) struct Plot {
    pub(crate) left: f64,
    pub(crate) top: f64,
    pub(crate) width: f64,
    pub(crate) height: f64,
    pub(crate) x: Scale,
    pub(crate) y: Scale,
}

/// How an axis is written.
pub(crate) struct Axis<'a> {
    pub(crate) title: &'a str,
    pub(crate) format: fn(f64) -> String,
}

impl Plot {
    /// The horizontal place of `value`.
    pub(crate) fn at_x(&self, value: f64) -> f64 {
        self.left + self.x.fraction(value) * self.width
    }

    /// The vertical place of `value`.
    pub(crate) fn at_y(&self, value: f64) -> f64 {
        self.top + (1.0 - self.y.fraction(value)) * self.height
    }

    /// A polyline's path through `points`.
    pub(crate) fn path(&self, points: &[(f64, f64)]) -> String {
        let places: Vec<String> = points
            .iter()
            .map(|(x, y)| format!("{} {}", px(self.at_x(*x)), px(self.at_y(*y))))
            .collect();
        if places.is_empty() {
            String::new()
        } else {
            format!("M{}", places.join("L"))
        }
    }

    /// Grid lines, tick names and titles.
    pub(crate) fn axes(&self, x: &Axis<'_>, y: &Axis<'_>) -> Markup {
        let bottom = self.top + self.height;
        let right = self.left + self.width;
        html! {
            @for tick in self.y.ticks() {
                @let at = self.at_y(tick);
                path class="grid" d=(format!("M{} {}H{}", px(self.left), px(at), px(right))) {}
                text class="tick" x=(px(self.left - 8.0)) y=(px(at + 4.0)) text-anchor="end" {
                    ((y.format)(tick))
                }
            }
            @for tick in self.x.ticks() {
                @let at = self.at_x(tick);
                path class="grid" d=(format!("M{} {}V{}", px(at), px(self.top), px(bottom))) {}
                text class="tick" x=(px(at)) y=(px(bottom + 18.0)) text-anchor="middle" {
                    ((x.format)(tick))
                }
            }
            path class="axis" d=(format!("M{} {}H{}", px(self.left), px(bottom), px(right))) {}
            text class="title" x=(px(self.left + self.width / 2.0)) y=(px(bottom + 40.0))
                text-anchor="middle" { (x.title) }
            text class="title" x=(px(self.left)) y=(px(self.top - 14.0)) { (y.title) }
        }
    }
}

/// Moves places apart so that labels at them do not overlap: each keeps its
/// order, none goes above `top` or, if they fit, below `bottom`.
pub(crate) fn spread(places: &mut [f64], gap: f64, top: f64, bottom: f64) {
    let mut order: Vec<usize> = (0..places.len()).collect();
    order.sort_by(|a, b| places[*a].total_cmp(&places[*b]));
    let mut least = top;
    for index in &order {
        places[*index] = places[*index].max(least);
        least = places[*index] + gap;
    }
    let mut most = bottom.max(top + gap * places.len().saturating_sub(1) as f64);
    for index in order.iter().rev() {
        places[*index] = places[*index].min(most);
        most = places[*index] - gap;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_moved_apart_and_keep_their_order() {
        let mut places = [50.0, 50.0, 48.0, 10.0];
        spread(&mut places, 10.0, 0.0, 60.0);
        assert_eq!(places, [50.0, 60.0, 40.0, 10.0]);
        let mut crowded = [0.0; 5];
        spread(&mut crowded, 10.0, 0.0, 20.0);
        assert_eq!(crowded, [0.0, 10.0, 20.0, 30.0, 40.0]);
    }
}
