//! From blocks to judged cells.
//!
//! Of each cell three things are tested, with `B` the budget as a logarithm:
//!
//! - **Regressed**: "the effect is at most `B`" is rejected, at the level alpha
//!   after Holm's correction over the cells of the class. If no cell of the class
//!   is worse than its budget, the probability that any is called so is at most
//!   alpha.
//! - **Improved**: "the effect is at least minus the budget" is rejected, at the
//!   same level with a correction of its own: this too is the finding of
//!   something among many.
//! - **Pass**: "the effect is at least `B`" is rejected, at alpha without a
//!   correction. What must not happen by chance is that *all* of the cells pass
//!   although one is beyond its budget. For that the one has to pass, which has
//!   a probability of at most alpha, however many others there are
//!   (an intersection-union test: Berger, 1982). A correction would only make the
//!   gate blind.
//!
//! Else the cell is **inconclusive**: the noise is too large for its budget, or
//! the effect too near to it.

use authbench_results::{Confirmation, GateCell, MetricClass, PairedBlock, Round, Verdict};

use crate::confidence::{interval_percent, percent, visible_percent};
use crate::effect::{PairedEffects, SampledMetric};
use crate::holm::holm;
use crate::sign_flip::{SignFlip, pairs_needed};

/// The fewest pairs that a cell is judged by: of 5 the interval of 95 % would be
/// infinite, as 2 in 2^5 patterns are more than 5 %.
pub const MIN_PAIRS: u32 = 6;

/// How sure one has to be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct JudgeSettings {
    /// The probability of a false alarm in a class that is tolerated, one-sided.
    pub alpha: f64,
    /// The probability with which the smallest visible effect would be found.
    pub power: f64,
}

impl Default for JudgeSettings {
    fn default() -> Self {
        Self {
            alpha: 0.05,
            power: 0.8,
        }
    }
}

/// What is to be judged.
#[derive(Clone, Debug, PartialEq)]
pub struct CellSpec {
    /// Which strategy.
    pub strategy: String,
    /// Which metric; it tells the class and the unit.
    pub metric: SampledMetric,
    /// How much worse it may be, percent; finite and not negative.
    pub budget_percent: f64,
    /// Whether a red verdict fails the gate.
    pub binding: bool,
    /// What a reader must know beforehand, in sentences.
    pub note: Option<String>,
}

/// Judges the candidate `arm` by the blocks of [`Round::Find`] among `blocks`:
/// one cell for each of `what`, in its order.
///
/// A cell is [`Verdict::NotMeasured`], with a note that says why, if one of
/// its two arms gave a wrong answer (a program that errs is not compared by
/// its speed), if fewer than [`MIN_PAIRS`] pairs are whole, or if its budget
/// is not a finite number of at least 0. Such cells do not enter the correction.
#[must_use]
pub fn judge(
    settings: &JudgeSettings,
    blocks: &[PairedBlock],
    arm: u32,
    what: &[CellSpec],
) -> Vec<GateCell> {
    let mut cells = Vec::with_capacity(what.len());
    let mut tested = Vec::with_capacity(what.len());
    for spec in what {
        let effects = PairedEffects::of(blocks, Round::Find, &spec.strategy, arm, spec.metric);
        let (cell, test) = begin(spec, &effects);
        cells.push(cell);
        tested.push(test.map(|test| (effects, test)));
    }
    for class in MetricClass::ALL {
        let members: Vec<usize> = (0..cells.len())
            .filter(|&index| cells[index].class == class && tested[index].is_some())
            .collect();
        decide(settings, &mut cells, &tested, &members);
    }
    cells
}

/// Looks again at the cells that are [`Verdict::Regressed`], by the blocks of
/// [`Round::Confirm`] among `fresh`. A cell stays red only if the same is found
/// in them, at alpha after Holm's correction over the red cells of its class;
/// else it becomes [`Verdict::Inconclusive`]. If they cannot tell (wrong
/// answers, too few pairs, or fewer than [`pairs_needed`] for so many cells) it
/// becomes [`Verdict::NotMeasured`]: what was red must not turn green because
/// nobody looked. Either way its note says so. Cells of metrics that are not
/// sampled are left as they are.
pub fn confirm(settings: &JudgeSettings, cells: &mut [GateCell], fresh: &[PairedBlock], arm: u32) {
    for class in MetricClass::ALL {
        let mut tests = Vec::new();
        for (index, cell) in cells.iter_mut().enumerate() {
            let Some(metric) = SampledMetric::named(&cell.metric) else {
                continue;
            };
            if cell.class != class || cell.verdict != Verdict::Regressed {
                continue;
            }
            let effects = PairedEffects::of(fresh, Round::Confirm, &cell.strategy, arm, metric);
            match testable(&effects) {
                Ok(test) => tests.push((index, effects.pairs.len(), test)),
                Err(why) => {
                    cell.verdict = Verdict::NotMeasured;
                    note(
                        cell,
                        &format!("Red at first; fresh blocks cannot tell: {why}"),
                    );
                }
            }
        }
        recur(settings, cells, &tests);
    }
}

type Tested = Option<(PairedEffects, SignFlip)>;

/// The cell as far as it does not depend on others, and its test.
fn begin(spec: &CellSpec, effects: &PairedEffects) -> (GateCell, Option<SignFlip>) {
    let mut cell = GateCell {
        strategy: spec.strategy.clone(),
        metric: spec.metric.name().to_owned(),
        class: spec.metric.class(),
        unit: spec.metric.unit().to_owned(),
        base: effects.base,
        candidate: effects.candidate,
        effect_percent: None,
        low_percent: None,
        high_percent: None,
        budget_percent: spec.budget_percent,
        p_worse: None,
        p_worse_holm: None,
        visible_percent: None,
        pairs: u32::try_from(effects.pairs.len()).unwrap_or(u32::MAX),
        verdict: Verdict::NotMeasured,
        binding: spec.binding,
        confirmation: None,
        note: spec.note.clone(),
    };
    if !(spec.budget_percent.is_finite() && spec.budget_percent >= 0.0) {
        note(
            &mut cell,
            "The budget is not a finite number of percent of at least 0.",
        );
        return (cell, None);
    }
    let test = match testable(effects) {
        Ok(test) => test,
        Err(why) => {
            note(&mut cell, &why);
            return (cell, None);
        }
    };
    if effects.without_control > 0 {
        let (count, all) = (effects.without_control, cell.pairs);
        note(
            &mut cell,
            &format!(
                "The control was not counted in {count} of {all} pairs, which are not adjusted by it."
            ),
        );
    }
    cell.effect_percent = percent(test.estimate());
    (cell.low_percent, cell.high_percent) = interval_percent(&test);
    (cell, Some(test))
}

/// The test over these effects, or why there is none, in a sentence.
fn testable(effects: &PairedEffects) -> Result<SignFlip, String> {
    let pairs = effects.pairs.len();
    if effects.failures > 0 {
        let (failures, dead) = (effects.failures, effects.accepted_dead);
        return Err(format!(
            "{failures} requests were not answered rightly, of which {dead} accepted what had ended; a program that errs is not judged by its speed."
        ));
    }
    let whole = (pairs >= MIN_PAIRS as usize)
        .then(|| SignFlip::new(&effects.pairs))
        .flatten();
    whole.ok_or_else(|| {
        let (incomplete, rejected) = (effects.incomplete, effects.rejected);
        let why = effects.first_rejection.as_deref();
        let why = why.map_or_else(String::new, |why| format!(" (the first: {why})"));
        format!(
            "{pairs} pairs are whole and at least {MIN_PAIRS} are needed; {incomplete} blocks lack a figure and {rejected} were rejected{why}."
        )
    })
}

/// Decides over the cells of one class.
fn decide(settings: &JudgeSettings, cells: &mut [GateCell], tested: &[Tested], members: &[usize]) {
    let alpha = settings.alpha;
    let tests = || {
        members
            .iter()
            .filter_map(|&index| Some((index, tested[index].as_ref()?)))
    };
    let worse: Vec<f64> = tests()
        .map(|(index, (_, test))| test.p_at_most(budget(&cells[index])))
        .collect();
    let better: Vec<f64> = tests()
        .map(|(index, (_, test))| test.p_at_least((-cells[index].budget_percent / 100.0).ln_1p()))
        .collect();
    let (holm_worse, holm_better) = (holm(&worse), holm(&better));
    let level = alpha / members.len() as f64;
    for (place, (index, (effects, test))) in tests().enumerate() {
        let cell = &mut cells[index];
        let budget = budget(cell);
        cell.p_worse = Some(worse[place]);
        cell.p_worse_holm = Some(holm_worse[place]);
        cell.visible_percent = visible_percent(test, &effects.pairs, budget, level, settings.power);
        cell.verdict = if reached(holm_worse[place], alpha) {
            Verdict::Regressed
        } else if reached(holm_better[place], alpha) {
            Verdict::Improved
        } else if reached(test.p_at_least(budget), alpha) {
            Verdict::Pass
        } else {
            Verdict::Inconclusive
        };
        if test.reachable(level).is_none() {
            let (needed, all) = (pairs_needed(alpha, members.len()), members.len());
            let text = format!(
                "No effect alone could have been called a regression: with {all} cells of its class {needed} pairs are needed."
            );
            note(cell, &text);
        }
    }
}

/// Decides which red cells of one class stay red.
fn recur(settings: &JudgeSettings, cells: &mut [GateCell], tests: &[(usize, usize, SignFlip)]) {
    let needed = pairs_needed(settings.alpha, tests.len());
    let p: Vec<f64> = tests
        .iter()
        .map(|(index, _, test)| test.p_at_most(budget(&cells[*index])))
        .collect();
    for ((index, pairs, test), p) in tests.iter().zip(holm(&p)) {
        let cell = &mut cells[*index];
        let recurred = reached(p, settings.alpha);
        let (low, high) = interval_percent(test);
        if let (Some(effect), Some(low), Some(high)) = (percent(test.estimate()), low, high) {
            cell.confirmation = Some(Confirmation {
                recurred,
                effect_percent: effect,
                low_percent: low,
                high_percent: high,
                p_worse_holm: p,
            });
        }
        if recurred {
            continue;
        }
        let count = tests.len();
        if u32::try_from(*pairs).is_ok_and(|pairs| pairs < needed) {
            cell.verdict = Verdict::NotMeasured;
            note(
                cell,
                &format!(
                    "Red at first; {pairs} fresh pairs cannot tell for {count} red cells at once, {needed} are needed: raise `confirm_blocks`."
                ),
            );
        } else {
            cell.verdict = Verdict::Inconclusive;
            note(
                cell,
                &format!("Red at first, but it did not recur in {pairs} fresh pairs."),
            );
        }
    }
}

/// The budget as an effect.
fn budget(cell: &GateCell) -> f64 {
    (cell.budget_percent / 100.0).ln_1p()
}

/// Whether a p is within a level; a hair more is rounding.
fn reached(p: f64, level: f64) -> bool {
    p <= level * (1.0 + 1e-12)
}

fn note(cell: &mut GateCell, sentence: &str) {
    match &mut cell.note {
        Some(note) => {
            note.push(' ');
            note.push_str(sentence);
        }
        None => cell.note = Some(sentence.to_owned()),
    }
}
