//! What is put under load.

use authbench_conf::{ConfError, Located};
use serde::{Deserialize, Serialize};

use super::check::Check;
use super::default;

/// What is put under load.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Topology {
    /// Replicas of the service, each a process of its own: 1 to 16. Strategies
    /// whose logins live in one process can only be routed stickily.
    pub replicas: Located<u32>,
    /// How requests are spread over them.
    pub routing: Routing,
    /// Services that a read passes through one after the other, each of which
    /// judges the credential: 1 to 8. More than 1 only with one replica.
    pub hops: Located<u32>,
    /// Microseconds by which each round trip to the store is longer: 0 to
    /// 1,000,000.
    pub store_round_trip_us: Located<u64>,
}

/// How requests are spread over replicas.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Routing {
    /// A login keeps to the replica that it was made on.
    #[default]
    Sticky,
    /// Each request goes to the next replica.
    RoundRobin,
}

impl Default for Topology {
    fn default() -> Self {
        Self {
            replicas: default::one(),
            routing: Routing::default(),
            hops: default::one(),
            store_round_trip_us: 0.into(),
        }
    }
}

impl Topology {
    pub(super) fn validate(&self, check: &Check<'_>) -> Result<(), ConfError> {
        check.within(&self.replicas, "`replicas`", 1, 16)?;
        check.within(&self.hops, "`hops`", 1, 8)?;
        if self.hops.value > 1 && self.replicas.value > 1 {
            return Err(check.fault(
                &self.hops,
                "a chain of services has one replica of each: lower `hops` or `replicas` to 1",
            ));
        }
        let longer = &self.store_round_trip_us;
        check.within(longer, "`store_round_trip_us`", 0, 1_000_000)
    }
}
