//! One strategy at one load point.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::fault::FaultSeen;
use crate::health::Health;
use crate::histogram::Histogram;
use crate::traffic::{ActionFigures, Shape, Topology};

/// One strategy under one load.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Cell {
    /// Which strategy; `strategies` tells more about it.
    pub strategy: String,
    /// Which phase of the scenario; null where it has none.
    #[serde(default)]
    pub phase: Option<String>,
    /// The load it was put under.
    pub load: Load,
    /// What the oracle said of the answers.
    pub outcomes: Outcomes,
    /// How long the requests took.
    pub latency: Latency,
    /// The same by what was done; actions that did not occur are left out.
    #[serde(default)]
    pub actions: Vec<ActionFigures>,
    /// What the requests cost.
    pub costs: Costs,
    /// Faults that were caused meanwhile, in their order.
    #[serde(default)]
    pub faults: Vec<FaultSeen>,
    /// Raw samples of the interleaved blocks, in the order in which they ran.
    pub blocks: Vec<Block>,
    /// Blocks that were measured and thrown away, because the driver was late
    /// or the machine was busy with something else; others took their place.
    /// Blocks with failures are never thrown away.
    pub rejected_blocks: Vec<RejectedBlock>,
    /// How quiet the machine was meanwhile.
    pub health: Health,
    /// Whether load and latencies may be believed. A driver that was late or
    /// saturated makes them invalid: it does not make the server slow. The
    /// costs carry flags of their own.
    pub valid: bool,
    /// Why not, if not.
    pub reason: Option<String>,
}

/// How requests were sent.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Load {
    /// Who decides when the next request is sent.
    pub model: LoadModel,
    /// How the intended send times are spaced.
    pub process: ArrivalProcess,
    /// How the rate changed meanwhile.
    #[serde(default)]
    pub shape: Shape,
    /// Requests per second that were meant to be sent, on average. In a closed
    /// loop nobody means any; then it is what was completed.
    pub offered_per_s: f64,
    /// Milliseconds of load before measuring began.
    pub warmup_ms: u64,
    /// Milliseconds for which was measured.
    pub measured_ms: u64,
    /// Connections held open.
    pub connections: u32,
    /// Virtual users, each with a login of its own (a subject with several
    /// devices is as many users).
    pub users: u32,
    /// Mean milliseconds that a user of a closed loop thinks between an answer
    /// and the next request; 0 in an open loop.
    #[serde(default)]
    pub think_ms: f64,
    /// Driver threads, each with users and connections of its own.
    #[serde(default = "one")]
    pub threads: u32,
    /// What carried the requests: `epoll`, `io-uring`, `hyper`, `http2`,
    /// `in-process`.
    #[serde(default)]
    pub engine: Option<String>,
    /// What was put under load.
    #[serde(default)]
    pub topology: Topology,
    /// Connections that had to be made anew.
    #[serde(default)]
    pub reconnects: u64,
    /// The most arrivals that waited at once for a free connection or user.
    #[serde(default)]
    pub backlog_max: u64,
    /// Milliseconds that were then waited for stragglers.
    pub drained_ms: u64,
    /// Requests that were meant to be sent while measuring.
    pub arrivals: u64,
    /// Requests among them that were sent; the rest found every connection or
    /// user busy to the end, and failed.
    pub sent: u64,
    /// Requests among them that were answered.
    pub completed: u64,
}

const fn one() -> u32 {
    1
}

impl Load {
    /// Requests answered per second, if any time passed; the time that was
    /// waited for stragglers counts.
    #[must_use]
    pub fn completed_per_s(&self) -> Option<f64> {
        let ms = self.measured_ms.saturating_add(self.drained_ms);
        (ms > 0).then(|| self.completed as f64 * 1000.0 / ms as f64)
    }
}

/// Who decides when the next request is sent.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LoadModel {
    /// A schedule that does not wait for answers.
    OpenLoop,
    /// Users who wait for an answer before they ask again: a server that
    /// stalls is asked less, so response times are not what users would feel.
    ClosedLoop,
}

/// How intended send times are spaced.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ArrivalProcess {
    /// Evenly.
    Constant,
    /// With exponentially distributed gaps, as independent users would.
    Poisson,
    /// As recorded in a file.
    Replay,
    /// When the answer before has come: a closed loop.
    Closed,
}

/// What became of the requests.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Outcomes {
    /// Requests by what became of them; a kind that did not occur may be
    /// absent.
    pub by_kind: BTreeMap<OutcomeKind, u64>,
    /// All requests that were not judged right. A fast wrong answer is a
    /// failure, not a request.
    pub failures_total: u64,
}

impl Outcomes {
    /// Outcomes with these counts.
    #[must_use]
    pub fn of(counts: impl IntoIterator<Item = (OutcomeKind, u64)>) -> Self {
        let mut by_kind = BTreeMap::new();
        for (kind, count) in counts {
            if count > 0 {
                let sum = by_kind.entry(kind).or_insert(0_u64);
                *sum = sum.saturating_add(count);
            }
        }
        let failures_total = by_kind
            .iter()
            .filter(|(kind, _)| **kind != OutcomeKind::Right)
            .fold(0_u64, |sum, (_, count)| sum.saturating_add(*count));
        Self {
            by_kind,
            failures_total,
        }
    }

    /// The outcomes of all `parts` together.
    #[must_use]
    pub fn together<'a>(parts: impl IntoIterator<Item = &'a Self>) -> Self {
        Self::of(
            parts
                .into_iter()
                .flat_map(|part| part.by_kind.iter().map(|(kind, count)| (*kind, *count))),
        )
    }

    /// How many requests there were.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.by_kind
            .values()
            .fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// How many requests came out as `kind`.
    #[must_use]
    pub fn count(&self, kind: OutcomeKind) -> u64 {
        self.by_kind.get(&kind).copied().unwrap_or(0)
    }

    /// How many requests got no decision, in time, of either kind.
    #[must_use]
    pub fn undecided(&self) -> u64 {
        self.failures_total.saturating_sub(self.wrong_judgements())
    }

    /// The share of [`Outcomes::undecided`], 0 to 1; 0 of nothing.
    #[must_use]
    pub fn undecided_fraction(&self) -> f64 {
        let all = self.total();
        if all == 0 {
            0.0
        } else {
            self.undecided() as f64 / all as f64
        }
    }

    /// How many answers the oracle calls wrong: see
    /// [`OutcomeKind::is_wrong_judgement`].
    #[must_use]
    pub fn wrong_judgements(&self) -> u64 {
        self.by_kind
            .iter()
            .filter(|(kind, _)| kind.is_wrong_judgement())
            .fold(0, |sum, (_, count)| sum.saturating_add(*count))
    }
}

/// What became of a request.
#[derive(
    Clone, Copy, Debug, Deserialize, Eq, Hash, JsonSchema, Ord, PartialEq, PartialOrd, Serialize,
)]
#[serde(rename_all = "snake_case")]
pub enum OutcomeKind {
    /// Answered as the oracle allows, in time.
    Right,
    /// Accepted as somebody else.
    WrongUser,
    /// Accepted although the login had ended.
    AcceptedDead,
    /// Refused although the login was good.
    RefusedGood,
    /// A status that is neither acceptance nor refusal, 5xx apart.
    UnexpectedStatus,
    /// An answer that cannot be read.
    MalformedAnswer,
    /// A status of 5xx: the server could not judge.
    NoJudgement,
    /// Right, but too late.
    Timeout,
    /// The connection failed or broke.
    ConnectionError,
    /// No answer by the end.
    Unfinished,
}

impl OutcomeKind {
    /// Whether the strategy decided wrongly, as opposed to not at all. Numbers
    /// of a strategy that decides wrongly are not worth comparing.
    #[must_use]
    pub const fn is_wrong_judgement(self) -> bool {
        matches!(
            self,
            Self::WrongUser | Self::AcceptedDead | Self::RefusedGood
        )
    }

    /// In words, for a reader.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Right => "right",
            Self::WrongUser => "accepted as somebody else",
            Self::AcceptedDead => "accepted although ended",
            Self::RefusedGood => "refused although good",
            Self::UnexpectedStatus => "unexpected status",
            Self::MalformedAnswer => "unreadable answer",
            Self::NoJudgement => "no judgement (5xx)",
            Self::Timeout => "too late",
            Self::ConnectionError => "connection broke",
            Self::Unfinished => "no answer",
        }
    }
}

/// How long requests took, as histograms of nanoseconds. Null where not one
/// request was recorded.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Latency {
    /// From the intended send time to the whole answer: what a user feels,
    /// waiting in line included.
    pub response: Option<Histogram>,
    /// From the actual send to the whole answer.
    pub service: Option<Histogram>,
    /// How late the driver was: from the instant at which a request was meant
    /// and able to be sent (intended, and a connection and a user were free)
    /// to the actual send. Waiting behind a slow server is not the driver's
    /// lateness; it stands in `response`.
    pub send_lag: Option<Histogram>,
}

/// What one request cost on average.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Costs {
    /// CPU time of the server process (user and system), nanoseconds.
    pub server_cpu_ns_per_request: Metric,
    /// CPU time of the driver's thread (user and system), nanoseconds; while it
    /// waits for the next arrival it spins, and that is part of it.
    pub driver_cpu_ns_per_request: Metric,
    /// Octets that the client sent, heads and bodies, without TCP/IP headers.
    pub wire_sent_bytes_per_request: Metric,
    /// Octets that the client received, counted likewise.
    pub wire_received_bytes_per_request: Metric,
    /// Operations that the strategy asked of its store, by kind.
    pub store_operations_per_request: BTreeMap<String, Metric>,
    /// Round trips to the store; missing where the store does not tell.
    #[serde(default = "not_counted")]
    pub store_round_trips_per_request: Metric,
    /// Octets to and from the store, without TCP/IP headers; missing where the
    /// store does not tell.
    #[serde(default = "not_counted")]
    pub store_bytes_per_request: Metric,
    /// The part of the time in which the driver was not idle, 0 to 1;
    /// spinning is idle.
    pub driver_utilisation_fraction: Metric,
}

fn not_counted() -> Metric {
    Metric::missing("not counted")
}

impl Costs {
    /// Octets on the wire in both directions, if both are known and valid.
    #[must_use]
    pub fn wire_bytes_per_request(&self) -> Option<f64> {
        let sent = self.wire_sent_bytes_per_request.usable()?;
        Some(sent + self.wire_received_bytes_per_request.usable()?)
    }
}

/// A number, and whether to believe it.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Metric {
    /// The number; null if it was not measured.
    pub value: Option<f64>,
    /// Whether to believe it.
    pub valid: bool,
    /// Why not, if not.
    pub reason: Option<String>,
}

impl Metric {
    /// A good number. One that is not finite counts as not measured.
    #[must_use]
    pub fn of(value: f64) -> Self {
        if value.is_finite() {
            Self {
                value: Some(value),
                valid: true,
                reason: None,
            }
        } else {
            Self::missing("the computation gave no finite number")
        }
    }

    /// A number that was not measured.
    #[must_use]
    pub fn missing(reason: impl Into<String>) -> Self {
        Self {
            value: None,
            valid: false,
            reason: Some(reason.into()),
        }
    }

    /// A number that was measured and is not to be believed.
    #[must_use]
    pub fn doubtful(value: f64, reason: impl Into<String>) -> Self {
        Self {
            value: value.is_finite().then_some(value),
            valid: false,
            reason: Some(reason.into()),
        }
    }

    /// The number, if it is there and to be believed.
    #[must_use]
    pub fn usable(&self) -> Option<f64> {
        self.value.filter(|_| self.valid)
    }
}

/// Raw sums and order statistics of one interleaved block.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Block {
    /// Place in the run's order of blocks, over all cells.
    pub index: u32,
    /// Requests answered in it.
    pub completed: u64,
    /// CPU time of the server, nanoseconds.
    pub server_cpu_ns: Option<u64>,
    /// CPU time of the driver, nanoseconds.
    pub driver_cpu_ns: Option<u64>,
    /// Median response time, nanoseconds.
    pub response_ns_p50: Option<u64>,
    /// 99th percentile of the response time, nanoseconds.
    pub response_ns_p99: Option<u64>,
}

/// A block that was thrown away.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RejectedBlock {
    /// Why, in one sentence: never because of how the server did.
    pub reason: String,
    /// What it would have said.
    pub block: Block,
}
