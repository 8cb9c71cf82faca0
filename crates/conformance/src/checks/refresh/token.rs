//! Refresh tokens: what is declared about them, who holds one, and what
//! becomes of one that is presented.

use authbench_core::RefreshOffer;
use authbench_wire::Operation;
use authbench_wire::profile::{Family, GraceMode, User};

use crate::answer::Answer;
use crate::ask::Ask;
use crate::login::Login;
use crate::stop::Stop;
use crate::trial::Trial;

/// Milliseconds beyond a declared end after which nothing is accepted any
/// more: a second, for clocks that count in seconds, and half of one more.
pub(crate) const MARGIN_MS: u64 = 1_500;

/// What is declared about refresh tokens.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    /// Whether they change at each use.
    pub(crate) rotates: Option<bool>,
    /// Milliseconds for which a spent one is no proof of theft; 0 for none.
    pub(crate) grace_ms: Option<u64>,
    /// What a spent one is answered within that time.
    pub(crate) mode: Option<GraceMode>,
    /// Milliseconds from login to the end of all renewal.
    pub(crate) chain_ms: Option<u64>,
}

/// What the policy declares; where it is silent, the guarantees.
pub(crate) fn terms(trial: &Trial<'_>) -> Terms {
    let (policy, offer) = (trial.policy(), trial.profile().guarantees.refresh);
    let promised = match offer {
        RefreshOffer::RotatingKillsFamily { grace_ms, chain_ms } => Some((grace_ms, chain_ms)),
        RefreshOffer::None | RefreshOffer::SwapsAccess => None,
    };
    let grace_ms = match policy.grace_mode {
        Some(GraceMode::None) => Some(0),
        _ => policy.grace_ms.or(promised.map(|(grace_ms, _)| grace_ms)),
    };
    let mode = match grace_ms {
        Some(0) => Some(GraceMode::None),
        _ => policy
            .grace_mode
            .or(promised.map(|_| GraceMode::ReplaySuccessor)),
    };
    Terms {
        rotates: policy.rotation.or(promised.map(|_| true)),
        grace_ms,
        mode,
        chain_ms: policy
            .refresh_ttl_ms
            .or(promised.map(|(_, chain_ms)| chain_ms)),
    }
}

/// The same, for rules about tokens that rotate.
///
/// # Errors
/// [`Stop::NotApplicable`] where they are declared not to.
pub(crate) fn rotating(trial: &Trial<'_>) -> Result<Terms, Stop> {
    let terms = terms(trial);
    if terms.rotates == Some(false) {
        return Err(Stop::NotApplicable(
            "by declaration refresh tokens do not rotate (policy.rotation = false)".to_owned(),
        ));
    }
    Ok(terms)
}

/// A fresh account's login that holds a refresh token.
///
/// # Errors
/// [`Stop::NotApplicable`] when the target hands none out.
pub(crate) async fn holder(trial: &Trial<'_>) -> Result<Login, Stop> {
    holder_of(trial, &trial.user()?, 0).await
}

/// The same of `user`, at a replica.
///
/// # Errors
/// [`Stop::NotApplicable`] when the target hands none out.
pub(crate) async fn holder_of(
    trial: &Trial<'_>,
    user: &User,
    replica: usize,
) -> Result<Login, Stop> {
    let profile = trial.profile();
    trial.request(Operation::Refresh)?;
    if profile.guarantees.refresh == RefreshOffer::SwapsAccess || profile.refresh.is_none() {
        return Err(Stop::NotApplicable(
            "clients hold no refresh token (the profile names no `refresh` carrier, or the access \
             credential itself is swapped)"
                .to_owned(),
        ));
    }
    let login = trial.login_at(user, replica).await?;
    if login.refresh.is_some() {
        return Ok(login);
    }
    let why = "the login brought no refresh token where the profile's `refresh` says";
    Err(match profile.families.contains(&Family::Refresh) {
        true => Stop::unclear(why),
        false => Stop::NotApplicable(why.to_owned()),
    })
}

/// What became of a refresh token that was presented.
#[derive(Clone, Debug)]
pub(crate) enum Traded {
    /// It was traded for these credentials.
    Renewed(Box<Login>, Answer),
    /// It was refused.
    Refused(Answer),
    /// Neither.
    Unclear(Answer),
}

impl Traded {
    /// What it was traded for.
    pub(crate) fn renewed(&self) -> Option<&Login> {
        match self {
            Self::Renewed(login, _) => Some(login),
            Self::Refused(_) | Self::Unclear(_) => None,
        }
    }

    /// The answer.
    pub(crate) const fn answer(&self) -> &Answer {
        match self {
            Self::Renewed(_, answer) | Self::Refused(answer) | Self::Unclear(answer) => answer,
        }
    }

    /// What happened, in a few words.
    pub(crate) fn told(&self) -> String {
        match self {
            Self::Renewed(_, answer) => format!("traded for new credentials ({})", answer.status),
            Self::Refused(answer) => format!("refused with {}", answer.status),
            Self::Unclear(answer) => format!("answered {}", answer.status),
        }
    }
}

/// The request that presents the refresh token of `login`, and no other
/// credential, to a replica.
///
/// # Errors
/// [`Stop::NotApplicable`] when the target has no `refresh`.
pub(crate) fn presenting<'t>(
    trial: &'t Trial<'t>,
    login: &Login,
    replica: usize,
) -> Result<Ask<'t>, Stop> {
    let ask = trial.ask(Operation::Refresh)?.with(login);
    Ok(ask.without_access().at(replica))
}

/// What an answer to [`presenting`] means.
pub(crate) fn sorted(trial: &Trial<'_>, login: &Login, replica: usize, answer: Answer) -> Traded {
    match trial.renewed(login, replica, &answer) {
        Some(renewed) => Traded::Renewed(Box::new(renewed), answer),
        None if answer.refused() => Traded::Refused(answer),
        None => Traded::Unclear(answer),
    }
}

/// Presents the refresh token of `login` at its replica.
///
/// # Errors
/// [`Stop`] when no answer comes.
pub(crate) async fn trade(trial: &Trial<'_>, login: &Login) -> Result<Traded, Stop> {
    let answer = presenting(trial, login, login.replica)?.send().await?;
    Ok(sorted(trial, login, login.replica, answer))
}

/// Presents the refresh token of `login` and demands that it is traded for
/// credentials that work: a positive control.
///
/// # Errors
/// [`Stop::Inconclusive`] when it is not.
pub(crate) async fn renew(trial: &Trial<'_>, login: &Login) -> Result<Login, Stop> {
    let traded = trade(trial, login).await?;
    let Some(renewed) = traded.renewed() else {
        return Err(Stop::unclear(format!(
            "the positive control failed: an untouched refresh token of `{}` was {}",
            login.subject,
            traded.told()
        )));
    };
    trial.control(renewed).await?;
    Ok(renewed.clone())
}

/// A refresh token that works, beside each one that must not.
pub(crate) struct Guard<'t> {
    trial: &'t Trial<'t>,
    login: Login,
}

impl<'t> Guard<'t> {
    /// Logs a fresh account in, and shows that a refresh token that was never
    /// valid is refused.
    ///
    /// # Errors
    /// [`Stop`] when there are no refresh tokens, or a control fails.
    pub(crate) async fn new(trial: &'t Trial<'t>) -> Result<Self, Stop> {
        let login = holder(trial).await?;
        let never = Login {
            refresh: login.refresh.as_deref().map(|it| trial.never_valid(it)),
            ..login.clone()
        };
        let traded = trade(trial, &never).await?;
        if traded.renewed().is_some() {
            return Err(Stop::unclear(
                "the negative control failed: a refresh token that was never valid was traded",
            ));
        }
        Ok(Self { trial, login })
    }

    /// Demands that the untouched token works.
    ///
    /// # Errors
    /// [`Stop::Inconclusive`] when it does not.
    pub(crate) async fn prove(&mut self) -> Result<(), Stop> {
        self.login = renew(self.trial, &self.login).await?;
        Ok(())
    }

    /// Presents the refresh token of `dead`, which must bring nothing, with an
    /// untouched one just before and just after: passes, or fails with what
    /// happened. `what` names the token.
    ///
    /// # Errors
    /// [`Stop`] when a control fails or no answer comes.
    pub(crate) async fn must_refuse(
        &mut self,
        case: &str,
        what: &str,
        dead: &Login,
    ) -> Result<Traded, Stop> {
        let ask = presenting(self.trial, dead, dead.replica)?;
        self.must_refuse_ask(case, what, dead, ask).await
    }

    /// The same with a request of the caller's making.
    ///
    /// # Errors
    /// [`Stop`] when a control fails or no answer comes.
    pub(crate) async fn must_refuse_ask(
        &mut self,
        case: &str,
        what: &str,
        dead: &Login,
        ask: Ask<'_>,
    ) -> Result<Traded, Stop> {
        self.prove().await?;
        let traded = sorted(self.trial, dead, dead.replica, ask.send().await?);
        let detail = format!("{what} was {}", traded.told());
        let worth = match &traded {
            Traded::Renewed(renewed, _) => Some(self.trial.who(renewed).await?),
            Traded::Refused(_) | Traded::Unclear(_) => None,
        };
        self.prove().await?;
        match (&traded, worth) {
            (Traded::Renewed(_, answer), Some(who)) => {
                let detail = format!("{detail}; the new access credential is {}", who.told());
                self.trial.fail(case, detail, &[answer, who.answer()]);
            }
            (Traded::Unclear(answer), _) if answer.status >= 500 => {
                self.trial.inconclusive(case, detail, &[answer]);
            }
            _ => self.trial.pass(case, detail),
        }
        Ok(traded)
    }
}
