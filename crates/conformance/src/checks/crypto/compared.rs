//! CRYPTO-007: secrets are compared in constant time.

use std::hint::black_box;
use std::sync::Arc;

use authbench_core::system::monotonic_ns;
use authbench_results::{Level, Severity};

use crate::check::{Check, Cost, Eye};
use crate::stop::Stop;
use crate::trial::Trial;
use crate::verifier::{Answer, Verifier};

/// CRYPTO-007.
pub(super) const CRYPTO_007: Check = Check {
    id: "CRYPTO-007",
    statement: "how long the comparison of a secret takes does not depend on how much of it is right",
    level: Level::Should,
    severity: Severity::Medium,
    families: &[],
    seen_by: &[Eye::InProcess, Eye::Statistics],
    operations: &[],
    doors: &[],
    clauses: &["ASVS 5.0 11.2.4"],
    cwe: &[208],
    mend: "Compare with `constant_time_eq`, `subtle` or `crypto.timingSafeEqual`, or look tokens up \
           by their digest.",
    cost: Cost::Quick,
    run: |trial| Box::pin(run(trial)),
};

/// Octets of the secrets that are compared: so many that leaving at the first
/// wrong one shows beyond doubt.
const OCTETS: usize = 16 * 1024;
/// Comparisons that are timed of each kind.
const SAMPLES: usize = 400;
/// An early and a late fault may differ by this part of the late one's time.
const TOLERATED: f64 = 0.25;

async fn run(trial: &Trial<'_>) -> Result<(), Stop> {
    let verifier = Arc::clone(trial.verifier()?);
    let timing = tokio::task::spawn_blocking(move || medians(&*verifier));
    let (early_ns, late_ns) = timing
        .await
        .map_err(|error| Stop::unclear(error.to_string()))??;
    trial.measured("early_fault_ns", early_ns);
    trial.measured("late_fault_ns", late_ns);
    let apart = (late_ns - early_ns).abs() / late_ns.max(1.0);
    trial.judge(
        "a fault in the first octet or in the last",
        apart <= TOLERATED,
        format!(
            "of {OCTETS} octets, a fault in the first takes {early_ns:.0} ns to find and one in \
             the last {late_ns:.0} ns"
        ),
        &[],
    );
    Ok(())
}

/// Nanoseconds in the middle of all comparisons with a fault in the first and
/// in the last octet, taken in turn so that both meet the same machine.
fn medians(verifier: &dyn Verifier) -> Result<(f64, f64), Stop> {
    let held: Vec<u8> = (0..OCTETS)
        .map(|at| u8::try_from(at % 251).unwrap_or(0))
        .collect();
    let (mut early, mut late) = (held.clone(), held.clone());
    early[0] ^= 0xFF;
    late[OCTETS - 1] ^= 0xFF;
    if let Answer::NotSupported(reason) = verifier.compare(&held, &held) {
        return Err(Stop::NotApplicable(reason));
    }
    if verifier.compare(&held, &held) != Answer::Accepted(())
        || verifier.compare(&held, &early) != Answer::Refused
        || verifier.compare(&held, &late) != Answer::Refused
    {
        return Err(Stop::unclear("the comparison itself is wrong"));
    }
    let mut times = [Vec::with_capacity(SAMPLES), Vec::with_capacity(SAMPLES)];
    for _ in 0..SAMPLES {
        for (shown, times) in [&early, &late].into_iter().zip(&mut times) {
            times.push(timed(|| {
                let _ = black_box(verifier.compare(black_box(&held), black_box(shown)));
            }));
        }
    }
    let [early, late] = times.map(median);
    Ok((early, late))
}

fn timed(act: impl FnOnce()) -> f64 {
    let before_ns = monotonic_ns();
    act();
    monotonic_ns().saturating_sub(before_ns) as f64
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
