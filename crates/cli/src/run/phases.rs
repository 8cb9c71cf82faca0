//! Scenarios with phases: each strategy passes through all of them in order, on
//! the same servers and users.

use std::sync::atomic::Ordering;

use anyhow::{Result, bail};
use authbench_load::{
    Action, Arrivals, Driver, DriverOptions, Kind, LoadPoint, LoginPlan, Mix, Phase, Routing,
};

use crate::run::cells::{Stretch, Tour, label};
use crate::run::contender::{Accounts, Contender, Serving as _};

/// Logins are made on this many connections.
const CONNECTIONS: u32 = 32;
/// Throwaway logins are ended in stretches of this length, so that their number
/// is met.
const STRETCH_MS: u64 = 200;
/// A stretch as long as this in which nobody logged out says that nobody can.
const PATIENCE_MS: u64 = 5_000;

/// Takes `contender` through all phases.
pub(crate) fn passage(tour: &mut Tour<'_>, contender: &mut Contender) {
    let scenario = tour.scenario;
    let points = contender.found.points.clone();
    for (number, (phase, point)) in scenario.phases.iter().zip(points).enumerate() {
        let what = label(&point);
        tour.visit(contender, &what, |tour, contender| {
            one(tour, contender, phase, number, point)
        });
    }
}

fn one(
    tour: &mut Tour<'_>,
    contender: &mut Contender,
    phase: &Phase,
    number: usize,
    mut point: LoadPoint,
) -> Result<()> {
    let scenario = tour.scenario;
    let hops = phase.hops.as_ref().unwrap_or(&scenario.topology.hops).value;
    let name = &phase.name.value;
    let impossible = if hops > 1 && !contender.served.shares_logins {
        Some("the services behind the first would refuse them")
    } else if phase.routing == Some(Routing::RoundRobin) && !contender.served.can_be_spread() {
        Some("other replicas would refuse them")
    } else {
        None
    };
    if let Some(why) = impossible {
        let reason = format!("phase `{name}`: its logins live in one process; {why}");
        let strategy = contender.name();
        tour.progress
            .warn(&format!("{strategy} is LEFT OUT of {reason}"));
        contender.found.left_out.push(reason);
        return Ok(());
    }
    point.routing = contender.routing(point.routing, tour.progress);
    if scenario.topology.hops.value > 1 {
        contender.served.enter(hops)?;
    }
    before(tour, contender, phase)?;
    if tour.stop.load(Ordering::SeqCst) {
        return Ok(());
    }
    let faults: Vec<_> = scenario
        .faults
        .iter()
        .filter(|fault| fault.phase.as_ref().is_none_or(|of| of == &phase.name))
        .collect();
    let change = &phase.before;
    let stretch = Stretch {
        number,
        point,
        hops,
        // What happens once cannot be measured again.
        repeats: faults.is_empty() && !change.forget_logins && !change.expire_access,
        faults,
    };
    tour.cell(contender, &stretch)
}

/// What is done before a phase.
fn before(tour: &Tour<'_>, contender: &mut Contender, phase: &Phase) -> Result<()> {
    let change = &phase.before;
    hold(tour, contender, change.hold_logins.value)?;
    if change.end_logins.value > 0 {
        end(tour, contender, change.end_logins.value)?;
    }
    if change.forget_logins {
        contender.served.driver.forget_logins();
    }
    if change.expire_access {
        contender.served.driver.expire_access()?;
    }
    Ok(())
}

/// Further accounts log in until there are `wanted` logins.
fn hold(tour: &Tour<'_>, contender: &mut Contender, wanted: u32) -> Result<()> {
    let population = &tour.scenario.population;
    let devices = population.devices.value;
    let wanted = wanted.div_ceil(devices);
    let held = contender.found.facts.held;
    if wanted <= held {
        return Ok(());
    }
    let users = wanted.min(population.users.value).max(held);
    for (numbers, keep) in [(0..users, true), (users..wanted, false)] {
        if numbers.end <= held || numbers.is_empty() {
            continue;
        }
        let plan = LoginPlan {
            users: &contender.served.profile.users,
            numbers: numbers.clone(),
            devices,
            connections: CONNECTIONS,
            keep,
            timeout_ms: timeout_ms(tour),
        };
        // Users who are there already stay.
        contender.served.driver.log_in_more(&plan, tour.stop)?;
        contender.found.facts.held = numbers.end;
    }
    Ok(())
}

/// So many throwaway logins are made and ended: by users of their own, who log
/// out and in again without a pause.
fn end(tour: &Tour<'_>, contender: &Contender, wanted: u32) -> Result<()> {
    let accounts = Accounts::of(tour.scenario);
    let first = accounts.held + accounts.timed;
    let profile = &contender.served.profile;
    let mut driver = Driver::new(profile, DriverOptions::default())?;
    driver.aim(contender.served.fleet.addresses())?;
    let numbers = first..first + accounts.throwaway.min(wanted);
    let connections = CONNECTIONS.min(accounts.throwaway).max(1);
    let plan = LoginPlan {
        users: &profile.users,
        numbers,
        devices: 1,
        connections,
        keep: true,
        timeout_ms: timeout_ms(tour),
    };
    driver.log_in(&plan, tour.stop)?;
    let mut ended = 0;
    let mut measure_ms = STRETCH_MS;
    for seed in 0.. {
        let point = LoadPoint {
            connections,
            measure_ms,
            mix: Mix {
                logout: 1.into(),
                ..Mix::default()
            },
            timeout_ms: timeout_ms(tour),
            seed,
            ..LoadPoint::reads(Arrivals::Closed { think_ms: 0.0 })
        };
        let seen = driver.cell(&point, &mut (), &mut (), tour.stop)?;
        let now = seen.tally.count(Action::Logout, Kind::Right);
        ended += now;
        let left = u64::from(wanted).saturating_sub(ended);
        if left == 0 || tour.stop.load(Ordering::SeqCst) {
            return Ok(());
        }
        let Some(next_ms) = next_stretch_ms(measure_ms, now, left) else {
            bail!(
                "none of {connections} throwaway users got to log out within {measure_ms} ms; {} of \
                 their requests failed",
                seen.tally.failures()
            );
        };
        measure_ms = next_ms;
    }
    Ok(())
}

/// How long the next stretch is, if in one of `measure_ms` so many logins were
/// ended and so many are `left`. Each begins with logins, so a short one may
/// see no logout: then it is tried for twice as long, until patience ends.
fn next_stretch_ms(measure_ms: u64, ended: u64, left: u64) -> Option<u64> {
    match ended {
        0 if measure_ms >= PATIENCE_MS => None,
        0 => Some(measure_ms * 2),
        _ => Some((measure_ms * left / ended).clamp(1, STRETCH_MS)),
    }
}

fn timeout_ms(tour: &Tour<'_>) -> u64 {
    tour.scenario.load.timeout_ms.value.max(10_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stretch_is_as_long_as_what_is_left_takes_and_longer_after_one_in_vain() {
        assert_eq!(next_stretch_ms(200, 1_000, 9_000), Some(STRETCH_MS));
        assert_eq!(next_stretch_ms(200, 1_000, 50), Some(10));
        assert_eq!(next_stretch_ms(10, 50, 1), Some(1));
        let mut in_vain = vec![1];
        while let Some(next_ms) = next_stretch_ms(in_vain[in_vain.len() - 1], 0, 1) {
            in_vain.push(next_ms);
        }
        assert_eq!(in_vain[..4], [1, 2, 4, 8]);
        assert!((PATIENCE_MS..2 * PATIENCE_MS).contains(&in_vain[in_vain.len() - 1]));
    }
}
