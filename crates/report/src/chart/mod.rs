//! The charts. Each is one file and one line of [`CHARTS`].

mod bytes;
mod knee;
mod load;
mod memory;
mod percentiles;
mod revocation;
mod server_cpu;

use maud::{Markup, html};

use crate::reading::Reading;
use crate::svg::{self, px};

/// All charts in the order of the page.
pub(crate) const CHARTS: [&Chart; 7] = [
    &percentiles::CHART,
    &load::CHART,
    &knee::CHART,
    &server_cpu::CHART,
    &revocation::CHART,
    &bytes::CHART,
    &memory::CHART,
];

/// A chart that the page may show.
pub(crate) struct Chart {
    /// Names it within the page.
    pub(crate) id: &'static str,
    pub(crate) title: &'static str,
    /// Whether it takes the whole width.
    pub(crate) wide: bool,
    /// Draws it; or says why there is nothing to draw.
    pub(crate) draw: fn(&Reading<'_>) -> Result<Drawing, &'static str>,
}

/// What a chart draws.
pub(crate) struct Drawing {
    /// How to read it, in one or two sentences.
    pub(crate) lead: String,
    /// Width and height.
    pub(crate) size: (f64, f64),
    pub(crate) body: Markup,
    /// What fills, dashes and marks mean.
    pub(crate) legend: Markup,
    /// The same numbers as a table.
    pub(crate) table: Table,
}

/// Numbers in rows. The first column names the row.
pub(crate) struct Table {
    pub(crate) head: Vec<String>,
    pub(crate) rows: Vec<Vec<String>>,
}

/// A chart with its legend and its table, or why there is none.
pub(crate) fn figure(chart: &Chart, reading: &Reading<'_>) -> Markup {
    html! {
        figure id=(chart.id) class=[chart.wide.then_some("wide")] {
            figcaption { h3 { (chart.title) } }
            @match (chart.draw)(reading) {
                Err(reason) => p class="nothing" { "No chart: " (reason) "." },
                Ok(drawing) => {
                    p class="lead" { (drawing.lead) }
                    div class="scroll" tabindex="0" {
                        (svg::drawing(chart.id, chart.title, &drawing.lead, drawing.size, &drawing.body))
                    }
                    div class="legend" { (drawing.legend) }
                    details {
                        summary { "The numbers of this chart" }
                        (table(&drawing.table))
                    }
                },
            }
        }
    }
}

fn table(table: &Table) -> Markup {
    html! {
        div class="scroll" tabindex="0" {
            table {
                thead { tr { @for head in &table.head { th scope="col" { (head) } } } }
                tbody {
                    @for row in &table.rows {
                        tr {
                            @for (column, text) in row.iter().enumerate() {
                                @if column == 0 { th scope="row" { (text) } } @else { td { (text) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The legend of all strategies.
pub(crate) fn strategies_legend(reading: &Reading<'_>) -> Markup {
    html! {
        @for strategy in &reading.strategies {
            (svg::legend_entry(strategy.index, strategy.name(), !strategy.failures.is_empty()))
        }
    }
}

/// What a fill means, for a legend.
pub(crate) fn swatch(fill: &str, name: &str) -> Markup {
    html! {
        span class="key" {
            svg viewBox="0 0 26 14" width="26" height="14" aria-hidden="true" {
                rect class=(fill) x="1" y="1" width="24" height="12" {}
                @if fill == "hatched" { path class="hatch" d=(svg::hatch(1.0, 1.0, 24.0, 12.0)) {} }
            }
            (name)
        }
    }
}

/// What may not be believed.
pub(crate) fn crossed(x: f64, y: f64) -> Markup {
    let [left, right] = [x - 4.5, x + 4.5].map(px);
    let [up, down] = [y - 4.5, y + 4.5].map(px);
    html! { path class="crossed" d=(format!("M{left} {up}L{right} {down}M{left} {down}L{right} {up}")) {} }
}
