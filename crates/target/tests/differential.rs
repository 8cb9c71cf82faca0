//! The reference server behind a target equals the strategy itself: the state
//! machine runs over both at once, and every step must come out alike.
//!
//! `AUTHBENCH_CASES` asks for more histories, `AUTHBENCH_SEED` for others.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use authbench_catalog::{Backing, BackingOptions, Node, Recipe, shipped};
use authbench_core::{
    AuthStrategy, Credentials, Decision, Durability, DynStrategy, Guarantees, Issued, Listing,
    LoginId, Logins, ManualClock, Presented, Receipt, Refreshed, Scope, SeededEntropy,
    StrategyError, Subject, SubjectId, UnixMs,
};
use authbench_server::{Accounts, Server, ServerConfig};
use authbench_stores::faulty::{self, Switch};
use authbench_target::{Target, TargetOptions};
use authbench_testkit::machine::{self, BoxError, Campaign, Fault, Law};
use authbench_wire::{Profile, Transport};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

/// The subjects of one history.
const SUBJECTS: u32 = 3;
const ACCOUNTS: u32 = 999_999;

/// One recipe twice: here, and in a server behind a target. Histories share
/// both, but not their accounts.
struct Lab {
    clock: Arc<ManualClock>,
    switches: [Switch; 2],
    here: Arc<dyn DynStrategy>,
    there: Target,
    accounts_taken: AtomicU32,
    mismatches: Mutex<Vec<String>>,
    _homes: [TempDir; 2],
}

impl Lab {
    async fn open(here: &Recipe, there: &Recipe) -> Result<Self, BoxError> {
        let homes = [tempfile::tempdir()?, tempfile::tempdir()?];
        let switches = [Switch::default(), Switch::default()];
        let open = |recipe, side: usize| {
            let options = BackingOptions {
                entropy: Arc::new(SeededEntropy::new(side as u64)),
                home: homes[side].path().to_owned(),
                faults: Some(switches[side].clone()),
                metered: false,
            };
            Backing::open(recipe, options)
        };
        let backing = open(here, 0).await?;
        let same = here.name == there.name;
        let here = backing.node().await?;
        // Without state both sides share the backing, and so the key: a token
        // that one of them refuses is then no stranger to the other.
        let there = match here.strategy.guarantees().durability {
            Durability::Stateless if same => backing.node().await?,
            _ => open(there, 1).await?.node().await?,
        };
        let clock = Arc::new(ManualClock::default());
        let promises = there.strategy.guarantees();
        let transport = there.transport.clone();
        let base_url = serve(there, Arc::clone(&clock)).await?;
        let there = Target::new(
            profile(&transport, promises),
            &base_url,
            &TargetOptions::default(),
        )?;
        Ok(Self {
            clock,
            switches,
            here: here.strategy,
            there,
            accounts_taken: AtomicU32::new(0),
            mismatches: Mutex::default(),
            _homes: homes,
        })
    }
}

async fn serve(node: Node, clock: Arc<ManualClock>) -> Result<String, BoxError> {
    let accounts = Accounts::lab(ACCOUNTS, 0, &SeededEntropy::new(2))?;
    let mut config = ServerConfig::new(node.strategy, node.transport, Arc::new(accounts));
    config.clock = clock;
    config.entropy = Arc::new(SeededEntropy::new(3));
    config.lab = true;
    let server = Server::bind(([127, 0, 0, 1], 0).into(), config).await?;
    let base_url = server.base_url();
    tokio::spawn(server.serve(std::future::pending()));
    Ok(base_url)
}

/// The shipped profile, with the address and the promises of this server.
fn profile(transport: &Transport, promises: Guarantees) -> Profile {
    let folder = format!("../../scenarios/targets/authbench-{}", transport.label());
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut profile = Profile::read(&path).unwrap();
    profile.guarantees = promises;
    if let Some(pattern) = &mut profile.users.pattern {
        pattern.count = ACCOUNTS;
    }
    profile
}

/// A history's view of a [`Lab`]: answers as the strategy here does, if the
/// one there answers alike.
struct Twin {
    lab: Arc<Lab>,
    first_account: u32,
    issued: Mutex<Vec<(Credentials, Credentials)>>,
}

#[derive(Debug, thiserror::Error)]
#[error("the two sides differ in {operation}: here {here}, behind the target {there}")]
struct Mismatch {
    operation: &'static str,
    here: String,
    there: String,
}

impl Twin {
    fn new(lab: &Arc<Lab>) -> Self {
        let first_account = lab.accounts_taken.fetch_add(SUBJECTS, Ordering::SeqCst);
        Self {
            lab: Arc::clone(lab),
            first_account,
            issued: Mutex::default(),
        }
    }

    /// The accounts of this history stand in for those of the machine.
    fn own(&self, subject: &SubjectId) -> SubjectId {
        let n: u32 = subject
            .as_str()
            .trim_start_matches("acct-")
            .parse()
            .unwrap();
        SubjectId::new(&format!("acct-{:06}", self.first_account + n))
    }

    fn machines(&self, subject: &SubjectId) -> SubjectId {
        let n: u32 = subject
            .as_str()
            .trim_start_matches("acct-")
            .parse()
            .unwrap();
        SubjectId::new(&format!("acct-{:06}", n - self.first_account))
    }

    fn place(&self, alike: impl Fn(&(Credentials, Credentials)) -> bool) -> Option<usize> {
        self.issued.lock().unwrap().iter().position(alike)
    }

    fn login_there(&self, here: LoginId) -> LoginId {
        let place = self.place(|(issued, _)| issued.login == here).unwrap();
        self.issued.lock().unwrap()[place].1.login
    }

    /// The answer of this side, if both answer alike; both failing is alike.
    fn same<T: std::fmt::Debug>(
        &self,
        operation: &'static str,
        here: Result<T, StrategyError>,
        there: Result<T, StrategyError>,
        alike: impl Fn(&T, &T) -> bool,
    ) -> Result<T, StrategyError> {
        match (here, there) {
            (Ok(here), Ok(there)) if alike(&here, &there) => Ok(here),
            (Err(here), Err(_)) => Err(here),
            (here, there) => {
                let (here, there) = (format!("{here:?}"), format!("{there:?}"));
                let source = Mismatch {
                    operation,
                    here,
                    there,
                };
                // In an outage the machine takes every error for the outage.
                self.lab.mismatches.lock().unwrap().push(source.to_string());
                Err(StrategyError::Remote {
                    operation,
                    source: Box::new(source),
                })
            }
        }
    }
}

impl AuthStrategy for Twin {
    fn guarantees(&self) -> Guarantees {
        self.lab.here.guarantees()
    }

    async fn issue(&self, subject: &Subject, at: UnixMs) -> Result<Issued, StrategyError> {
        self.lab.clock.set(at);
        let subject = Subject {
            id: self.own(&subject.id),
            roles: subject.roles.clone(),
        };
        let here = self.lab.here.issue(&subject, at).await;
        let there = AuthStrategy::issue(&self.lab.there, &subject, at).await;
        let granted = there.as_ref().ok().cloned().and_then(Issued::granted);
        let here = self.same("issue", here, there, |here, there| match (here, there) {
            (Issued::Granted(here), Issued::Granted(there)) => {
                here.expires_at == there.expires_at && there.refresh.is_none()
            }
            (
                Issued::LimitReached { logins_max: here },
                Issued::LimitReached { logins_max: there },
            ) => here == there,
            _ => false,
        })?;
        if let (Issued::Granted(here), Some(there)) = (&here, granted) {
            self.issued.lock().unwrap().push((here.clone(), there));
        }
        Ok(here)
    }

    async fn authenticate(
        &self,
        presented: &Presented<'_>,
        at: UnixMs,
    ) -> Result<Decision, StrategyError> {
        self.lab.clock.set(at);
        let text = presented.access.unwrap();
        let issued = self.place(|(here, _)| here.access.expose() == text);
        let counterpart = issued.map(|place| self.issued.lock().unwrap()[place].1.access.clone());
        let counterpart = counterpart.as_ref().map_or(text, |access| access.expose());
        let here = self.lab.here.authenticate(presented, at).await;
        let there = Presented::access(counterpart);
        let there = AuthStrategy::authenticate(&self.lab.there, &there, at).await;
        let decision = self.same("authenticate", here, there, |here, there| {
            match (here, there) {
                (Decision::Accepted(here), Decision::Accepted(there)) => {
                    here.subject == there.subject
                        && here.roles == there.roles
                        && here.expires_at == there.expires_at
                        && self.login_there(here.login) == there.login
                }
                (Decision::Refused(_), Decision::Refused(_)) => true,
                _ => false,
            }
        })?;
        Ok(match decision {
            Decision::Accepted(mut identity) => {
                identity.subject = self.machines(&identity.subject);
                Decision::Accepted(identity)
            }
            refused => refused,
        })
    }

    async fn refresh(
        &self,
        presented: &Presented<'_>,
        at: UnixMs,
    ) -> Result<Refreshed, StrategyError> {
        self.lab.clock.set(at);
        let here = self.lab.here.refresh(presented, at).await;
        let there = AuthStrategy::refresh(&self.lab.there, presented, at).await;
        self.same("refresh", here, there, |here, there| {
            matches!(
                (here, there),
                (Refreshed::NotOffered, Refreshed::NotOffered)
            )
        })
    }

    async fn revoke(&self, scope: &Scope<'_>, at: UnixMs) -> Result<Receipt, StrategyError> {
        self.lab.clock.set(at);
        let listed = self.lab.here.guarantees().listing == Listing::Exact;
        let own;
        let counterpart;
        let (here, there, exact) = match *scope {
            Scope::Presented(presented) => {
                let text = presented.access.unwrap();
                let place = self
                    .place(|(here, _)| here.access.expose() == text)
                    .unwrap();
                counterpart = self.issued.lock().unwrap()[place].1.clone();
                (*scope, Scope::Presented(counterpart.present()), true)
            }
            Scope::Subject(subject) => {
                own = self.own(subject);
                (Scope::Subject(&own), Scope::Subject(&own), true)
            }
            // Without a list the target ends them by other means, whose
            // receipt may be better than that of a strategy that knows nothing.
            Scope::Login { subject, login } => {
                own = self.own(subject);
                let there = self.login_there(login);
                let scope = |login| Scope::Login {
                    subject: &own,
                    login,
                };
                (scope(login), scope(there), listed)
            }
            Scope::Others { subject, keep } => {
                own = self.own(subject);
                let there = self.login_there(keep);
                let scope = |keep| Scope::Others {
                    subject: &own,
                    keep,
                };
                (scope(keep), scope(there), listed)
            }
        };
        let here = self.lab.here.revoke(&here, at).await;
        let there = AuthStrategy::revoke(&self.lab.there, &there, at).await;
        self.same("revoke", here, there, |here, there| {
            here == there || (!exact && there.effective_from <= here.effective_from)
        })
    }

    async fn logins(&self, subject: &SubjectId, at: UnixMs) -> Result<Logins, StrategyError> {
        self.lab.clock.set(at);
        let own = self.own(subject);
        let here = self.lab.here.logins(&own, at).await;
        let there = AuthStrategy::logins(&self.lab.there, &own, at).await;
        self.same("logins", here, there, |here, there| match (here, there) {
            (Logins::Known(here), Logins::Known(there)) => {
                let mut here = here.clone();
                here.iter_mut()
                    .for_each(|info| info.login = self.login_there(info.login));
                here.sort_unstable_by_key(|info| info.login);
                here == *there
            }
            (here, there) => here == there,
        })
    }

    async fn change_roles(&self, subject: &Subject, at: UnixMs) -> Result<Receipt, StrategyError> {
        self.lab.clock.set(at);
        let subject = Subject {
            id: self.own(&subject.id),
            roles: subject.roles.clone(),
        };
        let here = self.lab.here.change_roles(&subject, at).await;
        let there = AuthStrategy::change_roles(&self.lab.there, &subject, at).await;
        self.same("change-roles", here, there, |here, there| here == there)
    }
}

/// One node: the target knows one address.
struct Single(Arc<Twin>);

impl machine::Backing for Single {
    async fn node(&self) -> Result<Arc<dyn DynStrategy>, BoxError> {
        Ok(Arc::clone(&self.0) as _)
    }

    fn can_be_cut(&self) -> bool {
        true
    }

    /// Always so that operations do not happen: what takes one operation here
    /// may take several requests there, and if answers were lost, only the
    /// first of them would take place.
    fn cut(&self, fault: Option<Fault>) {
        for switch in &self.0.lab.switches {
            switch.set(fault.map(|_| faulty::Fault::Refuse));
        }
    }
}

fn runtime() -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap()
}

fn compare(chosen: impl Fn(&Recipe) -> bool) {
    for (n, recipe) in shipped()
        .iter()
        .enumerate()
        .filter(|(_, recipe)| chosen(recipe))
    {
        // The server lives in a runtime of its own.
        let servers = runtime();
        let lab = Arc::new(servers.block_on(Lab::open(recipe, recipe)).unwrap());
        let campaign = Campaign::from_env(12, n as u64 * 1_000).unwrap();
        let outcome = campaign
            .run(async |_| Ok(Single(Arc::new(Twin::new(&lab)))))
            .unwrap();
        assert_eq!(outcome.refuted().count(), 0, "{}: {outcome}", recipe.name);
        let mismatches = lab.mismatches.lock().unwrap();
        assert!(mismatches.is_empty(), "{}: {mismatches:#?}", recipe.name);
        println!("{}: {outcome}", recipe.name);
    }
}

#[test]
fn with_a_store_the_server_equals_the_strategy() {
    compare(|recipe| recipe.store().is_some());
}

#[test]
fn without_a_store_the_server_equals_the_strategy() {
    compare(|recipe| recipe.store().is_none());
}

#[test]
fn a_server_of_another_kind_is_told_apart() {
    let recipes = shipped();
    let [session, jwt] = ["session.memory.bearer", "jwt.hs256.bearer"]
        .map(|name| recipes.iter().find(|recipe| recipe.name == name).unwrap());
    let servers = runtime();
    let lab = Arc::new(servers.block_on(Lab::open(session, jwt)).unwrap());
    let campaign = Campaign {
        seed: 1,
        cases: 4,
        steps_max: 80,
    };
    let outcome = campaign
        .run(async |_| Ok(Single(Arc::new(Twin::new(&lab)))))
        .unwrap();
    let refuted: Vec<_> = outcome.refuted().map(|found| found.law).collect();
    assert_eq!(refuted, [Law::Availability], "{outcome}");
    assert!(
        outcome.to_string().contains("the two sides differ in"),
        "{outcome}"
    );
    assert!(!lab.mismatches.lock().unwrap().is_empty());
}
