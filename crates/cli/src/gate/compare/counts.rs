//! What is counted: exact figures and instructions, held against a baseline or
//! against the base's own.

use anyhow::Result;
use authbench_gate::{comparable, ratchet};
use authbench_results::{CountedFigure, MetricClass, Toolchain};

use crate::gate::compare::{Found, Wanted};
use crate::gate::counted::counted;
use crate::gate::judgement::{left_out, measured};
use crate::gate::side::Built;
use crate::services::Services;

const CLASSES: [MetricClass; 2] = [MetricClass::Exact, MetricClass::Instructions];

/// Figures of one side.
struct Figures {
    figures: Vec<CountedFigure>,
    toolchain: Toolchain,
}

/// Counts, and compares as far as there is something to compare with.
pub(super) fn compare(
    wanted: &Wanted<'_>,
    (base, candidate): (&Built, &Built),
    found: &mut Found,
) -> Result<()> {
    let Some(tree) = &candidate.tree else {
        let why = "a program has no benches to count with: name a revision or a tree".to_owned();
        leave_out(wanted, &why, found);
        return Ok(());
    };
    let services = Services::default();
    let against = match (wanted.baseline, &base.tree) {
        (Some(baseline), _) => Figures {
            figures: baseline.figures.clone(),
            toolchain: baseline.toolchain.clone(),
        },
        (None, None) => {
            let why = "the base is a program, which has no benches to count with: name a revision \
                       or a tree"
                .to_owned();
            leave_out(wanted, &why, found);
            return Ok(());
        }
        (None, Some(tree)) => {
            let counted = counted(tree, &services)?;
            said(&counted.skipped, found);
            Figures {
                figures: counted.figures,
                toolchain: counted.toolchain,
            }
        }
    };
    let counted = counted(tree, &services)?;
    said(&counted.skipped, found);
    let skipped = counted.skipped;
    let ours = Figures {
        figures: counted.figures,
        toolchain: counted.toolchain,
    };
    for class in CLASSES.into_iter().filter(|it| wanted.settings.wants(*it)) {
        one(wanted, class, (&against, &ours), found);
    }
    // What this machine cannot count is not gone from the code.
    for cell in &mut found.cells {
        let is_told = skipped.iter().any(|note| note.contains(&cell.strategy));
        cell.binding &= !(is_told && cell.candidate.is_none());
    }
    Ok(())
}

fn one(
    wanted: &Wanted<'_>,
    class: MetricClass,
    (base, candidate): (&Figures, &Figures),
    found: &mut Found,
) {
    let has = |side: &Figures| side.figures.iter().any(|figure| figure.class == class);
    let missing = if !has(candidate) {
        Some("none were counted: see the notes".to_owned())
    } else if !has(base) {
        Some("the baseline has none: `authbench results bless` adds them".to_owned())
    } else if class == MetricClass::Instructions {
        comparable(&base.toolchain, &candidate.toolchain).err()
    } else {
        None
    };
    if let Some(why) = missing {
        found.classes.push(left_out(class, why));
        return;
    }
    let cells = ratchet(wanted.rules, class, &base.figures, &candidate.figures);
    found.classes.push(measured(class, &cells));
    found.cells.extend(cells);
}

fn said(skipped: &[String], found: &mut Found) {
    for note in skipped {
        if !found.warnings.contains(note) {
            eprintln!("*** NOTE: {note} ***");
            found.warnings.push(note.clone());
        }
    }
}

fn leave_out(wanted: &Wanted<'_>, why: &str, found: &mut Found) {
    for class in CLASSES.into_iter().filter(|it| wanted.settings.wants(*it)) {
        found.classes.push(left_out(class, why.to_owned()));
    }
}
