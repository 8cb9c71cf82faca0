//! The verdict of the whole in plain words: the first line of every form.

use authbench_results::{GateCell, GateReport, Verdict};

use super::order::{counted_beside, excess, is_counted, is_counted_beside, worst_first};
use super::words::{counted, found, sentence};

/// How many counted differences are told beside a red cell.
const BESIDE: usize = 6;

/// The verdict of the whole in plain words, with the cell that it rests on: its
/// strategy, metric, effect with its 95 % interval, budget, and whether fresh
/// blocks said the same.
#[must_use]
pub fn headline(report: &GateReport) -> String {
    match report.verdict {
        Verdict::Regressed => regressed(report),
        Verdict::NotMeasured => {
            let reason = report.reason.as_deref().unwrap_or("no reason is given");
            sentence(&format!("Not measured: {reason}"))
        }
        Verdict::Inconclusive => inconclusive(report),
        Verdict::Improved => improved(report),
        Verdict::Pass => passed(report),
    }
}

fn regressed(report: &GateReport) -> String {
    let cells = worst_first(report);
    let of_verdict = || {
        cells
            .iter()
            .filter(|cell| cell.verdict == Verdict::Regressed)
    };
    // A measured cell first: what was counted of its scheme is told beside it.
    let is_measured = |cell: &&&GateCell| cell.is_red() && !is_counted(cell.class);
    let Some(worst) = of_verdict()
        .find(is_measured)
        .or_else(|| of_verdict().find(|cell| cell.is_red()))
        .or_else(|| of_verdict().next())
    else {
        return "Regressed, but no cell tells where.".to_owned();
    };
    let mut text = format!("Regressed: {}", found(worst));
    if !is_counted(worst.class) {
        let beside = counted_beside(report, worst);
        let told: Vec<String> = beside
            .iter()
            .take(BESIDE)
            .map(|cell| counted(cell))
            .collect();
        if !told.is_empty() {
            text.push_str(&format!("; of the same scheme {}", told.join(", ")));
        } else if is_counted_beside(report, worst) {
            text.push_str("; no counted figure of the same scheme changed");
        }
    }
    text.push('.');
    let others = of_verdict()
        .filter(|cell| cell.is_red())
        .count()
        .saturating_sub(1);
    if others > 0 {
        text.push_str(&format!(" {} regressed, too.", cells_more(others)));
    }
    text
}

fn inconclusive(report: &GateReport) -> String {
    let cells = worst_first(report);
    let of_verdict = || {
        let cells = cells
            .iter()
            .filter(|cell| cell.verdict == Verdict::Inconclusive);
        cells.filter(|cell| cell.binding)
    };
    let Some(worst) = of_verdict().next() else {
        return format!(
            "Inconclusive: nothing was shown to be worse, and not everything to be within its budget.{}",
            advice(report)
        );
    };
    let others = of_verdict().count() - 1;
    let more = if others > 0 {
        format!(" The same holds of {}.", cells_more(others))
    } else {
        String::new()
    };
    format!(
        "Inconclusive: shown to be neither within its budget nor beyond it is {}.{more}{}",
        found(worst),
        advice(report)
    )
}

fn improved(report: &GateReport) -> String {
    let better = |cell: &&GateCell| cell.verdict == Verdict::Improved;
    let count = report.cells.iter().filter(better).count();
    let best = report
        .cells
        .iter()
        .filter(better)
        .min_by(|a, b| excess(a).total_cmp(&excess(b)));
    let Some(best) = best else {
        return format!("Improved: none is worse.{}", advice(report));
    };
    format!(
        "Improved: {} better by more than {} and none that binds is worse; the most so {}.{}",
        if count == 1 {
            "1 cell is".to_owned()
        } else {
            format!("{count} cells are")
        },
        if count == 1 {
            "its budget"
        } else {
            "their budgets"
        },
        found(best),
        advice(report)
    )
}

fn passed(report: &GateReport) -> String {
    let binding = || report.cells.iter().filter(|cell| cell.binding);
    // The one that an upper end brings nearest to its budget.
    let nearest = binding()
        .filter(|cell| cell.verdict == Verdict::Pass)
        .filter_map(|cell| Some((cell, cell.high_percent? - cell.budget_percent)))
        .max_by(|a, b| a.1.total_cmp(&b.1));
    let what = match binding().count() {
        0 => "no cell binds, so nothing could fail".to_owned(),
        1 => "the one binding cell is within its budget".to_owned(),
        count => format!("all {count} binding cells are within their budgets"),
    };
    match nearest {
        Some((cell, _)) => format!(
            "Pass: {what}; nearest to its own is {}.{}",
            found(cell),
            advice(report)
        ),
        None => format!("Pass: {what}.{}", advice(report)),
    }
}

/// That something regressed which does not bind.
fn advice(report: &GateReport) -> String {
    let is_advice = |cell: &&GateCell| cell.verdict == Verdict::Regressed && !cell.binding;
    match report.cells.iter().filter(is_advice).count() {
        0 => String::new(),
        1 => " 1 cell that is only advice regressed.".to_owned(),
        count => format!(" {count} cells that are only advice regressed."),
    }
}

fn cells_more(count: usize) -> String {
    if count == 1 {
        "1 more cell".to_owned()
    } else {
        format!("{count} more cells")
    }
}
