//! The report on a terminal.

use authbench_results::{CaseReport, CheckReport, ConformanceReport, Evidence};

use super::standing::{Standing, worst_first};
use super::words;
use crate::escape::flat;

/// How much is shown on a terminal, and how.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct TextOptions {
    /// Whether ANSI colours are written.
    pub colours: bool,
    /// Whether checks that did not apply are listed with their reasons, those
    /// that passed with their notes, and evidence is shown whole.
    pub verbose: bool,
}

/// The columns that prose is broken at.
const WIDTH: usize = 100;
/// Requests shown per case, and lines per request or answer, unless `verbose`.
const SHOWN: usize = 3;
const LINES: usize = 14;

/// The report for a terminal, ending in a line feed: the worst first, each
/// failure with what was sent, what came back and how to mend it; the counts
/// last, where the eye ends up.
#[must_use]
pub fn text(report: &ConformanceReport, options: TextOptions) -> String {
    let report = &words::legible(report);
    let mut page = Page {
        options,
        lines: Vec::new(),
    };
    page.prose("", &words::target(report));
    if let Some(profile) = &report.target.profile {
        page.prose("", &format!("profile {profile}"));
    }
    page.prose("", &words::run(report));
    for (standing, check) in worst_first(report) {
        match standing {
            Standing::FailedMust | Standing::FailedShould | Standing::Inconclusive => {
                page.finding(standing, check);
            }
            Standing::Accepted => page.accepted(check),
            Standing::NotApplicable | Standing::Passed => {}
        }
    }
    page.rest(report);
    page.blank();
    page.prose("", &words::totals(report));
    page.lines.join("\n") + "\n"
}

struct Page {
    options: TextOptions,
    lines: Vec<String>,
}

impl Page {
    fn finding(&mut self, standing: Standing, check: &CheckReport) {
        self.head(standing, check);
        if let Some(reason) = &check.reason {
            self.prose("  ", reason);
        }
        for case in words::telling(check) {
            self.case(case);
        }
        self.notes(check);
        if standing != Standing::Inconclusive {
            self.prose("  to mend: ", &check.mend);
        }
    }

    fn head(&mut self, standing: Standing, check: &CheckReport) {
        let verdict = words::verdict(standing, check);
        let painted = match standing {
            Standing::FailedMust => self.paint("1;31", verdict),
            Standing::FailedShould => self.paint("31", verdict),
            _ => self.paint("33", verdict),
        };
        self.blank();
        self.lines.push(format!(
            "{painted} {} {} {}",
            self.paint("1", &flat(&check.id)),
            check.level.label(),
            check.severity.label()
        ));
        self.prose("  ", &check.statement);
        let sources = words::sources(check);
        if !sources.is_empty() {
            self.prose("  ", &sources);
        }
    }

    fn accepted(&mut self, check: &CheckReport) {
        self.head(Standing::Accepted, check);
        if let Some(accepted) = &check.accepted {
            self.prose("  ", &words::accepted(accepted));
        }
        for case in words::telling(check) {
            self.prose(&format!("  {}: ", flat(&case.name)), &case.detail);
        }
        self.notes(check);
    }

    fn case(&mut self, case: &CaseReport) {
        let mark = format!("  {} {}: ", case.outcome.label(), flat(&case.name));
        self.prose(&mark, &case.detail);
        let shown = if self.options.verbose {
            case.evidence.len()
        } else {
            SHOWN
        };
        for evidence in case.evidence.iter().take(shown) {
            self.evidence(evidence);
        }
        if case.evidence.len() > shown {
            let more = case.evidence.len() - shown;
            self.prose("    ", &format!("and {more} more requests (--verbose)"));
        }
    }

    fn evidence(&mut self, evidence: &Evidence) {
        for (mark, message) in [(">", &evidence.sent), ("<", &evidence.received)] {
            let count = message.lines().count();
            let shown = if self.options.verbose { count } else { LINES };
            for line in message.lines().take(shown) {
                let line = format!("    {mark} {}", line.replace('\t', " "));
                self.lines.push(line.trim_end().to_owned());
            }
            if count > shown {
                let more = count - shown;
                self.lines
                    .push(format!("    {mark} ... {more} more lines (--verbose)"));
            }
        }
    }

    fn notes(&mut self, check: &CheckReport) {
        for note in &check.notes {
            self.prose("  note: ", note);
        }
        for measured in &check.measured {
            let value = words::figure(measured.value);
            self.prose("  measured: ", &format!("{} = {value}", measured.name));
        }
    }

    /// What passed and what did not apply: on request, or if there is something
    /// to know about it.
    fn rest(&mut self, report: &ConformanceReport) {
        let of = |wanted| move |check: &&CheckReport| Standing::of(check) == wanted;
        let noted: Vec<&CheckReport> = report
            .checks
            .iter()
            .filter(of(Standing::Passed))
            .filter(|check| {
                !check.notes.is_empty() || (self.options.verbose && !check.measured.is_empty())
            })
            .collect();
        if !noted.is_empty() {
            self.blank();
            self.prose("", "Passed, and worth knowing:");
            for check in noted {
                self.prose(&format!("  {} ", flat(&check.id)), &check.statement);
                self.notes(check);
            }
        }
        let absent: Vec<&CheckReport> = report
            .checks
            .iter()
            .filter(of(Standing::NotApplicable))
            .collect();
        if absent.is_empty() || !self.options.verbose {
            return;
        }
        self.blank();
        self.prose("", "Not applicable:");
        for check in absent {
            let reason = check.reason.as_deref().unwrap_or("no reason is given");
            self.prose(&format!("  {} ", flat(&check.id)), reason);
        }
    }

    /// A paragraph behind `mark`; further lines stand below its beginning.
    fn prose(&mut self, mark: &str, text: &str) {
        let indent = " ".repeat(mark.chars().count().min(12));
        let options = textwrap::Options::new(WIDTH)
            .initial_indent(mark)
            .subsequent_indent(&indent);
        let text = flat(text);
        let wrapped = textwrap::wrap(&text, options);
        self.lines
            .extend(wrapped.iter().map(|line| line.trim_end().to_owned()));
    }

    fn blank(&mut self) {
        self.lines.push(String::new());
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.options.colours {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}
