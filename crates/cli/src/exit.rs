//! How a command ended.

use std::process::ExitCode;

use authbench_catalog::{BuildError, RecipeError};
use authbench_conf::ConfError;

/// How a command ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Outcome {
    /// Done, and good.
    Good,
    /// Done, and bad: an answer was judged wrong.
    Bad,
    /// What was asked for makes no sense.
    Usage,
    /// It made sense, but nothing could be measured.
    NotMeasured,
}

/// Marks an error as the user's to mend.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct UsageError(pub(crate) String);

impl Outcome {
    /// The process's exit code.
    pub(crate) fn code(self) -> ExitCode {
        ExitCode::from(match self {
            Self::Good => 0,
            Self::Bad => 1,
            Self::Usage => 2,
            Self::NotMeasured => 3,
        })
    }

    /// What an error means for the exit code: input errors are told apart from
    /// failures to measure by their type, wherever in the chain it stands.
    pub(crate) fn of_error(error: &anyhow::Error) -> Self {
        let is_usage = error.is::<UsageError>()
            || error.chain().any(|cause| {
                cause.is::<UsageError>()
                    || cause.is::<ConfError>()
                    || cause.is::<RecipeError>()
                    || cause
                        .downcast_ref::<BuildError>()
                        .is_some_and(BuildError::is_input)
            });
        if is_usage {
            Self::Usage
        } else {
            Self::NotMeasured
        }
    }
}
