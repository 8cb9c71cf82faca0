//! The file that describes a run: which strategies, how many users, what they
//! do and how often, on what, and what goes wrong meanwhile.

mod check;
mod default;
mod fault;
mod knee;
mod load;
mod mix;
mod once;
mod phase;
mod population;
mod topology;

use std::path::{Path, PathBuf};

use authbench_conf::{ConfError, Located};
use serde::{Deserialize, Serialize};

use check::Check;

use crate::point::{Arrivals, LoadPoint, Warmup};
use crate::schedule::{Recording, Shape};
use crate::seed::{self, Purpose};

pub use fault::{Fault, FaultKind};
pub use knee::KneeSearch;
pub use load::{Load, Process};
pub use mix::Mix;
pub use once::{LoginTiming, Memory, Revocation};
pub use phase::{Before, Bursts, Phase, Ramp};
pub use population::{Popularity, Population};
pub use topology::{Routing, Topology};

/// A load scenario. Every field is bounded; [`Scenario::parse`] says which
/// bound a file breaks, where, and what to do about it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// What the scenario shows, in one sentence.
    pub summary: Located<String>,
    /// From which everything random is derived.
    pub seed: u64,
    /// The strategies to measure; names are resolved by the caller.
    pub strategies: Located<Vec<Located<String>>>,
    /// Who takes part.
    pub population: Population,
    /// What the users do.
    pub mix: Mix,
    /// How often they do it.
    pub load: Load,
    /// Stretches of different load one after the other, in place of
    /// `[load] rates_per_s`; each name once.
    #[serde(default)]
    pub phases: Vec<Phase>,
    /// The highest rate is sought, and measured at parts of it, in place of
    /// `[load] rates_per_s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub knee: Option<KneeSearch>,
    /// What is put under load.
    #[serde(default)]
    pub topology: Topology,
    /// What goes wrong meanwhile.
    #[serde(default)]
    pub faults: Vec<Fault>,
    /// Logins that are timed one by one; none if absent.
    #[serde(default)]
    pub login: LoginTiming,
    /// Logins that are held to see what they occupy; none if absent.
    #[serde(default)]
    pub memory: Memory,
    /// Logins that are ended to see how long they live on; none if absent.
    #[serde(default)]
    pub revocation: Revocation,
    /// The folder of the file, from which other files are named.
    #[serde(skip)]
    pub folder: PathBuf,
}

impl Scenario {
    /// Reads a scenario from a file.
    ///
    /// # Errors
    /// [`ConfError`] with file, line and column.
    pub fn read(path: &Path) -> Result<Self, ConfError> {
        authbench_conf::read::<Self>(path)?.validated(path)
    }

    /// Reads a scenario from text; `file` is named in errors.
    ///
    /// # Errors
    /// [`ConfError`] with file, line and column.
    pub fn parse(file: &Path, text: &str) -> Result<Self, ConfError> {
        authbench_conf::parse::<Self>(file, text)?.validated(file)
    }

    /// The load points: one for each rate, ascending; or one for each phase in
    /// order; or the one of a closed loop or a recording. With `[knee]` there
    /// are none yet: [`Scenario::point_at`] makes them.
    ///
    /// # Errors
    /// [`ConfError`] when a recording cannot be read.
    pub fn points(&self) -> Result<Vec<LoadPoint>, ConfError> {
        let arrivals = match (&self.phases[..], &self.knee) {
            ([], Some(_)) => Vec::new(),
            ([], None) => self.arrivals_without_phases()?,
            (phases, _) => {
                let arrivals = phases.iter().map(|phase| match phase.shape() {
                    Some(shape) => Ok(self.open(shape)),
                    None => self.unscheduled(),
                });
                arrivals.collect::<Result<_, _>>()?
            }
        };
        let points = arrivals.into_iter().zip(0_u64..);
        Ok(points
            .map(|(arrivals, index)| {
                let point = self.point(arrivals, index);
                match self.phases.get(index as usize) {
                    Some(phase) => phase_point(phase, point),
                    None => point,
                }
            })
            .collect())
    }

    /// A load point of a steady open loop at this rate, the `index`-th of its
    /// kind: for the search of the knee, and parts of it.
    #[must_use]
    pub fn point_at(&self, rate_per_s: f64, index: u64) -> LoadPoint {
        self.point(self.open(Shape::Steady { rate_per_s }), index)
    }

    fn arrivals_without_phases(&self) -> Result<Vec<Arrivals>, ConfError> {
        if self.load.process.spacing().is_none() {
            return Ok(vec![self.unscheduled()?]);
        }
        let rates = self.load.rates_per_s.value.iter();
        Ok(rates
            .map(|rate| {
                self.open(Shape::Steady {
                    rate_per_s: f64::from(rate.value),
                })
            })
            .collect())
    }

    /// A schedule of this shape. A closed loop has none: then the knee search
    /// spaces its arrivals as independent users would.
    fn open(&self, shape: Shape) -> Arrivals {
        let spacing = self.load.process.spacing().unwrap_or_default();
        Arrivals::Open { spacing, shape }
    }

    fn unscheduled(&self) -> Result<Arrivals, ConfError> {
        match &self.load.arrivals {
            Some(file) => {
                let path = self.folder.join(&file.value);
                Ok(Arrivals::Replay(Recording::read(&path)?))
            }
            None => Ok(Arrivals::Closed {
                think_ms: self.load.think_ms.value,
            }),
        }
    }

    fn point(&self, arrivals: Arrivals, index: u64) -> LoadPoint {
        let load = &self.load;
        LoadPoint {
            phase: None,
            arrivals,
            connections: load.connections.value,
            warmup: Warmup {
                at_least_ms: load.warmup_ms.value,
                until_steady_percent: load
                    .warmup_until_steady_percent
                    .as_ref()
                    .map(|percent| percent.value),
                at_most_ms: load.warmup_ms_max.value.max(load.warmup_ms.value),
            },
            measure_ms: load.measure_ms.value,
            blocks: load.blocks.value,
            timeout_ms: load.timeout_ms.value,
            mix: self.mix.clone(),
            zipf: self.population.zipf(),
            routing: self.topology.routing,
            seed: seed::derive(seed::for_purpose(self.seed, Purpose::Points), index),
        }
    }

    fn validated(mut self, file: &Path) -> Result<Self, ConfError> {
        self.folder = file.parent().map(Path::to_path_buf).unwrap_or_default();
        let check = Check { file };
        if self.summary.value.trim().is_empty() {
            return Err(check.fault(&self.summary, "say in one sentence what the scenario shows"));
        }
        self.strategies(&check)?;
        self.population.validate(&check)?;
        self.mix.validate(&check)?;
        self.topology.validate(&check)?;
        let elsewhere = match (&self.phases[..], &self.knee) {
            ([], None) => None,
            ([], Some(_)) => Some("[knee]"),
            (_, None) => Some("[[phases]]"),
            (_, Some(knee)) => {
                return Err(check.fault(
                    &knee.slo_ms_p99,
                    "[knee] and [[phases]] cannot stand together: both say the rates",
                ));
            }
        };
        let users = self.population.virtual_users();
        self.load.validate(users, elsewhere, &check)?;
        self.all_phases(&check)?;
        if let Some(knee) = &self.knee {
            knee.validate(&check)?;
        }
        let (measure_ms, replicas) = (self.load.measure_ms.value, self.topology.replicas.value);
        for fault in &self.faults {
            fault.validate(measure_ms, &self.phases, replicas, &check)?;
        }
        self.login.validate(&check)?;
        self.memory.validate(&check)?;
        self.revocation.validate(&check)?;
        Ok(self)
    }

    fn all_phases(&self, check: &Check<'_>) -> Result<(), ConfError> {
        let has_schedule = self.load.process.spacing().is_some();
        for (index, phase) in self.phases.iter().enumerate() {
            phase.validate(self.load.measure_ms.value, has_schedule, check)?;
            let name = &phase.name;
            if self.phases[..index].iter().any(|other| other.name == *name) {
                return Err(check.fault(name, format!("two phases are called `{name}`")));
            }
            if let Some(hops) = &phase.hops
                && hops.value > self.topology.hops.value
            {
                return Err(check.fault(
                    hops,
                    format!(
                        "{hops} hops, but the chain has {}: raise [topology] hops",
                        self.topology.hops
                    ),
                ));
            }
        }
        Ok(())
    }

    fn strategies(&self, check: &Check<'_>) -> Result<(), ConfError> {
        let strategies = &self.strategies;
        if strategies.value.is_empty() {
            return Err(check.fault(strategies, "name at least one strategy to measure"));
        }
        for (index, name) in strategies.value.iter().enumerate() {
            if strategies.value[..index].contains(name) {
                return Err(check.fault(name, format!("`{name}` is named twice")));
            }
        }
        Ok(())
    }
}

fn phase_point(phase: &Phase, point: LoadPoint) -> LoadPoint {
    let warmup_ms = phase.warmup_ms.as_ref().map(|ms| ms.value);
    LoadPoint {
        phase: Some(phase.name.value.clone()),
        warmup: Warmup {
            at_least_ms: warmup_ms.unwrap_or(point.warmup.at_least_ms),
            at_most_ms: point.warmup.at_most_ms.max(warmup_ms.unwrap_or(0)),
            ..point.warmup
        },
        measure_ms: phase
            .measure_ms
            .as_ref()
            .map_or(point.measure_ms, |ms| ms.value),
        mix: phase.mix.clone().unwrap_or(point.mix),
        routing: phase.routing.unwrap_or(point.routing),
        ..point
    }
}

#[cfg(test)]
mod tests;
