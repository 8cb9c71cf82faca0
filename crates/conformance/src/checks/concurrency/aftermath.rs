//! What is left of logins that must have ended.

use crate::answer::Answer;
use crate::checks::refresh::token::{MARGIN_MS, trade};
use crate::login::Login;
use crate::stop::Stop;
use crate::trial::Trial;

/// The most that one case shows.
const SHOWN_MAX: usize = 3;

/// Logins that must have ended, and what is left of them.
pub(super) struct Aftermath<'t> {
    trial: &'t Trial<'t>,
    looked_at: u32,
    /// What still works though nothing may, and how that came.
    alive: Vec<(String, Answer)>,
    /// Access credentials that still work, which may be as declared.
    late: Vec<(String, Login)>,
    unclear: Vec<String>,
}

impl<'t> Aftermath<'t> {
    pub(super) const fn new(trial: &'t Trial<'t>) -> Self {
        Self {
            trial,
            looked_at: 0,
            alive: Vec::new(),
            late: Vec::new(),
            unclear: Vec::new(),
        }
    }

    /// Looks at a login that must have ended: its access credential, and its
    /// refresh token if there is one. `how` says how it came to be.
    ///
    /// # Errors
    /// [`Stop`] when no answer comes.
    pub(super) async fn look(&mut self, how: &str, login: &Login) -> Result<(), Stop> {
        self.looked_at += 1;
        self.look_at_access(how, login).await?;
        if login.refresh.is_none() || self.trial.profile().refresh.is_none() {
            return Ok(());
        }
        let traded = trade(self.trial, login).await?;
        if traded.renewed().is_some() {
            let detail = format!("{how}: its refresh token was {}", traded.told());
            self.alive.push((detail, traded.answer().clone()));
        } else if traded.answer().status >= 500 {
            self.unclear.push(format!("{how}: {}", traded.told()));
        }
        Ok(())
    }

    /// Looks at the access credential alone.
    ///
    /// # Errors
    /// [`Stop`] when no answer comes.
    pub(super) async fn look_at_access(&mut self, how: &str, login: &Login) -> Result<(), Stop> {
        let who = self.trial.who(login).await?;
        if who.is_somebody() {
            match self.trial.policy().revoke_max_ms {
                Some(0) => {
                    let detail = format!("{how}: its access credential is {}", who.told());
                    self.alive.push((detail, who.answer().clone()));
                }
                _ => self.late.push((how.to_owned(), login.clone())),
            }
        } else if who.answer().status >= 500 {
            self.unclear.push(format!("{how}: {}", who.told()));
        }
        Ok(())
    }

    /// Judges all that was looked at as one case. Where access credentials may
    /// live on for a while, lets that while pass first.
    ///
    /// # Errors
    /// [`Stop`] when the target's time cannot pass.
    pub(super) async fn judge(mut self, case: &str, detail: &str) -> Result<(), Stop> {
        if self.alive.is_empty() && !self.late.is_empty() {
            let Some(bound_ms) = self.trial.policy().revoke_max_ms else {
                let how = self.late.first().map_or("", |(how, _)| how.as_str());
                let detail = format!(
                    "{how}: its access credential works; needs `policy.revoke_max_ms` to tell how \
                     long it may"
                );
                self.trial.inconclusive(case, detail, &[]);
                return Ok(());
            };
            self.trial.note(format!(
                "declared: an access credential may outlive its login by {bound_ms} ms"
            ));
            self.trial.advance(bound_ms + MARGIN_MS).await?;
            for (how, login) in std::mem::take(&mut self.late) {
                let who = self.trial.who(&login).await?;
                if who.is_somebody() {
                    let detail = format!(
                        "{how}: its access credential is {} after the declared {bound_ms} ms",
                        who.told()
                    );
                    self.alive.push((detail, who.answer().clone()));
                }
            }
        }
        // Whoever is refused must not be refused because nobody gets in.
        self.trial.control(&self.trial.login().await?).await?;
        let looked_at = self.looked_at;
        if let Some((first, _)) = self.alive.first() {
            let shown: Vec<_> = self
                .alive
                .iter()
                .map(|(_, it)| it)
                .take(SHOWN_MAX)
                .collect();
            let count = self.alive.len();
            let detail = format!("{detail}: {count} left alive of {looked_at}; {first}");
            self.trial.fail(case, detail, &shown);
        } else if let Some(first) = self.unclear.first() {
            self.trial
                .inconclusive(case, format!("the target failed; {first}"), &[]);
        } else {
            let detail = format!("{detail}: none left alive of {looked_at}");
            self.trial.pass(case, detail);
        }
        Ok(())
    }
}
