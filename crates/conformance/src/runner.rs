//! One run over one target.

use std::panic::AssertUnwindSafe;

use authbench_core::Clock as _;
use authbench_core::system::{SystemClock, monotonic_ns};
use authbench_results::{
    Accepted, CheckOutcome, CheckReport, ConformanceReport, ConformanceTarget, ConformanceVersion,
};
use futures_util::FutureExt as _;

use crate::catalogue;
use crate::check::{Check, Cost};
use crate::hooks::{Door, KeyFault, StoreFault};
use crate::options::Options;
use crate::stop::Stop;
use crate::target::Target;
use crate::trial::{Shared, Trial, Who, cause_chain};

/// What happens during a run.
#[derive(Debug)]
pub enum Progress<'r> {
    /// A check begins.
    Started {
        /// Which.
        check: &'static Check,
        /// Its place among those that are made, from 0.
        index: usize,
        /// How many are made.
        total: usize,
    },
    /// It ended.
    Finished(&'r CheckReport),
}

/// The run could not begin.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The HTTP client could not be made.
    #[error("the HTTP client could not be made")]
    Client(#[source] reqwest::Error),
    /// The profile does not fit the target: nothing that a check says would
    /// mean anything.
    #[error("the profile does not fit the target (`authbench conform doctor` says more)")]
    Unfit(#[source] Stop),
}

/// What a run would do with one check.
#[derive(Clone, Debug)]
pub struct Planned {
    /// Which.
    pub check: &'static Check,
    /// Why it would not be made; `None` if it would.
    pub left_out: Option<String>,
}

/// Checks that change the signing key.
const CHANGES_KEYS: [&str; 1] = ["JWT-020"];

/// What a run would do, without a request.
#[must_use]
pub fn plan(target: &Target, options: &Options) -> Vec<Planned> {
    let picked = catalogue().filter(|check| options.picks(check.id));
    let planned = picked.map(|check| Planned {
        check,
        left_out: match options.skip.get(check.id) {
            Some(reason) => Some(format!("skipped: {reason}")),
            None => lacks(check, target, options),
        },
    });
    planned.collect()
}

/// Makes the checks that `options` pick, one after the other.
///
/// # Errors
/// [`RunError`] when the run cannot begin: no answer, no login, no identity
/// echo, or a target that lets anybody in.
pub async fn run(
    target: &Target,
    options: &Options,
    progress: &mut (dyn FnMut(Progress<'_>) + Send),
) -> Result<ConformanceReport, RunError> {
    let began_ms = SystemClock.now().0;
    let began_ns = monotonic_ns();
    let shared = Shared::new(target, options)?;
    fits(target, options, &shared)
        .await
        .map_err(RunError::Unfit)?;
    let mut planned = plan(target, options);
    // A change of keys makes the profile's signing key an old one: last.
    planned.sort_by_key(|one| CHANGES_KEYS.contains(&one.check.id));
    let total = planned.iter().filter(|one| one.left_out.is_none()).count();
    let (mut checks, mut index) = (Vec::with_capacity(planned.len()), 0);
    for Planned { check, left_out } in planned {
        let report = match left_out {
            Some(reason) => left_out_report(check, options, reason),
            None => {
                progress(Progress::Started {
                    check,
                    index,
                    total,
                });
                index += 1;
                one(target, options, &shared, check).await
            }
        };
        progress(Progress::Finished(&report));
        checks.push(report);
    }
    let place = |id: &str| catalogue().position(|check| check.id == id);
    checks.sort_by_key(|report: &CheckReport| place(&report.id));
    Ok(ConformanceReport {
        schema: ConformanceVersion::V1,
        target: about(target),
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        started_at: authbench_results::rfc3339(began_ms),
        duration_ms: millis_since(began_ns),
        seed: options.seed,
        requests: shared.client.sent(),
        checks,
    })
}

/// The positive and the negative control of the whole run.
async fn fits(target: &Target, options: &Options, shared: &Shared) -> Result<(), Stop> {
    let trial = Trial::new(target, options, shared, 0);
    let login = trial.login().await?;
    let who = trial.who(&login).await?;
    if !who.is(&login.subject) {
        return Err(Stop::unclear(match &who {
            Who::Is(subject, _) => format!(
                "`whoami` takes `{}` for `{subject}`, not for `{}`",
                login.user.user, login.subject
            ),
            other => format!(
                "`whoami` with a fresh credential of `{}` was {}",
                login.user.user,
                other.told()
            ),
        }));
    }
    let anonymous = trial.ask(authbench_wire::Operation::Whoami)?.send().await?;
    if trial.identity(anonymous).is_somebody() {
        return Err(Stop::unclear(
            "`whoami` without any credential was accepted as somebody",
        ));
    }
    trial.negative_control(&login).await
}

fn about(target: &Target) -> ConformanceTarget {
    let profile = target.profile();
    let families = profile.families.iter();
    ConformanceTarget {
        name: profile.name.clone(),
        families: families.map(|family| family.label().to_owned()).collect(),
        base_urls: target.origins().to_vec(),
        profile: target
            .profile_file
            .as_ref()
            .map(|file| file.display().to_string()),
    }
}

/// What the target lacks for `check`, if anything.
fn lacks(check: &Check, target: &Target, options: &Options) -> Option<String> {
    let profile = target.profile();
    if !check.is_about(&profile.families) {
        let about: Vec<_> = check.families.iter().map(|one| one.label()).collect();
        return Some(format!("it is about {} only", about.join(", ")));
    }
    if options.quick && check.cost == Cost::Slow {
        return Some("only quick checks were asked for".to_owned());
    }
    let absent = check
        .operations
        .iter()
        .find(|operation| profile.request(**operation).is_none());
    if let Some(operation) = absent {
        return Some(Stop::absent(*operation, profile.absent.get(operation)).to_string());
    }
    let door = check.doors.iter().find(|door| {
        let waits = matches!(door, Door::Clock);
        !waits && !target.hooks.has(**door)
    });
    door.map(|door| Stop::no_door(*door).to_string())
}

async fn one(
    target: &Target,
    options: &Options,
    shared: &Shared,
    check: &'static Check,
) -> CheckReport {
    let began_ns = monotonic_ns();
    let sent_before = shared.client.sent();
    let trial = Trial::new(target, options, shared, salt(check.id));
    let trying = AssertUnwindSafe((check.run)(&trial)).catch_unwind();
    let ended = tokio::time::timeout(options.check_timeout, trying).await;
    let stop = match ended {
        Ok(Ok(Ok(()))) => None,
        Ok(Ok(Err(stop))) => Some(stop),
        Ok(Err(_)) => Some(Stop::unclear(
            "the check itself failed (a bug of authbench; please report it)",
        )),
        Err(_) => Some(Stop::Inconclusive(format!(
            "the check was cut off after {} ms",
            options.check_timeout.as_millis()
        ))),
    };
    mend(target, check).await;
    let report = report(
        check,
        trial,
        stop,
        millis_since(began_ns),
        shared.client.sent() - sent_before,
    );
    declared(target, report)
}

/// A breach that the target's makers declare is no verdict on what they built,
/// but never a pass, either: it does not apply, and the report says loudly what
/// is declared.
fn declared(target: &Target, mut report: CheckReport) -> CheckReport {
    let declared = target.profile().policy.declared.get(&report.id);
    if let (CheckOutcome::Fail, Some(declared)) = (report.outcome, declared) {
        report.outcome = CheckOutcome::NotApplicable;
        report.reason = Some(format!("declared weakness: {declared}"));
        report.notes.push(format!("declared: {declared}"));
    }
    report
}

/// Leaves no fault behind, however the check ended.
async fn mend(target: &Target, check: &Check) {
    let breaks =
        |door: &Door| matches!(door, Door::StoreStop | Door::StoreSlow | Door::StoreGarble);
    let asked = check.doors.iter().any(breaks) || check.seen_by.contains(&crate::check::Eye::Fault);
    if asked && target.hooks.has(Door::StoreStop) {
        // The next control would show that it did not work.
        let _ = target.hooks.set_store(StoreFault::None).await;
    }
    if asked && target.hooks.has(Door::KeySource) {
        let _ = target.hooks.set_key_source(KeyFault::None).await;
    }
}

fn report(
    check: &Check,
    trial: Trial<'_>,
    stop: Option<Stop>,
    duration_ms: u64,
    requests: u64,
) -> CheckReport {
    let found = trial.into_found();
    let cases = found.cases.iter().map(|case| case.outcome);
    let stopped = stop.as_ref().map(|stop| match stop {
        // What a case found out stands; what could not run adds nothing.
        Stop::NotApplicable(_) => CheckOutcome::NotApplicable,
        Stop::Inconclusive(_) | Stop::Broken(_) | Stop::Hook(_) => CheckOutcome::Inconclusive,
    });
    let nothing = found.cases.is_empty() && stop.is_none();
    let mut outcome = CheckOutcome::worst(cases.chain(stopped));
    let mut reason = stop.map(|stop| cause_chain(&stop));
    if nothing {
        outcome = CheckOutcome::Inconclusive;
        reason = Some("the check tried no case".to_owned());
    }
    if reason.is_none() && outcome == CheckOutcome::NotApplicable {
        reason = found.cases.first().map(|case| case.detail.clone());
    }
    CheckReport {
        outcome,
        reason,
        cases: found.cases,
        notes: found.notes,
        measured: found.measured,
        duration_ms,
        requests,
        ..blank(check)
    }
}

fn left_out_report(check: &Check, options: &Options, reason: String) -> CheckReport {
    let skipped = options.skip.get(check.id);
    CheckReport {
        outcome: CheckOutcome::NotApplicable,
        reason: Some(reason),
        accepted: skipped.map(|reason| Accepted {
            reason: reason.clone(),
            until: None,
        }),
        ..blank(check)
    }
}

fn blank(check: &Check) -> CheckReport {
    CheckReport {
        id: check.id.to_owned(),
        statement: check.statement.to_owned(),
        level: check.level,
        severity: check.severity,
        clauses: check.clauses.iter().map(|&text| text.to_owned()).collect(),
        cwe: check.cwe.to_vec(),
        mend: check.mend.to_owned(),
        outcome: CheckOutcome::NotApplicable,
        reason: None,
        cases: Vec::new(),
        notes: Vec::new(),
        measured: Vec::new(),
        accepted: None,
        duration_ms: 0,
        requests: 0,
    }
}

/// Each check draws its own random choices, so that one more check changes
/// nothing for the others.
fn salt(id: &str) -> u64 {
    id.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, octet| {
        (hash ^ u64::from(octet)).wrapping_mul(0x0100_0000_01b3)
    })
}

fn millis_since(began_ns: u64) -> u64 {
    (monotonic_ns() - began_ns) / 1_000_000
}
