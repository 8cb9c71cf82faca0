//! REFRESH-005: the grace never outlives a revocation.

use authbench_results::{Level, Severity};
use authbench_wire::Operation;
use authbench_wire::profile::{Family, GraceMode};

use super::account::{change_password, restore_password};
use super::token::{Guard, holder, renew, rotating, trade};
use crate::check::{Check, Cost, Eye};
use crate::login::Login;
use crate::stop::Stop;
use crate::trial::Trial;

/// REFRESH-005.
pub(super) const REFRESH_005: Check = Check {
    id: "REFRESH-005",
    statement: "the grace never outlives a revocation: after a logout, a password change or the \
                end of the family, a spent token is refused even within its grace",
    level: Level::Must,
    severity: Severity::Critical,
    families: &[Family::Refresh, Family::Hybrid],
    seen_by: &[Eye::Http],
    operations: &[Operation::Login, Operation::Refresh, Operation::Whoami],
    doors: &[],
    clauses: &["ASVS 5.0 7.4.1", "ASVS 5.0 10.4.5"],
    cwe: &[613],
    mend: "Answer a spent token from the family's record of now, not from a memory of answers \
           that a revocation does not reach.",
    cost: Cost::Quick,
    run: |trial| Box::pin(run(trial)),
};

/// What ends the login.
#[derive(Clone, Copy)]
enum End {
    Logout,
    LogoutAll,
    Revoke,
    Password,
    Family,
}

impl End {
    const ALL: [Self; 5] = [
        Self::Logout,
        Self::LogoutAll,
        Self::Revoke,
        Self::Password,
        Self::Family,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Logout => "logout",
            Self::LogoutAll => "logout everywhere",
            Self::Revoke => "revocation by the refresh token",
            Self::Password => "password change",
            Self::Family => "end of the family",
        }
    }
}

async fn run(trial: &Trial<'_>) -> Result<(), Stop> {
    let terms = rotating(trial)?;
    let mut guard = Guard::new(trial).await?;
    for end in End::ALL {
        let outcome = after(trial, &mut guard, end, terms.mode).await;
        trial.settle(end.name(), outcome);
    }
    Ok(())
}

async fn after(
    trial: &Trial<'_>,
    guard: &mut Guard<'_>,
    end: End,
    mode: Option<GraceMode>,
) -> Result<(), Stop> {
    let operation = match end {
        End::Logout => Some(Operation::Logout),
        End::LogoutAll => Some(Operation::LogoutAll),
        End::Revoke => Some(Operation::Revoke),
        End::Password => Some(Operation::PasswordChange),
        End::Family => None,
    };
    if let Some(operation) = operation {
        trial.request(operation)?;
    }
    // Spent at the same time, and untouched: it shows that the grace is open.
    let twin = holder(trial).await?;
    renew(trial, &twin).await?;
    let first = holder(trial).await?;
    let second = renew(trial, &first).await?;
    let dead = ended(trial, end, first, second).await?;
    let what = format!("after: {}; a spent token within its grace", end.name());
    guard.must_refuse(end.name(), &what, &dead).await?;
    if mode == Some(GraceMode::ReplaySuccessor) && trade(trial, &twin).await?.renewed().is_none() {
        return Err(Stop::unclear(
            "the grace of an untouched login, spent at the same time, was not open",
        ));
    }
    Ok(())
}

/// Ends the login that `second` renewed; the spent token that must be dead.
async fn ended(trial: &Trial<'_>, end: End, first: Login, second: Login) -> Result<Login, Stop> {
    match end {
        End::Logout => trial.done_by(Operation::Logout, &second, &[]).await?,
        End::LogoutAll => trial.done_by(Operation::LogoutAll, &second, &[]).await?,
        End::Revoke => trial.done_by(Operation::Revoke, &second, &[]).await?,
        End::Password => {
            let changed = change_password(trial, &first.user).await?;
            restore_password(trial, &changed, &first.user).await?;
            return Ok(first);
        }
        End::Family => {
            // The predecessor of a predecessor is reuse in any grace.
            renew(trial, &second).await?;
            trade(trial, &first).await?;
            return Ok(second);
        }
    };
    Ok(first)
}
