//! A comparison from its two names to its document.

mod counts;
mod files;
mod servers;

use std::path::Path;

use anyhow::{Context as _, Result};
use authbench_gate::Rules;
use authbench_results::{
    Baseline, ClassReport, Environment, GateCell, GatePurpose, GateReport, MetricClass,
    PairedBlock, Placement, Side, SideKind, Source, Standing,
};

use crate::exit::UsageError;
use crate::gate::judgement::{Begun, Measured, Parts, left_out};
use crate::gate::settings::Settings;
use crate::gate::side::{Built, Named};

/// What is to be compared.
pub(crate) struct Wanted<'w> {
    pub(crate) base: &'w str,
    pub(crate) candidate: &'w str,
    pub(crate) settings: &'w Settings,
    pub(crate) rules: &'w Rules,
    pub(crate) purpose: GatePurpose,
    /// What counted figures are held against; without it against the base's
    /// own, which are counted too.
    pub(crate) baseline: Option<&'w Baseline>,
}

/// What was found so far.
#[derive(Default)]
struct Found {
    classes: Vec<ClassReport>,
    cells: Vec<GateCell>,
    blocks: Vec<PairedBlock>,
    warnings: Vec<String>,
    ground: Option<Measured>,
    interrupted: bool,
}

/// Compares, and judges.
///
/// # Errors
/// When one of the sides cannot be had, or nothing could be measured.
pub(crate) fn run(wanted: &Wanted<'_>) -> Result<GateReport> {
    let begun = Begun::now();
    let seed = wanted.settings.seed()?;
    let standing = standing(&wanted.settings.results)?;
    let (base, candidate) = (
        Named::find(wanted.base, Path::new("."))?,
        Named::find(wanted.candidate, Path::new("."))?,
    );
    let mut found = Found::default();
    let mut rules = wanted.rules.clone();
    let (base, candidate) = match (base, candidate) {
        (Named::File(base), Named::File(candidate)) => {
            files::compare(wanted, &standing, (&base, &candidate), &mut found)?
        }
        (Named::File(file), _) | (_, Named::File(file)) => {
            return Err(UsageError(format!(
                "{} is a result file and the other side is a program: name two files or two \
                 programs",
                file.display()
            ))
            .into());
        }
        (base, candidate) => {
            let (base, candidate) = (base.make()?, candidate.make()?);
            if candidate.tree.is_none() || (wanted.baseline.is_none() && base.tree.is_none()) {
                without_counts(wanted, &mut rules, &mut found);
            }
            programs(wanted, &standing, seed, (&base, &candidate), &mut found)?;
            (base.side, candidate.side)
        }
    };
    found.classes.sort_by_key(|class| class.class);
    let parts = Parts {
        begun,
        purpose: wanted.purpose,
        seed,
        interrupted: found.interrupted,
        rules: &rules,
        standing,
        base,
        candidate,
        ground: found.ground,
        classes: found.classes,
        cells: found.cells,
        blocks: found.blocks,
        warnings: found.warnings,
    };
    Ok(parts.report())
}

/// The document of a comparison that could not be made, for pipelines that
/// read documents.
pub(crate) fn refused(wanted: &Wanted<'_>, why: String) -> GateReport {
    let side = |named: &str| Side {
        named: named.to_owned(),
        kind: match Named::find(named, Path::new(".")) {
            Ok(Named::File(_)) => SideKind::File,
            Ok(Named::Binary(_)) => SideKind::Binary,
            Ok(Named::Tree { .. }) => SideKind::Tree,
            Err(_) if Path::new(named).is_dir() => SideKind::Tree,
            Ok(Named::Revision { .. }) | Err(_) => SideKind::Revision,
        },
        source: Source::default(),
        fingerprint: None,
        injected: None,
    };
    let parts = Parts {
        begun: Begun::now(),
        purpose: wanted.purpose,
        seed: 0,
        interrupted: false,
        rules: wanted.rules,
        standing: standing(&wanted.settings.results).unwrap_or_default(),
        base: side(wanted.base),
        candidate: side(wanted.candidate),
        ground: None,
        classes: MetricClass::ALL
            .map(|class| left_out(class, "nothing was measured".to_owned()))
            .into(),
        cells: Vec::new(),
        blocks: Vec::new(),
        warnings: Vec::new(),
    };
    parts.without_verdict(why)
}

/// What is known of this machine as an instrument.
///
/// # Errors
/// When a qualification is there and cannot be read.
pub(crate) fn standing(results: &Path) -> Result<Standing> {
    let here = Environment::read(Placement::default());
    let latest = authbench_results::document::latest_qualification(results, &here.fingerprint)
        .context("what is known of this machine cannot be read")?;
    Ok(authbench_gate::standing(latest.as_ref()))
}

fn programs(
    wanted: &Wanted<'_>,
    standing: &Standing,
    seed: u64,
    sides: (&Built, &Built),
    found: &mut Found,
) -> Result<()> {
    let (base, candidate) = sides;
    let digest = |built: &Built| built.side.source.binary_sha256.clone();
    if digest(base).is_some() && digest(base) == digest(candidate) {
        found.warnings.push(
            "both sides are the same program: what differs is noise (an A/A comparison)".to_owned(),
        );
    }
    if wanted.settings.wants_counts() {
        counts::compare(wanted, sides, found)?;
    }
    for class in [MetricClass::Exact, MetricClass::Instructions] {
        not_wanted(wanted, class, found);
    }
    if wanted.settings.wants_servers() {
        servers::compare(wanted, standing, seed, sides, found)?;
    }
    for class in [MetricClass::Cpu, MetricClass::Wall] {
        not_wanted(wanted, class, found);
    }
    Ok(())
}

/// A program has no benches: what is counted cannot be required of it.
fn without_counts(wanted: &Wanted<'_>, rules: &mut Rules, found: &mut Found) {
    if !wanted.settings.wants_counts() {
        return;
    }
    let counted =
        |class: &MetricClass| matches!(class, MetricClass::Exact | MetricClass::Instructions);
    rules.required.retain(|class| !counted(class));
    let note = "what is counted (octets, allocations, instructions) is LEFT OUT: programs have no \
                benches; name revisions or a tree to have it judged, too"
        .to_owned();
    eprintln!("*** NOTE: {note} ***");
    found.warnings.push(note);
}

fn not_wanted(wanted: &Wanted<'_>, class: MetricClass, found: &mut Found) {
    if !wanted.settings.wants(class) {
        let why = "not asked for (--classes)".to_owned();
        found.classes.push(left_out(class, why));
    }
}
