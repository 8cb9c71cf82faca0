//! The report on a terminal.

use authbench_results::{GateCell, GateReport, MetricClass, Verdict};

use super::headline::headline;
use super::order::worst_first;
use super::standing::standing;
use super::{legible, words};
use crate::escape::flat;

/// How much is shown on a terminal, and how.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct TextOptions {
    /// Whether ANSI colours are written.
    pub colours: bool,
    /// Whether what passed is listed cell by cell, too.
    pub verbose: bool,
}

/// The columns that prose is broken at.
const WIDTH: usize = 100;

/// The report for a terminal, ending in a line feed: the verdict in plain
/// words, the cells with the worst first and what passed folded to one line a
/// class, what is only advice and why, warnings, and whether the machine is
/// qualified.
#[must_use]
pub fn text(report: &GateReport, options: TextOptions) -> String {
    let report = &legible::report(report);
    let mut page = Page::new(options);
    page.headline(report.verdict, &headline(report));
    page.prose("", &format!("base: {}", words::side(&report.base)));
    page.prose(
        "",
        &format!("candidate: {}", words::side(&report.candidate)),
    );
    page.cells(report);
    page.blank();
    for class in &report.classes {
        page.prose("", &words::class(report, class));
    }
    if let Some(invalid) = &report.run.invalid {
        page.prose("", &format!("This run is retracted: {}", invalid.reason));
    }
    if report.run.interrupted {
        page.prose("", "The run was interrupted: not everything is here.");
    }
    for warning in &report.warnings {
        page.prose("warning: ", warning);
    }
    page.prose("", &standing(&report.qualification));
    page.finish()
}

/// Lines for a terminal.
pub(super) struct Page {
    options: TextOptions,
    lines: Vec<String>,
}

impl Page {
    pub(super) const fn new(options: TextOptions) -> Self {
        Self {
            options,
            lines: Vec::new(),
        }
    }

    pub(super) fn finish(self) -> String {
        self.lines.join("\n") + "\n"
    }

    /// The first line, however long: a reader of one line reads all of it.
    fn headline(&mut self, verdict: Verdict, headline: &str) {
        let headline = flat(headline);
        let told = verdict.label().len();
        let line = match headline.split_at_checked(told) {
            Some((word, rest)) => format!("{}{rest}", self.paint(colour(verdict), word)),
            None => headline,
        };
        self.lines.push(line);
    }

    fn cells(&mut self, report: &GateReport) {
        let cells: Vec<&GateCell> = worst_first(report)
            .into_iter()
            .filter(|cell| self.options.verbose || cell.verdict != Verdict::Pass)
            .collect();
        if !cells.is_empty() {
            self.blank();
            self.table(
                &[
                    "verdict",
                    "strategy",
                    "metric",
                    "effect",
                    "budget",
                    "base -> candidate",
                    "visible",
                ],
                cells.iter().map(|cell| (colour(cell.verdict), row(cell))),
            );
            for cell in &cells {
                for remark in words::remarks(cell) {
                    self.prose(
                        &format!("  {}, {}: ", flat(&cell.strategy), flat(&cell.metric)),
                        &remark,
                    );
                }
            }
        }
        if self.options.verbose {
            return;
        }
        self.blank();
        for class in MetricClass::ALL {
            if let Some(passes) = words::passes(report, class) {
                self.prose("pass  ", &passes);
            }
        }
    }

    /// A table whose first column is painted.
    pub(super) fn table<'c>(
        &mut self,
        head: &[&str],
        rows: impl Iterator<Item = (&'c str, Vec<String>)>,
    ) {
        let head: Vec<String> = head.iter().map(|&name| name.to_owned()).collect();
        let rows: Vec<(&str, Vec<String>)> = std::iter::once(("1", head)).chain(rows).collect();
        let width = |at: usize| {
            let cells = rows.iter().filter_map(|(_, row)| row.get(at));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..rows[0].1.len()).map(width).collect();
        for (colour, row) in &rows {
            let mut line = String::new();
            for (at, cell) in row.iter().enumerate() {
                let gap = widths[at].saturating_sub(cell.chars().count()) + 2;
                let shown = if at == 0 {
                    self.paint(colour, cell)
                } else {
                    cell.clone()
                };
                line.push_str(&shown);
                line.extend(std::iter::repeat_n(' ', gap));
            }
            self.lines.push(line.trim_end().to_owned());
        }
    }

    /// A paragraph behind `mark`; further lines stand below its beginning.
    pub(super) fn prose(&mut self, mark: &str, text: &str) {
        let indent = " ".repeat(mark.chars().count().min(12));
        let options = textwrap::Options::new(WIDTH)
            .initial_indent(mark)
            .subsequent_indent(&indent);
        let text = flat(text);
        let wrapped = textwrap::wrap(&text, options);
        self.lines
            .extend(wrapped.iter().map(|line| line.trim_end().to_owned()));
    }

    pub(super) fn blank(&mut self) {
        if self.lines.last().is_some_and(|line| !line.is_empty()) {
            self.lines.push(String::new());
        }
    }

    pub(super) fn paint(&self, code: &str, text: &str) -> String {
        if self.options.colours && !text.is_empty() {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}

fn row(cell: &GateCell) -> Vec<String> {
    let texts = [
        words::verdict(cell),
        cell.strategy.clone(),
        cell.metric.clone(),
        words::effect(cell),
        words::percent(cell.budget_percent),
        words::change(cell),
        words::visible(cell),
    ];
    texts.iter().map(|text| flat(text)).collect()
}

/// The colour of a verdict, as ANSI has it.
pub(super) const fn colour(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Regressed => "1;31",
        Verdict::NotMeasured => "1;33",
        Verdict::Inconclusive => "33",
        Verdict::Improved => "36",
        Verdict::Pass => "32",
    }
}
