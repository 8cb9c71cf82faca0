//! LIMITS-002: what a token says of its own decryption costs nothing.

use std::time::Duration;

use authbench_results::{Level, Severity};
use authbench_wire::Operation;
use authbench_wire::profile::Family;

use crate::check::{Check, Cost, Eye};
use crate::jose::{Token, encode};
use crate::stop::Stop;
use crate::trial::{Trial, Who};

/// LIMITS-002.
pub(super) const LIMITS_002: Check = Check {
    id: "LIMITS-002",
    statement: "PBES2 iteration counts and the size of compressed JWEs are capped before the work \
                is done",
    level: Level::Must,
    severity: Severity::High,
    families: &[Family::Sealed, Family::Jwt],
    seen_by: &[Eye::Http],
    operations: &[Operation::Login, Operation::Whoami],
    doors: &[],
    clauses: &[
        "RFC 8725bis 2.10",
        "RFC 8725bis 2.12",
        "RFC 8725bis 3.13",
        "RFC 8725bis 3.15",
    ],
    cwe: &[409],
    mend: "Refuse PBES2 unless you use it, cap `p2c` before deriving anything (1 200 000 at most), \
           and stop inflating at a bound (250 KB).",
    cost: Cost::Quick,
    run: |trial| Box::pin(run(trial)),
};

/// Far beyond what the draft lets pass; some seconds of work for one core.
const ITERATIONS: u64 = 10_000_000;
/// What nobody needs to cap.
const FEW_ITERATIONS: u64 = 1_000;
/// Faster, the work was not done.
const WORK_MIN: Duration = Duration::from_millis(250);
/// The slowest machine's own time for a refusal does not grow by this.
const GROWTH_MIN: u32 = 10;
const TRIES: u32 = 3;

async fn run(trial: &Trial<'_>) -> Result<(), Stop> {
    const CASE: &str = "PBES2 iterations";
    let control = trial.login().await?;
    let segments = control.access.split('.').count();
    let is_jwe = segments == 5;
    if !is_jwe && Token::parse(&control.access).is_none() {
        return Err(Stop::NotApplicable(
            "its credentials are neither JWS nor JWE: nothing reads a JWE".to_owned(),
        ));
    }
    trial.control(&control).await?;
    let (mut few, mut many) = (Duration::MAX, Duration::MAX);
    for _ in 0..TRIES {
        few = few.min(try_one(trial, FEW_ITERATIONS).await?);
        many = many.min(try_one(trial, ITERATIONS).await?);
        // One fast refusal shows that nothing was derived.
        if many < WORK_MIN {
            break;
        }
    }
    trial.control(&control).await?;
    let worked = many >= WORK_MIN && many >= few * GROWTH_MIN;
    let detail = format!(
        "{FEW_ITERATIONS} iterations are refused in {} ms, {ITERATIONS} in {} ms",
        few.as_millis(),
        many.as_millis()
    );
    trial.judge(CASE, !worked, detail, &[]);
    if is_jwe {
        trial.inconclusive(
            "inflated size",
            "the target takes JWEs, and compressed ones need its key, which no profile names",
            &[],
        );
    } else {
        trial.not_applicable("inflated size", "no JWE is accepted here");
    }
    Ok(())
}

/// How long a JWE takes whose key is derived in that many steps; it must be
/// refused.
async fn try_one(trial: &Trial<'_>, iterations: u64) -> Result<Duration, Stop> {
    let header = format!(
        "{{\"alg\":\"PBES2-HS256+A128KW\",\"enc\":\"A128CBC-HS256\",\"typ\":\"at+jwt\",\
         \"p2s\":\"{}\",\"p2c\":{iterations}}}",
        encode([7; 16])
    );
    // RFC 7516 7.1: header, encrypted key, vector, text, tag; wrapped keys have
    // 40 octets (RFC 7518 4.8.1).
    let token = format!(
        "{}.{}.{}.{}.{}",
        encode(header),
        encode([1; 40]),
        encode([2; 16]),
        encode([3; 32]),
        encode([4; 16])
    );
    let ask = trial.ask(Operation::Whoami)?.access(token);
    match ask.try_send().await? {
        Ok(answer) => match trial.identity(answer) {
            Who::Is(subject, _) => Err(Stop::unclear(format!(
                "a JWE of random octets was accepted as `{subject}`"
            ))),
            other => Ok(other.answer().took),
        },
        Err(broken) if broken.timed_out => Ok(trial.options().request_timeout),
        Err(broken) => Err(broken.into()),
    }
}
