//! Two result files, compared on what they recorded.

mod loads;
mod recorded;
mod unpaired;

use std::collections::BTreeSet;

use authbench_results::{GateCell, RunResult, Standing, Verdict};

use crate::ratchet::Noted as _;
use crate::rules::Rules;

/// Two result files side by side.
#[derive(Clone, Debug, PartialEq)]
pub struct FileComparison {
    /// The judgements: of loads in the order of the base, then of what was
    /// found once per strategy, then of benches. The strategy of a cell under
    /// load has its load behind it: `session.memory.cookie @ 3000/s`.
    pub cells: Vec<GateCell>,
    /// What a reader ought to know before believing them, one sentence each;
    /// the first one says that nothing was interleaved.
    pub warnings: Vec<String>,
    /// Whether the files are from different machines.
    pub other_machine: bool,
}

/// Compares two result files on what they recorded.
///
/// CPU and times under load are tested, block against block, by an unpaired
/// permutation test, and are never binding: nothing was interleaved, so a
/// machine that was slower on one day looks like a slower program. Means that
/// come without samples are advice as well. Binding are what was counted
/// exactly, in the same scenario, and times of benches where `standing` says
/// that they qualified and the machine is the same. Of a run that was
/// retracted nothing is measured.
#[must_use]
pub fn compare_files(
    rules: &Rules,
    base: &RunResult,
    candidate: &RunResult,
    standing: &Standing,
) -> FileComparison {
    let files = Files {
        rules,
        base,
        candidate,
        standing,
    };
    let mut cells = loads::cells(&files);
    cells.extend(recorded::facts(&files));
    cells.extend(recorded::benches(&files));
    if let Some(why) = files.retracted() {
        cells = cells
            .into_iter()
            .map(|cell| GateCell {
                verdict: Verdict::NotMeasured,
                binding: false,
                ..cell.noted(&why)
            })
            .collect();
    }
    FileComparison {
        cells,
        warnings: files.warnings(),
        other_machine: files.is_other_machine(),
    }
}

/// What is compared.
struct Files<'r> {
    rules: &'r Rules,
    base: &'r RunResult,
    candidate: &'r RunResult,
    standing: &'r Standing,
}

impl Files<'_> {
    fn is_other_machine(&self) -> bool {
        self.base.environment.fingerprint != self.candidate.environment.fingerprint
    }

    fn is_same_scenario(&self) -> bool {
        self.base.scenario.sha256 == self.candidate.scenario.sha256
    }

    fn is_same_profile(&self) -> bool {
        self.base.source.profile == self.candidate.source.profile
    }

    fn retracted(&self) -> Option<String> {
        let sides = [("base", self.base), ("candidate", self.candidate)];
        sides.into_iter().find_map(|(name, run)| {
            let invalid = run.run.invalid.as_ref()?;
            Some(format!("The {name} was retracted: {}", invalid.reason))
        })
    }

    fn warnings(&self) -> Vec<String> {
        let (base, candidate) = (self.base, self.candidate);
        let mut warnings = vec![
            "The two runs were NOT INTERLEAVED: whatever the machine did differently at the two \
             times looks like an effect, so CPU and times are advice and fail nothing. Compare \
             two programs or revisions for a judgement."
                .to_owned(),
        ];
        if self.is_other_machine() {
            warnings.push(format!(
                "The files are from DIFFERENT MACHINES (fingerprints {} and {}): CPU and times say \
                 nothing of the code.",
                base.environment.short_fingerprint(),
                candidate.environment.short_fingerprint()
            ));
        }
        if !self.is_same_scenario() {
            warnings.push(format!(
                "The scenarios differ ({} and {}): only loads that are the same are compared, and \
                 what was counted is advice.",
                base.scenario.name, candidate.scenario.name
            ));
        }
        if !self.is_same_profile() {
            let profile = |run: &RunResult| {
                let known = run.source.profile.clone();
                known.unwrap_or_else(|| "unknown".to_owned())
            };
            warnings.push(format!(
                "The programs were built differently ({} and {}): CPU and times say nothing of \
                 the code.",
                profile(base),
                profile(candidate)
            ));
        }
        warnings.extend(self.retracted().map(|why| {
            let why = why.trim_end_matches('.');
            format!("{why}; so nothing is judged.")
        }));
        for (name, run) in [("base", base), ("candidate", candidate)] {
            if run.run.interrupted {
                warnings.push(format!(
                    "The {name} was stopped before its end: not everything is in it."
                ));
            }
            if run.run.shard.is_some() {
                warnings.push(format!(
                    "The {name} is one part of a run on several machines: merge its parts first."
                ));
            }
        }
        warnings.extend(self.other_recipes());
        warnings.extend(self.left_out());
        warnings
    }

    fn other_recipes(&self) -> impl Iterator<Item = String> {
        self.base.strategies.iter().filter_map(|facts| {
            let mut others = self.candidate.strategies.iter();
            let other = others.find(|other| other.strategy == facts.strategy)?;
            (other.recipe != facts.recipe).then(|| {
                format!(
                    "{} is not made by the same recipe in both files.",
                    facts.strategy
                )
            })
        })
    }

    fn left_out(&self) -> Option<String> {
        let both = [self.base, self.candidate];
        let figures = both.into_iter().flat_map(|run| &run.benches);
        let units: BTreeSet<&str> = figures
            .map(|figure| figure.unit.as_str())
            .filter(|unit| !recorded::is_compared(unit))
            .collect();
        (!units.is_empty()).then(|| {
            let units: Vec<&str> = units.into_iter().collect();
            format!(
                "Bench figures in {} are left out: more of them is not worse. The octets and \
                 times that they follow from are compared.",
                units.join(", ")
            )
        })
    }
}

/// A key, and what either side has under it.
type Paired<'a, K, T> = (K, [Vec<&'a T>; 2]);

/// What both sides have, by a key, in the order of the base and then of the
/// candidate.
fn paired<'a, T, K: PartialEq>(
    base: &'a [T],
    candidate: &'a [T],
    key: impl Fn(&'a T) -> K,
) -> Vec<Paired<'a, K, T>> {
    let mut pairs: Vec<Paired<'a, K, T>> = Vec::new();
    for (side, all) in [base, candidate].into_iter().enumerate() {
        for one in all {
            let name = key(one);
            let index = pairs.iter().position(|it| it.0 == name);
            let index = index.unwrap_or_else(|| {
                pairs.push((name, [Vec::new(), Vec::new()]));
                pairs.len() - 1
            });
            pairs[index].1[side].push(one);
        }
    }
    pairs
}

/// The one that each side has.
///
/// # Errors
/// Why there is no such pair.
fn one_each<'a, T>(sides: &[Vec<&'a T>; 2]) -> Result<[&'a T; 2], &'static str> {
    match (&sides[0][..], &sides[1][..]) {
        ([base], [candidate]) => Ok([base, candidate]),
        ([], _) => Err("New: the base has nothing of the kind"),
        (_, []) => Err("Gone: the candidate has nothing of the kind"),
        _ => Err("A file has it more than once"),
    }
}

#[cfg(test)]
mod tests;
