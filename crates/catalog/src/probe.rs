//! What can be said of a strategy without putting it under load: what it
//! promises, and what it asks of its store.

use std::collections::BTreeMap;
use std::sync::Arc;

use authbench_core::{
    Decision, Guarantees, Issued, ManualClock, SeededEntropy, StrategyError, Subject, SubjectId,
    UnixMs,
};

use crate::backing::{Backing, BackingOptions, BuildError, Node};
use crate::recipe::Recipe;

/// How many logins are made, and how often each is presented.
const LOGINS: u32 = 8;
const USES: u32 = 4;
const AT: UnixMs = UnixMs(1_800_000_000_000);

/// What was found out.
#[derive(Clone, Debug)]
pub struct Probe {
    /// What the strategy promises; of the durability only what it would
    /// promise over a store that keeps nothing, where a server is needed to
    /// tell.
    pub guarantees: Guarantees,
    /// Store operations of one login, by kind.
    pub operations_per_login: BTreeMap<String, f64>,
    /// Store operations of one request with a good credential, by kind.
    pub operations_per_request: BTreeMap<String, f64>,
    /// Octets of an access credential with two roles.
    pub access_bytes: u64,
}

/// A strategy could not be probed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProbeError {
    /// It could not be built.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// It could not do what it is for.
    #[error("the strategy gives no judgement")]
    Strategy(#[from] StrategyError),
    /// It refused a login, or a credential that it had just issued.
    #[error("the strategy refuses good {what}")]
    Refused {
        /// What it refused.
        what: &'static str,
    },
    /// No folder for the files of its store.
    #[error("no temporary folder could be made")]
    Folder(#[source] std::io::Error),
}

/// Builds the strategy of `recipe`, over a table in memory if its own store
/// needs a server, and counts.
///
/// # Errors
/// [`ProbeError`].
pub async fn probe(recipe: &Recipe) -> Result<Probe, ProbeError> {
    let home = tempfile::tempdir().map_err(ProbeError::Folder)?;
    let options = BackingOptions {
        metered: true,
        stand_in: true,
        // So that it finds the same each time.
        entropy: Arc::new(SeededEntropy::new(1)),
        clock: Arc::new(ManualClock::at(AT)),
        ..BackingOptions::new(home.path())
    };
    let backing = Backing::open(recipe, options).await?;
    let node = backing.node().await?;
    let at = AT;
    let before = counts(&node);
    let mut held = Vec::new();
    for n in 0..LOGINS {
        held.push(log_in(&node, n, at).await?);
    }
    let logged_in = counts(&node);
    for _ in 0..USES {
        for credentials in &held {
            let decision = node
                .strategy
                .authenticate(&credentials.present(), at)
                .await?;
            if let Decision::Refused(_) = decision {
                return Err(ProbeError::Refused {
                    what: "credentials",
                });
            }
        }
    }
    let bytes: usize = held.iter().map(|it| it.access.expose().len()).sum();
    Ok(Probe {
        guarantees: node.strategy.guarantees(),
        operations_per_login: per(&before, &logged_in, LOGINS),
        operations_per_request: per(&logged_in, &counts(&node), LOGINS * USES),
        access_bytes: bytes as u64 / u64::from(LOGINS),
    })
}

async fn log_in(
    node: &Node,
    number: u32,
    at: UnixMs,
) -> Result<authbench_core::Credentials, ProbeError> {
    let subject = Subject {
        id: SubjectId::new(&format!("acct-{number:06}")),
        roles: ["user", "editor"].into_iter().collect(),
    };
    match node.strategy.issue(&subject, at).await? {
        Issued::Granted(credentials) => Ok(credentials),
        Issued::LimitReached { .. } => Err(ProbeError::Refused { what: "logins" }),
    }
}

type Counts = BTreeMap<String, u64>;

fn counts(node: &Node) -> Counts {
    let stats = node.stats.as_ref().map(|read| read());
    stats
        .map(|stats| stats.store_operations)
        .unwrap_or_default()
}

fn per(before: &Counts, after: &Counts, count: u32) -> BTreeMap<String, f64> {
    after
        .iter()
        .map(|(kind, total)| (kind, total - before.get(kind).copied().unwrap_or(0)))
        .filter(|(_, done)| *done > 0)
        .map(|(kind, done)| (kind.clone(), done as f64 / f64::from(count)))
        .collect()
}
