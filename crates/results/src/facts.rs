//! What is found out once per strategy, not per load point.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::cell::Metric;
use crate::histogram::Histogram;
use crate::knee::Knee;

/// What was found out about one strategy, independently of the load.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct StrategyFacts {
    /// Its name.
    pub strategy: String,
    /// The fully resolved recipe (TOML).
    pub recipe: String,
    /// What it promises.
    pub guarantees: Guarantees,
    /// Why it was not measured to its end; null if it was.
    pub incomplete: Option<String>,
    /// The verdict of the conformance checks; null if they were not run.
    pub conformance: Option<Conformance>,
    /// Octets of the access credential.
    pub token_bytes: Option<u64>,
    /// What a login costs.
    pub login: Login,
    /// What a login occupies.
    pub memory: Memory,
    /// How fast a revocation takes hold; null if it was not tried.
    pub revocation: Option<Revocation>,
    /// The same, seen from every other replica than the one that ended the
    /// login; null if it was not tried.
    #[serde(default)]
    pub revocation_elsewhere: Option<Revocation>,
    /// The highest rate that the strategy carries; null if it was not sought.
    #[serde(default)]
    pub knee: Option<Knee>,
    /// Store look-ups for one authenticated request.
    pub lookups_per_request: Metric,
    /// Blocks of reads in which every connection always had a request under
    /// way (a closed loop), interleaved with the blocks of all cells.
    pub saturation: Vec<SaturationBlock>,
    /// CPU nanoseconds of the server per request over those blocks that count
    /// (over all of them, and doubtful, if none does). Less than
    /// at a moderate load, where each request pays for a wake-up of its own.
    /// Doubtful where the server's core was not fully used.
    pub saturated_server_cpu_ns_per_request: Metric,
    /// Requests that one fully used core carries each second: 1e9 divided by
    /// `saturated_server_cpu_ns_per_request`.
    pub requests_per_core_s: Metric,
}

/// A stretch of time in which the server was kept busy without a pause.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SaturationBlock {
    /// Place in the run's order of blocks, over all cells.
    pub index: u32,
    /// How long it was, nanoseconds.
    pub duration_ns: u64,
    /// Requests answered as the oracle allows.
    pub completed: u64,
    /// All others.
    pub failures: u64,
    /// CPU time of the server, nanoseconds.
    pub server_cpu_ns: Option<u64>,
    /// Why the block does not count, because the machine was busy with
    /// something else; null if it does.
    pub disturbed: Option<String>,
}

impl SaturationBlock {
    /// CPU nanoseconds of the server per request, if both are known.
    #[must_use]
    pub fn server_cpu_ns_per_request(&self) -> Option<f64> {
        (self.completed > 0).then_some(self.server_cpu_ns? as f64 / self.completed as f64)
    }
}

/// What a strategy promises. Written as the program's core writes it.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Guarantees {
    /// How long an ended login may still be accepted.
    pub revoke_one: Staleness,
    /// The same after "log out everywhere".
    pub revoke_all: Staleness,
    /// How long old roles may still be seen (ASVS 5.0 8.3.2).
    pub role_change: Staleness,
    /// Milliseconds from issue to expiry, at most.
    pub lifetime_ms: u64,
    /// Milliseconds after its expiry for which a credential may still pass.
    pub expiry_slack_ms: u64,
    /// Renewal of credentials.
    pub refresh: RefreshOffer,
    /// The end of logins that are not used; null if use does not matter.
    #[serde(default)]
    pub idle: Option<IdlePromise>,
    /// The most logins of one subject; null if there is no limit.
    #[serde(default)]
    pub login_limit: Option<LoginLimit>,
    /// Whether logins can be listed.
    pub listing: Listing,
    /// Behaviour while the store is out of reach.
    pub outage: OutageBehaviour,
    /// What happens to logins and revocations in a crash.
    pub durability: Durability,
}

/// How long a change may go unseen after its acknowledgement.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Staleness {
    /// Not at all.
    Immediate,
    /// This many milliseconds.
    WithinMs(u64),
    /// Until the credential expires by itself.
    UntilExpiry,
}

impl fmt::Display for Staleness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Immediate => f.write_str("immediate"),
            Self::WithinMs(ms) => write!(f, "within {ms} ms"),
            Self::UntilExpiry => f.write_str("at expiry"),
        }
    }
}

/// Whether, and how, credentials can be renewed without logging in.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RefreshOffer {
    /// Not at all.
    None,
    /// Refresh tokens rotate; a spent one that comes back ends the whole
    /// family (RFC 9700 4.14.2).
    RotatingKillsFamily {
        /// Milliseconds for which a spent token is still answered.
        grace_ms: u64,
        /// Milliseconds from login to the end of all renewal.
        chain_ms: u64,
    },
    /// The access credential is swapped for another of the same login.
    SwapsAccess,
}

/// The end of a login that nobody uses (ASVS 5.0 7.3.1).
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct IdlePromise {
    /// Milliseconds from the latest use to the end.
    pub timeout_ms: u64,
    /// Milliseconds by which that may come early.
    pub early_ms: u64,
}

/// How many logins a subject may have at once (ASVS 5.0 7.1.2).
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct LoginLimit {
    /// The most that work at once.
    pub logins_max: u32,
    /// What becomes of one more.
    pub policy: LimitPolicy,
}

/// What a login over the limit meets.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LimitPolicy {
    /// The new login is refused.
    Reject,
    /// The oldest logins end.
    Evict,
}

/// Whether a subject's logins can be listed.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Listing {
    /// The list equals the set of logins that work (ASVS 5.0 7.5.2).
    Exact,
    /// Nobody remembers which logins there are.
    NotKept,
}

/// What happens while the store cannot be reached.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum OutageBehaviour {
    /// No store is asked, so none can fail.
    Unaffected,
    /// Nobody is accepted (ASVS 5.0 16.5.3).
    FailsClosed,
    /// Whoever a cache knows is accepted, within the promised staleness.
    Coasts,
    /// Revoked credentials may pass.
    FailsOpen,
}

/// What survives a crash.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Durability {
    /// There is nothing to lose: no state is kept.
    Stateless,
    /// An acknowledged change survives loss of power.
    Disk,
    /// An acknowledged change survives a crash of the process, but perhaps
    /// not loss of power.
    ProcessCrash,
    /// All is lost when the process ends.
    None,
}

/// The verdict of the conformance checks.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Conformance {
    /// How many checks passed.
    pub passed: u32,
    /// The identifiers of those that failed.
    pub failed: Vec<String>,
    /// How many do not apply to this strategy: never counted as passed.
    pub not_applicable: u32,
}

/// What a login costs, password hashing apart.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// The password hash and its parameters.
    pub password_hash: String,
    /// Nanoseconds from request to answer, password checked.
    pub hashed: Option<Histogram>,
    /// Nanoseconds from request to answer, password check left out.
    pub unhashed: Option<Histogram>,
    /// CPU nanoseconds of the server per login, password checked.
    pub hashed_server_cpu_ns: Metric,
    /// CPU nanoseconds of the server per login, password check left out.
    pub unhashed_server_cpu_ns: Metric,
}

/// What a login occupies while it lives.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Memory {
    /// Growth of the server process, octets per login.
    pub server_bytes_per_login: Metric,
    /// Growth of the store outside the server process, octets per login.
    pub store_bytes_per_login: Metric,
    /// The smallest growth per login that can be told from the noise of the
    /// whole process; what is below is as good as nothing.
    pub resolution_bytes_per_login: f64,
    /// Over how many logins the growth was measured.
    pub logins: u64,
    /// How it was measured, in one sentence.
    pub method: String,
}

impl Memory {
    /// Octets per login in server and store together, if both are known.
    #[must_use]
    pub fn bytes_per_login(&self) -> Option<f64> {
        let server = self.server_bytes_per_login.usable()?;
        Some(server + self.store_bytes_per_login.usable()?)
    }
}

/// How fast revocations take hold. In each sample a login is ended, and from
/// the acknowledgement on its credential is presented at the times of
/// `schedule_ms`.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Revocation {
    /// Logins ended.
    pub samples: u64,
    /// Samples in which the credential was never accepted after the
    /// acknowledgement.
    pub never_accepted: u64,
    /// Of all other samples: nanoseconds from the acknowledgement to the last
    /// acceptance.
    pub last_acceptance: Option<Histogram>,
    /// Samples whose credential was still accepted at the last try, so that
    /// the true time is longer than the recorded one.
    pub still_accepted_at_end: u64,
    /// Acceptances later than the strategy promised. Must be 0.
    pub accepted_after_deadline: u64,
    /// Acceptances as somebody else. Must be 0.
    pub wrong_user: u64,
    /// Tries that were answered neither with an acceptance as the right
    /// subject nor with a refusal.
    pub failed_tries: u64,
    /// The positive control: whether a login that nobody ended was accepted
    /// each time it had to be. Null if it was not tried.
    pub control_live_accepted: Option<bool>,
    /// The negative control: whether a credential that nobody issued was
    /// refused. Null if it was not tried.
    pub control_forged_refused: Option<bool>,
    /// Which clock these times are of.
    pub clock: ClockKind,
    /// Milliseconds after the acknowledgement at which the credential was
    /// presented.
    pub schedule_ms: Vec<u64>,
}

impl Revocation {
    /// Whether acceptance and refusal mean what they say: a control that
    /// failed makes all the other numbers worthless.
    #[must_use]
    pub fn controls_held(&self) -> bool {
        self.control_live_accepted != Some(false) && self.control_forged_refused != Some(false)
    }

    /// Whether the counts agree with one another.
    #[must_use]
    pub fn adds_up(&self) -> bool {
        let accepted = self
            .last_acceptance
            .as_ref()
            .map_or(0, |histogram| histogram.count);
        self.never_accepted.checked_add(accepted) == Some(self.samples)
            && self.still_accepted_at_end <= accepted
    }

    /// Median nanoseconds to the last acceptance over all samples; 0 if at
    /// least half of them were refused at once. None without samples, or if
    /// the histogram cannot be read.
    #[must_use]
    pub fn p50_ns(&self) -> Option<u64> {
        if self.samples == 0 {
            return None;
        }
        let rank = self.samples.div_ceil(2);
        match &self.last_acceptance {
            _ if rank <= self.never_accepted => Some(0),
            None => None,
            Some(accepted) => {
                crate::value_at_rank(&accepted.decode().ok()?, rank - self.never_accepted)
            }
        }
    }

    /// The longest time to the last acceptance, nanoseconds; 0 if no sample
    /// was ever accepted again. None without samples.
    #[must_use]
    pub fn max_ns(&self) -> Option<u64> {
        (self.samples > 0).then(|| self.last_acceptance.as_ref().map_or(0, |h| h.max_ns))
    }
}

/// Which clock a time was read from.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClockKind {
    /// Waited for.
    Real,
    /// The server's clock was stepped forwards, so that a wait need not last.
    Stepped,
}

#[cfg(test)]
mod tests {
    use authbench_core as core;

    use super::*;

    #[test]
    fn promises_of_the_core_read_as_promises_here() {
        use core::{Durability, Listing, OutageBehaviour, RefreshOffer, Staleness};
        for revoke_one in [
            Staleness::Immediate,
            Staleness::WithinMs(7),
            Staleness::UntilExpiry,
        ] {
            for durability in [
                Durability::Stateless,
                Durability::Disk,
                Durability::ProcessCrash,
                Durability::None,
            ] {
                let theirs = core::Guarantees {
                    revoke_one,
                    revoke_all: Staleness::Immediate,
                    role_change: Staleness::UntilExpiry,
                    lifetime_ms: 900_000,
                    expiry_slack_ms: 0,
                    refresh: RefreshOffer::RotatingKillsFamily {
                        grace_ms: 10,
                        chain_ms: 1_000_000,
                    },
                    idle: Some(core::IdlePromise {
                        timeout_ms: 5,
                        early_ms: 1,
                    }),
                    login_limit: Some(core::LoginLimit {
                        logins_max: 3,
                        policy: core::LimitPolicy::Evict,
                    }),
                    listing: Listing::NotKept,
                    outage: OutageBehaviour::FailsClosed,
                    durability,
                };
                let json = serde_json::to_value(theirs).unwrap();
                let ours: Guarantees = serde_json::from_value(json.clone()).unwrap();
                assert_eq!(serde_json::to_value(&ours).unwrap(), json);
                assert_eq!(ours.revoke_one.to_string(), revoke_one.to_string());
            }
        }
    }
}
