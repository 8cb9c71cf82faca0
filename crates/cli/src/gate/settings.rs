//! What commands that compare have in common on the command line.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use authbench_gate::Rules;
use authbench_results::MetricClass;

/// The rules where the command names none.
const USUAL: &str = "gate.toml";

/// How to compare.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Settings {
    /// The rules: budgets, blocks, what is required; gate.toml if it is here,
    /// or else the built-in ones.
    #[arg(long, value_name = "FILE")]
    rules: Option<PathBuf>,
    /// The scenario that gives strategies and mix, instead of the rules'.
    #[arg(long, value_name = "SCENARIO")]
    pub(crate) scenario: Option<String>,
    /// Compare only this strategy (a name or a recipe file) instead of the
    /// scenario's; may be given several times.
    #[arg(long = "strategy", value_name = "NAME")]
    pub(crate) strategies: Vec<String>,
    /// Only these classes of metrics, separated by commas; all if absent.
    #[arg(long, value_enum, value_delimiter = ',', value_name = "CLASS,..")]
    classes: Vec<Class>,
    /// Derive everything random from this; from the clock if absent.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// The folder with runs, baselines and qualifications.
    #[arg(long, default_value = "results", value_name = "DIR")]
    pub(crate) results: PathBuf,
    /// Show no progress.
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

/// A class of metrics.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
enum Class {
    /// What is counted: octets, allocations, store operations.
    Exact,
    /// Instructions under valgrind.
    Instructions,
    /// CPU time of the server per request.
    Cpu,
    /// Response times.
    Wall,
}

impl Settings {
    /// The rules, with what the command line says otherwise.
    ///
    /// # Errors
    /// When a file was named that is not there, or one is wrong.
    pub(crate) fn rules(&self) -> Result<Rules> {
        let mut rules = match &self.rules {
            Some(file) => Rules::read(file)?,
            None if Path::new(USUAL).is_file() => Rules::read(Path::new(USUAL))?,
            None => Rules::default(),
        };
        if let Some(scenario) = &self.scenario {
            rules.scenario.clone_from(scenario);
        }
        if !self.classes.is_empty() {
            rules.required.retain(|class| self.wants(*class));
            if rules.required.is_empty() {
                // What alone was asked for is what must be measured.
                let named = MetricClass::ALL.into_iter();
                rules.required = named.filter(|class| self.wants(*class)).collect();
            }
        }
        Ok(rules)
    }

    /// Whether metrics of this class are asked for.
    pub(crate) fn wants(&self, class: MetricClass) -> bool {
        let same = |wanted: &Class| {
            matches!(
                (wanted, class),
                (Class::Exact, MetricClass::Exact)
                    | (Class::Instructions, MetricClass::Instructions)
                    | (Class::Cpu, MetricClass::Cpu)
                    | (Class::Wall, MetricClass::Wall)
            )
        };
        self.classes.is_empty() || self.classes.iter().any(same)
    }

    /// Whether servers are to be measured at all.
    pub(crate) fn wants_servers(&self) -> bool {
        self.wants(MetricClass::Cpu) || self.wants(MetricClass::Wall)
    }

    /// Whether benches are to be run.
    pub(crate) fn wants_counts(&self) -> bool {
        self.wants(MetricClass::Exact) || self.wants(MetricClass::Instructions)
    }

    /// What everything random follows from.
    ///
    /// # Errors
    /// When the system has no entropy.
    pub(crate) fn seed(&self) -> Result<u64> {
        if let Some(seed) = self.seed {
            return Ok(seed);
        }
        use authbench_core::Entropy as _;
        let mut octets = [0; 8];
        authbench_core::system::OsEntropy
            .fill(&mut octets)
            .context("no seed could be drawn")?;
        // Short enough that JSON readers of other languages keep it.
        Ok(u64::from_le_bytes(octets) >> 12)
    }
}
