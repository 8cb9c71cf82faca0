//! FAULT-001: requests end in bounded time, as declared, while the store is
//! broken, and all is well again once it is mended.

use std::time::Duration;

use authbench_results::{Level, Severity};
use authbench_wire::Operation;
use authbench_wire::profile::FailMode;

use super::mode::{FAULTS, WITH_STORE, mended};
use crate::answer::Answer;
use crate::check::{Check, Cost, Eye};
use crate::client::Broken;
use crate::hooks::{Door, StoreFault};
use crate::login::Login;
use crate::stop::Stop;
use crate::trial::Trial;

/// FAULT-001.
pub(super) const FAULT_001: Check = Check {
    id: "FAULT-001",
    statement: "while the store is stopped, slow or garbled, requests end in bounded time and \
                never with an identity that was not verified; recovery needs no restart",
    level: Level::Must,
    severity: Severity::Critical,
    families: WITH_STORE,
    seen_by: &[Eye::Fault],
    operations: &[Operation::Login, Operation::Whoami],
    doors: &[Door::StoreStop],
    clauses: &["ASVS 5.0 16.5.2", "ASVS 5.0 16.5.3"],
    cwe: &[636],
    mend: "Give every call to the store a deadline, and take its failure for \"nobody\" (401 or \
           503); reconnect by yourself.",
    cost: Cost::Slow,
    run: |trial| Box::pin(run(trial)),
};

/// The bound where the profile has none.
const BOUND: Duration = Duration::from_secs(10);

async fn run(trial: &Trial<'_>) -> Result<(), Stop> {
    for (case, door, fault) in FAULTS {
        let tried = match trial.door(door) {
            Ok(()) => broken(trial, case, fault).await,
            Err(stop) => Err(stop),
        };
        trial.hooks().set_store(StoreFault::None).await?;
        trial.settle(case, tried);
    }
    Ok(())
}

async fn broken(trial: &Trial<'_>, case: &str, fault: StoreFault) -> Result<(), Stop> {
    let healthy = trial.login().await?;
    trial.control(&healthy).await?;
    trial.hooks().set_store(fault).await?;
    let never = trial.never_valid(&healthy.access);
    let whoami = |access: &str| {
        let ask = trial.ask(Operation::Whoami)?;
        Ok::<_, Stop>(ask.access(access).on_new_connection())
    };
    let user = trial.user()?;
    let login = trial.ask(Operation::Login)?.on_new_connection();
    let login = login
        .gap("user", &user.user)
        .gap("password", &user.password);
    let (known, forged, opened) = futures_util::future::join3(
        whoami(&healthy.access)?.try_send(),
        whoami(&never)?.try_send(),
        login.try_send(),
    )
    .await;
    let asked = [
        ("`whoami` with a good credential", known?),
        ("`whoami` with a forged credential", forged?),
        ("`login`", opened?),
    ];
    for (what, outcome) in &asked {
        in_time(trial, case, what, outcome);
    }
    if let Ok(answer) = &asked[1].1 {
        let who = trial.identity(answer.clone());
        let detail = format!("a forged credential was {}", who.told());
        trial.judge(case, !who.is_somebody(), detail, &[answer]);
    }
    if let Ok(answer) = &asked[0].1 {
        good(trial, case, fault, &healthy, answer);
    }
    let again = mended(trial, &healthy).await;
    trial.judge(
        case,
        again.is_ok(),
        match &again {
            Ok(()) => "the same credential works again after the repair".to_owned(),
            Err(stop) => format!("after the repair: {stop}"),
        },
        &[],
    );
    Ok(())
}

fn in_time(trial: &Trial<'_>, case: &str, what: &str, outcome: &Result<Answer, Broken>) {
    let bound = trial.policy().outage_answer_ms;
    let bound = bound.map_or(BOUND, Duration::from_millis);
    match outcome {
        Ok(answer) => trial.judge(
            case,
            answer.took <= bound,
            format!(
                "{what} was answered {} after {} ms; {} ms are allowed",
                answer.status,
                answer.took.as_millis(),
                bound.as_millis()
            ),
            &[answer],
        ),
        Err(broken) if broken.timed_out && trial.options().request_timeout >= bound => {
            let waited_ms = trial.options().request_timeout.as_millis();
            trial.fail(
                case,
                format!("{what} had no answer after {waited_ms} ms"),
                &[],
            );
        }
        Err(broken) => trial.inconclusive(case, format!("{what}: {broken}"), &[]),
    }
}

/// What became of a good credential, against what is declared.
fn good(trial: &Trial<'_>, case: &str, fault: StoreFault, healthy: &Login, answer: &Answer) {
    let who = trial.identity(answer.clone());
    let told = format!("a good credential was {}", who.told());
    if !who.is_somebody() {
        trial.pass(case, told);
        return;
    }
    if !who.is(&healthy.subject) {
        trial.fail(case, told, &[answer]);
        return;
    }
    match (fault, trial.policy().fail_mode) {
        // It was slow, and that is all.
        (StoreFault::Slow(_), _) => trial.pass(case, told),
        (_, None) => trial.inconclusive(
            case,
            format!("{told}; the profile has no `policy.fail_mode`"),
            &[answer],
        ),
        (_, Some(FailMode::Closed)) => trial.fail(
            case,
            format!("{told}, though `policy.fail_mode` is `closed`"),
            &[answer],
        ),
        (_, Some(mode)) => {
            trial.note(format!("declared: `policy.fail_mode` is {mode:?}"));
            trial.pass(case, told);
        }
    }
}
