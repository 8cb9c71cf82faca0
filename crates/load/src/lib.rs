//! The load driver: sends requests at the instants that a schedule names,
//! whatever the server does meanwhile, judges every answer with the oracle,
//! and records how long each took.
//!
//! Why it is built so:
//!
//! - **Open loop.** In a load point arrivals do not wait for answers. A response time counts
//!   from the *intended* instant, so a server that stalls is charged for every
//!   user who would have waited. Nothing of the schedule is ever dropped.
//! - **One thread for each core.** A lane is an event loop on one core, with
//!   flat state machines for connections and users: no lock, channel or
//!   allocation per request. Lanes share nothing while under way: each has its
//!   own users, connections, schedule and histograms. What the driver costs is
//!   nearly all the kernel's loopback TCP. It has its cores to itself and
//!   watches the sockets without sleeping before each arrival, so how busy it
//!   was is told by its idle time, not by its CPU time.
//! - **A fast wrong answer is a failure, not a request.** Each answer is put
//!   to the oracle's model of that user's login
//!   ([`authbench_core::oracle::LoginHistory`]); what is wrong is counted by
//!   kind and kept out of the latencies.
//!
//! [`Driver`] is the way in; [`Scenario`] is the file that describes a run.

mod admin;
mod callers;
mod cell;
mod cookies;
mod crosscheck;
mod crowd;
mod driver;
mod edge;
mod endpoint;
mod error;
mod forgery;
mod grant;
mod held;
mod in_process;
mod judge;
mod knee;
mod lanes;
mod life;
mod line;
mod login;
mod outcome;
mod place;
mod plain;
mod point;
mod pointer;
mod progress;
mod record;
mod request;
mod revocation;
mod saturation;
mod scenario;
mod schedule;
mod seed;
mod share;
mod siblings;
mod stalls;
mod stream;
mod target;
mod timeline;
mod trace;
mod user;

pub use authbench_engine::{EngineKind, Trust};
pub use crosscheck::{CrossCheck, CrossVerdict, Difference, Opinion, cross_check};
pub use driver::{Driver, DriverOptions};
pub use error::{LoadError, UrlFault};
pub use hdrhistogram::Histogram;
pub use in_process::{BlockOn, InProcess};
pub use knee::{Knee, KneeBounds, Tried, Try, search as search_knee};
pub use login::{LoginOutcome, LoginPlan, Sizes};
pub use outcome::{Action, Kind, Tally};
pub use plain::{PlainDriver, PlainOptions, PlainOutcome, PlainRequest};
pub use point::{Arrivals, LoadPoint, Warmup};
pub use progress::{Probe, Progress, Snapshot};
pub use record::{BlockSample, CellOutcome, Wire};
pub use revocation::{ClockKind, Controls, RevocationOutcome, RevocationPlan};
pub use saturation::{SaturationOutcome, SaturationPlan};
pub use scenario::{
    Before, Bursts, Fault, FaultKind, KneeSearch, Load, LoginTiming, Memory, Mix, Phase,
    Popularity, Population, Process, Ramp, Revocation, Routing, Scenario, Topology,
};
pub use schedule::{Recording, Shape, Spacing};
pub use share::Share;
pub use stalls::Stalls;
pub use trace::{FaultView, Kinds, Trace};
