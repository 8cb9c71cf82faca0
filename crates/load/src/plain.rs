//! One request, again and again, to any URL: no users, no logins, and of an
//! answer nothing is judged but its status.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, PoisonError};

use authbench_engine::{Engine, EngineKind, EngineOptions, Route, Trust};
use http::{HeaderName, HeaderValue, Method, header};

use crate::callers::{Arrival, Callers, Over};
use crate::cell::{self, Seat};
use crate::endpoint::Endpoint;
use crate::error::LoadError;
use crate::outcome::{Action, Kind};
use crate::point::LoadPoint;
use crate::progress::Progress;
use crate::record::CellOutcome;
use crate::share::Share;

/// A request as it is to be sent.
#[derive(Clone, Debug)]
pub struct PlainRequest {
    /// Where to: `http` or `https`.
    pub url: String,
    /// The method.
    pub method: Method,
    /// Fields, in their order. `Host` and `Content-Length` are added unless
    /// they are given.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The content; none if absent.
    pub body: Option<Vec<u8>>,
}

/// How it is sent.
#[derive(Clone, Debug)]
pub struct PlainOptions {
    /// Whether it may go to another machine than this one. Load on somebody
    /// else's machine is an attack, so ask whoever owns it.
    pub allow_remote: bool,
    /// Whose certificates are believed, with `https`.
    pub trust: Trust,
    /// How it reaches the wire.
    pub engine: EngineKind,
    /// Whether somebody else needs the driver's cores.
    pub shared_core: bool,
    /// The cores of the driver's lanes, as in
    /// [`DriverOptions::lanes`](crate::DriverOptions::lanes).
    pub lanes: Vec<Option<usize>>,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct PlainOutcome {
    /// As of any load point; each request is a read, right if its status is
    /// 2xx or 3xx.
    pub cell: CellOutcome,
    /// Answers by status, warm-up and drain included.
    pub statuses: BTreeMap<u16, u64>,
    /// What carried the requests.
    pub engine: EngineKind,
}

/// Puts a URL under load.
#[derive(Debug)]
pub struct PlainDriver {
    engine: EngineOptions,
    lanes: Vec<Option<usize>>,
    head_and_body: Vec<u8>,
}

impl PlainDriver {
    /// Looks the URL up and writes the request. Nothing is sent yet.
    ///
    /// # Errors
    /// [`LoadError::Url`] when the address cannot be used.
    pub fn new(request: &PlainRequest, options: &PlainOptions) -> Result<Self, LoadError> {
        let resolved = Endpoint::resolve(&request.url, options.allow_remote);
        let endpoint = resolved.map_err(|source| LoadError::Url {
            url: request.url.clone(),
            source,
        })?;
        let engine = EngineOptions {
            kind: options.engine,
            security: endpoint.security(&options.trust),
            shared_core: options.shared_core,
            ..EngineOptions::new(endpoint.address)
        };
        let lanes = if options.lanes.is_empty() {
            vec![None]
        } else {
            options.lanes.clone()
        };
        Ok(Self {
            engine,
            lanes,
            head_and_body: written(request, &endpoint),
        })
    }

    /// Runs a load point. Its mix and users play no part: in a closed loop
    /// each connection asks again as soon as it has an answer.
    ///
    /// When `stop` becomes true, it ends at once, stragglers are still
    /// awaited, and the outcome says that it was interrupted.
    ///
    /// # Errors
    /// [`LoadError`] when the connections cannot be made or a lane panics.
    pub fn cell(
        &self,
        point: &LoadPoint,
        progress: &mut dyn Progress,
        stop: &AtomicBool,
    ) -> Result<PlainOutcome, LoadError> {
        let lanes = self.lanes.len() as u32;
        let connections = point.connections.max(lanes);
        let seen = Mutex::new(Seen::default());
        let seats = (0_u32..).zip(&self.lanes).filter_map(|(number, core)| {
            let share = Share::WHOLE.part(number, lanes)?;
            let connections = share.count(connections);
            Some(Seat {
                core: *core,
                share,
                users: connections,
                who: connections,
            })
        });
        let gather = |connections| {
            let options = EngineOptions {
                connections,
                timeout_ms: point.timeout_ms.max(1_000),
                ..self.engine.clone()
            };
            Ok(Plain {
                engine: Engine::open(&options)?,
                request: &self.head_and_body,
                seen: &seen,
                statuses: Box::new([0; STATUSES]),
            })
        };
        let seats = seats.collect();
        let cell = cell::run(point, connections, seats, gather, &mut (), progress, stop)?;
        let seen = seen.into_inner().unwrap_or_else(PoisonError::into_inner);
        Ok(PlainOutcome {
            cell,
            statuses: seen.statuses,
            engine: seen.engine,
        })
    }
}

/// Statuses that are told apart: 0 to 999.
const STATUSES: usize = 1_000;

/// What the lanes leave behind.
#[derive(Debug, Default)]
struct Seen {
    statuses: BTreeMap<u16, u64>,
    engine: EngineKind,
}

/// One lane's requests.
struct Plain<'d> {
    engine: Engine<Ticket>,
    request: &'d [u8],
    seen: &'d Mutex<Seen>,
    statuses: Box<[u64; STATUSES]>,
}

/// What travels with a request.
#[derive(Clone, Copy, Debug)]
struct Ticket {
    user: u32,
    intended_ns: u64,
}

impl Callers for Plain<'_> {
    fn can_send(&self, _: &Arrival) -> bool {
        self.engine.has_idle(Route::Any)
    }

    fn send(&mut self, arrival: Arrival) -> Option<u64> {
        let ticket = Ticket {
            user: arrival.user,
            intended_ns: arrival.intended_ns,
        };
        let request = self.request;
        self.engine.send(Route::Any, ticket, |out| {
            out.extend_from_slice(request);
        })
    }

    fn wait(&mut self, until_ns: u64) -> Result<(), LoadError> {
        Ok(self.engine.wait(until_ns)?)
    }

    fn next_over(&mut self) -> Option<Over> {
        let done = self.engine.next_done()?;
        let (kind, received_bytes, reusable) = match &done.answer {
            Ok(answer) => {
                let status = self.engine.view(done.conn, answer).status;
                if let Some(count) = self.statuses.get_mut(usize::from(status)) {
                    *count += 1;
                }
                (judged(status), answer.wire_bytes, answer.keep_alive)
            }
            Err(broken) => (Kind::of_broken(broken), 0, false),
        };
        self.engine.release(done.conn, reusable);
        Some(Over {
            action: Action::Read,
            user: done.request.ticket.user,
            intended_ns: done.request.ticket.intended_ns,
            sent_ns: done.request.sent_ns,
            done_ns: done.done_ns,
            kind,
            sent_bytes: done.request.sent_bytes,
            received_bytes,
        })
    }

    fn in_flight(&self) -> usize {
        self.engine.in_flight()
    }

    fn abandon(&mut self) -> Vec<(Action, u64)> {
        let pending = self.engine.pending();
        let tickets = pending.into_iter().map(|request| request.ticket);
        tickets
            .map(|ticket| (Action::Read, ticket.intended_ns))
            .collect()
    }

    fn idle_ns(&self) -> u64 {
        self.engine.idle_ns()
    }

    fn reconnects(&self) -> u64 {
        self.engine.reconnects()
    }
}

impl Drop for Plain<'_> {
    /// Adds up what was seen: once a lane, not once a request.
    fn drop(&mut self) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.engine = self.engine.kind();
        for (status, count) in (0_u16..).zip(self.statuses.iter()) {
            if *count > 0 {
                *seen.statuses.entry(status).or_default() += count;
            }
        }
    }
}

fn judged(status: u16) -> Kind {
    match status {
        200..400 => Kind::Right,
        500.. => Kind::NoJudgement,
        _ => Kind::UnexpectedStatus,
    }
}

/// The request's octets (RFC 9112 3, 5).
fn written(request: &PlainRequest, endpoint: &Endpoint) -> Vec<u8> {
    let mut out = format!("{} {} HTTP/1.1\r\n", request.method, endpoint.path).into_bytes();
    let has = |name: HeaderName| request.headers.iter().any(|(given, _)| *given == name);
    let mut field = |name: &str, value: &[u8]| {
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b": ");
        out.extend_from_slice(value);
        out.extend_from_slice(b"\r\n");
    };
    if !has(header::HOST) {
        field("Host", endpoint.authority.as_bytes());
    }
    for (name, value) in &request.headers {
        field(name.as_str(), value.as_bytes());
    }
    let body = request.body.as_deref().unwrap_or_default();
    // RFC 9110 8.6: a method that expects content says how much there is.
    let says_length = request.body.is_some() || !request.method.is_safe();
    if says_length && !has(header::CONTENT_LENGTH) {
        field("Content-Length", body.len().to_string().as_bytes());
    }
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(body);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(
        method: Method,
        headers: &[(&'static str, &'static str)],
        body: Option<&str>,
    ) -> String {
        let request = PlainRequest {
            url: "http://127.0.0.1:81/a?b".to_owned(),
            method,
            headers: headers
                .iter()
                .map(|(name, value)| {
                    (
                        HeaderName::from_static(name),
                        HeaderValue::from_static(value),
                    )
                })
                .collect(),
            body: body.map(|body| body.as_bytes().to_vec()),
        };
        let endpoint = Endpoint::resolve(&request.url, false).unwrap();
        String::from_utf8(written(&request, &endpoint)).unwrap()
    }

    #[test]
    fn a_request_has_a_host_and_a_length_and_each_once() {
        assert_eq!(
            text(Method::GET, &[("x-a", "1")], None),
            "GET /a?b HTTP/1.1\r\nHost: 127.0.0.1:81\r\nx-a: 1\r\n\r\n"
        );
        assert_eq!(
            text(Method::POST, &[("host", "me")], Some("abc")),
            "POST /a?b HTTP/1.1\r\nhost: me\r\nContent-Length: 3\r\n\r\nabc"
        );
        assert!(text(Method::DELETE, &[], None).contains("\r\nContent-Length: 0\r\n"));
    }

    #[test]
    fn only_the_status_is_judged() {
        for (status, kind) in [
            (200, Kind::Right),
            (302, Kind::Right),
            (404, Kind::UnexpectedStatus),
            (503, Kind::NoJudgement),
        ] {
            assert_eq!(judged(status), kind);
        }
    }
}
