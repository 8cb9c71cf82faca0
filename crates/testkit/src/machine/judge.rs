//! What is seen, judged by the ledger and the laws around it.

use std::sync::Arc;

use authbench_core::oracle::{Expectation, Judgement, Observed, Window};
use authbench_core::{Decision, Identity, Listing, LoginInfo, Logins, OutageBehaviour, UnixMs};

use super::backing::Backing;
use super::law::Law;
use super::world::{Stop, World};

/// What came of presenting a credential.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Sight {
    Accepted,
    Refused,
    NoJudgement,
}

/// The decision in a few words.
pub(super) fn word(decision: &Decision) -> String {
    match decision {
        Decision::Accepted(Identity { subject, roles, .. }) => {
            format!(
                "accepted as {subject} with {:?}",
                roles.iter().collect::<Vec<_>>()
            )
        }
        Decision::Refused(refusal) => format!("refused, {}", refusal.label()),
    }
}

impl<B: Backing> World<'_, B> {
    /// Presents a credential to a node and judges the answer.
    pub(super) async fn present(&mut self, held: usize, node: usize) -> Result<Sight, Stop> {
        let strategy = Arc::clone(&self.nodes[node]);
        let answer = strategy
            .authenticate(&self.held[held].credentials.present(), self.now)
            .await;
        let good = self.expected(held) == Expectation::MustAccept;
        let action = format!("present credential {held}");
        let Some(decision) = self.answered(&action, answer)? else {
            if good && self.promises.outage == OutageBehaviour::FailsClosed {
                self.tally(Law::Outage).tested += 1;
            }
            return Ok(Sight::NoJudgement);
        };
        self.note_at(node, format_args!("{action}: {}", word(&decision)));
        let observed = match &decision {
            Decision::Accepted(Identity { subject, roles, .. }) => Observed::Accepted {
                subject: subject.clone(),
                roles: Some(roles.clone()),
            },
            Decision::Refused(_) => Observed::Refused,
        };
        let judgement = self
            .ledger
            .judge(self.held[held].no, self.span(), &observed);
        match decision {
            Decision::Accepted(identity) => {
                self.accepted(held, &identity, &judgement)?;
                Ok(Sight::Accepted)
            }
            Decision::Refused(_) if !judgement.holds() => {
                self.broken(Law::Acceptance, "a good credential was refused".to_owned())
            }
            Decision::Refused(_) => {
                if self.expected(held) == Expectation::MustRefuse {
                    let law = self.law_of_death(held);
                    self.tally(law).tested += 1;
                }
                Ok(Sight::Refused)
            }
        }
    }

    fn accepted(
        &mut self,
        held: usize,
        identity: &Identity,
        judgement: &Judgement,
    ) -> Result<(), Stop> {
        if self.cut.is_some() {
            match self.promises.outage {
                OutageBehaviour::FailsClosed => {
                    let detail = "nobody is to be accepted during an outage";
                    return self.broken(Law::Outage, detail.to_owned());
                }
                OutageBehaviour::Coasts | OutageBehaviour::Unaffected => {
                    self.witness(Law::Outage, None);
                }
                OutageBehaviour::FailsOpen => {
                    if *judgement == Judgement::AcceptedDead
                        && self.law_of_death(held) != Law::Expiry
                    {
                        self.witness(Law::Outage, None);
                        return Ok(());
                    }
                }
            }
        }
        let account = self.held[held].account;
        let fails_open = self.cut.is_some() && self.promises.outage == OutageBehaviour::FailsOpen;
        match judgement {
            Judgement::AcceptedDead => {
                let law = self.law_of_death(held);
                return self.broken(law, "a dead credential was accepted".to_owned());
            }
            Judgement::WrongSubject => {
                let whose = &self.accounts[account].subject.id;
                return self.broken(Law::Identity, format!("the credential is that of {whose}"));
            }
            Judgement::WrongRoles => {
                let detail = "roles that the subject cannot have at this instant";
                return self.broken(Law::RoleChange, detail.to_owned());
            }
            Judgement::UpheldWithOldRoles => self.saw_old_roles(account),
            Judgement::Upheld(window) => self.saw_window(held, *window),
            Judgement::RefusedGood => {}
        }
        let credentials = &self.held[held].credentials;
        if identity.login != credentials.login || identity.expires_at != credentials.expires_at {
            let detail = format!(
                "issued was the login {} until {}, seen was {} until {}",
                credentials.login, credentials.expires_at.0, identity.login, identity.expires_at.0,
            );
            return self.broken(Law::Identity, detail);
        }
        self.tally(Law::Identity).tested += 1;
        if self.expected(held) == Expectation::MustAccept {
            self.tally(Law::Acceptance).tested += 1;
        }
        if fails_open {
            Ok(())
        } else {
            self.receipts_kept(held, identity)
        }
    }

    /// From the instant that a receipt named, every node acts on the change.
    fn receipts_kept(&mut self, held: usize, identity: &Identity) -> Result<(), Stop> {
        if let Some(dead_from) = self.held[held].dead_from.filter(|from| *from <= self.now) {
            let detail = format!(
                "accepted although a receipt said: dead from {}",
                dead_from.0
            );
            return self.broken(Law::Receipt, detail);
        }
        let changes = &self.accounts[self.held[held].account].role_changes;
        let seen_from = |from: &Option<UnixMs>| from.is_some_and(|from| from <= self.now);
        let Some(latest) = changes.iter().rposition(|(_, from)| seen_from(from)) else {
            return Ok(());
        };
        if changes[latest..]
            .iter()
            .all(|(roles, _)| *roles != identity.roles)
        {
            let detail = "a receipt said that newer roles are seen by now";
            return self.broken(Law::Receipt, detail.to_owned());
        }
        Ok(())
    }

    fn saw_window(&mut self, held: usize, window: Option<Window>) {
        let account = &self.accounts[self.held[held].account];
        if account.role_changes.iter().any(|(_, from)| from.is_some()) {
            self.tally(Law::RoleChange).tested += 1;
        }
        match (window, self.held[held].ended) {
            (Some(Window::Revocation), Some((law, at))) => self.witness(law, Some(at)),
            (Some(Window::ExpirySlack), _) => {
                let at = self.held[held].credentials.expires_at;
                self.witness(Law::Expiry, Some(at));
            }
            _ => {}
        }
    }

    fn saw_old_roles(&mut self, account: usize) {
        let account = &self.accounts[account];
        // Where a change went without an answer, the roles seen may be newer
        // than the latest acknowledged ones instead of older.
        if account.role_changes.iter().all(|(_, from)| from.is_some()) {
            let at = account.roles_since;
            self.witness(Law::RoleChange, Some(at));
        }
    }

    fn witness(&mut self, law: Law, since: Option<UnixMs>) {
        let passed_ms = since.map_or(0, |since| self.now.since(since));
        let tally = self.tally(law);
        tally.tested += 1;
        tally.witnessed += 1;
        tally.longest_ms = tally.longest_ms.max(passed_ms);
    }

    /// Which law says that a dead credential is dead.
    fn law_of_death(&self, held: usize) -> Law {
        let held = &self.held[held];
        let expired_at = held
            .credentials
            .expires_at
            .plus_ms(self.promises.expiry_slack_ms);
        match held.ended {
            Some((law, _)) if self.now < expired_at => law,
            _ => Law::Expiry,
        }
    }

    /// Tries the account's credentials that must be dead; those that are
    /// refused come back.
    pub(super) async fn dead(&mut self, account: usize) -> Result<Vec<usize>, Stop> {
        let mut dead = Vec::new();
        for held in 0..self.held.len() {
            if self.held[held].account == account
                && self.expected(held) == Expectation::MustRefuse
                && self.present(held, self.current).await? == Sight::Refused
            {
                dead.push(held);
            }
        }
        Ok(dead)
    }

    /// Tries credentials that were refused before a change of roles.
    pub(super) async fn none_revived(&mut self, dead: &[usize]) -> Result<(), Stop> {
        for held in dead {
            let strategy = Arc::clone(&self.nodes[self.current]);
            let presented = self.held[*held].credentials.present();
            let answer = strategy.authenticate(&presented, self.now).await;
            let action = format!("present credential {held}");
            let Some(decision) = self.answered(&action, answer)? else {
                continue;
            };
            if decision.accepted().is_some() {
                self.note(&format!("{action}: accepted"));
                let detail = "a credential that was refused before the change is accepted again";
                return self.broken(Law::Revival, detail.to_owned());
            }
            self.tally(Law::Revival).tested += 1;
        }
        Ok(())
    }

    /// Lists an account's logins, tries each of its credentials, and compares.
    pub(super) async fn list(&mut self, account: usize) -> Result<(), Stop> {
        let strategy = Arc::clone(&self.nodes[self.current]);
        let subject = self.accounts[account].subject.id.clone();
        let answer = strategy.logins(&subject, self.now).await;
        let action = format!("list the logins of {subject}");
        let Some(logins) = self.answered(&action, answer)? else {
            return Ok(());
        };
        let listed = match (logins, self.promises.listing) {
            (Logins::NotKept, Listing::NotKept) => {
                self.note(&format!("{action}: not kept"));
                self.tally(Law::Listing).tested += 1;
                return Ok(());
            }
            (Logins::Known(listed), Listing::Exact) => listed,
            (_, promised) => {
                let detail = format!("the answer does not fit the promise, {promised:?}");
                return self.broken(Law::Listing, detail);
            }
        };
        let numbers: Vec<_> = listed.iter().map(|info| self.number_of(info)).collect();
        self.note(&format!("{action}: credentials {numbers:?}"));
        if let Some(detail) = self.strange_entry(account, &listed, &numbers) {
            return self.broken(Law::Listing, detail);
        }
        for held in 0..self.held.len() {
            if self.held[held].account == account {
                self.listed_if_good(held, numbers.contains(&Some(held)))
                    .await?;
            }
        }
        self.tally(Law::Listing).tested += 1;
        Ok(())
    }

    fn number_of(&self, info: &LoginInfo) -> Option<usize> {
        self.held
            .iter()
            .position(|held| held.credentials.login == info.login)
    }

    /// What is wrong with the entries themselves, if anything.
    fn strange_entry(
        &self,
        account: usize,
        listed: &[LoginInfo],
        numbers: &[Option<usize>],
    ) -> Option<String> {
        if !listed.is_sorted_by(|a, b| a.login < b.login) {
            return Some("the handles do not ascend".to_owned());
        }
        let mut phantoms = self.accounts[account].phantoms.clone();
        for (info, number) in listed.iter().zip(numbers) {
            let shown = (info.issued_at, info.expires_at);
            let fits = match number {
                Some(held) => {
                    let held = &self.held[*held];
                    held.account == account
                        && shown == (held.issued_at, held.credentials.expires_at)
                }
                None => match phantoms
                    .iter()
                    .position(|issued_at| *issued_at == info.issued_at)
                {
                    Some(place) => {
                        phantoms.swap_remove(place);
                        info.expires_at > self.now
                    }
                    None => false,
                },
            };
            if !fits {
                return Some(format!(
                    "the entry {} from {} to {} fits no login of the subject",
                    info.login, info.issued_at.0, info.expires_at.0,
                ));
            }
        }
        None
    }

    async fn listed_if_good(&mut self, held: usize, listed: bool) -> Result<(), Stop> {
        let expected = self.expected(held);
        let works = if self.cut.is_some() {
            expected == Expectation::MustAccept
        } else {
            self.present(held, self.current).await? == Sight::Accepted
        };
        // What may be accepted or not, by a node that has not heard, may be in
        // the list or not.
        if works != listed && !matches!(expected, Expectation::Either(_)) {
            let (works, listed) = (not(works), not(listed));
            let detail = format!("credential {held} does {works}work and is {listed}listed");
            return self.broken(Law::Listing, detail);
        }
        Ok(())
    }
}

const fn not(holds: bool) -> &'static str {
    if holds { "" } else { "not " }
}
