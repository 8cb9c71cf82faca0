//! REVOKE-004 and REVOKE-010: "log out everywhere", and where its cut lies.

use authbench_results::{Level, Severity};
use authbench_wire::Operation;
use authbench_wire::profile::{Family, User};

use super::dead::{Relic, both, declared_late, everywhere, living, must_die};
use crate::check::{Check, Cost, Eye};
use crate::login::Login;
use crate::stop::Stop;
use crate::trial::Trial;

/// REVOKE-004.
pub(super) const REVOKE_004: Check = Check {
    id: "REVOKE-004",
    statement: "logging out everywhere ends every credential that was issued before it, on every \
                replica, and none that is issued after it",
    level: Level::Must,
    severity: Severity::Critical,
    families: &[
        Family::Session,
        Family::Denylist,
        Family::Refresh,
        Family::Hybrid,
    ],
    seen_by: &[Eye::Http, Eye::TwoReplicas],
    operations: &[Operation::Login, Operation::LogoutAll, Operation::Whoami],
    doors: &[],
    clauses: &["ASVS 5.0 7.4.3", "ASVS 5.0 7.5.2"],
    cwe: &[613],
    mend: "Compare a version or a cut-off of the account at every look-up, on every replica; a \
           version that no token bears ends nothing.",
    cost: Cost::Quick,
    run: |trial| Box::pin(all_before(trial)),
};

/// REVOKE-010.
pub(super) const REVOKE_010: Check = Check {
    id: "REVOKE-010",
    statement: "a token that was issued in the same second as the cut-off, just before it, is dead; \
                one issued just after it should live",
    level: Level::Must,
    severity: Severity::High,
    families: &[Family::Denylist, Family::Refresh, Family::Hybrid],
    seen_by: &[Eye::Http],
    operations: &[Operation::Login, Operation::Whoami],
    doors: &[],
    clauses: &["ASVS 5.0 7.4.1"],
    cwe: &[613],
    mend: "Order tokens and cut-offs by a counter or in milliseconds; `iat` in whole seconds \
           cannot tell what came first.",
    cost: Cost::Quick,
    run: |trial| Box::pin(same_second(trial)),
};

async fn all_before(trial: &Trial<'_>) -> Result<(), Stop> {
    let users = trial.users(2)?;
    let (owner, stranger) = (&users[0], trial.login_of(&users[1]).await?);
    let last = trial.replicas() - 1;
    let acting = trial.login_of(owner).await?;
    let mut others = Vec::new();
    // The acting one counts, too, where logins are limited.
    let room = trial.policy().sessions_max.map_or(usize::MAX, |most| {
        usize::try_from(most)
            .unwrap_or(usize::MAX)
            .saturating_sub(1)
    });
    for replica in [0, last, last].into_iter().take(room) {
        let login = trial.login_at(owner, replica).await?;
        // Whatever is cached on either replica is warm.
        for replica in everywhere(trial) {
            trial.who_at(&login, replica).await?;
        }
        others.push(login);
    }
    trial.control(&acting).await?;
    trial.done_by(Operation::LogoutAll, &acting, &[]).await?;
    let after = trial.login_of(owner).await?;
    let mut relics = both("the acting login", &acting).to_vec();
    for login in &others {
        relics.extend(both("another login", login));
    }
    lives(trial, owner, &after).await?;
    must_die(
        trial,
        "everything before",
        &relics,
        Some(&stranger),
        &everywhere(trial),
    )
    .await
}

/// A login after the cut works everywhere; at the latest in the next second,
/// for what happens within one is another check's.
async fn lives(trial: &Trial<'_>, owner: &User, after: &Login) -> Result<(), Stop> {
    const CASE: &str = "a login after it";
    for replica in everywhere(trial) {
        let mut who = trial.who_at(after, replica).await?;
        if !who.is(&after.subject) {
            trial.wait(1_100).await?;
            let later = trial.login_of(owner).await?;
            who = trial.who_at(&later, replica).await?;
        }
        let detail = format!("it was {} by replica {replica}", who.told());
        trial.judge(CASE, who.is(&after.subject), detail, &[who.answer()]);
    }
    Ok(())
}

async fn same_second(trial: &Trial<'_>) -> Result<(), Stop> {
    if !trial.has(Operation::LogoutAll) && !trial.has(Operation::PasswordChange) {
        return Err(Stop::absent(Operation::LogoutAll, None));
    }
    let case = "logout-all";
    if trial.has(Operation::LogoutAll) {
        trial.settle(case, rounds(trial, case, Operation::LogoutAll).await);
    }
    let case = "password-change";
    if trial.has(Operation::PasswordChange) {
        trial.settle(case, rounds(trial, case, Operation::PasswordChange).await);
    }
    Ok(())
}

/// Logs in and cuts off at once, again and again: most rounds stay within one
/// second of any clock.
async fn rounds(trial: &Trial<'_>, case: &str, cut: Operation) -> Result<(), Stop> {
    let control = trial.login().await?;
    trial.control(&control).await?;
    let changes = cut == Operation::PasswordChange;
    let rounds = if changes {
        4
    } else {
        trial.options().rounds.max(4)
    };
    let mut user = match changes {
        true => trial.expendable().await?.user,
        false => trial.user()?,
    };
    let mut newborn_dead = 0;
    for round in 0..rounds {
        let before = trial.login_of(&user).await?;
        let acting = trial.login_of(&user).await?;
        let new = format!("another-Password-{round}-{}", user.user.len());
        trial.hide(&new);
        let gaps = [("password", &*user.password), ("new_password", &*new)];
        let acknowledged = trial
            .done_by(cut, &acting, if changes { &gaps } else { &[] })
            .await?;
        if changes {
            user.password.clone_from(&new);
        }
        let after = trial.try_login(&user, 0).await?;
        let relics = [Relic::Access("a login just before the cut-off", &before)];
        if let Some(alive) = living(trial, &relics, &[0]).await? {
            match trial.policy().revoke_max_ms {
                Some(0) => trial.fail(
                    case,
                    format!("round {round}: {}", alive.told),
                    &[&acknowledged, &alive.answer],
                ),
                Some(bound_ms) => {
                    declared_late(trial, bound_ms);
                    trial.not_applicable(case, "the cut-off is declared to come later");
                }
                None => trial.inconclusive(
                    case,
                    format!("{}; the profile has no `policy.revoke_max_ms`", alive.told),
                    &[&alive.answer],
                ),
            }
            return Ok(());
        }
        let lives = match &after {
            Some(after) => trial.who(after).await?.is(&after.subject),
            None => false,
        };
        newborn_dead += u32::from(!lives);
    }
    trial.control(&control).await?;
    trial.pass(
        case,
        format!("in {rounds} rounds all that came before it was refused"),
    );
    if newborn_dead > 0 {
        trial.note(format!(
            "{case}: of {rounds} logins just after the cut-off {newborn_dead} were refused: it is \
             coarser than the tokens' order"
        ));
    }
    Ok(())
}
