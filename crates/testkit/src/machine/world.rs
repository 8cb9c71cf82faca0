//! The world in which a history is played: accounts, credentials, two nodes
//! and the ledger. What each step does stands in `acts`, what is seen is judged in
//! `judge`.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::sync::Arc;

use authbench_core::oracle::{Change, CredentialNo, Expectation, Ns, Span};
use authbench_core::{
    Credentials, DynStrategy, Guarantees, Ledger, OutageBehaviour, Roles, Staleness, StrategyError,
    Subject, SubjectId, UnixMs,
};

use super::backing::{Backing, BoxError, Fault};
use super::law::Law;
use super::op::{Advance, Op};
use super::outcome::Tally;

/// Not a whole second, so that a scheme that rounds instants is noticed.
const BEGINNING: UnixMs = UnixMs(1_700_000_000_123);
const ROLE_SETS: [&[&str]; 4] = [&["user"], &["admin", "user"], &["auditor"], &[]];

/// What came of a history.
pub(super) struct Played {
    pub(super) promises: Guarantees,
    pub(super) tallies: BTreeMap<Law, Tally>,
    /// The first law that it broke; the history ends there.
    pub(super) broken: Option<Violation>,
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
    })
}

/// A credential that was handed out.
pub(super) struct Held {
    pub(super) no: CredentialNo,
    pub(super) credentials: Credentials,
    pub(super) account: usize,
    pub(super) issued_at: UnixMs,
    /// The first acknowledged revocation that covers it.
    pub(super) ended: Option<(Law, UnixMs)>,
    /// The earliest instant that a receipt named for it.
    pub(super) dead_from: Option<UnixMs>,
}

/// A subject and what was done to it.
pub(super) struct Account {
    pub(super) subject: Subject,
    /// Every change of roles that was asked for, with the receipt's instant.
    pub(super) role_changes: Vec<(Roles, Option<UnixMs>)>,
    /// When the latest acknowledged change of roles was made.
    pub(super) roles_since: UnixMs,
    /// Logins whose issue was not confirmed: nobody holds them, but a list may
    /// show them.
    pub(super) phantoms: Vec<UnixMs>,
}

pub(super) struct World<'b, B> {
    backing: &'b B,
    pub(super) nodes: [Arc<dyn DynStrategy>; 2],
    pub(super) current: usize,
    pub(super) promises: Guarantees,
    pub(super) ledger: Ledger,
    pub(super) now: UnixMs,
    ticks: u64,
    pub(super) accounts: Vec<Account>,
    pub(super) held: Vec<Held>,
    pub(super) given_out: HashSet<String>,
    pub(super) cut: Option<Fault>,
    pub(super) latest_change: Option<(UnixMs, Staleness)>,
    pub(super) tallies: BTreeMap<Law, Tally>,
    pub(super) history: Vec<String>,
}

impl<'b, B: Backing> World<'b, B> {
    fn new(backing: &'b B, nodes: [Arc<dyn DynStrategy>; 2]) -> Self {
        let promises = nodes[0].guarantees();
        let account = |n| Account {
            subject: Subject {
                id: SubjectId::new(&format!("acct-{n:06}")),
                roles: ROLE_SETS[0].iter().collect(),
            },
            role_changes: Vec::new(),
            roles_since: BEGINNING,
            phantoms: Vec::new(),
        };
        Self {
            backing,
            nodes,
            current: 0,
            promises,
            ledger: Ledger::new(promises),
            now: BEGINNING,
            ticks: 0,
            accounts: (0..3).map(account).collect(),
            held: Vec::new(),
            given_out: HashSet::new(),
            cut: None,
            latest_change: None,
            tallies: BTreeMap::new(),
            history: Vec::new(),
        }
    }

    async fn steps(&mut self, steps: &[Op]) -> Result<(), Stop> {
        self.constant(0)?;
        self.constant(1)?;
        for step in steps {
            self.ticks += 1;
            self.step(*step).await?;
        }
        self.epilogue().await
    }

    /// Every history ends with each credential presented to each node, so that
    /// no change goes unseen.
    async fn epilogue(&mut self) -> Result<(), Stop> {
        self.ticks += 1;
        if self.cut.is_some() {
            self.cut(None);
        }
        for held in 0..self.held.len() {
            for node in 0..self.nodes.len() {
                self.present(held, node).await?;
            }
        }
        Ok(())
    }

    async fn step(&mut self, op: Op) -> Result<(), Stop> {
        match op {
            Op::Issue { subject } => self.issue(subject % self.accounts.len()).await,
            Op::List { subject } => self.list(subject % self.accounts.len()).await,
            Op::ChangeRoles { subject, roles } => {
                let roles = ROLE_SETS[roles % ROLE_SETS.len()].iter().collect();
                self.change_roles(subject % self.accounts.len(), roles)
                    .await
            }
            Op::RevokeAll { subject } => self.revoke_all(subject % self.accounts.len(), None).await,
            Op::AdvanceTime(advance) => {
                self.advance(advance);
                Ok(())
            }
            Op::RestartNode { node } => {
                self.nodes[node] = self.backing.node().await.map_err(Stop::Setup)?;
                self.note(&format!("restart node {node}"));
                self.constant(node)
            }
            Op::SwitchNode => {
                self.current = 1 - self.current;
                self.note("from here on");
                Ok(())
            }
            Op::CutStore(fault) => {
                if self.backing.can_be_cut() {
                    self.cut(Some(fault));
                }
                Ok(())
            }
            Op::MendStore => {
                if self.cut.is_some() {
                    self.cut(None);
                }
                Ok(())
            }
            Op::Authenticate { credential, .. }
            | Op::AuthenticateMutated { credential, .. }
            | Op::Refresh { credential }
            | Op::RevokePresented { credential }
            | Op::RevokeLogin { credential, .. }
            | Op::RevokeOthers { credential } => match self.pick(credential) {
                Some(held) => self.step_with(op, held).await,
                None => Ok(()),
            },
        }
    }

    async fn step_with(&mut self, op: Op, held: usize) -> Result<(), Stop> {
        match op {
            Op::Authenticate { node, .. } => self.present(held, node).await.map(drop),
            Op::AuthenticateMutated { mutation, .. } => self.mutated(held, mutation).await,
            Op::Refresh { .. } => self.refresh(held).await,
            Op::RevokePresented { .. } => self.revoke_one(held, None).await,
            Op::RevokeLogin { foreign, .. } => {
                let by = (self.held[held].account + usize::from(foreign)) % self.accounts.len();
                self.revoke_one(held, Some(by)).await
            }
            Op::RevokeOthers { .. } => self.revoke_all(self.held[held].account, Some(held)).await,
            _ => Ok(()),
        }
    }

    fn advance(&mut self, advance: Advance) {
        let (target, offset_ms) = match advance {
            Advance::Ms(ms) => (self.now.plus_ms(ms), 0),
            Advance::ToExpiry {
                credential,
                offset_ms,
            } => match self.pick(credential) {
                Some(held) => (self.held[held].credentials.expires_at, offset_ms),
                None => return,
            },
            Advance::ToDeadline { offset_ms } => match self.latest_change {
                Some((at, Staleness::WithinMs(ms))) => (at.plus_ms(ms), offset_ms),
                _ => return,
            },
        };
        let target = UnixMs(target.0.saturating_add_signed(offset_ms.into()));
        if target > self.now {
            let passed_ms = target.since(self.now);
            self.now = target;
            self.note(&format!("{passed_ms} ms later"));
        }
    }

    fn cut(&mut self, fault: Option<Fault>) {
        self.backing.cut(fault);
        self.cut = fault;
        self.note(match fault {
            Some(Fault::Refuse) => "the store is cut off: operations do not happen",
            Some(Fault::LoseAnswer) => "the store is cut off: operations happen, answers are lost",
            None => "the store is reachable again",
        });
    }

    /// The answer, or none in an outage that may have this effect.
    pub(super) fn answered<T>(
        &mut self,
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
                self.note(&format!("{action}: {}", chain(&error)));
                if self.cut.is_none() {
                    return self.broken(Law::Availability, "an error without an outage".to_owned());
                }
                if self.promises.outage == OutageBehaviour::Unaffected {
                    let detail = "outages are promised to have no effect";
                    return self.broken(Law::Outage, detail.to_owned());
                }
                Ok(None)
            }
        }
    }

    fn constant(&mut self, node: usize) -> Result<(), Stop> {
        let promises = self.nodes[node].guarantees();
        if promises != self.promises {
            let detail = format!("node {node} promises {promises:?} now");
            return self.broken(Law::Constancy, detail);
        }
        self.tally(Law::Constancy).tested += 1;
        Ok(())
    }

    fn pick(&self, back: usize) -> Option<usize> {
        let last = self.held.len().checked_sub(1)?;
        Some(last - back % self.held.len())
    }

    /// The present step: later than the one before, even in one millisecond.
    pub(super) fn span(&self) -> Span {
        let at = Ns(Ns::from(self.now).0 + self.ticks);
        Span { start: at, end: at }
    }

    pub(super) fn change(&self, acknowledged: bool) -> Change {
        Change {
            span: self.span(),
            acknowledged,
        }
    }

    /// What the ledger expects of a credential in the present step.
    pub(super) fn expected(&self, held: usize) -> Expectation {
        self.ledger.expectation(self.held[held].no, self.span())
    }

    pub(super) fn tally(&mut self, law: Law) -> &mut Tally {
        self.tallies.entry(law).or_default()
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

/// The error and its causes, in one line for people.
fn chain(error: &dyn std::error::Error) -> String {
    std::iter::successors(Some(error), |error| error.source())
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}
