//! Two calls at the same time, one on each node.

use authbench_core::oracle::{Expectation, Span, Standing};

use super::backing::Backing;
use super::call::{Acted, Answer, Call, together};
use super::op::{Pair, Token};
use super::steps::role_set;
use super::world::{Login, Stop, World};

impl<B: Backing> World<'_, B> {
    pub(super) async fn pair(&mut self, pair: Pair, schedule: u32) -> Result<(), Stop> {
        let Some([a, b]) = self.calls(pair) else {
            return Ok(());
        };
        let dead = match b {
            Call::ChangeRoles { account, .. } => self.dead(account).await?,
            _ => Vec::new(),
        };
        let login = match a {
            Call::Renew { login, .. } => Some(login),
            Call::Swap { held } => Some(self.held[held].login),
            _ => None,
        };
        self.note("node 0 and node 1 at the same time:");
        let start = self.span().start;
        let at = self.now;
        let (of_a, of_b): (Answer, Answer) =
            together(self.make(&a, 0, at), self.make(&b, 1, at), schedule).await;
        self.ticks += 1;
        let span = Span {
            start,
            end: self.span().end,
        };
        let acted = |call, node, answer| Acted {
            call,
            node,
            span,
            answer,
        };
        let acted = vec![acted(a, 0, of_a), acted(b, 1, of_b)];
        self.settle(acted)?;
        self.ticks += 1;
        self.none_revived(dead).await?;
        match pair {
            Pair::Refreshes { .. } | Pair::RefreshAndRevoke { .. } => self.aftermath(login).await,
            _ => Ok(()),
        }
    }

    /// Tries what two calls at the same time left of a login.
    async fn aftermath(&mut self, login: Option<usize>) -> Result<(), Stop> {
        let Some(login) = login else {
            return Ok(());
        };
        let held = (0..self.held.len()).rev();
        let of_login = held.filter(|held| self.held[*held].login == login);
        for held in of_login.take(2).collect::<Vec<_>>() {
            self.act_here(Call::Present { held }).await?;
        }
        self.renew_newest(login).await?;
        // Of a login that was ended, no token renews, whatever its grace.
        let Login { no, tokens, .. } = &self.logins[login];
        let ended = self.ledger.standing(*no, self.span()) == Standing::Ended;
        match tokens.iter().rev().nth(1).filter(|_| ended).cloned() {
            Some(token) => self.act_here(Call::Renew { login, token }).await,
            None => Ok(()),
        }
    }

    fn calls(&self, pair: Pair) -> Option<[Call; 2]> {
        let issue = |subject: usize| Call::Issue {
            account: subject % 3,
        };
        Some(match pair {
            Pair::Refreshes { credential } => {
                let call = self.renewal(self.pick_alive(credential)?, Token::Newest)?;
                [call.clone(), call]
            }
            Pair::RefreshAndRevoke { credential, all } => {
                let held = self.pick_alive(credential)?;
                let end = if all {
                    Call::RevokeAll {
                        account: self.account_of(held),
                        keep: None,
                    }
                } else {
                    let by = Some(self.account_of(held));
                    Call::RevokeOne { held, by }
                };
                [self.renewal(held, Token::Newest)?, end]
            }
            Pair::Issues { subject } => [issue(subject), issue(subject)],
            Pair::IssueAndRevokeAll { subject } => {
                let end = Call::RevokeAll {
                    account: subject % 3,
                    keep: None,
                };
                [issue(subject), end]
            }
            Pair::AuthenticateAndRevoke { credential } => {
                let held = self.pick_alive(credential)?;
                [Call::Present { held }, Call::RevokeOne { held, by: None }]
            }
            Pair::AuthenticateAndChangeRoles { credential, roles } => {
                let held = self.pick(credential)?;
                if self.expected(held, self.span()) == Expectation::MustRefuse {
                    return None;
                }
                let (account, roles) = (self.account_of(held), role_set(roles));
                [Call::Present { held }, Call::ChangeRoles { account, roles }]
            }
        })
    }
}
