//! From blocks to paired effects, with the control's part taken out.
//!
//! Effects are natural logarithms: they add up, and base and candidate can be
//! exchanged by a change of sign. Of a block, `effect` is the mean logarithm of
//! the metric over the candidate's segments less that over the base's, and
//! `control` the same of the control's time per unit. As the segments lie in an
//! order and its mirror image, drift that is steady over the block cancels in
//! both. What remains of a disturbance in the control (another tenant, a lower
//! clock) very likely also lies in the metric, to an extent that depends on the
//! metric: of CPU time nearly all, of a response time, which contains waiting
//! and the driver's own work, less. Therefore the extent is estimated, for each
//! cell, instead of assumed, for wall times just as for CPU.

use authbench_results::stats::median;
use authbench_results::{MetricClass, PairedBlock, Round, Segment};

/// A metric that is sampled in blocks. More is worse.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum SampledMetric {
    /// CPU time of the server for one request.
    ServerCpu,
    /// Median response time.
    ResponseP50,
    /// 99th percentile of the response time.
    ResponseP99,
}

impl SampledMetric {
    /// All, in the order of reports.
    pub const ALL: [Self; 3] = [Self::ServerCpu, Self::ResponseP50, Self::ResponseP99];

    /// Its name in files, with the unit.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ServerCpu => "server_cpu_ns_per_request",
            Self::ResponseP50 => "response_ns_p50",
            Self::ResponseP99 => "response_ns_p99",
        }
    }

    /// The metric of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.name() == name)
    }

    /// Its class.
    #[must_use]
    pub const fn class(self) -> MetricClass {
        match self {
            Self::ServerCpu => MetricClass::Cpu,
            Self::ResponseP50 | Self::ResponseP99 => MetricClass::Wall,
        }
    }

    /// Its unit.
    #[must_use]
    pub const fn unit(self) -> &'static str {
        "ns"
    }

    /// Its figure in a segment; none without a request that was answered, or
    /// if it is 0, which has no logarithm.
    #[must_use]
    pub fn figure(self, segment: &Segment) -> Option<f64> {
        let answered = segment.completed > 0;
        let figure = match self {
            Self::ServerCpu => segment.server_cpu_ns_per_request(),
            Self::ResponseP50 => answered.then_some(segment.response_ns_p50 as f64),
            Self::ResponseP99 => answered.then_some(segment.response_ns_p99 as f64),
        };
        figure.filter(|it| *it > 0.0)
    }
}

/// What one block says.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Pair {
    /// The logarithm of candidate over base.
    pub effect: f64,
    /// The logarithm of what the control took beside the candidate over what
    /// it took beside the base; 0 if that is not known.
    pub control: f64,
}

impl Pair {
    /// With base and candidate exchanged.
    #[must_use]
    pub fn exchanged(&self) -> Self {
        Self {
            effect: -self.effect,
            control: -self.control,
        }
    }
}

/// What the blocks of one strategy say of one metric.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PairedEffects {
    /// Of each block that counts.
    pub pairs: Vec<Pair>,
    /// The base's figure: the median over the blocks of the median over
    /// their palindromes, in the metric's unit. None without a pair.
    pub base: Option<f64>,
    /// The candidate's.
    pub candidate: Option<f64>,
    /// Pairs among them that the control was not counted in. They are
    /// not adjusted: 0 remains 0 with the arms exchanged, so the test stays
    /// exact.
    pub without_control: u32,
    /// Blocks that were not rejected, but hold no figure for both arms.
    pub incomplete: u32,
    /// Blocks that were rejected.
    pub rejected: u32,
    /// Why the first of them was.
    pub first_rejection: Option<String>,
    /// Requests of these two arms that were not answered rightly, in the blocks
    /// that were not rejected.
    pub failures: u64,
    /// Those of the failures that were acceptances of what had ended.
    pub accepted_dead: u64,
}

impl PairedEffects {
    /// Of the candidate `arm` against the base, arm 0, over the blocks of
    /// `strategy` that were measured in `round`.
    #[must_use]
    pub fn of(
        blocks: &[PairedBlock],
        round: Round,
        strategy: &str,
        arm: u32,
        metric: SampledMetric,
    ) -> Self {
        let mut all = Self::default();
        let (mut base, mut candidate) = (Vec::new(), Vec::new());
        let ours = |block: &&PairedBlock| block.round == round && block.strategy == strategy;
        for block in blocks.iter().filter(ours) {
            if let Some(why) = &block.rejected {
                all.rejected += 1;
                all.first_rejection.get_or_insert_with(|| why.clone());
                continue;
            }
            for segment in &block.segments {
                if segment.arm == 0 || segment.arm == arm {
                    all.failures = all.failures.saturating_add(segment.failures);
                    all.accepted_dead = all.accepted_dead.saturating_add(segment.accepted_dead);
                }
            }
            let Some((theirs, effect)) = block_effect(block, arm, metric) else {
                all.incomplete += 1;
                continue;
            };
            let control = control_effect(block, arm);
            all.without_control += u32::from(control.is_none());
            all.pairs.push(Pair {
                effect,
                control: control.unwrap_or(0.0),
            });
            base.push(theirs.exp());
            candidate.push((theirs + effect).exp());
        }
        all.base = median(&base);
        all.candidate = median(&candidate);
        all
    }
}

/// What a block says: the base's logarithm and the candidate's distance from it.
/// Each palindrome gives one distance, and the block their median: what comes
/// over the machine in the middle of one palindrome does not decide over the
/// others. A median of numbers that all change their sign changes its own, so
/// the arms are as exchangeable as before. None if half of the palindromes or
/// more lack a figure.
fn block_effect(block: &PairedBlock, arm: u32, metric: SampledMetric) -> Option<(f64, f64)> {
    let (mut theirs, mut effects, mut lacking) = (Vec::new(), Vec::new(), 0);
    for palindrome in block.palindromes() {
        let mean = |arm| mean_log(palindrome, arm, |segment| metric.figure(segment));
        match mean(arm).zip(mean(0)) {
            Some((one, other)) => {
                theirs.push(other);
                effects.push(one - other);
            }
            None => lacking += 1,
        }
    }
    if lacking >= effects.len() {
        return None;
    }
    median(&theirs).zip(median(&effects))
}

/// What a unit of the control took beside the candidate against what it took
/// beside the base, as a logarithm: the mean over the palindromes in which it was
/// counted throughout, since in one there are too few units for a median. None if
/// it was not in half of them or more.
fn control_effect(block: &PairedBlock, arm: u32) -> Option<f64> {
    let (mut effects, mut lacking) = (Vec::new(), 0);
    for palindrome in block.palindromes() {
        let mean = |arm| mean_log(palindrome, arm, control);
        match mean(arm).zip(mean(0)) {
            Some((one, other)) => effects.push(one - other),
            None => lacking += 1,
        }
    }
    (lacking < effects.len()).then(|| effects.iter().sum::<f64>() / effects.len() as f64)
}

fn control(segment: &Segment) -> Option<f64> {
    segment.control_ns_per_unit().filter(|it| *it > 0.0)
}

/// The mean logarithm over the segments of an arm; none if one has no figure,
/// because without it the palindrome is no longer its own mirror image.
fn mean_log(
    palindrome: &[Segment],
    arm: u32,
    figure: impl Fn(&Segment) -> Option<f64>,
) -> Option<f64> {
    let ours = palindrome.iter().filter(|segment| segment.arm == arm);
    let logs: Vec<f64> = ours
        .map(|segment| figure(segment).map(f64::ln))
        .collect::<Option<_>>()?;
    (!logs.is_empty()).then(|| logs.iter().sum::<f64>() / logs.len() as f64)
}

/// How much of the control's change a metric shares, `b`, if the true effect
/// is `t`: the least-squares slope through the origin of `d - t` on `c`,
/// `sum((d - t) c) / sum(c c)`, held within 0 and 1. A disturbance neither
/// speeds the server up nor slows it down more than a control that does nothing
/// but compute.
///
/// A product does not change if both factors change their sign, so `b` is the
/// same whichever arms are exchanged. It is a straight line in `t` between the
/// two effects at which it reaches its bounds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Slope {
    /// If the true effect is 0, bounds aside.
    pub(crate) at_zero: f64,
    /// What is taken off for each unit of the true effect.
    pub(crate) per_effect: f64,
    /// The bound that holds it for small effects.
    pub(crate) first: f64,
    /// The bound that holds it for large effects.
    pub(crate) last: f64,
    /// The effect from which it moves.
    pub(crate) moves_from: f64,
    /// The effect up to which it moves.
    pub(crate) moves_to: f64,
}

impl Slope {
    pub(crate) fn of(pairs: &[Pair]) -> Self {
        let sum = |of: fn(&Pair) -> f64| pairs.iter().map(of).sum::<f64>();
        let squares = sum(|pair| pair.control * pair.control);
        let at_zero = sum(|pair| pair.effect * pair.control) / squares;
        let per_effect = sum(|pair| pair.control) / squares;
        if !at_zero.is_finite() || !per_effect.is_finite() {
            return Self::fixed(0.0);
        }
        let (one, none) = ((at_zero - 1.0) / per_effect, at_zero / per_effect);
        if !one.is_finite() || !none.is_finite() {
            return Self::fixed(at_zero.clamp(0.0, 1.0));
        }
        let (first, last, moves_from, moves_to) = if per_effect > 0.0 {
            (1.0, 0.0, one, none)
        } else {
            (0.0, 1.0, none, one)
        };
        Self {
            at_zero,
            per_effect,
            first,
            last,
            moves_from,
            moves_to,
        }
    }

    /// If the true effect is this.
    pub(crate) fn at(&self, effect: f64) -> f64 {
        (self.at_zero - self.per_effect * effect).clamp(0.0, 1.0)
    }

    /// The same for every effect: without a control, or with one whose changes
    /// cancel exactly.
    const fn fixed(slope: f64) -> Self {
        Self {
            at_zero: slope,
            per_effect: 0.0,
            first: slope,
            last: slope,
            moves_from: f64::INFINITY,
            moves_to: f64::INFINITY,
        }
    }
}
