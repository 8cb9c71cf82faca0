//! The world in which a history is played: accounts, logins, credentials, two
//! nodes and the ledger. Which call a step makes stands in `steps`, what comes
//! of it is settled in `settle`, `renewal`, `judge` and `listing`.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::sync::Arc;

use authbench_core::oracle::{Change, CredentialNo, Expectation, Ns, Span, Standing};
use authbench_core::{
    AccountState, Credentials, Decision, Durability, DynStrategy, Guarantees, Ledger, LoginId,
    OutageBehaviour, Roles, Staleness, StrategyError, Subject, SubjectId, UnixMs,
};

use super::backing::{Backing, BoxError, Fault};
use super::law::Law;
use super::op::Op;
use super::outcome::Tally;

/// Not a whole second, so that a scheme that rounds instants is noticed.
const BEGINNING: UnixMs = UnixMs(1_700_000_000_123);
pub(super) const ROLE_SETS: [&[&str]; 4] = [&["user"], &["admin", "user"], &["auditor"], &[]];

/// What came of a history.
pub(super) struct Played {
    pub(super) promises: Guarantees,
    pub(super) tallies: BTreeMap<Law, Tally>,
    /// The first law that it broke; the history ends there.
    pub(super) broken: Option<Violation>,
    /// Whether signing keys were changed.
    pub(super) keys_changed: bool,
}

/// A broken law.
pub(super) struct Violation {
    pub(super) law: Law,
    pub(super) detail: String,
    /// One line per step.
    pub(super) history: Vec<String>,
}

/// Why a history ended early.
pub(super) enum Stop {
    Broken(Violation),
    Setup(BoxError),
}

/// Plays `steps` over `backing`.
pub(super) async fn play<B: Backing>(backing: &B, steps: &[Op]) -> Result<Played, BoxError> {
    if backing.can_be_cut() {
        backing.cut(None);
    }
    backing.advance(BEGINNING);
    let nodes = [backing.node().await?, backing.node().await?];
    let mut world = World::new(backing, nodes);
    let broken = match world.steps(steps).await {
        Ok(()) => None,
        Err(Stop::Broken(violation)) => Some(violation),
        Err(Stop::Setup(source)) => return Err(source),
    };
    Ok(Played {
        promises: world.promises,
        tallies: world.tallies,
        broken,
        keys_changed: world.keys_changed.is_some(),
    })
}

/// A login and what it was given.
pub(super) struct Login {
    /// Its first credential.
    pub(super) no: CredentialNo,
    pub(super) account: usize,
    pub(super) handle: LoginId,
    pub(super) issued_at: UnixMs,
    /// Its refresh tokens, oldest first.
    pub(super) tokens: Vec<String>,
    /// The receipts for its end: when they came, and from when on they say
    /// that it is dead.
    pub(super) receipts: Vec<(Span, UnixMs)>,
}

/// An access credential that was handed out.
pub(super) struct Held {
    pub(super) no: CredentialNo,
    pub(super) login: usize,
    pub(super) credentials: Credentials,
    /// The call that gave it.
    pub(super) made: Span,
}

/// A subject and what was done to it.
pub(super) struct Account {
    pub(super) subject: Subject,
    /// What the directory says.
    pub(super) state: AccountState,
    /// Every change of roles that was asked for, with the receipt's instant.
    pub(super) role_changes: Vec<(Roles, Option<UnixMs>)>,
    /// When the latest acknowledged change of roles was made.
    pub(super) roles_since: UnixMs,
    /// Logins whose issue was not confirmed: nobody holds them, but a list may
    /// show them.
    pub(super) phantoms: Vec<UnixMs>,
    /// Those that "end everything" must have ended since.
    pub(super) swept: Vec<UnixMs>,
}

pub(super) struct World<'b, B> {
    pub(super) backing: &'b B,
    pub(super) nodes: [Arc<dyn DynStrategy>; 2],
    pub(super) current: usize,
    pub(super) promises: Guarantees,
    pub(super) ledger: Ledger,
    pub(super) now: UnixMs,
    pub(super) ticks: u64,
    pub(super) accounts: Vec<Account>,
    /// Whether the strategy asks a directory that we can write.
    pub(super) directory: bool,
    pub(super) logins: Vec<Login>,
    pub(super) held: Vec<Held>,
    pub(super) given_out: HashSet<String>,
    /// How the store is cut off, and since when.
    pub(super) cut: Option<(Fault, UnixMs)>,
    pub(super) latest_change: Option<(UnixMs, Staleness)>,
    pub(super) latest_spending: Option<UnixMs>,
    pub(super) crashed: Option<Span>,
    pub(super) keys_changed: Option<Span>,
    /// Whether nothing but a change of keys can end what was good.
    pub(super) blames_keys: bool,
    pub(super) tallies: BTreeMap<Law, Tally>,
    pub(super) history: Vec<String>,
}

impl<'b, B: Backing> World<'b, B> {
    fn new(backing: &'b B, nodes: [Arc<dyn DynStrategy>; 2]) -> Self {
        let promises = nodes[0].guarantees();
        let account = |n| {
            let roles: Roles = ROLE_SETS[0].iter().collect();
            Account {
                subject: Subject {
                    id: SubjectId::new(&format!("acct-{n:06}")),
                    roles: roles.clone(),
                },
                state: AccountState {
                    roles,
                    active: true,
                    proof_changed_at: UnixMs(0),
                    kept: None,
                },
                role_changes: Vec::new(),
                roles_since: BEGINNING,
                phantoms: Vec::new(),
                swept: Vec::new(),
            }
        };
        let accounts: Vec<Account> = (0..3).map(account).collect();
        let told = accounts
            .iter()
            .map(|account| backing.set_account(&account.subject.id, &account.state));
        let directory = told.filter(|told| *told).count() == accounts.len();
        Self {
            backing,
            nodes,
            current: 0,
            promises,
            ledger: Ledger::new(promises),
            now: BEGINNING,
            ticks: 0,
            accounts,
            directory,
            logins: Vec::new(),
            held: Vec::new(),
            given_out: HashSet::new(),
            cut: None,
            latest_change: None,
            latest_spending: None,
            crashed: None,
            keys_changed: None,
            blames_keys: false,
            tallies: BTreeMap::new(),
            history: Vec::new(),
        }
    }

    /// Writes an account's state to the directory.
    pub(super) fn tell_directory(&mut self, account: usize) {
        let Account { subject, state, .. } = &self.accounts[account];
        self.backing.set_account(&subject.id, state);
    }

    pub(super) fn account_of(&self, held: usize) -> usize {
        self.logins[self.held[held].login].account
    }

    /// The judgement on a credential, or none in an outage that may have this
    /// effect.
    pub(super) fn decided(
        &mut self,
        node: usize,
        action: &str,
        answer: Result<Decision, StrategyError>,
    ) -> Result<Option<Decision>, Stop> {
        let decision = self.answered(node, action, answer)?;
        if decision.is_none() && self.promises.outage == OutageBehaviour::Unaffected {
            let detail = "outages are promised to have no effect";
            return self.broken(Law::Outage, detail.to_owned());
        }
        Ok(decision)
    }

    /// The answer, or none in an outage. Only what keeps nothing has no store
    /// that could fail it.
    pub(super) fn answered<T>(
        &mut self,
        node: usize,
        action: &str,
        answer: Result<T, StrategyError>,
    ) -> Result<Option<T>, Stop> {
        match answer {
            Ok(answer) => {
                if self.cut.is_none() {
                    self.tally(Law::Availability).tested += 1;
                }
                Ok(Some(answer))
            }
            Err(error) => {
                self.note_at(node, format_args!("{action}: {}", chain(&error)));
                if self.cut.is_none() {
                    return self.broken(Law::Availability, "an error without an outage".to_owned());
                }
                if self.promises.durability == Durability::Stateless {
                    let detail = "nothing is kept, so nothing can be out of reach";
                    return self.broken(Law::Outage, detail.to_owned());
                }
                Ok(None)
            }
        }
    }

    pub(super) fn constant(&mut self, node: usize) -> Result<(), Stop> {
        let promises = self.nodes[node].guarantees();
        if promises != self.promises {
            let detail = format!("node {node} promises {promises:?} now");
            return self.broken(Law::Constancy, detail);
        }
        self.tally(Law::Constancy).tested += 1;
        Ok(())
    }

    /// A credential by its distance from the newest.
    pub(super) fn pick(&self, back: usize) -> Option<usize> {
        let last = self.held.len().checked_sub(1)?;
        Some(last - back % self.held.len())
    }

    /// The same among the credentials of logins that live, if there are any.
    pub(super) fn pick_alive(&self, back: usize) -> Option<usize> {
        let span = self.span();
        let alive: Vec<usize> = (0..self.held.len())
            .rev()
            .filter(|held| self.ledger.standing(self.held[*held].no, span) == Standing::Lives)
            .collect();
        match alive.len() {
            0 => self.pick(back),
            count => alive.get(back % count).copied(),
        }
    }

    /// The present step: later than the one before, even in one millisecond.
    pub(super) fn span(&self) -> Span {
        let at = Ns(Ns::from(self.now).0 + self.ticks);
        Span { start: at, end: at }
    }

    /// What the ledger expects of a credential in a call.
    pub(super) fn expected(&self, held: usize, span: Span) -> Expectation {
        self.ledger.expectation(self.held[held].no, span)
    }

    pub(super) fn tally(&mut self, law: Law) -> &mut Tally {
        self.tallies.entry(law).or_default()
    }

    pub(super) fn tested(&mut self, law: Law) {
        self.tally(law).tested += 1;
    }

    /// The room that a law leaves was used, `for_ms` long.
    pub(super) fn witness(&mut self, law: Law, for_ms: u64) {
        let tally = self.tally(law);
        tally.tested += 1;
        tally.witnessed += 1;
        tally.longest_ms = tally.longest_ms.max(for_ms);
    }

    pub(super) fn note(&mut self, text: &str) {
        self.note_at(self.current, text);
    }

    pub(super) fn note_at(&mut self, node: usize, text: impl fmt::Display) {
        self.history
            .push(format!("at {}, node {node}: {text}", self.now.0));
    }

    pub(super) fn broken<T>(&mut self, law: Law, detail: String) -> Result<T, Stop> {
        let history = std::mem::take(&mut self.history);
        Err(Stop::Broken(Violation {
            law,
            detail,
            history,
        }))
    }
}

/// A change that was asked for in `span`.
pub(super) const fn change(span: Span, acknowledged: bool) -> Change {
    Change { span, acknowledged }
}

/// The error and its causes, in one line for people.
fn chain(error: &dyn std::error::Error) -> String {
    std::iter::successors(Some(error), |error| error.source())
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}
