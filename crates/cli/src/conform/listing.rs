//! The catalogue of checks as a list.

use std::fmt::Write as _;

use authbench_conformance::{Check, catalogue};
use serde::Serialize;

use crate::term::{self, Format};

/// The command that writes the page of checks anew.
const REWRITE: &str = "cargo run -- list checks --format md > docs/checks.md";

/// One check, as `authbench list checks --format json` has it.
#[derive(Serialize)]
pub(crate) struct CheckRow {
    id: &'static str,
    statement: &'static str,
    level: &'static str,
    severity: &'static str,
    families: Vec<&'static str>,
    seen_by: Vec<&'static str>,
    needs: Vec<String>,
    clauses: &'static [&'static str],
    cwe: &'static [u16],
    mend: &'static str,
}

/// All checks, in the catalogue's order.
pub(crate) fn rows() -> Vec<CheckRow> {
    catalogue().map(row).collect()
}

/// One row a check.
pub(crate) fn table(format: Format, rows: &[CheckRow]) -> String {
    let header = ["check", "level", "severity", "families", "seen by", "rule"];
    let cells = rows.iter().map(|row| {
        vec![
            row.id.to_owned(),
            row.level.to_owned(),
            row.severity.to_owned(),
            families(row),
            row.seen_by.join(", "),
            row.statement.to_owned(),
        ]
    });
    term::table(format, header.len(), &header, cells)
}

/// A page: a section for each group, a part for each check.
pub(crate) fn markdown(rows: &[CheckRow]) -> String {
    let mut page = format!(
        "# Conformance checks\n\n\
         What `authbench conform` tries. Each check has a stable identifier and the clauses that \
         its rule\ncomes from. This page is generated from the catalogue: `{REWRITE}`.\n\n\
         A check that lacks what it needs is NOT-APPLICABLE, with its reason, and never counts as \
         passed;\none that ran and could not tell is INCONCLUSIVE. `docs/profiles.md` says how a \
         profile gives what\nchecks need.\n\n"
    );
    // Writing to a string cannot fail.
    let _ = writeln!(page, "{} checks.", rows.len());
    let mut group = "";
    for row in rows {
        let own = row.id.split('-').next().unwrap_or(row.id);
        if own != group {
            group = own;
            let _ = write!(page, "\n## {group}\n");
        }
        let _ = write!(
            page,
            "\n### {}\n\n{}: {}\n\n",
            row.id, row.level, row.statement
        );
        let cwe = row.cwe.iter().map(|number| format!("CWE-{number}"));
        let clauses = row.clauses.iter().map(|&clause| clause.to_owned());
        let sources: Vec<String> = clauses.chain(cwe).collect();
        for (name, text) in [
            ("Severity", row.severity.to_owned()),
            ("Families", families(row)),
            ("Seen by", row.seen_by.join(", ")),
            ("Needs", row.needs.join(", ")),
            ("Sources", sources.join("; ")),
            ("To mend", row.mend.to_owned()),
        ] {
            if !text.is_empty() {
                let _ = writeln!(page, "- {name}: {text}");
            }
        }
    }
    page
}

fn families(row: &CheckRow) -> String {
    if row.families.is_empty() {
        "all".to_owned()
    } else {
        row.families.join(", ")
    }
}

fn row(check: &'static Check) -> CheckRow {
    let operations = check.operations.iter();
    let operations = operations.map(|it| format!("[operations.{}]", it.label()));
    let doors = check.doors.iter().map(|door| door.opened_by().to_owned());
    let mut needs: Vec<String> = operations.chain(doors).collect();
    needs.dedup();
    CheckRow {
        id: check.id,
        statement: check.statement,
        level: check.level.label(),
        severity: check.severity.label(),
        families: check.families.iter().map(|it| it.label()).collect(),
        seen_by: check.seen_by.iter().map(|it| it.label()).collect(),
        needs,
        clauses: check.clauses,
        cwe: check.cwe,
        mend: check.mend,
    }
}
