//! Two result files.

use std::path::Path;

use anyhow::Result;
use authbench_gate::compare_files;
use authbench_results::{GatePurpose, MetricClass, RunResult, Side, SideKind, Standing, store};

use crate::gate::compare::{Found, Wanted};
use crate::gate::judgement::{left_out, measured};

/// Compares what two files recorded. They were not interleaved, so no time
/// binds.
///
/// # Errors
/// When a file cannot be read, or, of a gate, comes from another machine.
pub(super) fn compare(
    wanted: &Wanted<'_>,
    standing: &Standing,
    (base, candidate): (&Path, &Path),
    found: &mut Found,
) -> Result<(Side, Side)> {
    let (old, new) = (store::read(base)?, store::read(candidate)?);
    let compared = compare_files(wanted.rules, &old, &new, standing);
    if compared.other_machine && wanted.purpose == GatePurpose::Gate {
        anyhow::bail!(
            "{} and {} were made on different machines: figures of two machines cannot judge a \
             change; measure both here, or look at them with `authbench compare`",
            base.display(),
            candidate.display()
        );
    }
    // First of all, since every figure that follows is to be read with it.
    for warning in &compared.warnings {
        eprintln!("*** NOTE: {warning} ***");
    }
    found.warnings.extend(compared.warnings);
    found.cells = compared.cells;
    found.cells.retain(|cell| wanted.settings.wants(cell.class));
    for class in MetricClass::ALL {
        let is_there = found.cells.iter().any(|cell| cell.class == class);
        found.classes.push(if is_there {
            measured(class, &found.cells)
        } else {
            left_out(class, "the files hold no such figures".to_owned())
        });
    }
    Ok((side(base, &old), side(candidate, &new)))
}

fn side(file: &Path, result: &RunResult) -> Side {
    Side {
        named: file.display().to_string(),
        kind: SideKind::File,
        source: result.source.clone(),
        fingerprint: Some(result.environment.fingerprint.clone()),
        injected: None,
    }
}
