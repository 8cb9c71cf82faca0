//! Why a check ends before its end.

use authbench_wire::Operation;

use crate::client::Broken;
use crate::hooks::{Door, HookError};

/// Why a check ends before its end. What its cases found out until then
/// stands.
#[derive(Debug, thiserror::Error)]
pub enum Stop {
    /// The rule is not about this target, or what the check needs is not there;
    /// the text says what would let it run.
    #[error("{0}")]
    NotApplicable(String),
    /// The check cannot tell; the text says why.
    #[error("{0}")]
    Inconclusive(String),
    /// The target gave no answer where it had to.
    #[error("the target gave no answer")]
    Broken(#[from] Broken),
    /// A door failed.
    #[error("a hook failed")]
    Hook(#[source] HookError),
}

impl Stop {
    /// The check needs an operation that the profile lists as absent, or does
    /// not map.
    #[must_use]
    pub fn absent(operation: Operation, reason: Option<&String>) -> Self {
        let label = operation.label();
        Self::NotApplicable(match reason {
            Some(reason) => format!("the profile says that there is no `{label}`: {reason}"),
            None => format!("needs [operations.{label}] in the profile"),
        })
    }

    /// The check needs a door that is not there.
    #[must_use]
    pub fn no_door(door: Door) -> Self {
        Self::NotApplicable(format!("needs {} in the profile", door.opened_by()))
    }

    /// The check needs a field of the profile.
    #[must_use]
    pub fn needs(field: &str) -> Self {
        Self::NotApplicable(format!("needs `{field}` in the profile"))
    }

    /// The check cannot tell.
    #[must_use]
    pub fn unclear(why: impl Into<String>) -> Self {
        Self::Inconclusive(why.into())
    }
}

impl From<HookError> for Stop {
    fn from(cause: HookError) -> Self {
        match cause {
            HookError::Absent(door) => Self::no_door(door),
            failed @ HookError::Failed { .. } => Self::Hook(failed),
        }
    }
}
