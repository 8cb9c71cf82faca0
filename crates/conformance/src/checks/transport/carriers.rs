//! TRANSPORT-004: two identities in one request.

use authbench_results::{Level, Severity};
use authbench_wire::Operation;
use authbench_wire::profile::{Carrier, Family};

use crate::answer::Answer;
use crate::ask::Ask;
use crate::check::{Check, Cost, Eye};
use crate::login::Login;
use crate::stop::Stop;
use crate::trial::{Trial, Who};

/// TRANSPORT-004.
pub(super) const TRANSPORT_004: Check = Check {
    id: "TRANSPORT-004",
    statement: "two carriers with different identities in one request are refused, or resolved by \
                one rule everywhere",
    level: Level::Must,
    severity: Severity::Medium,
    families: &[Family::Hybrid, Family::Jwt, Family::Refresh],
    seen_by: &[Eye::Http],
    operations: &[Operation::Login, Operation::Whoami],
    doors: &[],
    clauses: &["RFC 6750 2", "ASVS 5.0 15.3.7"],
    cwe: &[],
    mend: "Find the credential in one function that every route uses, and refuse a request that \
           brings more than one.",
    cost: Cost::Quick,
    run: |trial| Box::pin(run(trial)),
};

/// How a second credential comes along.
#[derive(Clone, Copy)]
enum Second {
    /// `Authorization` beside the declared cookie, or a cookie beside it.
    OtherHeader,
    /// A second `Authorization`.
    SameHeader,
    /// The query.
    Query,
}

async fn run(trial: &Trial<'_>) -> Result<(), Stop> {
    let users = trial.users(2)?;
    let (first, second) = (
        trial.login_of(&users[0]).await?,
        trial.login_of(&users[1]).await?,
    );
    trial.control(&first).await?;
    trial.control(&second).await?;
    let is_bearer = matches!(trial.profile().carrier, Carrier::Bearer { .. });
    let mut ways = vec![
        ("header and cookie", Second::OtherHeader),
        ("header and query", Second::Query),
    ];
    if is_bearer {
        ways.push(("two headers", Second::SameHeader));
    }
    for (case, way) in ways {
        one_way(trial, case, way, [&first, &second]).await?;
    }
    trial.control(&first).await?;
    trial.control(&second).await
}

/// Both orders, on each operation that tells whom it took, on each replica.
async fn one_way(
    trial: &Trial<'_>,
    case: &str,
    way: Second,
    pair: [&Login; 2],
) -> Result<(), Stop> {
    let mut taken: Vec<(&'static str, Answer)> = Vec::new();
    for [declared, other] in [pair, [pair[1], pair[0]]] {
        for replica in 0..trial.replicas() {
            let ask = both(trial, Operation::Whoami, way, declared, other)?;
            let who = trial.identity(ask.at(replica).send().await?);
            taken.push((side(&who, declared, other), who.answer().clone()));
        }
        if trial.has(Operation::Slow) {
            let ask = both(trial, Operation::Slow, way, declared, other)?;
            let answer = ask.gap("ms", "1").send().await?;
            let who = trial.identity(answer);
            taken.push((side(&who, declared, other), who.answer().clone()));
        }
        if trial.has(Operation::Mutate) && trial.has(Operation::ReadState) {
            taken.push(changed(trial, way, declared, other).await?);
        }
    }
    let first = taken[0].0;
    match taken.iter().find(|(side, _)| *side != first) {
        None => trial.pass(case, format!("everywhere the same: {first}")),
        Some((other, answer)) => trial.fail(
            case,
            format!("once {first}, once {other}"),
            &[&taken[0].1, answer],
        ),
    }
    Ok(())
}

/// Whose credential counted.
fn side(who: &Who, declared: &Login, other: &Login) -> &'static str {
    match who {
        Who::Is(subject, _) if *subject == declared.subject => "the declared carrier counts",
        Who::Is(subject, _) if *subject == other.subject => "the other carrier counts",
        Who::Is(..) => "somebody else counts",
        Who::Refused(_) | Who::Nobody(_) | Who::Unclear(_) => "it is refused",
    }
}

/// Whose state a change went to.
async fn changed(
    trial: &Trial<'_>,
    way: Second,
    declared: &Login,
    other: &Login,
) -> Result<(&'static str, Answer), Stop> {
    let number: u64 = trial.random(rand::Rng::next_u64);
    let mark = format!("mark-{number:016x}");
    let ask = both(trial, Operation::Mutate, way, declared, other)?;
    let answer = ask.gap("value", &mark).send().await?;
    let mut sides = Vec::new();
    for (login, side) in [
        (declared, "the declared carrier counts"),
        (other, "the other carrier counts"),
    ] {
        let read = trial.done_by(Operation::ReadState, login, &[]).await?;
        if read.text().contains(&mark) {
            sides.push(side);
        }
    }
    Ok(match sides.as_slice() {
        [] => ("it is refused", answer),
        [side] => (*side, answer),
        _ => ("both count", answer),
    })
}

fn both<'t>(
    trial: &'t Trial<'t>,
    operation: Operation,
    way: Second,
    declared: &Login,
    other: &Login,
) -> Result<Ask<'t>, Stop> {
    let ask = trial.ask(operation)?.with(declared);
    let bearer = format!("Bearer {}", other.access);
    Ok(match (way, &trial.profile().carrier) {
        (Second::OtherHeader, Carrier::Cookie { .. }) | (Second::SameHeader, _) => {
            ask.header("authorization", bearer)
        }
        (Second::OtherHeader, Carrier::Bearer { .. }) => {
            let names = ["access_token", "session", "__Host-session", "__Host-access"];
            names.iter().fold(ask, |ask, name| {
                ask.cookie(format!("{name}={}", other.access))
            })
        }
        (Second::Query, _) => {
            let path = trial.request(operation)?.path.value.to_string();
            let path = path.replace("{ms}", "1");
            let separator = if path.contains('?') { '&' } else { '?' };
            ask.path(format!("{path}{separator}access_token={}", other.access))
        }
    })
}
