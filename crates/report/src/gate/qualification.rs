//! How well the machine serves as an instrument, on a terminal; and the
//! figures that the page shows, too.

use authbench_results::{CellStanding, Qualification, Verdict};

use super::text::{Page, TextOptions};
use super::{legible, words};
use crate::units;

/// Gates with the same slow-down, or none.
pub(super) struct Tried {
    pub(super) percent: f64,
    pub(super) operation: Option<String>,
    pub(super) gates: u32,
    pub(super) longest_ms: u64,
    by_verdict: [u32; 5],
}

/// The verdicts in the order of the columns.
pub(super) const VERDICTS: [Verdict; 5] = [
    Verdict::Regressed,
    Verdict::Inconclusive,
    Verdict::Pass,
    Verdict::Improved,
    Verdict::NotMeasured,
];

impl Tried {
    /// Gates that said this.
    pub(super) fn count(&self, verdict: Verdict) -> u32 {
        let at = VERDICTS.iter().position(|known| *known == verdict);
        at.map_or(0, |at| self.by_verdict[at])
    }

    /// What stood on the candidate's side.
    pub(super) fn label(&self) -> String {
        let operation = self.operation.as_deref();
        if self.percent == 0.0 {
            return "the same program (A/A)".to_owned();
        }
        let of = operation.map_or_else(String::new, |operation| format!(" of {operation}"));
        format!("slowed down by {}{of}", words::percent(self.percent))
    }
}

/// The gates by what was injected, the least first.
pub(super) fn tried(qualification: &Qualification) -> Vec<Tried> {
    let mut all: Vec<Tried> = Vec::new();
    for gate in &qualification.gates {
        let at = all.iter().position(|it| {
            it.percent == gate.injected_percent && it.operation == gate.injected_operation
        });
        let at = at.unwrap_or_else(|| {
            all.push(Tried {
                percent: gate.injected_percent,
                operation: gate.injected_operation.clone(),
                gates: 0,
                longest_ms: 0,
                by_verdict: [0; 5],
            });
            all.len() - 1
        });
        let it = &mut all[at];
        it.gates += 1;
        it.longest_ms = it.longest_ms.max(gate.duration_ms);
        if let Some(at) = VERDICTS.iter().position(|known| *known == gate.verdict) {
            it.by_verdict[at] += 1;
        }
    }
    all.sort_by(|a, b| {
        let percent = a.percent.total_cmp(&b.percent);
        percent.then_with(|| a.operation.cmp(&b.operation))
    });
    all
}

/// The outcome in one sentence.
pub(super) fn summary(qualification: &Qualification) -> String {
    let parts: Vec<String> = tried(qualification)
        .iter()
        .map(|it| {
            let (red, gates) = (it.count(Verdict::Regressed), it.gates);
            if it.percent == 0.0 {
                return format!("{red} of {gates} gates over identical programs were red");
            }
            let of = it
                .operation
                .as_deref()
                .map_or_else(String::new, |it| format!(" of {it}"));
            format!("{red} of {gates} found +{}{of}", words::percent(it.percent))
        })
        .collect();
    if parts.is_empty() {
        return "No gate was finished: this says nothing of the machine.".to_owned();
    }
    let good = qualification
        .cells
        .iter()
        .filter(|cell| cell.qualified)
        .count();
    format!(
        "{}; {good} of {} metrics qualified.",
        words::capital(&parts.join("; ")),
        qualification.cells.len()
    )
}

/// The cells, those that did not qualify first.
pub(super) fn cells(qualification: &Qualification) -> Vec<&CellStanding> {
    let mut cells: Vec<&CellStanding> = qualification.cells.iter().collect();
    cells.sort_by(|a, b| {
        let key = |cell: &&CellStanding| (cell.qualified, cell.class);
        let names = (&a.strategy, &a.metric).cmp(&(&b.strategy, &b.metric));
        key(a)
            .cmp(&key(b))
            .then(b.aa_red.cmp(&a.aa_red))
            .then(names)
    });
    cells
}

/// How often a cell was red, of how many gates; a dash for none.
pub(super) fn of(count: u32, gates: u32) -> String {
    if gates == 0 {
        units::DASH.to_owned()
    } else {
        format!("{count} of {gates}")
    }
}

/// What a cell's largest slow-down found.
pub(super) fn found(cell: &CellStanding) -> String {
    match cell.injected_percent {
        Some(percent) => format!(
            "{} at +{}",
            of(cell.injected_found, cell.injected_gates),
            words::percent(percent)
        ),
        None => units::DASH.to_owned(),
    }
}

/// The qualification for a terminal, ending in a line feed: the outcome in one
/// sentence, false alarms and what was found by the size of the slow-down, and
/// the standing of each metric, the unqualified first.
#[must_use]
pub fn qualification_text(qualification: &Qualification, options: TextOptions) -> String {
    let it = &legible::qualification(qualification);
    let mut page = Page::new(options);
    page.prose("", &summary(it));
    page.prose("", &words::machine(&it.environment));
    page.prose("", &format!("subject: {}", words::side(&it.subject)));
    if let Some(invalid) = &it.invalid {
        page.prose("", &format!("This run is retracted: {}", invalid.reason));
    }
    if it.interrupted {
        page.prose(
            "",
            "The run was interrupted: fewer gates than were asked for.",
        );
    }
    let tried = tried(it);
    if !tried.is_empty() {
        page.blank();
        let heads = VERDICTS.map(Verdict::label);
        let head = [&["candidate", "gates"], &heads[..], &["longest"]].concat();
        page.table(&head, tried.iter().map(|it| ("1", tried_row(it))));
    }
    if !it.cells.is_empty() {
        page.blank();
        let head = ["standing", "strategy", "metric", "false alarms", "found"];
        page.table(
            &head,
            cells(it).into_iter().map(|cell| {
                let (colour, label) = if cell.qualified {
                    ("32", "qualified")
                } else {
                    ("33", "advice")
                };
                let texts = [
                    label.to_owned(),
                    crate::escape::flat(&cell.strategy),
                    crate::escape::flat(&cell.metric),
                    of(cell.aa_red, cell.aa_gates),
                    found(cell),
                ];
                (colour, texts.to_vec())
            }),
        );
        for cell in cells(it) {
            if let Some(reason) = &cell.reason {
                page.prose(
                    "  ",
                    &format!("{}, {}: {reason}", cell.strategy, cell.metric),
                );
            }
        }
    }
    page.blank();
    for warning in &it.warnings {
        page.prose("warning: ", warning);
    }
    page.finish()
}

/// One row a slow-down.
pub(super) fn tried_row(tried: &Tried) -> Vec<String> {
    let counts = VERDICTS.map(|verdict| tried.count(verdict).to_string());
    [tried.label(), tried.gates.to_string()]
        .into_iter()
        .chain(counts)
        .chain([units::setting_ms(tried.longest_ms)])
        .collect()
}
