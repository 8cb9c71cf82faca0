//! The steps that change something, with what each leaves to be judged.

use std::sync::Arc;

use authbench_core::{
    Issued, Presented, Receipt, RefreshOffer, Refreshed, Roles, Scope, Staleness, Subject,
};

use super::backing::Backing;
use super::judge::word;
use super::law::Law;
use super::op::{Mutation, mutate};
use super::world::{Held, Stop, World};

impl<B: Backing> World<'_, B> {
    pub(super) async fn issue(&mut self, account: usize) -> Result<(), Stop> {
        let node = Arc::clone(&self.nodes[self.current]);
        let subject = self.accounts[account].subject.clone();
        let answer = node.issue(&subject, self.now).await;
        let action = format!("issue for {}", subject.id);
        let Some(issued) = self.answered(&action, answer)? else {
            self.accounts[account].phantoms.push(self.now);
            return Ok(());
        };
        let Issued::Granted(credentials) = issued else {
            self.note(&format!("{action}: refused, the limit is reached"));
            let detail = "no limit is promised";
            return self.broken(Law::Acceptance, detail.to_owned());
        };
        let expires_at = credentials.expires_at;
        let (number, access_octets) = (self.held.len(), credentials.access.expose().len());
        self.note(&format!(
            "{action}: credential {number}, {access_octets} octets, login {}, ends at {}",
            credentials.login, expires_at.0,
        ));
        let texts = [Some(&credentials.access), credentials.refresh.as_ref()];
        let texts = texts
            .into_iter()
            .flatten()
            .map(|secret| secret.expose().to_owned());
        for text in texts.chain([credentials.login.to_string()]) {
            if !self.given_out.insert(text) {
                return self.broken(Law::Freshness, "this was given out before".to_owned());
            }
        }
        self.tally(Law::Freshness).tested += 1;
        if expires_at <= self.now || expires_at.since(self.now) > self.promises.lifetime_ms {
            let most = self.promises.lifetime_ms;
            return self.broken(
                Law::Lifetime,
                format!(
                    "lives for {} ms, promised are 1 to {most}",
                    expires_at.since(self.now)
                ),
            );
        }
        self.tally(Law::Lifetime).tested += 1;
        let no = self
            .ledger
            .issued(&subject.id, &subject.roles, self.span(), expires_at);
        let issued_at = self.now;
        let (ended, dead_from) = (None, None);
        self.held.push(Held {
            no,
            credentials,
            account,
            issued_at,
            ended,
            dead_from,
        });
        Ok(())
    }

    pub(super) async fn mutated(&mut self, held: usize, mutation: Mutation) -> Result<(), Stop> {
        let Some(text) = mutate(self.held[held].credentials.access.expose(), mutation) else {
            return Ok(());
        };
        if self.given_out.contains(&text) {
            return Ok(());
        }
        let node = Arc::clone(&self.nodes[self.current]);
        let answer = node.authenticate(&Presented::access(&text), self.now).await;
        let action = format!("present credential {held} with {mutation:?}");
        let Some(decision) = self.answered(&action, answer)? else {
            return Ok(());
        };
        self.note(&format!("{action}: {}", word(&decision)));
        if decision.accepted().is_some() {
            return self.broken(Law::Integrity, "a changed text was accepted".to_owned());
        }
        self.tally(Law::Integrity).tested += 1;
        Ok(())
    }

    pub(super) async fn refresh(&mut self, held: usize) -> Result<(), Stop> {
        if self.promises.refresh != RefreshOffer::None {
            // The ledger does not model families of credentials: the law stays
            // unwitnessed rather than half tested.
            return Ok(());
        }
        let node = Arc::clone(&self.nodes[self.current]);
        let answer = node
            .refresh(&self.held[held].credentials.present(), self.now)
            .await;
        let action = format!("refresh credential {held}");
        let Some(answer) = self.answered(&action, answer)? else {
            return Ok(());
        };
        self.note(&format!("{action}: answered"));
        if !matches!(answer, Refreshed::NotOffered) {
            let detail = "no refresh is promised, yet it is not answered as not offered";
            return self.broken(Law::Refresh, detail.to_owned());
        }
        self.tally(Law::Refresh).tested += 1;
        Ok(())
    }

    /// Ends one login: by itself, or from the list of the account `by`.
    pub(super) async fn revoke_one(&mut self, held: usize, by: Option<usize>) -> Result<(), Stop> {
        let node = Arc::clone(&self.nodes[self.current]);
        let (presented, login) = (
            self.held[held].credentials.present(),
            self.held[held].credentials.login,
        );
        let asks = by.map(|by| self.accounts[by].subject.id.clone());
        let (scope, action) = match &asks {
            None => (
                Scope::Presented(presented),
                format!("log out credential {held}"),
            ),
            Some(subject) => (
                Scope::Login { subject, login },
                format!("end the login of credential {held} for {subject}"),
            ),
        };
        let answer = node.revoke(&scope, self.now).await;
        let receipt = self.answered(&action, answer)?;
        let promise = self.promises.revoke_one;
        if let Some(receipt) = receipt {
            self.received(&action, receipt, promise)?;
        }
        if by.is_none_or(|by| by == self.held[held].account) {
            let change = self.change(receipt.is_some());
            self.ledger.revoked_one(self.held[held].no, change);
            self.ended(held, Law::RevokeOne, receipt);
        }
        Ok(())
    }

    /// Ends everything of an account, except the login of `keep`.
    pub(super) async fn revoke_all(
        &mut self,
        account: usize,
        keep: Option<usize>,
    ) -> Result<(), Stop> {
        let node = Arc::clone(&self.nodes[self.current]);
        let subject = self.accounts[account].subject.id.clone();
        let (scope, action) = match keep {
            None => (
                Scope::Subject(&subject),
                format!("end all logins of {subject}"),
            ),
            Some(keep) => (
                Scope::Others {
                    subject: &subject,
                    keep: self.held[keep].credentials.login,
                },
                format!("end all logins of {subject} but that of credential {keep}"),
            ),
        };
        let answer = node.revoke(&scope, self.now).await;
        let receipt = self.answered(&action, answer)?;
        let promise = self.promises.revoke_all;
        if let Some(receipt) = receipt {
            self.received(&action, receipt, promise)?;
            self.accounts[account].phantoms.clear();
        }
        let change = self.change(receipt.is_some());
        self.ledger
            .revoked_all(&subject, keep.map(|keep| self.held[keep].no), change);
        for held in 0..self.held.len() {
            if self.held[held].account == account && Some(held) != keep {
                self.ended(held, Law::RevokeAll, receipt);
            }
        }
        Ok(())
    }

    pub(super) async fn change_roles(&mut self, account: usize, roles: Roles) -> Result<(), Stop> {
        let dead: Vec<_> = if self.cut.is_some() {
            Vec::new()
        } else {
            self.dead(account).await?
        };
        let node = Arc::clone(&self.nodes[self.current]);
        let subject = Subject {
            id: self.accounts[account].subject.id.clone(),
            roles,
        };
        let answer = node.change_roles(&subject, self.now).await;
        let names: Vec<_> = subject.roles.iter().collect();
        let action = format!("give {} the roles {names:?}", subject.id);
        let receipt = self.answered(&action, answer)?;
        let promise = self.promises.role_change;
        if let Some(receipt) = receipt {
            self.received(&action, receipt, promise)?;
            self.accounts[account].subject.roles = subject.roles.clone();
            self.accounts[account].roles_since = self.now;
        }
        let change = self.change(receipt.is_some());
        self.ledger
            .roles_changed(&subject.id, &subject.roles, change);
        self.accounts[account]
            .role_changes
            .push((subject.roles, receipt.map(|receipt| receipt.effective_from)));
        self.none_revived(&dead).await
    }

    /// Notes that an acknowledged (with its receipt) revocation covers a
    /// credential.
    fn ended(&mut self, held: usize, law: Law, receipt: Option<Receipt>) {
        let Some(Receipt { effective_from }) = receipt else {
            return;
        };
        let now = self.now;
        let held = &mut self.held[held];
        held.ended.get_or_insert((law, now));
        held.dead_from = Some(
            held.dead_from
                .map_or(effective_from, |earlier| earlier.min(effective_from)),
        );
    }

    /// A change was acknowledged: its receipt must keep the promise.
    fn received(&mut self, action: &str, receipt: Receipt, promise: Staleness) -> Result<(), Stop> {
        let effective_from = receipt.effective_from;
        self.note(&format!("{action}: effective from {}", effective_from.0));
        self.latest_change = Some((self.now, promise));
        let latest = self.now.plus_ms(match promise {
            Staleness::Immediate => 0,
            Staleness::WithinMs(ms) => ms,
            Staleness::UntilExpiry => self
                .promises
                .lifetime_ms
                .saturating_add(self.promises.expiry_slack_ms),
        });
        if effective_from > latest {
            let detail = format!("promised is {promise}, so {} at the latest", latest.0);
            return self.broken(Law::Receipt, detail);
        }
        self.tally(Law::Receipt).tested += 1;
        Ok(())
    }
}
