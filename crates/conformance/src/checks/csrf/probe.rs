//! A change of state as another site would cause it, and whether it happened.

use authbench_wire::Operation;
use authbench_wire::profile::{Carrier, CsrfDefence, Family};

use crate::answer::Answer;
use crate::ask::Ask;
use crate::jar::SameSite;
use crate::login::Login;
use crate::stop::Stop;
use crate::trial::Trial;

/// The families whose credential goes along by itself.
pub(super) const AMBIENT: &[Family] = &[Family::Session, Family::Hybrid, Family::Sealed];

/// An origin that nobody trusts.
pub(super) const FOREIGN: &str = "https://attacker.example";

/// Demands that the credential goes along by itself.
///
/// # Errors
/// [`Stop::NotApplicable`] when it does not.
pub(super) fn ambient(trial: &Trial<'_>) -> Result<(), Stop> {
    match &trial.profile().carrier {
        Carrier::Cookie { .. } => Ok(()),
        Carrier::Bearer { .. } => Err(Stop::NotApplicable(
            "the credential does not go along by itself: pages of other sites cannot send it"
                .to_owned(),
        )),
    }
}

/// Whether the target declares a defence that shows in its answers.
pub(super) fn visible_defence(trial: &Trial<'_>) -> bool {
    let declared = &trial.policy().csrf;
    declared.is_empty() || declared.iter().any(|one| *one != CsrfDefence::SameSite)
}

/// Whether `defence` is declared.
pub(super) fn declares(trial: &Trial<'_>, defence: CsrfDefence) -> bool {
    trial.policy().csrf.contains(&defence)
}

/// Where `SameSite` is the only declared defence: whether browsers keep the
/// cookie from other sites at all. There is nothing to see in answers then.
pub(super) fn rests_on_same_site(trial: &Trial<'_>, login: &Login) {
    let Carrier::Cookie { name } = &trial.profile().carrier else {
        return;
    };
    let cookies = login.jar.all().iter();
    let mut guarding = cookies.filter(|cookie| cookie.name.starts_with(name.as_str()));
    let kept_home =
        guarding.all(|cookie| matches!(cookie.same_site, Some(SameSite::Lax | SameSite::Strict)));
    trial.note(
        "declared: `SameSite` is the only defence; it does not hold against hosts of the same \
         site, nor in browsers that ignore it (OWASP CSRF Prevention calls it defence in depth)",
    );
    let detail = match kept_home {
        true => "browsers do not send the cookie with unsafe requests of other sites",
        false => "nothing keeps browsers from sending the cookie with requests of other sites",
    };
    trial.judge("SameSite", kept_home, detail, &[&login.answer]);
}

/// A change by the victim's own page is done, and shows: the positive control.
///
/// # Errors
/// [`Stop::Inconclusive`] when it is not.
pub(super) async fn own_change(trial: &Trial<'_>, victim: &Login) -> Result<(), Stop> {
    let mark = mark(trial);
    let gaps = [("value", mark.as_str())];
    trial.done_by(Operation::Mutate, victim, &gaps).await?;
    match state(trial, victim).await? {
        Some(found) if found != mark => Err(Stop::unclear(format!(
            "after a change that was acknowledged the state is {found:?}, not {mark:?}"
        ))),
        _ => Ok(()),
    }
}

/// Sends a forged change, as `make` makes it of the operation's request, and
/// judges that it was refused and changed nothing.
///
/// # Errors
/// [`Stop`] when the control before or after it fails, or no answer comes.
pub(super) async fn forged<'t>(
    trial: &'t Trial<'t>,
    case: &str,
    victim: &Login,
    make: impl Fn(Ask<'t>, &str) -> Ask<'t>,
) -> Result<(), Stop> {
    own_change(trial, victim).await?;
    let mark = mark(trial);
    let ask = trial
        .ask(Operation::Mutate)?
        .with(victim)
        .gap("value", &mark);
    let answer = make(ask, &mark).send().await?;
    let changed = state(trial, victim).await?;
    own_change(trial, victim).await?;
    judge(trial, case, &mark, changed.as_deref(), &answer);
    Ok(())
}

/// Judges a forged change by the state, or, where it cannot be read, by the
/// answer.
pub(super) fn judge(
    trial: &Trial<'_>,
    case: &str,
    mark: &str,
    state: Option<&str>,
    answer: &Answer,
) {
    match state {
        Some(found) if found == mark => {
            let detail = format!("the forged change was made (answered {})", answer.status);
            trial.fail(case, detail, &[answer]);
        }
        Some(_) => trial.pass(
            case,
            format!("refused with {}; nothing changed", answer.status),
        ),
        None => {
            let done = trial.done(Operation::Mutate, answer);
            let detail = format!("answered {}", answer.status);
            trial.judge(case, !done, detail, &[answer]);
        }
    }
}

/// What `mutate` changed last; `None` where the target does not show it.
///
/// # Errors
/// [`Stop`] when no answer comes.
pub(super) async fn state(trial: &Trial<'_>, login: &Login) -> Result<Option<String>, Stop> {
    if !trial.has(Operation::ReadState) {
        return Ok(None);
    }
    let answer = trial.perform(Operation::ReadState, login, &[]).await?;
    let pointer = trial.request(Operation::ReadState)?.value.as_ref();
    Ok(pointer.and_then(|pointer| answer.pointed(pointer)))
}

/// A value that was never there before.
pub(super) fn mark(trial: &Trial<'_>) -> String {
    format!("mark-{:016x}", trial.random(rand::RngExt::random::<u64>))
}
