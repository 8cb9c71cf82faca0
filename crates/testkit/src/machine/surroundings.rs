//! Time, nodes and the store.

use authbench_core::{Durability, RefreshOffer, Staleness, UnixMs};

use super::backing::{Backing, Fault};
use super::call::Call;
use super::op::Advance;
use super::world::{Stop, World};

/// How many of the latest credentials are tried after a crash.
const TRIED_AFTER_CRASH: usize = 3;

impl<B: Backing> World<'_, B> {
    pub(super) async fn restart(&mut self, node: usize) -> Result<(), Stop> {
        self.nodes[node] = self.backing.node().await.map_err(Stop::Setup)?;
        self.constant(node)
    }

    pub(super) async fn crash(&mut self) -> Result<(), Stop> {
        self.cut(None);
        if !self.backing.crash_store().await {
            return Ok(());
        }
        self.note("the store crashes and comes back");
        self.crashed = Some(self.span());
        self.ledger.crashed();
        if self.promises.durability == Durability::None {
            for login in &mut self.logins {
                login.receipts.clear();
            }
            for account in &mut self.accounts {
                account.phantoms.append(&mut account.swept);
                for (_, from) in &mut account.role_changes {
                    *from = None;
                }
            }
        }
        self.restart(0).await?;
        self.restart(1).await?;
        self.ticks += 1;
        for held in (0..self.held.len()).rev().take(TRIED_AFTER_CRASH) {
            self.act_here(Call::Present { held }).await?;
        }
        Ok(())
    }

    pub(super) fn advance(&mut self, advance: Advance) {
        let Some((target, offset_ms)) = self.target(advance) else {
            return;
        };
        let target = UnixMs(target.0.saturating_add_signed(offset_ms.into()));
        if target > self.now {
            let passed_ms = target.since(self.now);
            self.now = target;
            self.backing.advance(target);
            self.note(&format!("{passed_ms} ms later"));
        }
    }

    fn target(&self, advance: Advance) -> Option<(UnixMs, i8)> {
        Some(match advance {
            Advance::Ms(ms) => (self.now.plus_ms(ms), 0),
            Advance::ToExpiry {
                credential,
                offset_ms,
            } => {
                let held = &self.held[self.pick(credential)?];
                (held.credentials.expires_at, offset_ms)
            }
            Advance::ToLoginEnd {
                credential,
                offset_ms,
            } => {
                let no = self.held[self.pick(credential)?].no;
                (self.ledger.login_ends_at(no)?, offset_ms)
            }
            Advance::ToIdle {
                credential,
                early,
                offset_ms,
            } => {
                let idle = self.promises.idle?;
                let no = self.held[self.pick(credential)?].no;
                let early_ms = if early { idle.early_ms } else { 0 };
                let used_at = UnixMs(self.ledger.used_at(no)?.whole_ms());
                let after_ms = idle.timeout_ms.saturating_sub(early_ms);
                (used_at.plus_ms(after_ms), offset_ms)
            }
            Advance::ToGrace { offset_ms } => {
                let RefreshOffer::RotatingKillsFamily { grace_ms, .. } = self.promises.refresh
                else {
                    return None;
                };
                (self.latest_spending?.plus_ms(grace_ms), offset_ms)
            }
            Advance::ToDeadline { offset_ms } => {
                let of_cut = self.cut.map(|(_, since)| (since, self.promises.revoke_one));
                match of_cut.or(self.latest_change)? {
                    (at, Staleness::WithinMs(ms)) => (at.plus_ms(ms), offset_ms),
                    _ => return None,
                }
            }
        })
    }

    /// Cuts the store off, if it can be, or mends it, if it is cut off.
    pub(super) fn cut(&mut self, fault: Option<Fault>) {
        let idle = match fault {
            Some(_) => !self.backing.can_be_cut(),
            None => self.cut.is_none(),
        };
        if idle {
            return;
        }
        self.backing.cut(fault);
        let since = self.cut.map_or(self.now, |(_, since)| since);
        self.cut = fault.map(|fault| (fault, since));
        self.note(match fault {
            Some(Fault::Refuse) => "the store is cut off: operations do not happen",
            Some(Fault::LoseAnswer) => "the store is cut off: operations happen, answers are lost",
            None => "the store is reachable again",
        });
    }
}
