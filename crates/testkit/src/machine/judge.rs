//! What is seen of presented credentials, judged by the ledger and the laws
//! around it.

use authbench_core::oracle::{Expectation, Judgement, Observed, Span, Window};
use authbench_core::{Decision, Identity, OutageBehaviour, Staleness, StrategyError, UnixMs};

use super::backing::Backing;
use super::call::{Answer, Call};
use super::law::Law;
use super::world::{Stop, World};

/// How many dead credentials are tried before and after a change of roles.
const TRIED_FOR_REVIVAL: usize = 4;

/// The decision in a few words.
fn word(decision: &Decision) -> String {
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
    /// A credential was presented.
    pub(super) fn presented(
        &mut self,
        held: usize,
        node: usize,
        span: Span,
        answer: Result<Decision, StrategyError>,
    ) -> Result<(), Stop> {
        let no = self.held[held].no;
        let expected = self.expected(held, span);
        let used_at = self.ledger.used_at(no);
        let action = format!("present credential {held}");
        let Some(decision) = self.decided(node, &action, answer)? else {
            if expected == Expectation::MustAccept
                && self.promises.outage == OutageBehaviour::FailsClosed
            {
                self.tested(Law::Outage);
            }
            self.ledger.observe(no, span, &Observed::NoJudgement);
            return Ok(());
        };
        self.note_at(node, format_args!("{action}: {}", word(&decision)));
        let identity = match decision {
            Decision::Accepted(identity) => identity,
            Decision::Refused(_) => {
                let law = self.law_of_refusal(held, span, Law::Acceptance);
                let judgement = self.ledger.observe(no, span, &Observed::Refused);
                let unused_ms = used_at.map_or(0, |at| span.start.whole_ms() - at.whole_ms());
                return self.refused(held, span, law, unused_ms, &judgement);
            }
        };
        let observed = Observed::Accepted {
            subject: identity.subject.clone(),
            roles: Some(identity.roles.clone()),
        };
        let judgement = self.ledger.observe(no, span, &observed);
        self.accepted(held, span, expected, &identity, &judgement)
    }

    fn refused(
        &mut self,
        held: usize,
        span: Span,
        law: Law,
        unused_ms: u64,
        judgement: &Judgement,
    ) -> Result<(), Stop> {
        match judgement {
            Judgement::RefusedGood => {
                return self.broken(law, "a good credential was refused".to_owned());
            }
            Judgement::Upheld(Some(Window::Idle)) => {
                let timeout_ms = self.promises.idle.map_or(0, |idle| idle.timeout_ms);
                self.witness(Law::Idle, timeout_ms.saturating_sub(unused_ms));
            }
            Judgement::Upheld(Some(Window::Crash)) => self.witness(Law::Durability, 0),
            _ => {
                if self.expected(held, span) == Expectation::MustRefuse {
                    let law = self.law_of_death(held, span);
                    self.tested(law);
                }
            }
        }
        Ok(())
    }

    fn accepted(
        &mut self,
        held: usize,
        span: Span,
        expected: Expectation,
        identity: &Identity,
        judgement: &Judgement,
    ) -> Result<(), Stop> {
        let open = self.accepted_in_outage(held, span, identity, judgement)?;
        if open && !judgement.holds() {
            return Ok(());
        }
        let account = self.account_of(held);
        let coasts = self.cut.is_some() && self.promises.outage == OutageBehaviour::Coasts;
        match judgement {
            Judgement::AcceptedDead | Judgement::WrongRoles if coasts => {
                let detail = "what is remembered is too old for a change that was acknowledged";
                return self.broken(Law::Outage, detail.to_owned());
            }
            Judgement::AcceptedDead => {
                let law = self.law_of_death(held, span);
                return self.broken(law, "a dead credential was accepted".to_owned());
            }
            Judgement::WrongSubject => {
                let whose = &self.accounts[account].subject.id;
                return self.broken(Law::Identity, format!("the credential is that of {whose}"));
            }
            Judgement::WrongRoles => {
                let detail = "roles that the subject cannot have at this instant";
                let law = self.law_of_roles(account);
                return self.broken(law, detail.to_owned());
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
        self.tested(Law::Identity);
        if expected == Expectation::MustAccept {
            self.tested(Law::Acceptance);
            self.survived(held);
        }
        if open {
            Ok(())
        } else {
            self.receipts_kept(held, span, identity)
        }
    }

    /// Judges that somebody is accepted although the store is cut off. Says
    /// whether that is by a promise to fail open, which excuses some things.
    fn accepted_in_outage(
        &mut self,
        held: usize,
        span: Span,
        identity: &Identity,
        judgement: &Judgement,
    ) -> Result<bool, Stop> {
        let Some((_, since)) = self.cut else {
            return Ok(false);
        };
        match (self.promises.outage, self.promises.revoke_one) {
            (OutageBehaviour::FailsClosed, _) => {
                let detail = "nobody is to be accepted during an outage";
                self.broken(Law::Outage, detail.to_owned())
            }
            (OutageBehaviour::Coasts, Staleness::Immediate) => {
                let detail = "nothing that is remembered is recent enough";
                self.broken(Law::Outage, detail.to_owned())
            }
            (OutageBehaviour::Coasts, Staleness::WithinMs(ms)) if since.plus_ms(ms) <= self.now => {
                let detail = "what is remembered is too old by now";
                self.broken(Law::Outage, detail.to_owned())
            }
            (OutageBehaviour::Coasts | OutageBehaviour::Unaffected, _) => {
                self.witness(Law::Outage, self.now.since(since));
                Ok(false)
            }
            (OutageBehaviour::FailsOpen, _) => {
                let forgiven = match judgement {
                    Judgement::AcceptedDead => {
                        !matches!(self.law_of_death(held, span), Law::Expiry | Law::Idle)
                    }
                    Judgement::WrongRoles => self.ever_had(held, identity),
                    _ => false,
                };
                if forgiven {
                    self.witness(Law::Outage, self.now.since(since));
                }
                Ok(forgiven || judgement.holds())
            }
        }
    }

    /// Whether the roles are some that the subject has had.
    fn ever_had(&self, held: usize, identity: &Identity) -> bool {
        let account = &self.accounts[self.account_of(held)];
        let had = account.role_changes.iter().map(|(roles, _)| roles);
        let at_first = super::world::ROLE_SETS[0].iter().collect();
        had.chain([&at_first]).any(|roles| *roles == identity.roles)
    }

    /// A good credential works after what might have ended it.
    fn survived(&mut self, held: usize) {
        let made = self.held[held].made;
        if self.crashed.is_some_and(|crash| made.before(&crash)) {
            self.tested(Law::Durability);
        }
        if self.keys_changed.is_some_and(|at| made.before(&at)) {
            self.tested(Law::Keys);
        }
    }

    /// From the instant that a receipt named, every node acts on the change.
    fn receipts_kept(&mut self, held: usize, span: Span, identity: &Identity) -> Result<(), Stop> {
        let receipts = self.logins[self.held[held].login].receipts.iter();
        let mut due = receipts.filter(|(got, from)| got.before(&span) && *from <= self.now);
        if let Some((_, dead_from)) = due.next() {
            let detail = format!(
                "accepted although a receipt said: dead from {}",
                dead_from.0
            );
            return self.broken(Law::Receipt, detail);
        }
        if span.start != span.end {
            // A change of roles may be under way.
            return Ok(());
        }
        let changes = &self.accounts[self.account_of(held)].role_changes;
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
        let account = &self.accounts[self.account_of(held)];
        if account.role_changes.iter().any(|(_, from)| from.is_some()) {
            self.tested(Law::RoleChange);
        }
        match window {
            Some(Window::Revocation) => {
                if let Some((ending, change)) = self.ledger.ending(self.held[held].no) {
                    let for_ms = self.now.0.saturating_sub(change.span.end.whole_ms());
                    self.witness(super::blame::law_of(ending), for_ms);
                }
            }
            Some(Window::ExpirySlack) => {
                let for_ms = self.now.since(self.held[held].credentials.expires_at);
                self.witness(Law::Expiry, for_ms);
            }
            Some(Window::Crash) => self.witness(Law::Durability, 0),
            _ => {}
        }
    }

    fn saw_old_roles(&mut self, account: usize) {
        let account = &self.accounts[account];
        // Where a change went without an answer, the roles seen may be newer
        // than the latest acknowledged ones instead of older.
        if account.role_changes.iter().all(|(_, from)| from.is_some()) {
            let for_ms = self.now.since(account.roles_since);
            self.witness(Law::RoleChange, for_ms);
        }
    }

    /// A text was presented that is no access credential of ours.
    pub(super) fn stranger_presented(
        &mut self,
        action: &str,
        node: usize,
        answer: Result<Decision, StrategyError>,
    ) -> Result<(), Stop> {
        let Some(decision) = self.decided(node, action, answer)? else {
            return Ok(());
        };
        self.note_at(node, format_args!("{action}: {}", word(&decision)));
        if decision.accepted().is_some() {
            let detail = "what is no credential of ours was accepted";
            return self.broken(Law::Integrity, detail.to_owned());
        }
        self.tested(Law::Integrity);
        Ok(())
    }

    /// Tries some credentials of an account that must be dead, before a change
    /// of roles.
    pub(super) async fn dead(&mut self, account: usize) -> Result<Vec<usize>, Stop> {
        if self.cut.is_some() {
            return Ok(Vec::new());
        }
        let span = self.span();
        let dead = (0..self.held.len()).rev().filter(|held| {
            self.account_of(*held) == account
                && self.expected(*held, span) == Expectation::MustRefuse
        });
        let dead: Vec<_> = dead.take(TRIED_FOR_REVIVAL).collect();
        for held in &dead {
            self.act(Call::Present { held: *held }, self.current)
                .await?;
        }
        Ok(dead)
    }

    /// Tries credentials that were refused before a change of roles.
    pub(super) async fn none_revived(&mut self, dead: Vec<usize>) -> Result<(), Stop> {
        for held in dead {
            let answer = self
                .make(&Call::Present { held }, self.current, self.now)
                .await;
            let Answer::Decided(answer) = answer else {
                continue;
            };
            let action = format!("present credential {held}");
            let Some(decision) = self.decided(self.current, &action, answer)? else {
                continue;
            };
            if decision.accepted().is_some() {
                self.note(&format!("{action}: accepted"));
                let detail = "a credential that was refused before the change is accepted again";
                let law = match self.law_of_death(held, self.span()) {
                    Law::Idle => Law::Idle,
                    _ => Law::Revival,
                };
                return self.broken(law, detail.to_owned());
            }
            self.tested(Law::Revival);
        }
        Ok(())
    }
}
