//! What renewals leave to be judged.

use authbench_core::oracle::{
    CredentialNo, Expectation, Ns, RefreshAnswer, RefreshBreach, RefreshCall, RefreshUse, Span,
};
use authbench_core::{Credentials, Digest, RefreshOffer, Refreshed, StrategyError};

use super::backing::Backing;
use super::call::Call;
use super::law::Law;
use super::world::{Held, Stop, World, change};

/// A call for new credentials, the node, when, and what came back.
pub(super) type Renewal = (Call, usize, Span, Result<Refreshed, StrategyError>);

/// The same, as far as it is understood.
struct Answered {
    call: Call,
    span: Span,
    /// New credentials, a refusal (`Err(true)`), or no answer.
    answer: Result<Credentials, bool>,
}

impl<B: Backing> World<'_, B> {
    /// Judges calls for new credentials that were made at the same time.
    pub(super) fn renewed(&mut self, renewals: Vec<Renewal>) -> Result<(), Stop> {
        let mut of_tokens = Vec::new();
        let mut swaps = Vec::new();
        for renewal in renewals {
            let Some(answered) = self.offered(renewal)? else {
                continue;
            };
            match answered.call {
                Call::Renew { .. } => of_tokens.push(answered),
                Call::Swap { .. } => swaps.push(answered),
                _ => {}
            }
        }
        // Who was given something came before who was refused.
        swaps.sort_by_key(|swap| swap.answer.is_err());
        let both = swaps.len() == 2 && swaps.iter().all(|swap| swap.answer.is_ok());
        for swap in swaps {
            self.swapped(swap)?;
        }
        if both {
            let detail = "one credential was swapped for two";
            return self.broken(Law::Swap, detail.to_owned());
        }
        self.tokens_used(of_tokens)
    }

    /// Whether an answer fits what is offered at all; none if it is settled by
    /// that.
    fn offered(&mut self, renewal: Renewal) -> Result<Option<Answered>, Stop> {
        let (call, node, span, answer) = renewal;
        let action = match &call {
            Call::Renew { login, token } => {
                let tokens = &self.logins[*login].tokens;
                let place = tokens.iter().position(|held| held == token);
                format!("refresh login {login} with token {}", place.unwrap_or(0))
            }
            Call::Swap { held } => format!("refresh credential {held}"),
            Call::RenewStranger { action, .. } => action.clone(),
            _ => return Ok(None),
        };
        let answer = match self.answered(node, &action, answer)? {
            None => Err(false),
            Some(Refreshed::NotOffered) => {
                self.note_at(node, format_args!("{action}: not offered"));
                if self.promises.refresh != RefreshOffer::None {
                    let detail = "a refresh is promised, yet answered as not offered";
                    return self.broken(Law::Refresh, detail.to_owned());
                }
                self.tested(Law::Refresh);
                return Ok(None);
            }
            Some(_) if self.promises.refresh == RefreshOffer::None => {
                self.note_at(node, format_args!("{action}: answered"));
                let detail = "no refresh is promised, yet it is not answered as not offered";
                return self.broken(Law::Refresh, detail.to_owned());
            }
            Some(Refreshed::Refused(refusal)) => {
                self.note_at(node, format_args!("{action}: refused, {}", refusal.label()));
                Err(true)
            }
            Some(Refreshed::Renewed(credentials)) => {
                let number = self.held.len();
                let ends_at = credentials.expires_at.0;
                self.note_at(
                    node,
                    format_args!("{action}: credential {number}, ends at {ends_at}"),
                );
                Ok(credentials)
            }
        };
        if matches!(call, Call::RenewStranger { .. }) {
            return match answer {
                Ok(_) => {
                    let detail = "what is no refresh token of ours renewed a login";
                    self.broken(Law::Integrity, detail.to_owned())
                }
                Err(refused) => {
                    self.tally(Law::Integrity).tested += u64::from(refused);
                    Ok(None)
                }
            };
        }
        Ok(Some(Answered { call, span, answer }))
    }

    fn swapped(&mut self, swap: Answered) -> Result<(), Stop> {
        let Answered {
            call: Call::Swap { held },
            span,
            answer,
            ..
        } = swap
        else {
            return Ok(());
        };
        let (old, expected) = (self.held[held].no, self.expected(held, span));
        let credentials = match answer {
            Ok(credentials) => credentials,
            Err(true) if expected == Expectation::MustAccept => {
                let law = self.law_of_refusal(held, span, Law::Refresh);
                return self.broken(law, "a good credential was not swapped".to_owned());
            }
            Err(true) => {
                if expected == Expectation::MustRefuse {
                    let law = self.law_of_death(held, span);
                    self.tested(law);
                }
                return Ok(());
            }
            Err(false) => {
                self.ledger.swapped(old, change(span, false));
                return Ok(());
            }
        };
        if expected == Expectation::MustRefuse {
            let law = self.law_of_death(held, span);
            return self.broken(law, "a dead credential was swapped".to_owned());
        }
        let expires_at = self.held[held].credentials.expires_at;
        if credentials.expires_at != expires_at {
            let detail = format!("ends at {}, not {}", credentials.expires_at.0, expires_at.0);
            return self.broken(Law::Swap, detail);
        }
        self.fresh(credentials.access.expose())?;
        self.ledger.swapped(old, change(span, true));
        let no = self.ledger.renewed(old, None, span, expires_at);
        self.tested(Law::Refresh);
        self.hand_over(self.held[held].login, no, credentials, span)
    }

    /// Refresh tokens were presented, of one login if it was at one time.
    fn tokens_used(&mut self, answered: Vec<Answered>) -> Result<(), Stop> {
        let Some(login) = answered.iter().find_map(|answered| match answered.call {
            Call::Renew { login, .. } => Some(login),
            _ => None,
        }) else {
            return Ok(());
        };
        let no = self.logins[login].no;
        let mut calls = Vec::new();
        for answered in &answered {
            let Call::Renew { token, .. } = &answered.call else {
                continue;
            };
            let answer = match &answered.answer {
                Ok(Credentials {
                    refresh: Some(next),
                    ..
                }) => RefreshAnswer::Renewed(Digest::of(next.expose())),
                Ok(_) => {
                    let detail = "renewed without a new refresh token";
                    return self.broken(Law::Refresh, detail.to_owned());
                }
                Err(true) => RefreshAnswer::Refused,
                Err(false) => RefreshAnswer::Unanswered,
            };
            calls.push(RefreshCall {
                token: Digest::of(token),
                span: answered.span,
                answer,
                barred: self.is_barred(login),
            });
        }
        let uses = match self.ledger.refreshed(no, &calls) {
            Ok(uses) => uses,
            Err(breach) => return self.breach(login, breach, calls[0].span),
        };
        let mut answered: Vec<_> = answered.into_iter().zip(uses).collect();
        // A replay repeats what the first was given.
        answered.sort_by_key(|(_, made_use)| matches!(made_use, RefreshUse::Replayed { .. }));
        for (answered, made_use) in answered {
            self.token_used(login, answered, made_use)?;
        }
        Ok(())
    }

    fn token_used(
        &mut self,
        login: usize,
        answered: Answered,
        made_use: RefreshUse,
    ) -> Result<(), Stop> {
        let (no, span) = (self.logins[login].no, answered.span);
        match made_use {
            RefreshUse::Renewed => {
                self.tested(Law::Refresh);
                self.latest_spending = Some(self.now);
            }
            RefreshUse::Replayed { since } => {
                let for_ms = self.now.0.saturating_sub(since.whole_ms());
                self.witness(Law::Reuse, for_ms);
            }
            RefreshUse::Reuse => self.tested(Law::Reuse),
            RefreshUse::Ended => {
                let law = self.law_of_end(no, span);
                self.tested(law);
            }
            RefreshUse::Barred => self.tested(Law::Account),
            RefreshUse::Lost => self.witness(Law::Durability, 0),
            RefreshUse::Unanswered => {}
        }
        let Ok(credentials) = answered.answer else {
            return Ok(());
        };
        let replay = matches!(made_use, RefreshUse::Replayed { .. });
        if let Some(token) = &credentials.refresh {
            let known = self.logins[login].tokens.iter();
            if !replay || !known.clone().any(|known| known == token.expose()) {
                self.fresh(token.expose())?;
                self.logins[login].tokens.push(token.expose().to_owned());
            }
        }
        let repeated = self.held.iter().any(|held| {
            held.login == login && held.credentials.access.expose() == credentials.access.expose()
        });
        if repeated && replay {
            return Ok(());
        }
        self.fresh(credentials.access.expose())?;
        self.lives_as_promised(&credentials)?;
        let account = &self.accounts[self.logins[login].account];
        let roles = self.directory.then_some(&account.state.roles);
        let no = self.ledger.renewed(no, roles, span, credentials.expires_at);
        self.hand_over(login, no, credentials, span)
    }

    /// A login has one more access credential.
    fn hand_over(
        &mut self,
        login: usize,
        no: Option<CredentialNo>,
        credentials: Credentials,
        made: Span,
    ) -> Result<(), Stop> {
        let handle = self.logins[login].handle;
        if credentials.login != handle {
            let detail = format!("{} was renewed as {}", handle, credentials.login);
            return self.broken(Law::Identity, detail);
        }
        if let Some(no) = no {
            self.held.push(Held {
                no,
                login,
                credentials,
                made,
            });
        }
        Ok(())
    }

    /// Whether the account of a login says that it may not be renewed.
    fn is_barred(&self, login: usize) -> bool {
        let login = &self.logins[login];
        let state = &self.accounts[login.account].state;
        let older = login.issued_at < state.proof_changed_at && state.kept != Some(login.handle);
        !state.active || older
    }

    fn breach(&mut self, login: usize, breach: RefreshBreach, span: Span) -> Result<(), Stop> {
        let no = self.logins[login].no;
        let newest = self.held.iter().rposition(|held| held.login == login);
        let (law, detail) = match breach {
            RefreshBreach::RefusedNewest => (
                newest.map_or(Law::Refresh, |held| {
                    self.law_of_refusal(held, span, Law::Refresh)
                }),
                "the newest refresh token was refused",
            ),
            RefreshBreach::RefusedInGrace => {
                (Law::Refresh, "a refresh token was refused within its grace")
            }
            RefreshBreach::AnotherSuccessor => (
                Law::Reuse,
                "a spent refresh token was answered with another successor",
            ),
            RefreshBreach::RenewedSpent => (
                Law::Reuse,
                "a spent refresh token, or one of a family that had ended so, renewed",
            ),
            RefreshBreach::RenewedRevoked => {
                (self.law_of_end(no, span), "an ended login was renewed")
            }
            RefreshBreach::RenewedExpired => {
                let ends_at = self.ledger.login_ends_at(no).map(Ns::from);
                let expired = ends_at.is_some_and(|ends_at| ends_at <= span.start);
                let law = if expired { Law::Expiry } else { Law::Idle };
                (law, "a login was renewed after its end")
            }
            RefreshBreach::RenewedBarred => (
                Law::Account,
                "the account may not log in, yet its login was renewed",
            ),
        };
        self.broken(law, detail.to_owned())
    }
}
