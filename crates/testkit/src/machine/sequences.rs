//! Steps of several calls, for what seldom comes about by chance.

use authbench_core::oracle::{Expectation, Standing};
use authbench_core::{LimitPolicy, Roles};

use super::backing::{Backing, Fault};
use super::call::Call;
use super::op::{Advance, Change, Sequence};
use super::steps::role_set;
use super::world::{Stop, World};

/// How many credentials are tried before and after a change of keys.
const TRIED_FOR_KEYS: usize = 3;

/// The most logins by which a limit is filled.
const FILL_MAX: u32 = 16;

impl<B: Backing> World<'_, B> {
    pub(super) async fn fill(&mut self, account: usize) -> Result<(), Stop> {
        let Some(limit) = self.promises.login_limit else {
            return Ok(());
        };
        let evicts = limit.policy == LimitPolicy::Evict;
        for _ in 0..limit.logins_max.min(FILL_MAX) + 1 {
            self.act_here(Call::Issue { account }).await?;
            self.ticks += 1;
            if evicts {
                self.advance(Advance::Ms(1));
            }
        }
        Ok(())
    }

    /// Presents what may be listed first, so that what does not hold of itself
    /// is not the list's fault: the latest credentials, and of a family that
    /// has ended the latest token.
    pub(super) async fn list(&mut self, account: usize) -> Result<(), Stop> {
        for login in self.compared(account) {
            let held = (0..self.held.len()).rev();
            let of_login = held.filter(|held| self.held[*held].login == login);
            let mut held = of_login.take(2).collect::<Vec<_>>();
            if self.promises.idle.is_some() {
                // Once more: what was refused must not have become good by it.
                held.extend(held.first().copied());
            }
            for held in held {
                self.act_here(Call::Present { held }).await?;
            }
            let no = self.logins[login].no;
            if self.ledger.standing(no, self.span()) == Standing::Ended {
                self.renew_newest(login).await?;
            }
        }
        self.ticks += 1;
        self.act_here(Call::List { account }).await
    }

    pub(super) async fn sequence(&mut self, held: usize, sequence: Sequence) -> Result<(), Stop> {
        match sequence {
            Sequence::LetIdle { early, offset_ms } => self.let_idle(held, early, offset_ms).await,
            Sequence::LetExpire { offset_ms } => self.let_expire(held, offset_ms).await,
            Sequence::LetCoast { offset_ms } => self.let_coast(held, offset_ms).await,
            Sequence::OutliveGrace { twice, offset_ms } => {
                self.outlive_grace(held, twice, offset_ms).await
            }
            Sequence::OutliveChain { offset_ms } => self.outlive_chain(held, offset_ms).await,
            Sequence::Behind(change) => self.behind(held, change).await,
        }
    }

    /// Changes roles, and tries before and after what must be dead.
    pub(super) async fn change_roles(&mut self, account: usize, roles: Roles) -> Result<(), Stop> {
        let dead = self.dead(account).await?;
        self.act_here(Call::ChangeRoles { account, roles }).await?;
        self.none_revived(dead).await
    }

    async fn behind(&mut self, held: usize, change: Change) -> Result<(), Stop> {
        let other = 1 - self.current;
        self.act(Call::Present { held }, other).await?;
        self.ticks += 1;
        let account = self.account_of(held);
        let by = Some(account);
        match change {
            Change::One => self.act_here(Call::RevokeOne { held, by }).await?,
            Change::All => {
                let keep = None;
                self.act_here(Call::RevokeAll { account, keep }).await?;
            }
            Change::Roles(roles) => self.change_roles(account, role_set(roles)).await?,
        }
        self.ticks += 1;
        self.act(Call::Present { held }, other).await
    }

    async fn let_idle(&mut self, held: usize, early: bool, offset_ms: i8) -> Result<(), Stop> {
        let Some(idle) = self.promises.idle else {
            return Ok(());
        };
        self.act_here(Call::Present { held }).await?;
        self.ticks += 1;
        self.advance(Advance::Ms(1 + idle.early_ms / 2));
        self.act_here(Call::Present { held }).await?;
        self.ticks += 1;
        self.advance(Advance::ToIdle {
            credential: self.held.len() - 1 - held,
            early,
            offset_ms,
        });
        self.act_here(Call::Present { held }).await
    }

    async fn let_expire(&mut self, held: usize, offset_ms: i8) -> Result<(), Stop> {
        let credential = self.held.len() - 1 - held;
        self.advance(Advance::ToExpiry {
            credential,
            offset_ms,
        });
        self.act_here(Call::Present { held }).await
    }

    async fn let_coast(&mut self, held: usize, offset_ms: i8) -> Result<(), Stop> {
        if self.cut.is_some() || !self.backing.can_be_cut() {
            return Ok(());
        }
        self.act_here(Call::Present { held }).await?;
        self.cut(Some(Fault::Refuse));
        self.ticks += 1;
        self.advance(Advance::ToDeadline { offset_ms });
        self.act_here(Call::Present { held }).await?;
        self.cut(None);
        Ok(())
    }

    async fn outlive_grace(&mut self, held: usize, twice: bool, offset_ms: i8) -> Result<(), Stop> {
        let login = self.held[held].login;
        let Some(spent) = self.logins[login].tokens.last().cloned() else {
            return Ok(());
        };
        self.renew_newest(login).await?;
        if twice {
            self.renew_newest(login).await?;
        } else {
            self.advance(Advance::ToGrace { offset_ms });
        }
        self.act_here(Call::Renew {
            login,
            token: spent,
        })
        .await
    }

    /// Presents the newest refresh token of a login, where it has any.
    pub(super) async fn renew_newest(&mut self, login: usize) -> Result<(), Stop> {
        if let Some(token) = self.logins[login].tokens.last().cloned() {
            self.act_here(Call::Renew { login, token }).await?;
            self.ticks += 1;
        }
        Ok(())
    }

    /// New keys; what was good before must be so after. Backings may change
    /// them seldom: none is wasted where nothing would show it.
    pub(super) async fn rotate_keys(&mut self) -> Result<(), Stop> {
        if self.cut.is_some() {
            return Ok(());
        }
        let span = self.span();
        let good = (0..self.held.len())
            .rev()
            .filter(|held| self.expected(*held, span) == Expectation::MustAccept);
        let good: Vec<_> = good.take(TRIED_FOR_KEYS).collect();
        for held in &good {
            self.act_here(Call::Present { held: *held }).await?;
        }
        if good.is_empty() || !self.backing.rotate_keys(self.now).await {
            return Ok(());
        }
        self.keys_changed = Some(self.span());
        self.note("new keys");
        self.ticks += 1;
        self.blames_keys = true;
        for held in good {
            self.act_here(Call::Present { held }).await?;
        }
        self.blames_keys = false;
        Ok(())
    }

    async fn outlive_chain(&mut self, held: usize, offset_ms: i8) -> Result<(), Stop> {
        let login = self.held[held].login;
        for advance in [
            Advance::Ms(1_000),
            Advance::ToLoginEnd {
                credential: self.held.len() - 1 - held,
                offset_ms,
            },
        ] {
            self.advance(advance);
            self.renew_newest(login).await?;
        }
        Ok(())
    }
}
