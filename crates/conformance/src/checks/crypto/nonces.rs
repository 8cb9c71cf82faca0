//! CRYPTO-006: no nonce twice.

use std::collections::HashSet;
use std::sync::Arc;

use authbench_results::{Level, Severity};
use authbench_wire::Operation;
use authbench_wire::profile::Family;

use crate::check::{Check, Cost, Eye};
use crate::jose;
use crate::stop::Stop;
use crate::trial::Trial;
use crate::verifier::{Sealer, Verifier};

/// CRYPTO-006.
pub(super) const CRYPTO_006: Check = Check {
    id: "CRYPTO-006",
    statement: "no nonce is used twice under one key, over 65,536 seals on several threads, on \
                replicas and after a restart",
    level: Level::Must,
    severity: Severity::Critical,
    families: &[Family::Sealed],
    seen_by: &[Eye::Http, Eye::InProcess],
    operations: &[Operation::Login],
    doors: &[],
    clauses: &["ASVS 5.0 11.3.4"],
    cwe: &[323],
    mend: "Draw each nonce of 96 bits from the system's generator and change the key before 2^32 \
           seals, or use a cipher with nonces of 192 bits; never a counter that a restart sets \
           back.",
    cost: Cost::Quick,
    run: |trial| Box::pin(run(trial)),
};

/// Seals in process, in all.
const SEALS: usize = 1 << 16;
/// On so many threads.
const THREADS: usize = 4;
/// Logins over HTTP, of one account, on every replica in turn.
const LOGINS: usize = 24;
/// Octets of a nonce, at least.
const NONCE_OCTETS: usize = 12;

async fn run(trial: &Trial<'_>) -> Result<(), Stop> {
    let outcome = in_process(trial).await;
    trial.settle("in process", outcome);
    over_http(trial).await
}

async fn in_process(trial: &Trial<'_>) -> Result<(), Stop> {
    let verifier = Arc::clone(trial.verifier()?);
    let sealing = tokio::task::spawn_blocking(move || repeats(&*verifier));
    let repeats = sealing
        .await
        .map_err(|error| Stop::unclear(error.to_string()))?;
    let repeats = repeats?;
    trial.judge(
        "in process",
        repeats == 0,
        format!("{repeats} of {SEALS} nonces were used before, on {THREADS} nodes with one key"),
        &[],
    );
    Ok(())
}

/// How many nonces of [`SEALS`] were used before. Each thread seals on a node
/// of its own: all have one key, as replicas and what comes after a restart.
fn repeats(verifier: &dyn Verifier) -> Result<usize, Stop> {
    let sealer = verifier.sealer();
    let sealer = sealer.ok_or_else(|| Stop::NotApplicable("nothing is sealed".to_owned()))?;
    let failed = |error: Box<dyn std::error::Error + Send + Sync>| {
        Stop::unclear(crate::trial::cause_chain(&*error))
    };
    let nodes = (0..THREADS).map(|_| sealer.replica().map_err(failed));
    let nodes: Vec<Box<dyn Sealer>> = nodes.collect::<Result<_, _>>()?;
    let nonces = std::thread::scope(|scope| {
        let threads: Vec<_> = nodes
            .iter()
            .map(|node| scope.spawn(|| sealed(&**node, SEALS / THREADS)))
            .collect();
        let all = threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_default());
        all.flatten().collect::<Vec<_>>()
    });
    if nonces.len() != SEALS {
        return Err(Stop::unclear("not every seal has a nonce that can be read"));
    }
    let distinct: HashSet<_> = nonces.iter().collect();
    Ok(SEALS - distinct.len())
}

fn sealed(node: &dyn Sealer, count: usize) -> Vec<Vec<u8>> {
    let seals = (0..count).filter_map(|_| node.seal("sealed", "ada").ok());
    seals.filter_map(|text| node.nonce(&text)).collect()
}

/// Where a nonce is used twice for the same beginning of a text, two cookies
/// agree in the nonce and in what follows it, and the others do not.
async fn over_http(trial: &Trial<'_>) -> Result<(), Stop> {
    const CASE: &str = "cookies of one account";
    let user = trial.user()?;
    let mut cookies = Vec::new();
    for number in 0..LOGINS {
        let login = trial.login_at(&user, number % trial.replicas()).await?;
        let octets = jose::decode(&login.access);
        cookies.push(octets.unwrap_or_else(|| login.access.into_bytes()));
    }
    cookies.sort();
    let common = |pair: &[Vec<u8>]| {
        let both = pair[0].iter().zip(&pair[1]);
        both.take_while(|(one, other)| one == other).count()
    };
    let shared: Vec<usize> = cookies.windows(2).map(common).collect();
    let by_all = shared.iter().min().copied().unwrap_or(0);
    let most = shared.iter().max().copied().unwrap_or(0);
    let detail = format!(
        "{LOGINS} cookies of one account begin with {by_all} octets alike, two of them with {most}"
    );
    trial.judge(
        CASE,
        most < by_all + NONCE_OCTETS && most < cookies[0].len(),
        detail,
        &[],
    );
    Ok(())
}
