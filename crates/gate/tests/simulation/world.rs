//! A machine that is not quiet: segments of interleaved blocks, simulated.

use authbench_gate::{CellSpec, SampledMetric};
use authbench_results::{LaunchedArm, PairedBlock, Round, Segment};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Exp1, StandardNormal};

/// How the noise of a measurement is distributed, with standard deviation 1.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shape {
    Normal,
    /// Logarithms that are exponentially distributed: a long tail to the slow side.
    Exponential,
    /// Logarithms that are themselves log-normal: a longer one.
    LogNormal,
}

/// How the machine's speed changes from segment to segment, over the whole run.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Drift {
    None,
    /// By this much in each segment.
    Linear(f64),
    /// By a normal step of this standard deviation.
    Walk(f64),
}

/// What the control sees of it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Control {
    /// The drift.
    Shares,
    /// Nothing.
    Quiet,
    /// Another drift of the same kind, which misleads.
    Own,
    /// It was not counted.
    Missing,
}

/// Where the measurements come from. All figures are logarithms.
#[derive(Clone, Copy, Debug)]
pub(crate) struct World {
    pub(crate) shape: Shape,
    /// Of a measurement.
    pub(crate) noise: f64,
    /// Of a process: what its launch adds to both of its measurements.
    pub(crate) launch: f64,
    pub(crate) drift: Drift,
    pub(crate) control: Control,
    /// Of a measurement of the control.
    pub(crate) control_noise: f64,
}

impl World {
    pub(crate) const CALM: Self = Self {
        shape: Shape::Normal,
        noise: 0.02,
        launch: 0.01,
        drift: Drift::None,
        control: Control::Quiet,
        control_noise: 0.005,
    };
}

/// One run on such a machine.
pub(crate) struct Machine {
    world: World,
    random: ChaCha8Rng,
    drift: f64,
    control_drift: f64,
    index: u32,
}

impl Machine {
    pub(crate) fn new(world: World, seed: u64) -> Self {
        Self {
            world,
            random: ChaCha8Rng::seed_from_u64(seed),
            drift: 0.0,
            control_drift: 0.0,
            index: 0,
        }
    }

    /// Blocks of a candidate that is slower by `effect_percent`.
    pub(crate) fn blocks(
        &mut self,
        strategy: &str,
        round: Round,
        count: u32,
        effect_percent: f64,
    ) -> Vec<PairedBlock> {
        let effect = (effect_percent / 100.0).ln_1p();
        (0..count)
            .map(|_| self.block(strategy, round, effect))
            .collect()
    }

    fn block(&mut self, strategy: &str, round: Round, effect: f64) -> PairedBlock {
        let order = if self.random.random() {
            [0, 1, 1, 0]
        } else {
            [1, 0, 0, 1]
        };
        let launch = [self.noise(self.world.launch), self.noise(self.world.launch)];
        let segments = order
            .into_iter()
            .map(|arm| self.segment(arm, launch[arm as usize] + effect * f64::from(arm)))
            .collect();
        self.index += 1;
        PairedBlock {
            strategy: strategy.to_owned(),
            round,
            index: self.index,
            arms: vec![LaunchedArm { padding_bytes: 0 }; 2],
            segments,
            rejected: None,
        }
    }

    fn segment(&mut self, arm: u32, log: f64) -> Segment {
        self.drift += self.step();
        self.control_drift += self.step();
        let log = log + self.drift + self.noise(self.world.noise);
        let seen = match self.world.control {
            Control::Shares => self.drift,
            Control::Own => self.control_drift,
            Control::Quiet | Control::Missing => 0.0,
        };
        let normal: f64 = StandardNormal.sample(&mut self.random);
        let control = seen + normal * self.world.control_noise;
        let (completed, units) = (10_000, 1_000);
        let counted = !matches!(self.world.control, Control::Missing);
        let response_ns = 300_000.0 * log.exp();
        Segment {
            arm,
            completed,
            failures: 0,
            accepted_dead: 0,
            server_cpu_ns: (completed as f64 * 20_000.0 * log.exp()) as u64,
            control_cpu_ns: (units as f64 * 100_000.0 * control.exp()) as u64,
            control_units: if counted { units } else { 0 },
            response_ns_p50: response_ns as u64,
            response_ns_p99: (response_ns * 5.0) as u64,
            lag_ns_p99: 20_000,
        }
    }

    fn step(&mut self) -> f64 {
        match self.world.drift {
            Drift::None => 0.0,
            Drift::Linear(step) => step,
            Drift::Walk(deviation) => {
                let normal: f64 = StandardNormal.sample(&mut self.random);
                normal * deviation
            }
        }
    }

    fn noise(&mut self, deviation: f64) -> f64 {
        let unit: f64 = match self.world.shape {
            Shape::Normal => StandardNormal.sample(&mut self.random),
            Shape::Exponential => {
                let sample: f64 = Exp1.sample(&mut self.random);
                sample - 1.0
            }
            Shape::LogNormal => {
                let normal: f64 = StandardNormal.sample(&mut self.random);
                // Of exp(z) mean and deviation are 1.649 and 2.161.
                (normal.exp() - 1.649) / 2.161
            }
        };
        unit * deviation
    }
}

/// CPU time of a strategy, binding.
pub(crate) fn cpu(strategy: &str, budget_percent: f64) -> CellSpec {
    CellSpec {
        strategy: strategy.to_owned(),
        metric: SampledMetric::ServerCpu,
        budget_percent,
        binding: true,
        note: None,
    }
}
