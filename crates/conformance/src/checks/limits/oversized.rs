//! LIMITS-001: too much is refused, and refused in time.

use authbench_results::{Level, Severity};
use authbench_wire::Operation;
use authbench_wire::profile::Carrier;
use http::Method;

use crate::ask::Ask;
use crate::check::{Check, Cost, Eye};
use crate::hooks::Door;
use crate::jose::{encode, signing_input};
use crate::stop::Stop;
use crate::trial::Trial;

/// LIMITS-001.
pub(super) const LIMITS_001: Check = Check {
    id: "LIMITS-001",
    statement: "oversized headers and tokens, deeply nested or huge JSON, thousands of segments or \
                cookies get a 4xx in bounded time and memory, and the server still serves",
    level: Level::Must,
    severity: Severity::Medium,
    families: &[],
    seen_by: &[Eye::Http],
    operations: &[Operation::Login, Operation::Whoami],
    doors: &[],
    clauses: &["ASVS 5.0 15.2.2", "ASVS 5.0 4.2.5"],
    cwe: &[400, 770],
    mend: "Bound the head, the body, the nesting and the credential's length before anything reads \
           them (431, 413, 400).",
    cost: Cost::Quick,
    run: |trial| Box::pin(run(trial)),
};

/// Octets of memory that all of it together may leave behind.
const GROWTH_MAX: u64 = 256 * 1024 * 1024;
const MIB: usize = 1024 * 1024;

async fn run(trial: &Trial<'_>) -> Result<(), Stop> {
    let control = trial.login().await?;
    trial.control(&control).await?;
    let before = memory(trial).await?;
    let whoami = || trial.ask(Operation::Whoami);
    let deep = "[".repeat(100_000);
    let many_cookies = vec!["c=1"; 5_000].join("; ");
    let deep_header = format!("{{\"alg\":\"ES256\",\"x\":{}", "[".repeat(4_000));
    let cases: Vec<(&str, Ask<'_>)> = vec![
        (
            "header of 64 KiB",
            whoami()?.header("x-filler", "x".repeat(64 * 1024)),
        ),
        ("token of 1 MiB", whoami()?.access("x".repeat(MIB))),
        (
            "token of 5 000 segments",
            whoami()?.access("a.".repeat(5_000)),
        ),
        (
            "token with nested JSON",
            whoami()?.access(format!(
                "{}.{}",
                signing_input(&deep_header, "{}"),
                encode([0; 64])
            )),
        ),
        ("5 000 cookies", whoami()?.header("cookie", many_cookies)),
        ("body of nested JSON", login_with(trial, deep)?),
        ("body of 16 MiB", login_with(trial, huge_json(16 * MIB))?),
        (
            "body of many members",
            login_with(trial, many_members(50_000))?,
        ),
    ];
    for (case, ask) in cases {
        one(trial, case, ask).await?;
        trial.control(&control).await?;
    }
    let after = memory(trial).await?;
    match (before, after) {
        (Some(before), Some(after)) => {
            let grown = after.saturating_sub(before);
            trial.judge(
                "memory",
                grown <= GROWTH_MAX,
                format!("{} KiB more than before", grown / 1024),
                &[],
            );
        }
        _ => trial.not_applicable("memory", Stop::no_door(Door::Memory).to_string()),
    }
    Ok(())
}

async fn memory(trial: &Trial<'_>) -> Result<Option<u64>, Stop> {
    match trial.hooks().has(Door::Memory) {
        true => Ok(Some(trial.hooks().memory(0).await?)),
        false => Ok(None),
    }
}

fn login_with<'t>(trial: &'t Trial<'t>, body: String) -> Result<Ask<'t>, Stop> {
    let ask = trial.ask(Operation::Login)?.method(Method::POST);
    Ok(ask.body(body).content_type(Some("application/json")))
}

fn huge_json(octets: usize) -> String {
    format!("{{\"user\":\"x\",\"password\":\"{}\"}}", "x".repeat(octets))
}

fn many_members(count: usize) -> String {
    let members: Vec<_> = (0..count).map(|n| format!("\"m{n}\":{n}")).collect();
    format!("{{{}}}", members.join(","))
}

/// A server may also close the connection instead of reading all of it
/// (RFC 9110 15.5.14).
async fn one(trial: &Trial<'_>, case: &str, ask: Ask<'_>) -> Result<(), Stop> {
    match ask.on_new_connection().try_send().await? {
        Ok(answer) => {
            let in_cookie = matches!(trial.profile().carrier, Carrier::Cookie { .. });
            // Whose cookies are too many but is let through as nobody is fine.
            let harmless =
                in_cookie && answer.ok() && !trial.identity(answer.clone()).is_somebody();
            let detail = format!("{} after {} ms", answer.status, answer.took.as_millis());
            trial.judge(case, answer.refused() || harmless, detail, &[&answer]);
        }
        Err(broken) if broken.timed_out => {
            let longest = trial.options().request_timeout.as_millis();
            trial.fail(
                case,
                format!("there was no answer within {longest} ms"),
                &[],
            );
        }
        Err(_) => trial.pass(case, "the connection was closed"),
    }
    Ok(())
}
