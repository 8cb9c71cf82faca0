//! Where a check tells what it found.

use authbench_results::{CaseReport, CheckOutcome, Evidence, Measured};

use super::Trial;
use crate::answer::Answer;
use crate::stop::Stop;

/// The most exchanges that one case shows.
const EVIDENCE_MAX: usize = 4;

impl Trial<'_> {
    /// The target does what the rule demands.
    pub fn pass(&self, case: &str, detail: impl Into<String>) {
        self.case(case, CheckOutcome::Pass, &detail.into(), &[]);
    }

    /// The target breaks the rule; `answers` show how.
    pub fn fail(&self, case: &str, detail: impl Into<String>, answers: &[&Answer]) {
        self.case(case, CheckOutcome::Fail, &detail.into(), answers);
    }

    /// The case is not about this target, or lacks something: the detail says
    /// what.
    pub fn not_applicable(&self, case: &str, detail: impl Into<String>) {
        self.case(case, CheckOutcome::NotApplicable, &detail.into(), &[]);
    }

    /// The case cannot be told.
    pub fn inconclusive(&self, case: &str, detail: impl Into<String>, answers: &[&Answer]) {
        self.case(case, CheckOutcome::Inconclusive, &detail.into(), answers);
    }

    /// Passes if `holds`, fails otherwise.
    pub fn judge(&self, case: &str, holds: bool, detail: impl Into<String>, answers: &[&Answer]) {
        if holds {
            self.pass(case, detail);
        } else {
            self.fail(case, detail, answers);
        }
    }

    /// Ends one case by `stop` and lets the check go on; a case that is fine
    /// needs nothing.
    pub fn settle(&self, case: &str, outcome: Result<(), Stop>) {
        match outcome {
            Ok(()) => {}
            Err(Stop::NotApplicable(why)) => self.not_applicable(case, why),
            Err(other) => self.inconclusive(case, chain(&other), &[]),
        }
    }

    /// Says what is worth knowing though it is no verdict; once, however often
    /// it is said.
    pub fn note(&self, text: impl Into<String>) {
        let text = text.into();
        let notes = &mut self.found.lock().notes;
        if !notes.contains(&text) {
            notes.push(text);
        }
    }

    /// Reports a figure; its name ends with its unit.
    pub fn measured(&self, name: impl Into<String>, value: f64) {
        let name = name.into();
        self.found.lock().measured.push(Measured { name, value });
    }

    /// The exchange as evidence, secrets masked.
    #[must_use]
    pub fn evidence(&self, answer: &Answer) -> Evidence {
        self.client().evidence(answer)
    }

    fn case(&self, name: &str, outcome: CheckOutcome, detail: &str, answers: &[&Answer]) {
        let shown = answers.iter().take(EVIDENCE_MAX);
        let evidence = shown.map(|answer| self.evidence(answer)).collect();
        let detail = self.client().mask.apply(detail);
        self.found.lock().cases.push(CaseReport {
            name: name.to_owned(),
            outcome,
            detail,
            evidence,
        });
    }
}

/// An error with its causes in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
