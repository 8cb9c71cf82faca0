//! What a strategy in this process can be put to, and what cannot be measured
//! of it.

use anyhow::Result;
use authbench_load::Scenario;

use crate::exit::UsageError;

/// Whether `scenario` can be run in process, by `threads` threads if so many
/// are asked for.
///
/// # Errors
/// [`UsageError`] that names all that cannot be had.
pub(crate) fn check(scenario: &Scenario, threads: Option<u32>) -> Result<()> {
    let topology = &scenario.topology;
    let asked = [
        (!scenario.phases.is_empty(), "[[phases]]"),
        (!scenario.faults.is_empty(), "[[faults]]"),
        (topology.replicas.value > 1, "[topology] replicas above 1"),
        (topology.hops.value > 1, "[topology] hops above 1"),
        (
            topology.store_round_trip_us.value > 0,
            "[topology] store_round_trip_us",
        ),
        (
            scenario.population.devices.value > 1,
            "[population] devices above 1",
        ),
        (
            scenario.mix.wrong_password.value > 0,
            "[mix] wrong_password",
        ),
        (
            threads.is_some_and(|threads| threads > 1),
            "--threads above 1",
        ),
    ];
    let impossible: Vec<&str> = asked
        .into_iter()
        .filter_map(|(is_asked, what)| is_asked.then_some(what))
        .collect();
    if impossible.is_empty() {
        return Ok(());
    }
    let what = impossible.join(", ");
    Err(UsageError(format!(
        "--engine in-process calls the strategy on the driver's one thread, without servers, and \
         cannot do: {what}; choose another engine, or a scenario without it"
    ))
    .into())
}

/// What a reader must know of a run in process.
pub(crate) fn unmeasured(scenario: &Scenario) -> Vec<String> {
    let asked = [
        (scenario.login.hashed.value > 0, "logins with a password"),
        (scenario.memory.logins.value > 0, "memory per login"),
        (scenario.revocation.logins.value > 0, "revocation"),
    ];
    let asked = asked
        .into_iter()
        .filter_map(|(is_asked, what)| is_asked.then_some(what));
    let left_out: Vec<&str> = asked.collect();
    let mut told = vec![
        "in process: each strategy is called on the driver's thread, one call at a time, so a store \
         that takes long is overloaded soon, and times may be compared with one another only; \
         what a store does on other threads or in another process is in the times, and in no CPU \
         time"
            .to_owned(),
    ];
    if !left_out.is_empty() {
        let what = left_out.join(", ");
        told.push(format!(
            "in process: not measured, since it takes a server: {what}"
        ));
    }
    told
}
