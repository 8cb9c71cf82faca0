//! SESSION-005: identifiers cannot be guessed.

use authbench_core::system::monotonic_ns;
use authbench_results::{Level, Severity};
use authbench_wire::Operation;
use authbench_wire::profile::Family;

use super::references::{Reference, references};
use crate::check::{Check, Cost, Eye};
use crate::stat::identifiers::{Estimate, SAMPLES_MIN, Sample, judge};
use crate::stop::Stop;
use crate::trial::Trial;

/// SESSION-005.
pub(super) const SESSION_005: Check = Check {
    id: "SESSION-005",
    statement: "identifiers that are looked up hold at least 128 bits that nothing refutes: not \
                their characters, not their bits, not their order, not time, counter or user",
    level: Level::Must,
    severity: Severity::Critical,
    families: &[Family::Session, Family::Refresh, Family::Denylist],
    seen_by: &[Eye::Statistics],
    operations: &[Operation::Login, Operation::Whoami],
    doors: &[],
    clauses: &[
        "ASVS 5.0 7.2.3",
        "ASVS 5.0 11.5.1",
        "NIST SP 800-63B-4 5.1",
        "OWASP Session Management",
        "WSTG-SESS-01",
    ],
    cwe: &[331, 338],
    mend: "Draw at least 16 octets from the system's generator for each identifier, and put \
           nothing else in their place.",
    cost: Cost::Slow,
    run: |trial| Box::pin(run(trial)),
};

/// ASVS 5.0 7.2.3.
const BITS: f64 = 128.0;
/// NIST SP 800-63B-4 5.1: below this nobody lets an identifier pass.
const BITS_FLOOR: f64 = 64.0;
/// Less than one character's rounding.
const TOLERANCE_BITS: f64 = 0.05;

async fn run(trial: &Trial<'_>) -> Result<(), Stop> {
    let first = trial.login().await?;
    let kinds = references(trial, &first)?;
    let mut samples: Vec<Vec<Sample>> = vec![Vec::new(); kinds.len()];
    let longest = trial.options().check_timeout / 2;
    let began_ns = monotonic_ns();
    // One after the other, so that the order is the server's own.
    for number in 0..trial.options().samples {
        let user = trial.user()?;
        let login = trial.login_of(&user).await?;
        for (kind, samples) in kinds.iter().zip(&mut samples) {
            let text = kind.of(&login).unwrap_or_default();
            samples.push(Sample {
                text: text.to_owned(),
                at_ms: login.answer.began_ms,
                user: hashed(&user.user),
            });
        }
        let spent_ns = monotonic_ns() - began_ns;
        if u128::from(spent_ns) > longest.as_nanos() {
            trial.note(format!("{} samples: time ran out", number + 1));
            break;
        }
    }
    for (kind, samples) in kinds.iter().zip(&samples) {
        match judge(samples) {
            Some(estimate) => verdict(trial, *kind, &estimate),
            None => trial.inconclusive(
                kind.label(),
                format!("fewer than {SAMPLES_MIN} samples tell nothing"),
                &[],
            ),
        }
    }
    Ok(())
}

fn verdict(trial: &Trial<'_>, kind: Reference, estimate: &Estimate) {
    let name = kind.label().replace(' ', "_");
    trial.measured(format!("{name}_bits"), estimate.bits);
    let found = match estimate.findings.as_slice() {
        [] => String::new(),
        [first] => format!("; {first}"),
        [first, rest @ ..] => format!("; {first}, and {} findings more", rest.len()),
    };
    let detail = format!(
        "{:.1} bits are not refuted over {} samples: {} characters of an alphabet of {}{found}",
        estimate.bits, estimate.samples, estimate.length, estimate.alphabet
    );
    if estimate.are_uuids {
        trial.note(
            "the identifiers are UUIDs: they hold 122 bits at most, and ASVS 5.0 11.5.1 says that \
             UUIDs do not meet it",
        );
    }
    if estimate.repeats > 0 {
        let detail = format!("{} identifiers came twice; {detail}", estimate.repeats);
        trial.fail(kind.label(), detail, &[]);
        return;
    }
    let enough = estimate.bits >= BITS_FLOOR - TOLERANCE_BITS;
    if enough && estimate.bits < BITS - TOLERANCE_BITS {
        trial.note(format!(
            "warning: a {} of {:.0} bits meets the 64 bits of NIST SP 800-63B-4 5.1, but not the \
             128 bits of ASVS 5.0 7.2.3",
            kind.label(),
            estimate.bits
        ));
    }
    trial.judge(kind.label(), enough, detail, &[]);
}

/// Any number that stands for the name (FNV-1a).
fn hashed(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, octet| {
        (hash ^ u64::from(octet)).wrapping_mul(0x0100_0000_01b3)
    })
}
