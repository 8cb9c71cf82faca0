//! A scenario as a script for Grafana k6, for teams who run k6 already.
//!
//! The script is a table (`CONFIG`) made from scenario and profile, and a part
//! that is the same for all (`k6.js`). What k6 cannot do is refused or said,
//! never left out in silence.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::{Result, bail};
use authbench_load::{Action, Arrivals, LoadPoint, Mix, Scenario, Shape, Spacing};
use authbench_wire::Profile;
use authbench_wire::profile::{Carrier, CsrfProof, Request, Users};
use serde::Serialize;
use serde_json::{Value, json};

use crate::exit::UsageError;

const RUNTIME: &str = include_str!("k6.js");

/// The actions that the script can do.
const ACTIONS: [Action; 5] = [
    Action::Read,
    Action::Mutate,
    Action::Login,
    Action::Logout,
    Action::LogoutAll,
];

/// What a script cannot say, one sentence each.
pub(crate) type Remarks = Vec<String>;

/// The script, and what of the scenario it does not do.
///
/// # Errors
/// When the scenario needs what k6 cannot do at all, or the profile lacks an
/// operation of the mix.
pub(crate) fn script(
    name: &str,
    scenario: &Scenario,
    profile: &Profile,
    base_url: &str,
) -> Result<(String, Remarks)> {
    let points = scenario.points()?;
    if points.is_empty() {
        bail!(UsageError(format!(
            "the scenario `{name}` seeks the highest rate: k6 cannot; give it rates or phases"
        )));
    }
    let mut remarks = remarks(scenario, &points);
    let mut scenarios = serde_json::Map::new();
    let mut mixes = BTreeMap::from([("default".to_owned(), mix(&scenario.mix, &mut remarks))]);
    let mut start_ms = 0;
    for (number, point) in points.iter().enumerate() {
        let title = title(point, number);
        let (options, length_ms) = executor(point, start_ms)?;
        mixes.insert(title.clone(), mix(&point.mix, &mut remarks));
        scenarios.insert(title, options);
        // Stragglers of one are not mixed with the next one's requests.
        start_ms += length_ms + point.timeout_ms;
    }
    remarks.dedup();
    if matches!(profile.csrf, CsrfProof::Token { .. }) {
        bail!(
            "profile `{}` wants a CSRF token with unsafe requests, which the script cannot send",
            profile.name
        );
    }
    let config = Config {
        base_url,
        users: scenario.population.users.value,
        vus: points[0].connections,
        think_ms: scenario.load.think_ms.value,
        same_origin: profile.csrf == CsrfProof::SameOrigin,
        carrier: match &profile.carrier {
            Carrier::Bearer { token } => json!({ "token": token }),
            Carrier::Cookie { name } => json!({ "cookie": name }),
        },
        accounts: accounts(&profile.users, scenario)?,
        actions: ACTIONS.map(Action::label).into(),
        operations: operations(profile, scenario, &points)?,
        mixes,
        scenarios,
    };
    Ok((text(name, scenario, &config, &remarks)?, remarks))
}

#[derive(Serialize)]
struct Config<'c> {
    base_url: &'c str,
    users: u32,
    vus: u32,
    think_ms: f64,
    same_origin: bool,
    carrier: Value,
    accounts: Value,
    actions: Vec<&'static str>,
    operations: BTreeMap<&'static str, Value>,
    mixes: BTreeMap<String, Vec<(&'static str, u32)>>,
    scenarios: serde_json::Map<String, Value>,
}

fn text(name: &str, scenario: &Scenario, config: &Config<'_>, remarks: &Remarks) -> Result<String> {
    let mut text = format!(
        "// authbench scenario `{name}`: {}\n//\n//   k6 run -e BASE_URL=http://127.0.0.1:8080 \
         {name}.js\n",
        scenario.summary.value.replace('\n', " ")
    );
    for remark in remarks {
        writeln!(text, "// NOTE: {}", remark.replace('\n', " "))?;
    }
    text.push_str(
        "\nimport exec from 'k6/execution';\nimport http from 'k6/http';\nimport { check, sleep } \
         from 'k6';\nimport { Counter, Trend } from 'k6/metrics';\n\n",
    );
    let config = serde_json::to_string_pretty(config)?;
    Ok(format!("{text}const CONFIG = {config};\n\n{RUNTIME}"))
}

/// k6's name of a load point: letters, digits, `-` and `_`.
fn title(point: &LoadPoint, number: usize) -> String {
    let spoken = match (&point.phase, point.arrivals.mean_per_s(point.measure_ms)) {
        (Some(phase), _) => phase.clone(),
        (None, Some(rate_per_s)) => format!("rate-{rate_per_s:.0}"),
        (None, None) => "closed".to_owned(),
    };
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    let spoken: String = spoken.chars().map(plain).collect();
    format!("{}-{spoken}", number + 1)
}

/// k6's executor for a load point that begins after so many milliseconds, and
/// how long it lasts, milliseconds.
fn executor(point: &LoadPoint, start_ms: u64) -> Result<(Value, u64)> {
    let start = format!("{start_ms}ms");
    let graceful = format!("{}ms", point.timeout_ms);
    let length_ms = point.measure_ms;
    let options = match &point.arrivals {
        Arrivals::Replay(_) => bail!(UsageError(
            "k6 cannot replay recorded arrivals: give the scenario a rate".to_owned()
        )),
        Arrivals::Closed { .. } => json!({
            "executor": "constant-vus",
            "vus": point.connections,
            "duration": format!("{length_ms}ms"),
            "startTime": start,
            "gracefulStop": graceful,
        }),
        Arrivals::Open {
            shape: Shape::Steady { rate_per_s },
            ..
        } => json!({
            "executor": "constant-arrival-rate",
            "rate": *rate_per_s as u64,
            "timeUnit": "1s",
            "duration": format!("{length_ms}ms"),
            "preAllocatedVUs": point.connections,
            "maxVUs": point.connections,
            "startTime": start,
            "gracefulStop": graceful,
        }),
        Arrivals::Open { shape, .. } => json!({
            "executor": "ramping-arrival-rate",
            "startRate": 0,
            "timeUnit": "1s",
            "stages": stages(shape, length_ms),
            "preAllocatedVUs": point.connections,
            "maxVUs": point.connections,
            "startTime": start,
            "gracefulStop": graceful,
        }),
    };
    Ok((options, length_ms))
}

/// A shape as k6's stages, each of which moves evenly from the rate before to
/// its target. A stage of no length jumps.
fn stages(shape: &Shape, length_ms: u64) -> Vec<Value> {
    let stage = |rate_per_s: f64, ms: u64| json!({ "target": rate_per_s as u64, "duration": format!("{ms}ms") });
    let mut stages = Vec::new();
    let mut hold = |rate_per_s: f64, ms: u64| {
        stages.push(stage(rate_per_s, 0));
        stages.push(stage(rate_per_s, ms));
    };
    match shape {
        Shape::Steady { rate_per_s } => hold(*rate_per_s, length_ms),
        Shape::Ramp {
            from_per_s,
            to_per_s,
        } => {
            stages.push(stage(*from_per_s, 0));
            stages.push(stage(*to_per_s, length_ms));
        }
        Shape::Steps { rates_per_s } => {
            for rate_per_s in rates_per_s {
                hold(*rate_per_s, length_ms / rates_per_s.len() as u64);
            }
        }
        Shape::Bursts {
            base_per_s,
            burst_per_s,
            every_ms,
            burst_ms,
        } => {
            let mut left_ms = length_ms;
            while left_ms > 0 {
                for (rate_per_s, ms) in [
                    (*burst_per_s, *burst_ms),
                    (*base_per_s, every_ms - burst_ms),
                ] {
                    let ms = ms.min(left_ms);
                    if ms > 0 {
                        hold(rate_per_s, ms);
                    }
                    left_ms -= ms;
                }
            }
        }
    }
    stages
}

fn mix(mix: &Mix, remarks: &mut Remarks) -> Vec<(&'static str, u32)> {
    let mut weights = Vec::new();
    for (action, weight) in mix.weights() {
        match weight {
            0 => {}
            _ if ACTIONS.contains(&action) && action != Action::Login => {
                weights.push((action.label(), weight));
            }
            _ => remarks.push(format!(
                "`{}` of the mix is left out: the script cannot do it",
                action.label()
            )),
        }
    }
    if weights.is_empty() {
        weights.push((Action::Read.label(), 1));
        remarks.push("nothing of the mix is left: the script reads instead".to_owned());
    }
    weights
}

fn operations(
    profile: &Profile,
    scenario: &Scenario,
    points: &[LoadPoint],
) -> Result<BTreeMap<&'static str, Value>> {
    let needed = |action: Action| {
        let mixes = points.iter().map(|point| &point.mix);
        matches!(action, Action::Read | Action::Login)
            || std::iter::once(&scenario.mix).chain(mixes).any(|mix| {
                mix.weights()
                    .iter()
                    .any(|(own, weight)| *own == action && *weight > 0)
            })
    };
    let mut operations = BTreeMap::new();
    for action in ACTIONS {
        match profile.request(action.operation()) {
            Some(request) => {
                operations.insert(action.label(), operation(request));
            }
            None if needed(action) => bail!(UsageError(format!(
                "the profile `{}` has no operation `{}`, which the scenario needs",
                profile.name,
                action.operation().label()
            ))),
            None => {}
        }
    }
    Ok(operations)
}

fn operation(request: &Request) -> Value {
    json!({
        "method": request.method.as_str(),
        "path": request.path.value.to_string(),
        "body": request.body.as_ref().map(|body| body.value.to_string()),
        "content_type": request.content_type,
        "success": request.success,
        "subject": request.subject,
    })
}

fn accounts(users: &Users, scenario: &Scenario) -> Result<Value> {
    let wanted = scenario.population.users.value;
    if users.pattern.is_none() && wanted > users.count() {
        bail!(UsageError(format!(
            "the scenario has {wanted} users, the profile {} accounts",
            users.count()
        )));
    }
    let list: Vec<Value> = users
        .list
        .iter()
        .map(
            |user| json!({ "user": user.user, "password": user.password, "subject": user.subject }),
        )
        .collect();
    let pattern = users.pattern.as_ref().map(|pattern| {
        json!({
            "user": pattern.user.to_string(),
            "password": pattern.password.to_string(),
            "subject": pattern.subject.as_ref().map(ToString::to_string),
        })
    });
    Ok(json!({ "list": list, "pattern": pattern }))
}

fn remarks(scenario: &Scenario, points: &[LoadPoint]) -> Remarks {
    let mut remarks = Vec::new();
    let mut say = |is_so: bool, what: &str| {
        if is_so {
            remarks.push(what.to_owned());
        }
    };
    let is_poisson = points.iter().any(|point| {
        let Arrivals::Open { spacing, .. } = &point.arrivals else {
            return false;
        };
        *spacing == Spacing::Poisson
    });
    say(
        is_poisson,
        "arrivals are evenly spaced: k6 has no Poisson process",
    );
    say(
        points.iter().any(|point| point.warmup.at_least_ms > 0),
        "there is no warm-up",
    );
    say(
        !scenario.faults.is_empty(),
        "faults are left out: k6 cannot cause them",
    );
    say(
        scenario
            .phases
            .iter()
            .any(|phase| phase.before != authbench_load::Before::default()),
        "what is done before phases is left out",
    );
    say(
        scenario.population.zipf().is_some(),
        "users are chosen in turn, not by Zipf's law",
    );
    say(
        scenario.population.devices.value > 1,
        "each account has one login",
    );
    remarks
}

#[cfg(test)]
mod tests;
