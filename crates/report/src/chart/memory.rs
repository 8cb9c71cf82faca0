//! Octets that a login occupies while it lives.

use maud::html;

use super::{Chart, Drawing, Table, swatch};
use crate::reading::{Reading, Strategy};
use crate::svg::{Bar, Rows, Scale};
use crate::units;

pub(crate) const CHART: Chart = Chart {
    id: "memory",
    title: "What a login occupies",
    wide: false,
    draw,
};

struct Row<'s, 'r> {
    strategy: &'s Strategy<'r>,
    server: f64,
    store: f64,
}

fn draw(reading: &Reading<'_>) -> Result<Drawing, &'static str> {
    let found: Vec<Row<'_, '_>> = reading.strategies.iter().filter_map(row).collect();
    if found.is_empty() {
        return Err("memory could not be measured");
    }
    let rows = Rows {
        left: 12.0,
        width: 410.0,
        top: 12.0,
        pitch: 42.0,
        count: found.len(),
        x: Scale::linear(found.iter().map(Row::total).fold(0.0, f64::max)),
    };
    Ok(Drawing {
        lead: "Octets by which the server process and its store outside that process grow with \
               each login. A strategy that remembers nothing occupies nothing, and can end \
               nothing early."
            .to_owned(),
        size: (520.0, rows.drawing_height()),
        body: html! {
            (rows.axis("octets per login", units::count))
            @for (at, row) in found.iter().enumerate() {
                @let index = row.strategy.index;
                (rows.name(at, index, row.strategy.name(), !row.strategy.failures.is_empty()))
                (rows.bar(at, index, &Bar { fill: "solid", from: 0.0, to: row.server, down: 18.0, height: 14.0 }))
                (rows.bar(at, index, &Bar { fill: "hatched", from: row.server, to: row.total(), down: 18.0, height: 14.0 }))
                (rows.value(at, row.total(), 29.0, &row.label()))
            }
        },
        legend: html! { (swatch("solid", "server process")) (swatch("hatched", "store outside it")) },
        table: Table {
            head: ["strategy", "server process", "store", "together", "logins"]
                .map(str::to_owned)
                .to_vec(),
            rows: found
                .iter()
                .map(|row| {
                    let octets = [row.server, row.store, row.total()].map(units::bytes);
                    let logins = units::count(row.strategy.facts.memory.logins as f64);
                    [row.strategy.name().to_owned()]
                        .into_iter()
                        .chain(octets)
                        .chain([logins])
                        .collect()
                })
                .collect(),
        },
    })
}

impl Row<'_, '_> {
    fn total(&self) -> f64 {
        self.server + self.store
    }

    /// As in the summary: what cannot be told from noise is no number.
    fn label(&self) -> String {
        let resolution = self.strategy.facts.memory.resolution_bytes_per_login;
        if self.total() < resolution {
            format!("< {}", units::bytes(resolution))
        } else {
            units::bytes(self.total())
        }
    }
}

/// A process that shrank while logins came did not grow by them.
fn row<'s, 'r>(strategy: &'s Strategy<'r>) -> Option<Row<'s, 'r>> {
    let memory = &strategy.facts.memory;
    let server = memory.server_bytes_per_login.usable()?.max(0.0);
    let store = memory.store_bytes_per_login.usable()?.max(0.0);
    Some(Row {
        strategy,
        server,
        store,
    })
}
