//! Which calls a step makes.

use authbench_core::{RefreshOffer, Roles};

use super::backing::Backing;
use super::call::{Acted, Call};
use super::op::{Mutation, Op, Token, mutate};
use super::world::{ROLE_SETS, Stop, World};

/// How many of the latest credentials are presented at the end.
const PRESENTED_LAST: usize = 16;

impl<B: Backing> World<'_, B> {
    pub(super) async fn steps(&mut self, steps: &[Op]) -> Result<(), Stop> {
        self.constant(0)?;
        self.constant(1)?;
        for step in steps {
            self.ticks += 1;
            self.step(*step).await?;
        }
        self.epilogue().await
    }

    /// Every history ends with its latest credentials presented to each node,
    /// so that no change goes unseen.
    async fn epilogue(&mut self) -> Result<(), Stop> {
        self.ticks += 1;
        self.cut(None);
        for held in self.held.len().saturating_sub(PRESENTED_LAST)..self.held.len() {
            for node in 0..self.nodes.len() {
                self.act(Call::Present { held }, node).await?;
            }
        }
        Ok(())
    }

    async fn step(&mut self, op: Op) -> Result<(), Stop> {
        match op {
            Op::Issue { subject } => {
                self.act_here(Call::Issue {
                    account: subject % 3,
                })
                .await
            }
            Op::Fill { subject } => self.fill(subject % 3).await,
            Op::List { subject } => self.list(subject % 3).await,
            Op::ChangeRoles { subject, roles } => {
                self.change_roles(subject % 3, role_set(roles)).await
            }
            Op::RevokeAll { subject } => {
                let call = Call::RevokeAll {
                    account: subject % 3,
                    keep: None,
                };
                self.act_here(call).await
            }
            Op::SetActive { subject, active } => {
                self.set_active(subject % 3, active);
                Ok(())
            }
            Op::AdvanceTime(advance) => {
                self.advance(advance);
                Ok(())
            }
            Op::RestartNode { node } => {
                self.note(&format!("restart node {node}"));
                self.restart(node).await
            }
            Op::SwitchNode => {
                self.current = 1 - self.current;
                self.note("from here on");
                Ok(())
            }
            Op::CutStore(fault) => {
                self.cut(Some(fault));
                Ok(())
            }
            Op::MendStore => {
                self.cut(None);
                Ok(())
            }
            Op::CrashStore => self.crash().await,
            Op::RotateKeys => self.rotate_keys().await,
            Op::Together { pair, schedule } => self.pair(pair, schedule).await,
            Op::Sequence {
                credential,
                sequence,
            } => match self.pick_alive(credential) {
                Some(held) => self.sequence(held, sequence).await,
                None => Ok(()),
            },
            Op::Authenticate { credential, .. }
            | Op::AuthenticateMutated { credential, .. }
            | Op::Refresh { credential, .. }
            | Op::RevokePresented { credential }
            | Op::RevokeLogin { credential, .. }
            | Op::RevokeOthers { credential }
            | Op::ChangeProof { credential, .. } => match self.pick(credential) {
                Some(held) => self.step_with(op, held).await,
                None => Ok(()),
            },
        }
    }

    async fn step_with(&mut self, op: Op, held: usize) -> Result<(), Stop> {
        match op {
            Op::Authenticate { node, .. } => self.act(Call::Present { held }, node).await,
            Op::AuthenticateMutated { mutation, .. } => match self.stranger(held, mutation) {
                Some(call) => self.act_here(call).await,
                None => Ok(()),
            },
            Op::Refresh { token, .. } => match self.renewal(held, token) {
                Some(call) => self.act_here(call).await,
                None => Ok(()),
            },
            Op::RevokePresented { .. } => self.act_here(Call::RevokeOne { held, by: None }).await,
            Op::RevokeLogin { foreign, .. } => {
                let by = (self.account_of(held) + usize::from(foreign)) % self.accounts.len();
                let by = Some(by);
                self.act_here(Call::RevokeOne { held, by }).await
            }
            Op::RevokeOthers { .. } => {
                let call = Call::RevokeAll {
                    account: self.account_of(held),
                    keep: Some(held),
                };
                self.act_here(call).await
            }
            Op::ChangeProof { keep, .. } => {
                self.change_proof(held, keep);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    pub(super) async fn act_here(&mut self, call: Call) -> Result<(), Stop> {
        self.act(call, self.current).await
    }

    /// Makes one call and settles it.
    pub(super) async fn act(&mut self, call: Call, node: usize) -> Result<(), Stop> {
        let span = self.span();
        let answer = self.make(&call, node, self.now).await;
        let acted = Acted {
            call,
            node,
            span,
            answer,
        };
        self.settle(vec![acted])
    }

    /// The call that presents a credential's text after a change.
    fn stranger(&self, held: usize, mutation: Mutation) -> Option<Call> {
        let held_here = &self.held[held];
        let text = match mutation {
            Mutation::Refresh => self.logins[held_here.login].tokens.last().cloned(),
            _ => mutate(held_here.credentials.access.expose(), mutation)
                .filter(|text| !self.given_out.contains(text)),
        };
        Some(Call::PresentStranger {
            text: text?,
            action: format!("present credential {held} with {mutation:?}"),
        })
    }

    /// The call that asks for new credentials.
    pub(super) fn renewal(&self, held: usize, token: Token) -> Option<Call> {
        if !matches!(
            self.promises.refresh,
            RefreshOffer::RotatingKillsFamily { .. }
        ) {
            return Some(Call::Swap { held });
        }
        let login = self.held[held].login;
        let tokens = &self.logins[login].tokens;
        let newest = tokens.len().checked_sub(1)?;
        let back = match token {
            Token::Newest => 0,
            Token::Predecessor => 1,
            Token::Older(back) => 2 + back % newest.checked_sub(1)?.max(1),
            Token::Access => {
                let text = self.held[held].credentials.access.expose().to_owned();
                let action = format!("refresh with the access credential {held}");
                return Some(Call::RenewStranger {
                    access: None,
                    refresh: Some(text),
                    action,
                });
            }
            Token::Mutated(mutation) => {
                let text = mutate(&tokens[newest], mutation)?;
                let action = format!("refresh login {login} with {mutation:?}");
                return (!self.given_out.contains(&text)).then_some(Call::RenewStranger {
                    access: None,
                    refresh: Some(text),
                    action,
                });
            }
        };
        let token = tokens.get(newest.checked_sub(back)?)?.clone();
        Some(Call::Renew { login, token })
    }

    fn set_active(&mut self, account: usize, active: bool) {
        if self.directory {
            self.accounts[account].state.active = active;
            self.tell_directory(account);
            let word = if active { "let in" } else { "bar" };
            self.note(&format!("{word} {}", self.accounts[account].subject.id));
        }
    }

    fn change_proof(&mut self, held: usize, keep: bool) {
        if self.directory {
            let (account, at) = (self.account_of(held), self.now);
            let handle = self.held[held].credentials.login;
            let state = &mut self.accounts[account].state;
            state.proof_changed_at = at;
            state.kept = keep.then_some(handle);
            self.tell_directory(account);
            let kept = if keep {
                format!(", keeping {handle}")
            } else {
                String::new()
            };
            let subject = &self.accounts[account].subject.id;
            self.note(&format!("a new password for {subject}{kept}"));
        }
    }
}

pub(super) fn role_set(n: usize) -> Roles {
    ROLE_SETS[n % ROLE_SETS.len()].iter().collect()
}
