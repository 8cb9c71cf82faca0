//! The report as Markdown (CommonMark with GitHub's tables), made for a job's
//! summary or a comment on a change.

use authbench_results::{GateCell, GateReport};

use super::headline::headline;
use super::order::worst_first;
use super::standing::standing;
use super::{legible, words};
use crate::escape::{entities, fence, flat, markdown as escape};
use crate::units;

/// Rows that are shown before the rest is folded.
const SHOWN: usize = 20;

/// The report as Markdown: the verdict in plain words, one table with the worst
/// first and all beyond twenty rows folded, the classes, warnings, the machine's
/// standing, and how it was measured.
#[must_use]
pub fn markdown(report: &GateReport) -> String {
    let report = &legible::report(report);
    let mut page = format!(
        "## authbench gate: {}\n\n**{}**\n\n",
        report.verdict.label(),
        line(&headline(report))
    );
    for (name, side) in [("Base", &report.base), ("Candidate", &report.candidate)] {
        page.push_str(&format!("- {name}: {}\n", line(&words::side(side))));
    }
    let machine = report
        .environment
        .as_ref()
        .map_or_else(|| "nothing was measured here".to_owned(), words::machine);
    page.push_str(&format!("- Machine: {}\n", line(&machine)));
    page.push_str(&format!("- {}\n\n", line(&standing(&report.qualification))));
    cells(&mut page, report);
    page.push_str("**What was judged**\n\n");
    for class in &report.classes {
        page.push_str(&format!("- {}\n", line(&words::class(report, class))));
    }
    page.push('\n');
    warnings(&mut page, report);
    method(&mut page, report);
    page
}

fn cells(page: &mut String, report: &GateReport) {
    let cells = worst_first(report);
    if cells.is_empty() {
        page.push_str("No cell was judged.\n\n");
        return;
    }
    let (shown, folded) = cells.split_at(cells.len().min(SHOWN));
    table(page, shown);
    if !folded.is_empty() {
        let title = format!("{} more, none worse than these", folded.len());
        open(page, &title);
        table(page, folded);
        page.push_str("</details>\n\n");
    }
    let told: Vec<String> = cells
        .iter()
        .flat_map(|cell| {
            let place = format!("{}, {}", cell.strategy, cell.metric);
            words::remarks(cell)
                .into_iter()
                .map(move |remark| format!("- {}: {}\n", line(&place), line(&remark)))
        })
        .collect();
    if !told.is_empty() {
        open(page, "What there is to know of single cells");
        page.push_str(&told.concat());
        page.push_str("\n</details>\n\n");
    }
}

fn table(page: &mut String, cells: &[&GateCell]) {
    page.push_str("| verdict | strategy | metric | effect (95 % interval) | budget | base | candidate | smallest visible |\n");
    page.push_str("| --- | --- | --- | ---: | ---: | ---: | ---: | ---: |\n");
    for cell in cells {
        let texts = [
            words::verdict(cell),
            cell.strategy.clone(),
            cell.metric.clone(),
            words::effect(cell),
            words::percent(cell.budget_percent),
            words::figure(cell, cell.base),
            words::figure(cell, cell.candidate),
            words::visible(cell),
        ];
        let texts: Vec<String> = texts.iter().map(|text| line(text)).collect();
        page.push_str(&format!("| {} |\n", texts.join(" | ")));
    }
    page.push('\n');
}

fn warnings(page: &mut String, report: &GateReport) {
    let retracted = report
        .run
        .invalid
        .as_ref()
        .map(|invalid| format!("This run is retracted: {}", invalid.reason));
    let interrupted = report
        .run
        .interrupted
        .then(|| "The run was interrupted: not everything is here.".to_owned());
    let all: Vec<String> = retracted
        .into_iter()
        .chain(interrupted)
        .chain(report.warnings.iter().cloned())
        .collect();
    for warning in &all {
        page.push_str(&format!("> **Warning:** {}\n>\n", line(warning)));
    }
    if !all.is_empty() {
        page.push('\n');
    }
}

fn method(page: &mut String, report: &GateReport) {
    open(page, "How it was measured");
    page.push_str(&format!(
        "{}\n\n",
        line(&words::interleaved(report.interleaving.as_ref()))
    ));
    if let Some(scenario) = &report.scenario {
        page.push_str(&format!("Scenario {}.\n\n", line(&scenario.name)));
    }
    if let Some(interleaving) = &report.interleaving {
        let rates: Vec<String> = interleaving
            .rates_per_s
            .iter()
            .map(|(strategy, rate)| format!("{strategy} {}", units::per_s(f64::from(*rate))))
            .collect();
        page.push_str(&format!("Offered: {}.\n\n", line(&rates.join(", "))));
    }
    page.push_str(&format!(
        "authbench {}, run {}, seed {}, {} to {}.\n\n",
        line(&report.run.tool_version),
        line(&report.run.id),
        report.run.seed,
        line(&report.run.started_at),
        line(&report.run.ended_at)
    ));
    page.push_str(&format!(
        "Rules:\n\n{}\n</details>\n",
        fence("toml", &report.rules)
    ));
}

/// Begins what is folded. Within the tag it is HTML; blank lines bring Markdown
/// back.
fn open(page: &mut String, title: &str) {
    page.push_str(&format!(
        "<details>\n<summary>{}</summary>\n\n",
        entities(title)
    ));
}

/// `text` in one line, as it stands.
fn line(text: &str) -> String {
    escape(&flat(text))
}
