//! How well the machine serves as an instrument: a line of every report.

use authbench_results::{InjectedStanding, Standing};

use super::words;

/// How many metrics that did not qualify are named.
const NAMED: usize = 6;

/// Whether and how the machine was qualified, in plain sentences: what gates
/// over identical programs said, how often known slow-downs were found, and
/// which metrics did not qualify. A machine that was never tried is said to be
/// so, with what would change that.
#[must_use]
pub fn standing(standing: &Standing) -> String {
    if !standing.is_known() {
        return "This machine has NOT been qualified: how often its gates raise false alarms, and \
                how small a slow-down they find, is unknown. `authbench gate --aa 10 --inject 10` \
                finds out."
            .to_owned();
    }
    let day = standing.at.as_deref().map_or_else(String::new, |at| {
        format!(" on {}", at.get(..10).unwrap_or(at))
    });
    let did = if standing.qualified.is_empty() {
        "was tried"
    } else {
        "was qualified"
    };
    let mut parts = vec![if standing.aa_gates == 0 {
        "no gate over identical programs was tried".to_owned()
    } else {
        format!(
            "{} of {} gates over identical programs were red",
            standing.aa_red, standing.aa_gates
        )
    }];
    parts.extend(standing.injected.iter().map(found));
    let mut text = format!("This machine {did}{day}: {}.", parts.join("; "));
    if standing.qualified.is_empty() {
        text.push_str(" No metric qualified.");
    } else if !standing.unqualified.is_empty() {
        let named: Vec<&str> = standing
            .unqualified
            .iter()
            .take(NAMED)
            .map(String::as_str)
            .collect();
        let rest = standing.unqualified.len() - named.len();
        let more = if rest > 0 {
            format!(" and {rest} more")
        } else {
            String::new()
        };
        text.push_str(&format!(
            " Did not qualify, and so are advice: {}{more}.",
            named.join(", ")
        ));
    }
    text
}

/// "29 of 30 found +10 % of authenticate".
pub(super) fn found(injected: &InjectedStanding) -> String {
    let operation = injected
        .operation
        .as_deref()
        .map_or_else(String::new, |operation| format!(" of {operation}"));
    let mut text = format!(
        "{} of {} found +{}{operation}",
        injected.found,
        injected.gates,
        words::percent(injected.percent)
    );
    if injected.improved > 0 {
        text.push_str(&format!(", {} called it an improvement", injected.improved));
    }
    text
}
