//! What a campaign found.

use std::collections::BTreeMap;
use std::fmt;

use authbench_core::Guarantees;
use serde::Serialize;

use super::law::Law;

/// The verdict on every law, over all histories of a campaign.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What the strategy promised.
    pub promises: Guarantees,
    /// How many histories were tried.
    pub histories: u32,
    /// How many steps they had in all.
    pub steps: u64,
    /// One verdict per law, for all of [`Law::ALL`].
    pub verdicts: BTreeMap<Law, Verdict>,
}

/// The verdict on one law.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// It held whenever it was put to the test, and where it leaves room the
    /// room was seen to be used.
    Upheld(Tally),
    /// A history breaks it.
    Refuted(Box<Counterexample>),
    /// It was never put to the test, or the room that it leaves was never
    /// used: the promise may be weaker than the truth.
    Unwitnessed(Tally),
    /// The promises say nothing that the law is about, or for
    /// [`Law::Keys`]: the backing had no keys to change.
    NotPromised,
}

/// How often a law was put to the test.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Tally {
    /// Observations that could have refuted it.
    pub tested: u64,
    /// Observations that made use of the room that it leaves.
    pub witnessed: u64,
    /// How far the room was used, in milliseconds: the longest time after a
    /// change at which the old state was seen; for [`Law::Outage`] after the
    /// cut, for [`Law::Reuse`] after the token was spent, and for
    /// [`Law::Idle`] the time by which a login ended early.
    pub longest_ms: u64,
}

/// A history that breaks a law.
#[derive(Clone, Debug)]
pub struct Counterexample {
    /// The law.
    pub law: Law,
    /// The seed of the history before it was shrunk.
    pub seed: u64,
    /// What was seen and what was expected.
    pub detail: String,
    /// The shortest history that was found, one line per step.
    pub history: Vec<String>,
}

impl Outcome {
    /// The laws that were broken.
    pub fn refuted(&self) -> impl Iterator<Item = &Counterexample> {
        self.verdicts.values().filter_map(|verdict| match verdict {
            Verdict::Refuted(counterexample) => Some(&**counterexample),
            _ => None,
        })
    }

    /// The laws for which nothing can be said.
    pub fn unwitnessed(&self) -> impl Iterator<Item = Law> {
        self.verdicts
            .iter()
            .filter_map(|(law, verdict)| matches!(verdict, Verdict::Unwitnessed(_)).then_some(*law))
    }
}

/// An [`Outcome`] as data, for a table.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// What the strategy promised.
    pub promises: Guarantees,
    /// How many histories were tried.
    pub histories: u32,
    /// How many steps they had in all.
    pub steps: u64,
    /// One entry per law, in the order of [`Law::ALL`].
    pub laws: Vec<LawSummary>,
}

/// The verdict on one law as data.
#[derive(Clone, Debug, Serialize)]
pub struct LawSummary {
    /// The law, by its label.
    pub law: Law,
    /// `upheld`, `refuted`, `unwitnessed` or `not-promised`.
    pub verdict: &'static str,
    /// Whether the law leaves room under the promises, so that `witnessed`
    /// counts.
    pub leaves_room: bool,
    /// How often it was put to the test.
    #[serde(flatten)]
    pub tally: Tally,
    /// The seed of a history that breaks it.
    pub seed: Option<u64>,
}

impl Outcome {
    /// The outcome as data: what was promised, and per law the verdict and how
    /// often it was tested and its room used.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let law = |(law, verdict): (&Law, &Verdict)| {
            let (tally, seed) = match verdict {
                Verdict::Upheld(tally) | Verdict::Unwitnessed(tally) => (*tally, None),
                Verdict::Refuted(found) => (Tally::default(), Some(found.seed)),
                Verdict::NotPromised => (Tally::default(), None),
            };
            LawSummary {
                law: *law,
                verdict: verdict.label(),
                leaves_room: law.leaves_room(&self.promises),
                tally,
                seed,
            }
        };
        Summary {
            promises: self.promises,
            histories: self.histories,
            steps: self.steps,
            laws: self.verdicts.iter().map(law).collect(),
        }
    }
}

impl Verdict {
    /// The name in tables.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Upheld(_) => "upheld",
            Self::Refuted(_) => "refuted",
            Self::Unwitnessed(_) => "unwitnessed",
            Self::NotPromised => "not-promised",
        }
    }
}

impl Tally {
    pub(super) const fn add(&mut self, other: Self) {
        self.tested += other.tested;
        self.witnessed += other.witnessed;
        if other.longest_ms > self.longest_ms {
            self.longest_ms = other.longest_ms;
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} histories, {} steps", self.histories, self.steps)?;
        for (law, verdict) in &self.verdicts {
            let (word, tally) = match verdict {
                Verdict::Upheld(tally) => ("upheld", tally),
                Verdict::Unwitnessed(tally) => ("UNWITNESSED", tally),
                Verdict::Refuted(_) => {
                    writeln!(f, "{law:<13}REFUTED, see below")?;
                    continue;
                }
                Verdict::NotPromised => {
                    writeln!(f, "{law:<13}not promised")?;
                    continue;
                }
            };
            write!(f, "{law:<13}{word}, tested {} times", tally.tested)?;
            if law.leaves_room(&self.promises) {
                write!(f, ", room used {} times", tally.witnessed)?;
                if tally.longest_ms > 0 {
                    write!(f, ", for up to {} ms", tally.longest_ms)?;
                }
            }
            writeln!(f)?;
        }
        self.refuted()
            .try_for_each(|found| writeln!(f, "\n{found}"))
    }
}

impl fmt::Display for Counterexample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "law `{}` is broken: {}", self.law, self.detail)?;
        for line in &self.history {
            writeln!(f, "  {line}")?;
        }
        write!(
            f,
            "replay with AUTHBENCH_SEED={} AUTHBENCH_CASES=1 and the same test",
            self.seed
        )
    }
}
