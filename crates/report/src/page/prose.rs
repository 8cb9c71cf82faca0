//! The method in short, its limits, and the words.

use authbench_results::Cell;
use maud::{Markup, html};

use super::measurements::CLOSED_LOOP;
use crate::common::is_open;
use crate::reading::Reading;
use crate::units;
use crate::words;

pub(super) fn method(reading: &Reading<'_>) -> Markup {
    let cells = || reading.result.cells.iter();
    let load = cells().next().filter(|_| !reading.has_phases()).map(load);
    let closed = cells().any(|cell| !is_open(cell));
    let open = cells().next().is_none() || cells().any(is_open);
    html! {
        ul {
            @if let Some(load) = load { li { (load) } }
            @if reading.has_phases() { li { "Load: in phases, as the table “Loads” says." } }
            @if open { li { "Open loop: requests are sent at instants fixed beforehand, whatever the server does. A response time counts from the intended instant, so that a server which stalls is charged for everyone who would have waited." } }
            @if closed { li { (CLOSED_LOOP) } }
            li { "Every answer is judged against a model of what the strategy promises. A wrong answer is a failure, not a fast request." }
            @if cells().any(is_in_process) {
                li { "Strategies are called in the driver's process, without servers and sockets. A service time is the call's alone; the driver's processor time is the strategy's and the users' together." }
            } @else {
                li { "Server and driver are separate processes" (pinned(reading)) ". Processor time is read per process, so the server is charged for its own work only." }
            }
            li { (order(reading)) }
            li { "A login is timed twice, with the password hash and without it, or hashing would drown every difference." }
            li { "After a logout is acknowledged, the dead credential is presented again and again on a schedule; the last acceptance counts. Where the remaining life of a credential would be long, the server's clock may be stepped: the table says so." }
            li { "Percentiles come from whole histograms (off by at most 1 in 128), which the result file holds; none is an average of percentiles. Intervals are order statistics at 95 %." }
        }
    }
}

/// Whether the strategy was called where its users are.
fn is_in_process(cell: &Cell) -> bool {
    cell.load.engine.as_deref() == Some("in-process")
}

fn load(cell: &Cell) -> String {
    let spacing = words::spacing(cell.load.process);
    let over = if is_in_process(cell) {
        "in process".to_owned()
    } else {
        let connections = units::count(f64::from(cell.load.connections));
        format!("over {connections} connections")
    };
    format!(
        "Load: {spacing}, {over}, from {} virtual users, each with a login of its own; \
         {} measured for each strategy and load after {} of warm-up.",
        units::count(f64::from(cell.load.users)),
        units::setting_ms(cell.load.measured_ms),
        units::setting_ms(cell.load.warmup_ms)
    )
}

fn pinned(reading: &Reading<'_>) -> &'static str {
    let environment = &reading.result.environment;
    let (server, driver) = (&environment.server_cores, &environment.driver_cores);
    if server.is_empty() || driver.is_empty() {
        ", not pinned to cores of their own in this run"
    } else if server.iter().any(|core| driver.contains(core)) {
        " that shared a core in this run"
    } else {
        ", pinned to different cores"
    }
}

fn order(reading: &Reading<'_>) -> &'static str {
    let apart = |cell: &Cell| {
        cell.blocks
            .windows(2)
            .any(|two| two[1].index > two[0].index + 1)
    };
    if reading.result.cells.iter().any(apart) {
        "Strategies took turns in interleaved blocks: a slow minute of the machine falls on all of \
         them."
    } else {
        "Strategies were measured one after another: a slow minute of the machine falls on one of \
         them alone."
    }
}

pub(super) fn distrust(reading: &Reading<'_>) -> Markup {
    let cells = &reading.result.cells;
    let doubtful = cells.iter().filter(|cell| !cell.valid).count();
    html! {
        ul {
            @if doubtful > 0 {
                li { strong { (doubtful) " of " (cells.len()) " measurements here may not be believed" } ": see the reasons under “All measurements”." }
            }
            li { "Carry over ratios, not absolute times: the same machine drifts by a tenth from hour to hour, and another machine has another processor, kernel and network." }
            li { "Everything ran over loopback. A real network adds the same delay to every strategy, and a remote store adds one more to each look-up: differences between strategies that ask a store and those that do not grow with its distance." }
            li { "Requests in a queue are not independent, so intervals are somewhat too narrow; a percentile beyond the last ten requests is an anecdote." }
            li { "“Core carries” divides one second by the processor time of a request while the server is offered far more than it can answer. With more cores, locks, the kernel and the store may give way earlier." }
            li { "Memory per login is growth divided by logins. Allocators keep reserves, so small differences are noise." }
            li { "Steal, pressure or the CPU of others above a few per cent (see “Machine, source and health”) spoil tails first." }
            li { "Speed is one column. A strategy that answers fast and cannot log anybody out is not better." }
        }
    }
}

const WORDS: [(&str, &str); 17] = [
    (
        "strategy",
        "one scheme, store and transport with its settings, e.g. session.redis.cookie",
    ),
    (
        "scheme",
        "how a credential encodes and proves a login: a session identifier, a signed token (JWT), a sealed cookie",
    ),
    (
        "store",
        "where the server keeps what it must remember: memory, SQLite, Redis, PostgreSQL",
    ),
    (
        "transport",
        "how the credential travels: in a cookie or in an Authorization header (bearer)",
    ),
    (
        "credential, token",
        "what the client presents with each request to prove its login",
    ),
    ("authenticate", "to decide for one request who sends it"),
    (
        "response time",
        "from the instant at which a request was meant to be sent to its whole answer",
    ),
    (
        "service time",
        "from the instant at which it was really sent",
    ),
    (
        "p50, p99",
        "half, or 99 of 100, of the requests took no longer",
    ),
    (
        "offered load",
        "requests per second that were meant to be sent, whether or not the server kept up",
    ),
    (
        "open loop, closed loop",
        "requests are sent at instants fixed beforehand; or each when the answer before has come",
    ),
    (
        "knee",
        "the highest rate at which the 99th percentile stays below a stated time, with no failure",
    ),
    (
        "fault",
        "something that the run itself breaks at a stated instant, to see what becomes of the logins",
    ),
    (
        "replica",
        "one of several processes of the same service, each with its own memory",
    ),
    (
        "server CPU",
        "time that the server's threads spent on processors, user and system",
    ),
    (
        "revocation",
        "the early end of a login: a logout, or “log out everywhere”",
    ),
    (
        "promise",
        "what the strategy guarantees about itself; it was tested, not believed",
    ),
];

pub(super) fn glossary() -> Markup {
    html! { dl class="glossary" { @for (word, meaning) in WORDS { dt { (word) } dd { (meaning) } } } }
}
