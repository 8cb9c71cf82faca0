//! Users of strategies in this process.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use authbench_catalog::{Backing, BackingOptions};
use authbench_core::strategy::{BoxFuture, Logins, Receipt};
use authbench_core::{
    Credentials, Decision, DynStrategy, Guarantees, Identity, Issued, LoginId, Presented,
    RefreshOffer, Refreshed, Refusal, Scope, Secret, Staleness, Subject, SubjectId, UnixMs,
};
use authbench_load::{
    Action, Arrivals, BlockOn, InProcess, Kind, LoadError, LoadPoint, Mix, SaturationPlan, Spacing,
};

use crate::server::point;

const USERS: u32 = 40;

fn subjects() -> Vec<Subject> {
    let subject = |number| Subject {
        id: SubjectId::new(&format!("acct-{number:06}")),
        roles: ["user"].into_iter().collect(),
    };
    (0..USERS).map(subject).collect()
}

/// The strategy of this name, what drives it, and where its records are.
fn open(
    name: &str,
) -> (
    Arc<dyn DynStrategy>,
    tokio::runtime::Runtime,
    tempfile::TempDir,
) {
    let recipe = authbench_catalog::find(name).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let home = tempfile::tempdir().unwrap();
    let node = runtime.block_on(async {
        let options = BackingOptions::new(home.path());
        let backing = Backing::open(&recipe, options).await.unwrap();
        backing.node().await.unwrap()
    });
    (node.strategy, runtime, home)
}

fn everything() -> Mix {
    Mix {
        read: 60.into(),
        mutate: 10.into(),
        login: 2.into(),
        refresh: 5.into(),
        logout: 5.into(),
        logout_all: 3.into(),
        role_change: 5.into(),
        forged: 4.into(),
        stale: 3.into(),
        malformed: 3.into(),
        ..Mix::default()
    }
}

fn keeps_its_promises(name: &str, with_runtime: bool) {
    let (strategy, runtime, _home) = open(name);
    let guarantees = strategy.guarantees();
    let block_on = with_runtime.then(|| -> Box<dyn BlockOn> {
        Box::new(move |future: Pin<&mut (dyn Future<Output = ()> + Send)>| {
            runtime.block_on(future);
        })
    });
    let mut users = InProcess::new(strategy, subjects(), guarantees, block_on);
    let stop = AtomicBool::new(false);
    let logins = users.log_in(&stop).unwrap();
    assert_eq!(logins.logins, u64::from(USERS), "{name}");
    assert!(logins.credential_bytes.min > 20, "{name}");
    let point = LoadPoint {
        arrivals: Arrivals::steady(Spacing::Even, 5_000.0),
        mix: everything(),
        ..point()
    };
    let cell = users.cell(&point, &mut (), &mut (), &stop).unwrap();
    assert_eq!(cell.tally.failures(), 0, "{name} {:?}", cell.tally);
    // 200 ms of evenly spaced arrivals: as many as the schedule says, all made.
    assert_eq!((cell.arrivals, cell.sent), (1_000, 1_000), "{name}");
    assert_eq!(cell.completed, 1_000);
    for (action, weight) in everything().weights() {
        // What nobody renews is read, and what does not die before it expires
        // is never stale.
        let happens = match action {
            Action::Refresh => guarantees.refresh != RefreshOffer::None,
            Action::Stale => guarantees.revoke_one == Staleness::Immediate,
            _ => weight > 0,
        };
        let count = cell.tally.of_action(action);
        assert_eq!(happens, count > 0, "{name} {action:?}");
    }
    assert_eq!(cell.response_ns.len(), cell.tally.of_action(Action::Read));
    assert_eq!(cell.wire(Action::Read).received_bytes, 0);

    let plan = SaturationPlan {
        connections: 8,
        warmup_ms: 10,
        measure_ms: 50,
        timeout_ms: 10_000,
        seed: 3,
    };
    let saturated = users.saturate(&plan, &mut (), &stop).unwrap();
    assert_eq!(
        saturated.tally.failures(),
        0,
        "{name} {:?}",
        saturated.tally
    );
    assert_eq!(saturated.connections, 1);
    assert!(saturated.completed > 0);
}

#[test]
fn sessions_in_memory() {
    keeps_its_promises("session.memory.bearer", false);
}

#[test]
fn jwt() {
    keeps_its_promises("jwt.eddsa.bearer", false);
}

#[test]
fn with_a_runtime() {
    keeps_its_promises("session.sqlite.bearer", true);
}

/// Does nothing: says yes to whoever shows a subject's name, unless it is to
/// lie.
#[derive(Debug)]
struct Null {
    asked: AtomicU64,
    lie: fn(u64) -> Lie,
}

#[derive(Clone, Copy, PartialEq)]
enum Lie {
    None,
    WrongUser,
    Refuse,
    Outage,
    Never,
}

impl DynStrategy for Null {
    fn guarantees(&self) -> Guarantees {
        open("session.memory.bearer").0.guarantees()
    }

    fn issue<'a>(&'a self, subject: &'a Subject, at: UnixMs) -> BoxFuture<'a, Issued> {
        let credentials = Credentials {
            access: Secret::new(subject.id.to_string()),
            refresh: None,
            login: LoginId([7; 16]),
            expires_at: at.plus_ms(3_600_000),
        };
        Box::pin(std::future::ready(Ok(Issued::Granted(credentials))))
    }

    fn authenticate<'a>(
        &'a self,
        presented: &'a Presented<'a>,
        _: UnixMs,
    ) -> BoxFuture<'a, Decision> {
        let shown = presented.access.unwrap_or_default();
        let identity = |name: &str| {
            Ok(Decision::Accepted(Identity {
                subject: SubjectId::new(name),
                roles: ["user"].into_iter().collect(),
                login: LoginId([7; 16]),
                expires_at: UnixMs(0),
            }))
        };
        let decision = match (self.lie)(self.asked.fetch_add(1, Ordering::SeqCst)) {
            Lie::None => identity(shown),
            Lie::WrongUser => identity("acct-999999"),
            Lie::Refuse => Ok(Decision::Refused(Refusal::Unknown)),
            Lie::Outage => Err(authbench_core::EntropyError {
                source: "none left".into(),
            }
            .into()),
            Lie::Never => return Box::pin(std::future::pending()),
        };
        Box::pin(std::future::ready(decision))
    }

    fn refresh<'a>(&'a self, _: &'a Presented<'a>, _: UnixMs) -> BoxFuture<'a, Refreshed> {
        Box::pin(std::future::ready(Ok(Refreshed::NotOffered)))
    }

    fn revoke<'a>(&'a self, _: &'a Scope<'a>, at: UnixMs) -> BoxFuture<'a, Receipt> {
        Box::pin(std::future::ready(Ok(Receipt { effective_from: at })))
    }

    fn logins<'a>(&'a self, _: &'a SubjectId, _: UnixMs) -> BoxFuture<'a, Logins> {
        Box::pin(std::future::ready(Ok(Logins::NotKept)))
    }

    fn change_roles<'a>(&'a self, _: &'a Subject, at: UnixMs) -> BoxFuture<'a, Receipt> {
        Box::pin(std::future::ready(Ok(Receipt { effective_from: at })))
    }
}

fn null(
    lie: fn(u64) -> Lie,
    mix: Mix,
) -> Result<(Arc<Null>, authbench_load::CellOutcome), LoadError> {
    let strategy = Arc::new(Null {
        asked: AtomicU64::new(0),
        lie,
    });
    let guarantees = strategy.guarantees();
    assert_eq!(guarantees.revoke_one, Staleness::Immediate);
    let mut users = InProcess::new(Arc::clone(&strategy) as _, subjects(), guarantees, None);
    let stop = AtomicBool::new(false);
    users.log_in(&stop)?;
    let point = LoadPoint { mix, ..point() };
    let cell = users.cell(&point, &mut (), &mut (), &stop)?;
    Ok((strategy, cell))
}

#[test]
fn a_strategy_that_does_nothing_shows_what_the_users_cost() {
    let (strategy, cell) = null(|_| Lie::None, Mix::reads()).unwrap();
    assert_eq!(cell.tally.failures(), 0);
    assert_eq!(strategy.asked.load(Ordering::SeqCst), cell.arrivals);
    assert!(cell.service_ns.value_at_quantile(0.5) <= cell.response_ns.value_at_quantile(0.5));
}

#[test]
fn wrong_judgements_are_found() {
    let lie = |number| match number % 10 {
        1 => Lie::WrongUser,
        2 => Lie::Refuse,
        3 => Lie::Outage,
        _ => Lie::None,
    };
    let (strategy, cell) = null(lie, Mix::reads()).unwrap();
    let asked = strategy.asked.load(Ordering::SeqCst);
    let each = |digit| (0..asked).filter(|number| number % 10 == digit).count() as u64;
    assert_eq!(cell.tally.count(Action::Read, Kind::WrongUser), each(1));
    assert_eq!(cell.tally.count(Action::Read, Kind::RefusedGood), each(2));
    assert_eq!(cell.tally.count(Action::Read, Kind::NoJudgement), each(3));
    // Who was refused logs in again.
    let logins = cell.tally.of_action(Action::Login);
    assert!(logins > 0 && logins <= each(2));
    assert_eq!(cell.arrivals, asked + logins);
}

#[test]
fn whoever_believes_everything_is_found() {
    let mix = Mix {
        read: 1.into(),
        forged: 1.into(),
        malformed: 1.into(),
        ..Mix::reads()
    };
    let (_, cell) = null(|_| Lie::None, mix).unwrap();
    for action in [Action::Forged, Action::Malformed] {
        let count = cell.tally.of_action(action);
        assert!(count > 0);
        assert_eq!(cell.tally.count(action, Kind::WrongUser), count);
    }
    assert_eq!(
        cell.tally.failures(),
        cell.arrivals - cell.tally.of_action(Action::Read)
    );
}

#[test]
fn what_cannot_be_done_is_said() {
    let wrong = Mix {
        wrong_password: 1.into(),
        ..Mix::reads()
    };
    let error = null(|_| Lie::None, wrong).unwrap_err();
    assert!(matches!(
        error,
        LoadError::Unmapped {
            action: "wrong-password",
            ..
        }
    ));
    let error = null(|_| Lie::Never, Mix::reads()).unwrap_err();
    assert!(matches!(error, LoadError::Stuck { .. }), "{error:?}");
    let mut nobody = InProcess::new(
        open("jwt.eddsa.bearer").0,
        Vec::new(),
        open("jwt.eddsa.bearer").0.guarantees(),
        None,
    );
    let error = nobody
        .cell(&point(), &mut (), &mut (), &AtomicBool::new(false))
        .unwrap_err();
    assert!(matches!(error, LoadError::NoPopulation));
}
