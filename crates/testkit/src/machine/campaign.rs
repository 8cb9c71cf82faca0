//! Many histories, one verdict per law.

use std::collections::BTreeMap;
use std::env;

use authbench_core::{Digest, Guarantees};
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use tokio::runtime::{Builder, Runtime};

use super::backing::{Backing, BoxError};
use super::law::Law;
use super::op::Op;
use super::outcome::{Counterexample, Outcome, Tally, Verdict};
use super::plan::ops;
use super::world::{self, Played, Violation};

/// How many histories to try, and from which seed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Campaign {
    /// The seed of the first history; each later one adds one.
    pub seed: u64,
    /// How many histories.
    pub cases: u32,
    /// Steps of a history, at most; half as many on average.
    pub steps_max: usize,
}

/// The campaign could not be carried out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CampaignError {
    /// A backing or a node could not be made.
    #[error("the history of seed {seed} could not be played")]
    Setup {
        /// The seed of the history.
        seed: u64,
        /// What went wrong.
        #[source]
        source: BoxError,
    },
    /// No runtime.
    #[error("no runtime for the histories")]
    Runtime(#[source] std::io::Error),
    /// An environment variable is not a number.
    #[error("{variable} is not a number")]
    Setting {
        /// Which variable.
        variable: &'static str,
        /// Why it is not.
        #[source]
        source: BoxError,
    },
    /// Nothing was tried.
    #[error("a campaign of no histories says nothing")]
    Empty,
}

impl Campaign {
    /// A campaign of `cases` histories of 40 steps on average, the first from
    /// `seed`. `AUTHBENCH_CASES` and `AUTHBENCH_SEED` overrule.
    ///
    /// # Errors
    /// [`CampaignError::Setting`] when one of them is not a number.
    pub fn from_env(cases: u32, seed: u64) -> Result<Self, CampaignError> {
        let number = |variable| match env::var(variable) {
            Err(env::VarError::NotPresent) => Ok(None),
            Err(source) => Err(CampaignError::Setting {
                variable,
                source: source.into(),
            }),
            Ok(text) => text
                .parse::<u64>()
                .map(Some)
                .map_err(|source| CampaignError::Setting {
                    variable,
                    source: source.into(),
                }),
        };
        let asked = number("AUTHBENCH_CASES")?;
        Ok(Self {
            seed: number("AUTHBENCH_SEED")?.unwrap_or(seed),
            cases: asked.map_or(cases, |asked| u32::try_from(asked).unwrap_or(u32::MAX)),
            steps_max: 80,
        })
    }

    /// Plays the histories, each over a backing of its own that `open` makes
    /// from the history's seed. Not to be called from within a runtime.
    ///
    /// # Errors
    /// [`CampaignError`] when a history could not be played; a broken law is
    /// no error but a verdict.
    pub fn run<B, F>(&self, open: impl Fn(u64) -> F) -> Result<Outcome, CampaignError>
    where
        B: Backing,
        F: Future<Output = Result<B, BoxError>>,
    {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(CampaignError::Runtime)?;
        if self.cases == 0 {
            return Err(CampaignError::Empty);
        }
        // What is worth trying follows from what is promised.
        let promises = runtime
            .block_on(async { Ok(open(self.seed).await?.node().await?.guarantees()) })
            .map_err(|source| CampaignError::Setup {
                seed: self.seed,
                source,
            })?;
        let mut found = Found::new(promises);
        for case in 0..self.cases {
            let seed = self.seed.wrapping_add(case.into());
            self.history(&runtime, seed, &open, &mut found)?;
        }
        Ok(found.outcome(self.cases))
    }

    /// Plays the history of `seed`; when it breaks a law that none before it
    /// broke, shrinks it for as long as it breaks the same law.
    fn history<B, F>(
        &self,
        runtime: &Runtime,
        seed: u64,
        open: &impl Fn(u64) -> F,
        found: &mut Found,
    ) -> Result<(), CampaignError>
    where
        B: Backing,
        F: Future<Output = Result<B, BoxError>>,
    {
        let play = |steps: &[Op]| {
            runtime
                .block_on(async { world::play(&open(seed).await?, steps).await })
                .map_err(|source| CampaignError::Setup { seed, source })
        };
        let mut runner = runner(seed);
        let tree = ops(0..=self.steps_max, &found.promises)
            .new_tree(&mut runner)
            .map_err(|reason| CampaignError::Setup {
                seed,
                source: reason.message().into(),
            })?;
        let steps = tree.current();
        let played = play(&steps)?;
        found.add(&played, steps.len());
        let Some(violation) = played
            .broken
            .filter(|broken| !found.broken.contains_key(&broken.law))
        else {
            return Ok(());
        };
        let law = violation.law;
        let breaks = |steps: &[Op]| match play(steps).map(|played| played.broken) {
            Ok(Some(violation)) if violation.law == law => Some(violation),
            _ => None,
        };
        let shrunk = runner.run_one(tree, |steps| match breaks(&steps) {
            Some(_) => Err(TestCaseError::fail("still broken")),
            None => Ok(()),
        });
        let steps = match shrunk {
            Err(TestError::Fail(_, steps)) => steps,
            _ => steps,
        };
        let violation = shortest(steps, violation, breaks);
        found.broken.insert(law, counterexample(seed, violation));
        Ok(())
    }
}

/// Leaves out steps until none can be left out; the shrinking of a `Vec` tries
/// each only once, and one that was needed then may not be needed now.
fn shortest(
    mut steps: Vec<Op>,
    mut violation: Violation,
    breaks: impl Fn(&[Op]) -> Option<Violation>,
) -> Violation {
    if let Some(found) = breaks(&steps) {
        violation = found;
    }
    let mut place = 0;
    while place < steps.len() {
        let mut fewer = steps.clone();
        fewer.remove(place);
        match breaks(&fewer) {
            Some(found) => (steps, violation, place) = (fewer, found, 0),
            None => place += 1,
        }
    }
    violation
}

fn counterexample(seed: u64, violation: Violation) -> Counterexample {
    let Violation {
        law,
        detail,
        history,
    } = violation;
    Counterexample {
        law,
        seed,
        detail,
        history,
    }
}

fn runner(seed: u64) -> TestRunner {
    let spread = Digest::of(&seed.to_string());
    TestRunner::new_with_rng(
        Config {
            failure_persistence: None,
            max_shrink_iters: 4_096,
            ..Config::default()
        },
        TestRng::from_seed(RngAlgorithm::XorShift, &spread.0[..16]),
    )
}

struct Found {
    promises: Guarantees,
    steps: u64,
    tallies: BTreeMap<Law, Tally>,
    broken: BTreeMap<Law, Counterexample>,
    keys_changed: bool,
}

impl Found {
    const fn new(promises: Guarantees) -> Self {
        Self {
            promises,
            steps: 0,
            tallies: BTreeMap::new(),
            broken: BTreeMap::new(),
            keys_changed: false,
        }
    }

    fn add(&mut self, played: &Played, steps: usize) {
        self.promises = played.promises;
        self.steps += steps as u64;
        self.keys_changed |= played.keys_changed;
        for (law, tally) in &played.tallies {
            self.tallies.entry(*law).or_default().add(*tally);
        }
    }

    fn outcome(mut self, histories: u32) -> Outcome {
        let promises = self.promises;
        let verdicts = Law::ALL.into_iter().map(|law| {
            let tally = self.tallies.get(&law).copied().unwrap_or_default();
            let shown = if law.leaves_room(&promises) {
                tally.witnessed
            } else {
                tally.tested
            };
            let applies = law.applies(&promises) && (law != Law::Keys || self.keys_changed);
            let verdict = match self.broken.remove(&law) {
                Some(found) => Verdict::Refuted(Box::new(found)),
                None if !applies => Verdict::NotPromised,
                None if shown > 0 => Verdict::Upheld(tally),
                None => Verdict::Unwitnessed(tally),
            };
            (law, verdict)
        });
        let verdicts = verdicts.collect();
        Outcome {
            promises,
            histories,
            steps: self.steps,
            verdicts,
        }
    }
}
