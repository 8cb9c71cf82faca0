//! What the drivers report of a server that stops now and then.

use std::io;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result};
use authbench_core::system::monotonic_ns;
use authbench_lab::{CoreSet, cores, timer};
use rustix::process::{Pid, Signal, kill_process};

use crate::child;
use crate::cost::GRACE;
use crate::drivers::{Driver, Job, Pace, Tool};
use crate::record::{Settings, Skipped, StallRound, Stalled};
use crate::servers::Server;
use authbench_load::Stalls;

/// Offered rates, per second.
const RATES: [u32; 2] = [5_000, 20_000];

/// Lets the tools that can hold a rate take turns at the stalling `server`.
/// `capacity_per_s` is what it answers in a closed loop; `core` is the
/// server's, from where it is stopped and woken.
///
/// # Errors
/// When the server has gone, or cannot keep up with the rates at all.
pub(crate) fn compare(
    server: &Server,
    tools: &[Tool],
    settings: &Settings,
    capacity_per_s: f64,
    core: &CoreSet,
    skipped: &mut Vec<Skipped>,
) -> Result<Vec<Stalled>> {
    let mut cases: Vec<Case<'_>> = tools.iter().flat_map(Case::of).collect();
    let mut rows = Vec::new();
    for rate in RATES {
        let mut taken: Vec<Option<Vec<StallRound>>> = vec![Some(Vec::new()); cases.len()];
        for round in 0..settings.stall_rounds as usize {
            for turn in 0..cases.len() {
                let at = (turn + round) % cases.len();
                let Some(rounds) = taken[at].as_mut() else {
                    continue;
                };
                match measure(server, &cases[at], settings, rate, capacity_per_s, core) {
                    Ok(it) => {
                        eprintln!(
                            "stalls, {rate}/s, round {} of {}: {:<28} p99 {:7.1} ms, truth {:6.1} ms",
                            round + 1,
                            settings.stall_rounds,
                            cases[at].label(),
                            it.p99_ms,
                            it.truth_ms
                        );
                        rounds.push(it);
                    }
                    Err(error) => {
                        server.cpu_ns()?;
                        taken[at] = None;
                        let reason = format!("at {rate}/s under stalls: {error:#}");
                        skipped.push(Skipped::loudly(&cases[at].label(), reason));
                    }
                }
            }
        }
        let failed: Vec<bool> = taken.iter().map(Option::is_none).collect();
        let measured = cases.iter().zip(taken);
        rows.extend(
            measured.filter_map(|(case, rounds)| Stalled::of(&case.label(), rate, rounds?)),
        );
        // What failed at one rate is not tried at the next.
        let mut failed = failed.into_iter();
        cases.retain(|_| failed.next() == Some(false));
    }
    Ok(rows)
}

/// A driver in one of its ways to hold a rate.
struct Case<'t> {
    tool: &'t Tool,
    corrected: bool,
}

impl<'t> Case<'t> {
    fn of(tool: &'t Tool) -> Vec<Self> {
        let ways: &[bool] = match tool.driver {
            Driver::Oha => &[false, true],
            driver if driver.has_rate() => &[false],
            _ => &[],
        };
        let case = |&corrected| Self { tool, corrected };
        ways.iter().map(case).collect()
    }

    fn label(&self) -> String {
        match (self.tool.driver, self.corrected) {
            (Driver::Oha, true) => "oha --latency-correction -q".to_owned(),
            (driver @ (Driver::Oha | Driver::Hey), _) => format!("{driver} -q"),
            (driver, _) => driver.name().to_owned(),
        }
    }
}

fn measure(
    server: &Server,
    case: &Case<'_>,
    settings: &Settings,
    rate: u32,
    capacity_per_s: f64,
    core: &CoreSet,
) -> Result<StallRound> {
    let job = Job {
        address: server.address,
        token: &server.token,
        subject: server.subject.as_deref(),
        connections: settings.connections,
        users: settings.users,
        seconds: settings.stall_seconds,
        pace: if case.corrected {
            Pace::CorrectedRate(rate)
        } else {
            Pace::Rate(rate)
        },
    };
    let patience = Duration::from_secs(settings.stall_seconds) + GRACE;
    let mut command = case.tool.command(&job);
    let staller = Staller {
        pid: i32::try_from(server.pid())
            .ok()
            .and_then(Pid::from_raw)
            .context("no process id")?,
        stall_ns: settings.stall_ms * 1_000_000,
        period_ns: settings.period_ms * 1_000_000,
    };
    let (ran, stalls_ns) = staller.during(core, || child::run(&mut command, patience))?;
    let said = case.tool.read(&ran?.stdout)?;
    let stall_ms = stalls_ns.iter().sum::<u64>() as f64 / 1e6 / stalls_ns.len().max(1) as f64;
    let stalls = Stalls {
        stall_ms,
        period_ms: settings.period_ms as f64,
        offered_per_s: f64::from(rate),
        capacity_per_s,
    };
    let truth_ms = stalls.quantile_ms(0.99).with_context(|| {
        format!("a server that answers {capacity_per_s:.0}/s does not catch up with {rate}/s")
    })?;
    Ok(StallRound {
        told: u64::from(rate) * settings.stall_seconds,
        completed: said.completed,
        failed: said.failed,
        stalls: stalls_ns.len() as u64,
        stall_ms,
        capacity_per_s,
        p99_ms: said.p99_ms.context("no 99th percentile")?,
        truth_ms,
    })
}

/// Stops a process for a while, once in each period; the first time after
/// half a period, so that a whole number of periods holds as many stops with
/// all of their backlog.
struct Staller {
    pid: Pid,
    stall_ns: u64,
    period_ns: u64,
}

impl Staller {
    /// Does it while `work` is done. Gives back how long each stop really
    /// took, nanoseconds.
    fn during<R>(&self, core: &CoreSet, work: impl FnOnce() -> R) -> Result<(R, Vec<u64>)> {
        thread::scope(|scope| {
            let (done, until_done) = mpsc::channel();
            let staller = scope.spawn(move || {
                // Not the driver's core, which may be busy when the time has
                // come; the server's is idle while the server is stopped.
                cores::pin_current_thread(core)?;
                timer::set_slack_ns(1)?;
                self.stall(&until_done)
            });
            let result = work();
            drop(done);
            let stalls = staller.join();
            let stalls = stalls.unwrap_or_else(|_| Err(io::Error::other("the staller panicked")));
            Ok((result, stalls.context("the server cannot be stopped")?))
        })
    }

    fn stall(&self, done: &Receiver<()>) -> io::Result<Vec<u64>> {
        let mut stalls_ns = Vec::new();
        let mut next_ns = monotonic_ns() + self.period_ns / 2;
        loop {
            let left = Duration::from_nanos(next_ns.saturating_sub(monotonic_ns()));
            match done.recv_timeout(left) {
                Err(RecvTimeoutError::Timeout) => {}
                _ => return Ok(stalls_ns),
            }
            let stopped = Stopped::stop(self.pid)?;
            let begun_ns = monotonic_ns();
            thread::sleep(Duration::from_nanos(self.stall_ns));
            drop(stopped);
            stalls_ns.push(monotonic_ns() - begun_ns);
            next_ns += self.period_ns;
        }
    }
}

/// A stopped process; dropped, it goes on, whatever happened meanwhile.
struct Stopped(Pid);

impl Stopped {
    fn stop(pid: Pid) -> io::Result<Self> {
        kill_process(pid, Signal::STOP)?;
        Ok(Self(pid))
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        // If the process has gone, the next look at it will tell.
        let _ = kill_process(self.0, Signal::CONT);
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_process_is_stopped_for_as_long_as_told_and_goes_on() {
        let mut child = Command::new("sleep").arg("600").spawn().unwrap();
        let staller = Staller {
            pid: Pid::from_child(&child),
            stall_ns: 20_000_000,
            period_ns: 100_000_000,
        };
        let core = cores::allowed().unwrap();
        let mut seen = String::new();
        let state = |pid: u32| {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
            stat.rsplit(") ").next().unwrap().chars().next().unwrap()
        };
        let pid = child.id();
        let ((), stalls_ns) = staller
            .during(&core, || {
                while !(seen.contains('T') && seen.ends_with('S')) {
                    seen.push(state(pid));
                    thread::sleep(Duration::from_millis(1));
                }
            })
            .unwrap();
        assert!(!stalls_ns.is_empty());
        assert!(stalls_ns.iter().all(|ns| *ns >= 20_000_000));
        assert_eq!(state(pid), 'S', "left running");
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
