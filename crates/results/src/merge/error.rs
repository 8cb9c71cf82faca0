//! Why parts are not merged.

use std::fmt;

use crate::histogram::DecodeError;
use crate::run::RunResult;

/// Parts do not make one run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MergeError {
    /// There is not one part.
    #[error("there is nothing to merge: give the files of all parts")]
    Nothing,
    /// A whole run is among the parts.
    #[error("the run {run} is no part of a run: only what was made with `--shard` can be merged")]
    NoShard {
        /// Which run.
        run: String,
    },
    /// A part has a number that there is not.
    #[error("the run {run} calls itself part {index} of {of}; parts are numbered from 0")]
    NoSuchNumber {
        /// Which run.
        run: String,
        /// Its number.
        index: u32,
        /// How many parts there are.
        of: u32,
    },
    /// Two runs are the same part.
    #[error("the runs {first} and {other} are both part {index}: give each part once")]
    Twice {
        /// Which part.
        index: u32,
        /// A run that is it.
        first: String,
        /// Another.
        other: String,
    },
    /// Not all parts are there.
    #[error(
        "of {of} parts these are missing: {}; there are the runs {}",
        missing.iter().map(u32::to_string).collect::<Vec<_>>().join(", "),
        there.join(", ")
    )]
    Missing {
        /// The numbers of the parts that are not there, at most ten.
        missing: Vec<u32>,
        /// How many parts there are.
        of: u32,
        /// The runs that are there.
        there: Vec<String>,
    },
    /// Two parts are not of the same run.
    #[error("the runs {first} and {other} are not parts of one run: {difference}")]
    Differ {
        /// In what.
        difference: Difference,
        /// The run of part 0.
        first: String,
        /// The run that differs from it.
        other: String,
    },
    /// The instant at which a part was to begin cannot be read.
    #[error("the run {run} does not say when it was to begin")]
    Start {
        /// Which run.
        run: String,
        /// What is wrong with the instant.
        #[source]
        source: jiff::Error,
    },
    /// Raw data cannot be read.
    #[error("the histogram at `{place}` cannot be merged")]
    Histogram {
        /// Where it stands in the parts.
        place: String,
        /// What is wrong with it.
        #[source]
        source: DecodeError,
    },
}

/// In what two runs differ that are not parts of one.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Difference {
    /// The number of parts.
    Of,
    /// The version of the program or of its files.
    Version,
    /// The program, by its digest.
    Program,
    /// The resolved scenario, by its digest.
    Scenario,
    /// The seed.
    Seed,
    /// The recipe or the promises of this strategy.
    Strategy(String),
    /// How the load of this cell was made.
    Load(String),
}

impl Difference {
    pub(super) fn between(self, first: &RunResult, other: &RunResult) -> MergeError {
        MergeError::Differ {
            difference: self,
            first: first.run.id.clone(),
            other: other.run.id.clone(),
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Of => f.write_str("they were cut into different numbers of parts"),
            Self::Version => f.write_str(
                "they were made by different versions: run all parts with one version of authbench",
            ),
            Self::Program => f.write_str(
                "they were made by different programs: run all parts with the same binary",
            ),
            Self::Scenario => f.write_str(
                "their scenarios differ: run all parts with the same scenario and settings",
            ),
            Self::Seed => f.write_str("their seeds differ: give all parts the same `--seed`"),
            Self::Strategy(name) => write!(f, "their recipes or promises of `{name}` differ"),
            Self::Load(place) => write!(f, "their loads differ in more than the rate at `{place}`"),
        }
    }
}
