//! The same load by our engine and by hyper: both must have seen the same.

use std::sync::atomic::AtomicBool;

use anyhow::Result;
use authbench_engine::EngineKind;
use authbench_lab::Placement;
use authbench_load::{Arrivals, CrossVerdict, LoadPoint, Mix, Spacing, Warmup, cross_check};

use super::{Bench, CONNECTIONS, Finding, TIMEOUT_MS, logins};

/// Slow enough for hyper and a busy machine.
const RATE_PER_S: f64 = 2_000.0;
const MEASURE_MS: u64 = 3_000;

pub(super) fn check(
    placement: &Placement,
    engine: EngineKind,
    stop: &AtomicBool,
) -> Result<Finding> {
    let mut fast = Bench::start(placement, engine)?;
    let mut reference = Bench::start(placement, EngineKind::Hyper)?;
    let users = fast.served.profile.users.clone();
    let plan = logins(&users);
    let point = LoadPoint {
        connections: CONNECTIONS,
        warmup: Warmup::fixed(200),
        measure_ms: MEASURE_MS,
        timeout_ms: TIMEOUT_MS,
        mix: Mix {
            read: 85.into(),
            mutate: 10.into(),
            logout: 5.into(),
            ..Mix::default()
        },
        seed: 7,
        ..LoadPoint::reads(Arrivals::steady(Spacing::Poisson, RATE_PER_S))
    };
    let (a, b) = (&mut fast.served.driver, &mut reference.served.driver);
    let seen = cross_check(a, b, &plan, &point, stop)?;
    let verdict = seen.verdict();
    let us = |ns: u64| ns as f64 / 1e3;
    let mut found = format!(
        "{} and {}: {} requests, p50 {:.0} and {:.0} us, p99 {:.0} and {:.0} us",
        fast.served.engine,
        reference.served.engine,
        seen.fast.tally.total(),
        us(seen.fast.response_ns_p50),
        us(seen.reference.response_ns_p50),
        us(seen.fast.response_ns_p99),
        us(seen.reference.response_ns_p99),
    );
    for difference in &seen.differences {
        found.push_str(&format!(
            "; {} {}: {} and {}",
            difference.action.label(),
            difference.kind.label(),
            difference.fast,
            difference.reference
        ));
    }
    if verdict == CrossVerdict::Disturbed {
        found.push_str("; requests waited, so that alone may be why");
    }
    Ok(Finding {
        check: "a second engine".to_owned(),
        found,
        holds: verdict == CrossVerdict::Agree,
        decides: verdict != CrossVerdict::Disturbed,
    })
}
