//! The file as it is written, and the bounds of what may stand in it.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::Path;

use authbench_conf::{ConfError, Located};
use authbench_results::MetricClass;
use serde::Deserialize;

use super::{Budgets, Exception, Rules};

const PERCENT: RangeInclusive<f64> = 0.0..=99.0;

/// A file of rules; everything may be left out.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    alpha: Option<Located<f64>>,
    power: Option<Located<f64>>,
    blocks: Option<Located<u32>>,
    confirm_blocks: Option<Located<u32>>,
    warmup_ms: Option<Located<u32>>,
    segment_ms: Option<Located<u32>>,
    palindromes: Option<Located<u32>>,
    connections: Option<Located<u32>>,
    users: Option<Located<u32>>,
    rate_per_s_max: Option<Located<u32>>,
    load_percent: Option<Located<u32>>,
    blind_percent: Option<Located<f64>>,
    required: Option<Located<Vec<Located<MetricClass>>>>,
    scenario: Option<Located<String>>,
    with_services: Option<bool>,
    #[serde(default)]
    budgets: WrittenBudgets,
    #[serde(default)]
    exceptions: Vec<WrittenException>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenBudgets {
    exact: Option<Located<f64>>,
    instructions: Option<Located<f64>>,
    cpu: Option<Located<f64>>,
    wall: Option<Located<f64>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenException {
    strategy: Located<String>,
    metric: Located<String>,
    percent: Located<f64>,
    reason: Located<String>,
}

impl Written {
    /// The rules, if every value is within its bounds; `file` is named in
    /// errors.
    pub(super) fn checked(self, file: &Path) -> Result<Rules, ConfError> {
        let check = Check { file };
        let default = Rules::default();
        let number = |given, default, name, bounds| check.within(given, default, name, &bounds);
        let count = |given, default, name, bounds| check.within(given, default, name, &bounds);
        let (alpha, blocks, confirm_blocks) = (self.alpha, self.blocks, self.confirm_blocks);
        let rules = Rules {
            alpha: number(self.alpha, default.alpha, "alpha", 0.001..=0.2)?,
            power: number(self.power, default.power, "power", 0.5..=0.99)?,
            blocks: count(self.blocks, default.blocks, "blocks", 6..=20)?,
            confirm_blocks: count(
                self.confirm_blocks,
                default.confirm_blocks,
                "confirm_blocks",
                6..=20,
            )?,
            warmup_ms: count(self.warmup_ms, default.warmup_ms, "warmup_ms", 0..=60_000)?,
            segment_ms: count(
                self.segment_ms,
                default.segment_ms,
                "segment_ms",
                5..=60_000,
            )?,
            palindromes: count(
                self.palindromes,
                default.palindromes,
                "palindromes",
                1..=100,
            )?,
            connections: count(
                self.connections,
                default.connections,
                "connections",
                1..=1024,
            )?,
            users: count(self.users, default.users, "users", 1..=1_000_000)?,
            rate_per_s_max: count(
                self.rate_per_s_max,
                default.rate_per_s_max,
                "rate_per_s_max",
                1..=1_000_000,
            )?,
            load_percent: count(
                self.load_percent,
                default.load_percent,
                "load_percent",
                1..=50,
            )?,
            blind_percent: number(
                self.blind_percent,
                default.blind_percent,
                "blind_percent",
                f64::MIN_POSITIVE..=100.0,
            )?,
            required: required(self.required, default.required, &check)?,
            scenario: scenario(self.scenario, default.scenario, &check)?,
            with_services: self.with_services.unwrap_or(default.with_services),
            budgets: self.budgets.checked(&check)?,
            exceptions: exceptions(self.exceptions, &check)?,
        };
        check.reachable(rules.alpha, "blocks", rules.blocks, blocks.or(moved(alpha)))?;
        let place = confirm_blocks.or(moved(alpha));
        check.reachable(rules.alpha, "confirm_blocks", rules.confirm_blocks, place)?;
        Ok(rules)
    }
}

impl WrittenBudgets {
    fn checked(self, check: &Check<'_>) -> Result<Budgets, ConfError> {
        let default = Budgets::default();
        let percent = |given, default, name| check.within(given, default, name, &PERCENT);
        Ok(Budgets {
            exact: percent(self.exact, default.exact, "exact")?,
            instructions: percent(self.instructions, default.instructions, "instructions")?,
            cpu: percent(self.cpu, default.cpu, "cpu")?,
            wall: percent(self.wall, default.wall, "wall")?,
        })
    }
}

fn required(
    given: Option<Located<Vec<Located<MetricClass>>>>,
    default: BTreeSet<MetricClass>,
    check: &Check<'_>,
) -> Result<BTreeSet<MetricClass>, ConfError> {
    let Some(given) = given else {
        return Ok(default);
    };
    let mut classes = BTreeSet::new();
    for class in &given.value {
        if !classes.insert(class.value) {
            let name = class.value.label();
            return Err(check.fault(class, format!("`{name}` is named twice")));
        }
    }
    if classes.is_empty() {
        let message = "name at least one class: a gate that requires none would pass without \
                       having measured anything";
        return Err(check.fault(&given, message));
    }
    Ok(classes)
}

fn scenario(
    given: Option<Located<String>>,
    default: String,
    check: &Check<'_>,
) -> Result<String, ConfError> {
    match given {
        Some(name) if name.value.trim().is_empty() => {
            Err(check.fault(&name, "name a scenario, or leave `scenario` out"))
        }
        Some(name) => Ok(name.value),
        None => Ok(default),
    }
}

fn exceptions(
    given: Vec<WrittenException>,
    check: &Check<'_>,
) -> Result<Vec<Exception>, ConfError> {
    let mut exceptions: Vec<Exception> = Vec::with_capacity(given.len());
    for one in given {
        check.pattern(&one.strategy, "strategy")?;
        check.pattern(&one.metric, "metric")?;
        if one.reason.value.trim().is_empty() {
            let message = "say why: a budget without a reason is a regression that nobody decided";
            return Err(check.fault(&one.reason, message));
        }
        let percent = check.within(Some(one.percent), 0.0, "percent", &PERCENT)?;
        let same =
            |it: &Exception| it.strategy == one.strategy.value && it.metric == one.metric.value;
        if exceptions.iter().any(same) {
            let message = format!(
                "a second exception for the metric `{}` of the strategy `{}`; leave one of them",
                one.metric.value, one.strategy.value
            );
            return Err(check.fault(&one.strategy, message));
        }
        exceptions.push(Exception {
            strategy: one.strategy.value,
            metric: one.metric.value,
            percent,
            reason: one.reason.value,
        });
    }
    Ok(exceptions)
}

/// The place of one value for another.
fn moved(at: Option<Located<f64>>) -> Option<Located<u32>> {
    at.map(|at| Located {
        value: 0,
        line: at.line,
        column: at.column,
    })
}

/// Checks values of one file.
struct Check<'f> {
    file: &'f Path,
}

impl Check<'_> {
    fn fault<T>(&self, at: &Located<T>, message: impl Into<String>) -> ConfError {
        ConfError::semantic(self.file, at, message)
    }

    /// The value that is given, or else the default; refused if it is outside
    /// `bounds`, as what is not a number always is.
    fn within<T: Copy + PartialOrd + Display>(
        &self,
        given: Option<Located<T>>,
        default: T,
        name: &str,
        bounds: &RangeInclusive<T>,
    ) -> Result<T, ConfError> {
        match given {
            None => Ok(default),
            Some(given) if bounds.contains(&given.value) => Ok(given.value),
            Some(given) => {
                let (low, high) = (bounds.start(), bounds.end());
                let message = format!("`{name}`: {given} is not from {low} to {high}");
                Err(self.fault(&given, message))
            }
        }
    }

    /// Refuses an alpha that is out of reach. Of `n` blocks the sign-flip test
    /// has 2^n outcomes, so its p is never less than 2^-n: with an alpha below
    /// that nothing would ever be red.
    fn reachable(
        &self,
        alpha: f64,
        name: &str,
        blocks: u32,
        at: Option<Located<u32>>,
    ) -> Result<(), ConfError> {
        let least = 0.5_f64.powi(blocks.cast_signed());
        if alpha >= least {
            return Ok(());
        }
        let message = format!(
            "`{name}`: {blocks} blocks cannot show anything at an `alpha` of {alpha}, only from \
             {least} on; give more blocks or a larger `alpha`"
        );
        Err(self.fault(&at.unwrap_or_default(), message))
    }

    /// Refuses a pattern that is empty or has a `*` before its end.
    fn pattern(&self, pattern: &Located<String>, what: &str) -> Result<(), ConfError> {
        let text = &pattern.value;
        let beginning = text.strip_suffix('*').unwrap_or(text);
        if text.is_empty() {
            return Err(self.fault(pattern, format!("name a {what}, or `*` for all")));
        }
        if beginning.contains('*') {
            let message = format!("`{text}`: a `*` may only stand at the end of a {what}");
            return Err(self.fault(pattern, message));
        }
        Ok(())
    }
}
