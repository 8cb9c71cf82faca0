//! CPU time per request, in closed loops that take turns.

use std::time::Duration;

use anyhow::Result;
use authbench_lab::cpu;
use authbench_results::Snapshot;

use crate::child;
use crate::drivers::{Driver, Job, Pace, Tool};
use crate::record::{Cost, CostRound, Settings, Skipped};
use crate::servers::Server;

/// How much longer than told a driver may run before it is given up.
pub(crate) const GRACE: Duration = Duration::from_secs(60);
/// Seconds of the turn that warms up and is not counted.
const WARMUP_S: u64 = 1;

/// Lets the tools take turns at `server`, each round in another order, so that
/// none always follows the same neighbour.
///
/// A driver that does not end well is left out from then on: it goes from
/// `tools` to `skipped`.
///
/// # Errors
/// When the server has gone.
pub(crate) fn compare(
    server: &Server,
    tools: &mut Vec<Tool>,
    settings: &Settings,
    skipped: &mut Vec<Skipped>,
) -> Result<Vec<Cost>> {
    let mut taken: Vec<Option<Vec<CostRound>>> = vec![Some(Vec::new()); tools.len()];
    for round in 0..=settings.rounds {
        let (counts, seconds) = match round {
            0 => (false, WARMUP_S),
            _ => (true, settings.seconds),
        };
        for turn in 0..tools.len() {
            let at = (turn + round as usize) % tools.len();
            let tool = &tools[at];
            let Some(rounds) = taken[at].as_mut() else {
                continue;
            };
            match measure(server, tool, settings, seconds) {
                Ok(it) if counts => {
                    eprintln!(
                        "{} server, round {round} of {}: {:<18} {:8.2} us CPU/request",
                        server.name,
                        settings.rounds,
                        tool.driver.name(),
                        it.cpu_us_per_request()
                    );
                    rounds.push(it);
                }
                Ok(_) => {}
                Err(error) => {
                    server.cpu_ns()?;
                    taken[at] = None;
                    skipped.push(Skipped::loudly(
                        tool.driver.name(),
                        format!("at the {} server: {error:#}", server.name),
                    ));
                }
            }
        }
    }
    let mut both: Vec<(Tool, Vec<CostRound>)> = Vec::new();
    for (tool, rounds) in tools.drain(..).zip(taken) {
        both.extend(rounds.map(|rounds| (tool, rounds)));
    }
    let wrk = both
        .iter()
        .find(|(tool, _)| tool.driver == Driver::Wrk)
        .map(|(_, rounds)| rounds.clone());
    let mut rows = Vec::new();
    for (tool, rounds) in both {
        let name = tool.driver.name();
        rows.extend(Cost::of(server.name, name, rounds, wrk.as_deref()));
        tools.push(tool);
    }
    Ok(rows)
}

/// One run of `tool`.
///
/// # Errors
/// When it does not end well, prints what it should not, or the server goes.
pub(crate) fn measure(
    server: &Server,
    tool: &Tool,
    settings: &Settings,
    seconds: u64,
) -> Result<CostRound> {
    let job = Job {
        address: server.address,
        token: &server.token,
        subject: server.subject.as_deref(),
        connections: settings.connections,
        users: settings.users,
        seconds,
        pace: Pace::Closed,
    };
    let before = (Snapshot::take(), server.cpu_ns()?, cpu::own_cpu_ns());
    let ran = child::run(
        &mut tool.command(&job),
        Duration::from_secs(seconds) + GRACE,
    )?;
    let after = (Snapshot::take(), server.cpu_ns()?, cpu::own_cpu_ns());
    let said = tool.read(&ran.stdout)?;
    anyhow::ensure!(said.completed > 0, "{} got no answer", tool.driver);
    let server_cpu_ns = after.1 - before.1;
    let ours_ns = ran.cpu_ns + server_cpu_ns + (after.2 - before.2);
    let health = before.0.until(&after.0, Some(ours_ns));
    Ok(CostRound {
        completed: said.completed,
        failed: said.failed,
        cpu_ns: ran.cpu_ns,
        wall_ns: ran.wall_ns,
        server_cpu_ns,
        foreign_cpu_fraction: health.foreign_cpu_fraction,
        steal_fraction: health.steal_fraction,
    })
}
