//! From what was measured to a judgement: the cells that are looked at, what
//! binds, and the document.

use authbench_core::Clock as _;
use authbench_core::system::{SystemClock, monotonic_ns};
use authbench_gate::{CellSpec, JudgeSettings, Rules, SampledMetric, whole};
use authbench_results::{
    ClassReport, Environment, GateCell, GatePurpose, GateReport, GateRun, GateVersion, Health,
    Interleaving, MetricClass, PairedBlock, Scenario, Side, Standing, Verdict, rfc3339,
};

use crate::exit::Outcome;

/// When a command began.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Begun {
    at_ms: u64,
    at_ns: u64,
}

impl Begun {
    /// Now.
    pub(crate) fn now() -> Self {
        Self {
            at_ms: SystemClock.now().0,
            at_ns: monotonic_ns(),
        }
    }

    /// An id that no other run has.
    pub(crate) fn id(self) -> String {
        format!("{:x}-{:x}", self.at_ms, std::process::id())
    }

    /// When that was (RFC 3339).
    pub(crate) fn started_at(self) -> String {
        rfc3339(self.at_ms)
    }

    /// Now, by a clock that nobody steps (RFC 3339).
    pub(crate) fn ended_at(self) -> String {
        rfc3339(self.at_ms + self.elapsed_ms())
    }

    /// Milliseconds since.
    pub(crate) fn elapsed_ms(self) -> u64 {
        (monotonic_ns() - self.at_ns) / 1_000_000
    }
}

/// What a document is made of.
pub(crate) struct Parts<'p> {
    pub(crate) begun: Begun,
    pub(crate) purpose: GatePurpose,
    pub(crate) seed: u64,
    pub(crate) interrupted: bool,
    pub(crate) rules: &'p Rules,
    pub(crate) standing: Standing,
    pub(crate) base: Side,
    pub(crate) candidate: Side,
    /// What it was measured on; none for files.
    pub(crate) ground: Option<Measured>,
    pub(crate) classes: Vec<ClassReport>,
    pub(crate) cells: Vec<GateCell>,
    pub(crate) blocks: Vec<PairedBlock>,
    pub(crate) warnings: Vec<String>,
}

/// Under what a comparison was measured.
pub(crate) struct Measured {
    pub(crate) environment: Environment,
    pub(crate) health: Health,
    pub(crate) scenario: Scenario,
    pub(crate) interleaving: Interleaving,
}

impl Parts<'_> {
    /// The document, with the verdict on the whole.
    pub(crate) fn report(self) -> GateReport {
        let (verdict, reason) = whole(self.rules, &self.classes, &self.cells);
        let (verdict, reason) = if self.interrupted && verdict != Verdict::Regressed {
            let why = "it was stopped before its end: run it again".to_owned();
            (Verdict::NotMeasured, Some(why))
        } else {
            (verdict, reason)
        };
        self.with(verdict, reason)
    }

    /// The document of what could not be judged.
    pub(crate) fn without_verdict(self, reason: String) -> GateReport {
        self.with(Verdict::NotMeasured, Some(reason))
    }

    fn with(self, verdict: Verdict, reason: Option<String>) -> GateReport {
        let (environment, health, scenario, interleaving) = match self.ground {
            None => (None, None, None, None),
            Some(it) => (
                Some(it.environment),
                Some(it.health),
                Some(it.scenario),
                Some(it.interleaving),
            ),
        };
        GateReport {
            schema: GateVersion::V1,
            run: GateRun {
                id: self.begun.id(),
                started_at: self.begun.started_at(),
                ended_at: self.begun.ended_at(),
                purpose: self.purpose,
                arguments: std::env::args().skip(1).collect(),
                seed: self.seed,
                tool_version: env!("CARGO_PKG_VERSION").to_owned(),
                interrupted: self.interrupted,
                invalid: None,
            },
            base: self.base,
            candidate: self.candidate,
            environment,
            health,
            scenario,
            interleaving,
            rules: self.rules.resolved(),
            qualification: self.standing,
            classes: self.classes,
            cells: self.cells,
            blocks: self.blocks,
            verdict,
            reason,
            warnings: self.warnings,
        }
    }
}

/// How sure the rules want one to be.
pub(crate) const fn sure(rules: &Rules) -> JudgeSettings {
    JudgeSettings {
        alpha: rules.alpha,
        power: rules.power,
    }
}

/// What of the live metrics is judged, and how: CPU binds unless it raised
/// false alarms on this machine, wall times bind only where they were tried
/// and raised none.
pub(crate) fn specs(rules: &Rules, standing: &Standing, strategies: &[String]) -> Vec<CellSpec> {
    let of = |strategy: &String| {
        SampledMetric::ALL.map(|metric| {
            let (name, class) = (metric.name(), metric.class());
            let budget = rules.budget(strategy, name, class);
            let (binding, why) = binding(standing, strategy, name, class);
            let exception = budget
                .reason
                .map(|reason| format!("its budget is an exception: {reason}"));
            let notes: Vec<String> = why.into_iter().chain(exception).collect();
            CellSpec {
                strategy: strategy.clone(),
                metric,
                budget_percent: budget.percent,
                binding,
                note: (!notes.is_empty()).then(|| notes.join("; ")),
            }
        })
    };
    strategies.iter().flat_map(of).collect()
}

fn binding(
    standing: &Standing,
    strategy: &str,
    metric: &str,
    class: MetricClass,
) -> (bool, Option<String>) {
    let failed = standing.has_failed(strategy, metric);
    match class {
        MetricClass::Exact | MetricClass::Instructions => (true, None),
        MetricClass::Cpu if failed => (
            false,
            Some("advice only: it did not qualify on this machine".to_owned()),
        ),
        MetricClass::Cpu => (true, None),
        MetricClass::Wall if standing.is_qualified(strategy, metric) => (true, None),
        MetricClass::Wall => (
            false,
            Some("advice only: wall times have not qualified on this machine".to_owned()),
        ),
    }
}

/// A class that was measured; it binds if one of its cells does.
pub(crate) fn measured(class: MetricClass, cells: &[GateCell]) -> ClassReport {
    let mut of_class = cells.iter().filter(|cell| cell.class == class);
    let binding = of_class.any(|cell| cell.binding);
    ClassReport {
        class,
        measured: true,
        binding,
        reason: (!binding).then(|| match class {
            MetricClass::Wall => {
                "wall times have not qualified on this machine (`authbench gate --aa`)".to_owned()
            }
            _ => "none of its cells binds here".to_owned(),
        }),
    }
}

/// A class that was not.
pub(crate) const fn left_out(class: MetricClass, reason: String) -> ClassReport {
    ClassReport {
        class,
        measured: false,
        binding: false,
        reason: Some(reason),
    }
}

/// What a verdict means for the exit code of a gate.
pub(crate) const fn outcome(verdict: Verdict) -> Outcome {
    match verdict {
        Verdict::Pass | Verdict::Improved | Verdict::Inconclusive => Outcome::Good,
        Verdict::Regressed => Outcome::Bad,
        Verdict::NotMeasured => Outcome::NotMeasured,
    }
}
