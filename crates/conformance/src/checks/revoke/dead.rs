//! Whether what was revoked is dead: at once, or at the declared bound.

use crate::answer::Answer;
use crate::login::Login;
use crate::stop::Stop;
use crate::trial::{Trial, Who};

/// More than any clock is coarse, milliseconds.
const MARGIN_MS: u64 = 1_100;

/// A credential that must be dead.
#[derive(Clone, Copy)]
pub(in crate::checks) enum Relic<'l> {
    /// The access credential of a login; the text says which one it is.
    Access(&'l str, &'l Login),
    /// The refresh token of a login, if it has one.
    Refresh(&'l str, &'l Login),
}

/// A credential that was found alive.
pub(in crate::checks) struct Living {
    /// Which, where, and what it was taken for.
    pub(in crate::checks) told: String,
    /// The answer that shows it.
    pub(in crate::checks) answer: Answer,
    /// What it was renewed to, if it was.
    pub(in crate::checks) renewed: Option<Login>,
}

/// Both credentials of a login.
pub(in crate::checks) fn both<'l>(name: &'l str, login: &'l Login) -> [Relic<'l>; 2] {
    [Relic::Access(name, login), Relic::Refresh(name, login)]
}

/// All replicas.
pub(in crate::checks) fn everywhere(trial: &Trial<'_>) -> Vec<usize> {
    (0..trial.replicas()).collect()
}

/// Presents each relic at each of the replicas; the first that is alive.
///
/// # Errors
/// [`Stop`] when an answer is no judgement.
pub(in crate::checks) async fn living(
    trial: &Trial<'_>,
    relics: &[Relic<'_>],
    replicas: &[usize],
) -> Result<Option<Living>, Stop> {
    for relic in relics {
        for replica in replicas {
            let alive = match relic {
                Relic::Access(name, login) => access(trial, name, login, *replica).await?,
                Relic::Refresh(name, login) => refresh(trial, name, login, *replica).await?,
            };
            if alive.is_some() {
                return Ok(alive);
            }
        }
    }
    Ok(None)
}

async fn access(
    trial: &Trial<'_>,
    name: &str,
    login: &Login,
    replica: usize,
) -> Result<Option<Living>, Stop> {
    let who = trial.who_at(login, replica).await?;
    match who {
        Who::Is(..) => Ok(Some(Living {
            told: format!(
                "the access credential of {name} was {} by replica {replica}",
                who.told()
            ),
            answer: who.answer().clone(),
            renewed: None,
        })),
        Who::Unclear(answer) if answer.status >= 500 => Err(Stop::unclear(format!(
            "`whoami` with the access credential of {name} was answered {}",
            answer.status
        ))),
        _ => Ok(None),
    }
}

async fn refresh(
    trial: &Trial<'_>,
    name: &str,
    login: &Login,
    replica: usize,
) -> Result<Option<Living>, Stop> {
    if login.refresh.is_none() || !trial.has(authbench_wire::Operation::Refresh) {
        return Ok(None);
    }
    let (answer, renewed) = trial.refresh_at(login, replica).await?;
    match renewed {
        Some(_) => Ok(Some(Living {
            told: format!("the refresh token of {name} was accepted by replica {replica}"),
            answer,
            renewed,
        })),
        None if answer.status >= 500 => Err(Stop::unclear(format!(
            "`refresh` with the token of {name} was answered {}",
            answer.status
        ))),
        None => Ok(None),
    }
}

/// Demands that every relic is refused by each of the replicas, at once or, if
/// the profile declares `revoke_max_ms`, after that time. `control` must work
/// meanwhile.
///
/// # Errors
/// [`Stop`] when a control fails or nothing can be told.
pub(in crate::checks) async fn must_die(
    trial: &Trial<'_>,
    case: &str,
    relics: &[Relic<'_>],
    control: Option<&Login>,
    replicas: &[usize],
) -> Result<(), Stop> {
    if let Some(control) = control {
        trial.control(control).await?;
    }
    let alive = living(trial, relics, replicas).await?;
    if let Some(control) = control {
        trial.control(control).await?;
    }
    let Some(alive) = alive else {
        trial.pass(case, "refused at once");
        return Ok(());
    };
    match trial.policy().revoke_max_ms {
        None => trial.inconclusive(
            case,
            format!("{}; the profile has no `policy.revoke_max_ms`", alive.told),
            &[&alive.answer],
        ),
        Some(0) => trial.fail(case, alive.told, &[&alive.answer]),
        Some(bound_ms) => at_the_bound(trial, case, relics, alive, replicas, bound_ms).await?,
    }
    Ok(())
}

async fn at_the_bound(
    trial: &Trial<'_>,
    case: &str,
    relics: &[Relic<'_>],
    early: Living,
    replicas: &[usize],
    bound_ms: u64,
) -> Result<(), Stop> {
    declared_late(trial, bound_ms);
    let mut relics = relics.to_vec();
    if let Some(renewed) = &early.renewed {
        relics.extend(both("a login that was renewed after its end", renewed));
    }
    trial.advance(bound_ms + MARGIN_MS).await?;
    let mut alive = living(trial, &relics, replicas).await?;
    // A cache may go by a clock that no door steps.
    if alive.is_some() && trial.wait(bound_ms + MARGIN_MS).await.is_ok() {
        alive = living(trial, &relics, replicas).await?;
    }
    let fresh = trial.login().await?;
    trial.control(&fresh).await?;
    match alive {
        None => trial.pass(case, format!("refused {bound_ms} ms later, as declared")),
        Some(alive) => trial.fail(
            case,
            format!("{bound_ms} ms later {}", alive.told),
            &[&alive.answer],
        ),
    }
    Ok(())
}

/// Notes that the target's revocation is late by design.
pub(in crate::checks) fn declared_late(trial: &Trial<'_>, bound_ms: u64) {
    trial.note(format!(
        "declared: a revoked credential may be accepted for {bound_ms} ms more \
         (`policy.revoke_max_ms`); ASVS 5.0 7.4.1 asks for its end at once"
    ));
}
