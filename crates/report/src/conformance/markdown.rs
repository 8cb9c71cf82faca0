//! The report as Markdown (CommonMark with GitHub's tables).

use authbench_results::{CheckOutcome, CheckReport, ConformanceReport};

use super::standing::{Standing, worst_first};
use super::words;
use crate::escape::{entities, fence, markdown as escape};

/// The report as Markdown: one table, the worst first, and the details of what
/// did not pass, folded.
#[must_use]
pub fn markdown(report: &ConformanceReport) -> String {
    let report = &words::legible(report);
    let checks = worst_first(report);
    let mut page = format!(
        "# Conformance of {}\n\n{}\n\n{}\n\n",
        escape(&report.target.name),
        escape(&words::target(report)),
        escape(&words::run(report))
    );
    if let Some(profile) = &report.target.profile {
        page.push_str(&format!("Profile: {}\n\n", escape(profile)));
    }
    page.push_str(&format!("**{}**\n\n", escape(&words::totals(report))));
    page.push_str("| verdict | check | level | severity | rule | reason |\n");
    page.push_str("| --- | --- | --- | --- | --- | --- |\n");
    for (standing, check) in &checks {
        row(&mut page, *standing, check);
    }
    for (standing, check) in checks {
        let told = !check.notes.is_empty() || !check.measured.is_empty();
        let quiet = matches!(standing, Standing::Passed | Standing::NotApplicable);
        if told || !quiet {
            detail(&mut page, standing, check);
        }
    }
    page
}

fn row(page: &mut String, standing: Standing, check: &CheckReport) {
    let reason = match (&check.accepted, &check.reason) {
        (Some(accepted), _) if standing == Standing::Accepted => words::accepted(accepted),
        (_, Some(reason)) => reason.clone(),
        _ => words::telling(check)
            .map(|case| case.name.as_str())
            .collect::<Vec<_>>()
            .join(", "),
    };
    let cells = [
        words::verdict(standing, check),
        &check.id,
        check.level.label(),
        check.severity.label(),
        &check.statement,
        &reason,
    ];
    let cells: Vec<String> = cells.into_iter().map(escape).collect();
    page.push_str(&format!("| {} |\n", cells.join(" | ")));
}

fn detail(page: &mut String, standing: Standing, check: &CheckReport) {
    let title = format!(
        "{} {} {}",
        words::verdict(standing, check),
        check.id,
        check.statement
    );
    // Within the tag it is HTML; blank lines bring Markdown back.
    page.push_str(&format!(
        "\n<details>\n<summary>{}</summary>\n\n",
        entities(&title)
    ));
    let sources = words::sources(check);
    for (name, text) in [
        ("Sources", Some(sources).filter(|text| !text.is_empty())),
        ("Accepted", check.accepted.as_ref().map(words::accepted)),
        ("Reason", check.reason.clone()),
        (
            "To mend",
            Some(check.mend.clone()).filter(|_| check.outcome == CheckOutcome::Fail),
        ),
    ] {
        if let Some(text) = text {
            page.push_str(&format!("**{name}:** {}\n\n", escape(&text)));
        }
    }
    for note in &check.notes {
        page.push_str(&format!("**Note:** {}\n\n", escape(note)));
    }
    for measured in &check.measured {
        let name = escape(&measured.name);
        page.push_str(&format!(
            "**Measured:** {name} = {}\n\n",
            words::figure(measured.value)
        ));
    }
    for case in words::telling(check) {
        page.push_str(&format!(
            "**{}** {}: {}\n\n",
            case.outcome.label(),
            escape(&case.name),
            escape(&case.detail)
        ));
        for evidence in &case.evidence {
            page.push_str(&format!("Sent:\n\n{}\n", fence("text", &evidence.sent)));
            page.push_str(&format!(
                "Received:\n\n{}\n",
                fence("text", &evidence.received)
            ));
        }
    }
    page.push_str("</details>\n");
}
