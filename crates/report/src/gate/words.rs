//! What several forms say in the same words.

use authbench_results::{
    ClassReport, Confirmation, Environment, GateCell, GateReport, Interleaving, MetricClass, Side,
    SideKind, Verdict,
};

use super::order::is_counted;
use crate::units;

/// Where, how much, against what, and whether it was found again.
pub(super) fn found(cell: &GateCell) -> String {
    let place = format!("{}, {}", cell.strategy, cell.metric);
    let budget = format!("budget {}", percent(cell.budget_percent));
    if is_counted(cell.class) {
        return format!(
            "{place} {} ({}; {budget}; counted)",
            effect(cell),
            change(cell)
        );
    }
    let mut inside = match interval(cell.low_percent, cell.high_percent) {
        Some(interval) => format!("95 % interval {interval}; {budget}"),
        None => budget,
    };
    if cell.verdict != Verdict::Regressed
        && let Some(visible) = cell.visible_percent
    {
        inside.push_str(&format!("; smallest visible effect {}", percent(visible)));
    }
    match &cell.confirmation {
        Some(confirmation) => inside.push_str(&format!("; {}", confirmed(confirmation))),
        None if cell.verdict == Verdict::Regressed => {
            inside.push_str("; not measured again in fresh blocks");
        }
        None => {}
    }
    let effect = cell.effect_percent.map_or(units::DASH.to_owned(), signed);
    format!("{place} {effect} ({inside})")
}

/// What fresh blocks said.
pub(super) fn confirmed(confirmation: &Confirmation) -> String {
    let said = if confirmation.recurred {
        "found again in fresh blocks"
    } else {
        "not found again in fresh blocks"
    };
    format!(
        "{said}: {} ({} to {})",
        signed(confirmation.effect_percent),
        end(confirmation.low_percent),
        end(confirmation.high_percent)
    )
}

/// A counted difference: `authenticate_instructions +12.3 % (18,204 -> 20,443)`.
pub(super) fn counted(cell: &GateCell) -> String {
    format!("{} {} ({})", cell.metric, effect(cell), change(cell))
}

/// The effect with its interval: `+5.3 % (4.1 to 6.4)`.
pub(super) fn effect(cell: &GateCell) -> String {
    let Some(effect) = cell.effect_percent.filter(|effect| effect.is_finite()) else {
        return match (cell.base, cell.candidate) {
            (Some(0.0), Some(0.0)) => signed(0.0),
            (Some(0.0), Some(_)) => "from nothing".to_owned(),
            _ => units::DASH.to_owned(),
        };
    };
    let effect = if is_counted(cell.class) {
        signed_exactly(effect)
    } else {
        signed(effect)
    };
    match interval(cell.low_percent, cell.high_percent) {
        Some(interval) => format!("{effect} ({interval})"),
        None => effect,
    }
}

fn interval(low: Option<f64>, high: Option<f64>) -> Option<String> {
    Some(format!("{} to {}", end(low?), end(high?)))
}

/// The end of an interval: `4.1`, `-0.3`.
fn end(percent: f64) -> String {
    if percent.is_finite() {
        unsigned_zero(format!("{percent:.1}"))
    } else {
        units::DASH.to_owned()
    }
}

/// A change: `+5.3 %`, `-2.0 %`, `0.0 %`.
pub(super) fn signed(percent: f64) -> String {
    if percent.is_finite() {
        format!("{} %", unsigned_zero(format!("{percent:+.1}")))
    } else {
        units::DASH.to_owned()
    }
}

/// The same of what is counted: however small a change is, it is one.
fn signed_exactly(percent: f64) -> String {
    let short = signed(percent);
    if percent == 0.0 || short != "0.0 %" {
        return short;
    }
    format!("{percent:+.5} %")
}

fn unsigned_zero(text: String) -> String {
    if text.chars().any(|c| matches!(c, '1'..='9')) {
        text
    } else {
        text.trim_start_matches(['+', '-']).to_owned()
    }
}

/// A size: `5 %`, `4.1 %`.
pub(super) fn percent(percent: f64) -> String {
    if !percent.is_finite() {
        return units::DASH.to_owned();
    }
    let text = format!("{percent:.1}");
    format!("{} %", text.strip_suffix(".0").unwrap_or(&text))
}

/// The figures of both sides: `18,204 -> 20,443`.
pub(super) fn change(cell: &GateCell) -> String {
    format!(
        "{} -> {}",
        figure(cell, cell.base),
        figure(cell, cell.candidate)
    )
}

/// One figure of a cell in its unit; what is counted is not rounded.
pub(super) fn figure(cell: &GateCell, figure: Option<f64>) -> String {
    let Some(figure) = figure.filter(|figure| figure.is_finite()) else {
        return units::DASH.to_owned();
    };
    let exact = || {
        if figure.fract() == 0.0 {
            units::count(figure)
        } else {
            units::few(figure)
        }
    };
    match cell.unit.as_str() {
        "ns" => units::duration_ns(figure),
        "bytes" if is_counted(cell.class) => format!("{} B", exact()),
        "bytes" => units::bytes(figure),
        "count" | "instructions" => exact(),
        other => format!("{} {other}", exact()),
    }
}

/// The verdict of a cell in one word, and whether it is only advice.
pub(super) fn verdict(cell: &GateCell) -> String {
    let label = cell.verdict.label();
    if cell.binding {
        label.to_owned()
    } else {
        format!("{label} (advice)")
    }
}

/// The smallest effect that would have been seen; a dash for what is counted.
pub(super) fn visible(cell: &GateCell) -> String {
    cell.visible_percent.map_or(units::DASH.to_owned(), percent)
}

/// What there is to know of a cell beside its numbers, in sentences.
pub(super) fn remarks(cell: &GateCell) -> Vec<String> {
    let confirmation = cell
        .confirmation
        .as_ref()
        .map(|it| sentence(&capital(&confirmed(it))));
    confirmation.into_iter().chain(cell.note.clone()).collect()
}

/// What became of a class: how many cells with which verdicts, whether they
/// bind, the range of what could be seen, and why not if not.
pub(super) fn class(report: &GateReport, class: &ClassReport) -> String {
    let label = class.class.label();
    let reason = class.reason.as_deref();
    if !class.measured {
        return sentence(&format!(
            "{label}: not measured: {}",
            reason.unwrap_or("no reason is given")
        ));
    }
    let cells: Vec<&GateCell> = report
        .cells
        .iter()
        .filter(|it| it.class == class.class)
        .collect();
    let verdicts = [
        Verdict::Regressed,
        Verdict::NotMeasured,
        Verdict::Inconclusive,
        Verdict::Improved,
        Verdict::Pass,
    ];
    let mut parts: Vec<String> = verdicts
        .into_iter()
        .map(|verdict| {
            (
                verdict,
                cells.iter().filter(|it| it.verdict == verdict).count(),
            )
        })
        .filter(|(_, count)| *count > 0)
        .map(|(verdict, count)| format!("{count} {}", verdict.label()))
        .collect();
    if parts.is_empty() {
        parts.push("no cell".to_owned());
    }
    let mut text = format!("{label}: {}", parts.join(", "));
    if let Some(range) = visible_range(&cells) {
        text.push_str(&format!("; smallest visible effect {range}"));
    }
    let advice = cells.iter().filter(|it| !it.binding).count();
    match (class.binding, reason) {
        (true, _) if advice > 0 => text.push_str(&format!("; binding but for {advice}")),
        (true, _) => text.push_str("; binding"),
        (false, _) => text.push_str("; advice"),
    }
    if let Some(reason) = reason {
        text.push_str(&format!(": {reason}"));
    }
    sentence(&text)
}

/// The least and the greatest of the smallest visible effects: `2.1 to 4.4 %`.
pub(super) fn visible_range(cells: &[&GateCell]) -> Option<String> {
    let visible = || {
        let effects = cells.iter().filter_map(|cell| cell.visible_percent);
        effects.filter(|effect| effect.is_finite())
    };
    let least = visible().min_by(f64::total_cmp)?;
    let most = visible().max_by(f64::total_cmp)?;
    let (least, most) = (percent(least), percent(most));
    Some(if least == most {
        least
    } else {
        format!("{} to {most}", least.trim_end_matches(" %"))
    })
}

/// The cells of a class that passed, in one line; None if none did.
pub(super) fn passes(report: &GateReport, class: MetricClass) -> Option<String> {
    let cells: Vec<&GateCell> = report
        .cells
        .iter()
        .filter(|it| it.class == class && it.verdict == Verdict::Pass)
        .collect();
    let count = cells.len();
    (count > 0).then(|| {
        let what = if count == 1 {
            "1 cell within its budget".to_owned()
        } else {
            format!("{count} cells within their budgets")
        };
        match visible_range(&cells) {
            Some(range) => format!("{}: {what}; smallest visible effect {range}", class.label()),
            None => format!("{}: {what}", class.label()),
        }
    })
}

/// A side as it was named, and what that was.
pub(super) fn side(side: &Side) -> String {
    let kind = match side.kind {
        SideKind::File => "file",
        SideKind::Binary => "program",
        SideKind::Revision => "revision",
        SideKind::Tree => "working tree",
        SideKind::Baseline => "baseline",
    };
    let mut about = vec![kind.to_owned()];
    if let Some(commit) = side.source.short_commit() {
        let changes = if side.source.dirty == Some(true) {
            " with changes"
        } else {
            ""
        };
        about.push(format!("commit {commit}{changes}"));
    }
    if let Some(fingerprint) = &side.fingerprint {
        about.push(format!(
            "machine {}",
            fingerprint.get(..12).unwrap_or(fingerprint)
        ));
    }
    if let Some(injected) = &side.injected {
        about.push(format!("slowed down on purpose by {injected}"));
    }
    format!("{} ({})", side.named, about.join(", "))
}

/// The machine in one line.
pub(super) fn machine(environment: &Environment) -> String {
    let cores = environment
        .logical_cores
        .map(|cores| format!("{cores} cores"));
    let known = [
        environment.cpu_model.clone(),
        cores,
        environment.virtualisation.clone(),
        Some(format!("fingerprint {}", environment.short_fingerprint())),
    ];
    known.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// How the sides were interleaved, or that they were not.
pub(super) fn interleaved(interleaving: Option<&Interleaving>) -> String {
    interleaving.map_or_else(
        || "The sides were not interleaved: times and CPU from different runs compare badly.".to_owned(),
        |it| {
            format!(
                "{} interleaved blocks of each strategy, and {} fresh ones for what was red; in a \
                 block each side {} times for {} after {} of warm-up, over {} connections from {} users; \
                 the frozen control workload (version {}) is taken out.",
                it.blocks,
                it.confirm_blocks,
                u64::from(it.palindromes) * 2,
                units::setting_ms(it.segment_ms),
                units::setting_ms(it.warmup_ms),
                it.connections,
                it.users,
                it.control_version
            )
        },
    )
}

/// `text` with a full stop at its end.
pub(super) fn sentence(text: &str) -> String {
    let text = text.trim_end();
    if text.ends_with(['.', '!', '?']) {
        text.to_owned()
    } else {
        format!("{text}.")
    }
}

/// `text` with a capital at its beginning.
pub(super) fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}
