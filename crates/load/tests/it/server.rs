//! A small HTTP server on threads that does what a script tells it, and keeps
//! a log of it.

use std::collections::{BTreeMap, HashMap};
use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

use authbench_core::system::{SystemClock, monotonic_ns};
use authbench_core::time::{Clock as _, SteppedClock, UnixMs};
use authbench_load::{Arrivals, Driver, DriverOptions, LoadPoint, LoginPlan, Mix, Spacing};
use authbench_wire::Profile;

pub(crate) use crate::http::Framing;
use crate::http::{Reply, Request, next_request, write};

/// What comes of a `GET /me`.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Act {
    /// The truth.
    Right,
    /// Somebody else's name.
    WrongUser,
    /// This status and no content.
    Status(u16),
    /// No JSON.
    NotJson,
    /// No HTTP.
    Garbage,
    /// Closes without an answer.
    HangUp,
    /// Never answers.
    Hang,
    /// Holds everybody up for so many milliseconds, then tells the truth.
    Stall(u64),
}

pub(crate) struct Script {
    /// Decides by the number of the read, from 0.
    pub(crate) act: fn(u64) -> Act,
    pub(crate) framing: Framing,
    pub(crate) lifetime_ms: u64,
    /// Milliseconds after which an expired credential is refused; `None`:
    /// never.
    pub(crate) expiry_slack_ms: Option<u64>,
    /// Milliseconds after which a logout takes effect; `None`: never.
    pub(crate) revocation_ms: Option<u64>,
    /// Milliseconds after the login for which a credential works, whatever was
    /// announced.
    pub(crate) secret_lifetime_ms: u64,
    /// Whether credentials that were never issued are accepted.
    pub(crate) believes_everything: bool,
    pub(crate) login_status: u16,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            act: |_| Act::Right,
            framing: Framing::Length,
            lifetime_ms: 3_600_000,
            expiry_slack_ms: Some(0),
            revocation_ms: Some(0),
            secret_lifetime_ms: u64::MAX,
            believes_everything: false,
            login_status: 200,
        }
    }
}

struct Login {
    user: String,
    issued_at: UnixMs,
    expires_at: UnixMs,
    revoked_at: Option<UnixMs>,
}

pub(crate) struct Server {
    pub(crate) port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    script: Script,
    clock: SteppedClock<SystemClock>,
    logins: Mutex<HashMap<String, Login>>,
    /// Held for writing during a stall.
    gate: RwLock<()>,
    reads: AtomicU64,
    requests: AtomicU64,
    acts: Mutex<BTreeMap<Act, u64>>,
    stalls_ns: Mutex<Vec<(u64, u64)>>,
    done: Mutex<Deeds>,
    stop: AtomicBool,
}

/// How often each account did what, by method and path.
pub(crate) type Deeds = BTreeMap<(String, String), u64>;

impl Server {
    pub(crate) fn start(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            script,
            clock: SteppedClock::new(SystemClock),
            logins: Mutex::default(),
            gate: RwLock::default(),
            reads: AtomicU64::new(0),
            requests: AtomicU64::new(0),
            acts: Mutex::default(),
            stalls_ns: Mutex::default(),
            done: Mutex::default(),
            stop: AtomicBool::new(false),
        });
        let accepting = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if accepting.stop.load(Ordering::SeqCst) {
                    return;
                }
                let (stream, shared) = (stream.unwrap(), Arc::clone(&accepting));
                std::thread::spawn(move || shared.serve(stream));
            }
        });
        Self { port, shared }
    }

    /// The profile of the reference server with this transport, for this one.
    pub(crate) fn profile(&self, transport: &str) -> Profile {
        profile(transport, self.port)
    }

    /// How often it did `act`.
    pub(crate) fn count(&self, act: Act) -> u64 {
        self.shared
            .acts
            .lock()
            .unwrap()
            .get(&act)
            .copied()
            .unwrap_or(0)
    }

    /// How many reads it got.
    pub(crate) fn reads(&self) -> u64 {
        self.shared.reads.load(Ordering::SeqCst)
    }

    /// How many requests of any kind.
    pub(crate) fn requests(&self) -> u64 {
        self.shared.requests.load(Ordering::SeqCst)
    }

    /// What was done since the last call, and by whom.
    pub(crate) fn take_deeds(&self) -> Deeds {
        std::mem::take(&mut *self.shared.done.lock().unwrap())
    }

    /// How long it held everybody up, by its own clock.
    pub(crate) fn stalls_ns(&self) -> Vec<u64> {
        let stalls = self.shared.stalls_ns.lock().unwrap();
        stalls.iter().map(|(from, to)| to - from).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(("127.0.0.1", self.port)));
    }
}

pub(crate) fn profile(transport: &str, port: u16) -> Profile {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios/targets");
    let mut profile = Profile::read(&root.join(format!("authbench-{transport}"))).unwrap();
    profile.base_url = Some(format!("http://127.0.0.1:{port}"));
    profile
}

/// A driver for `profile` with `users` users logged in.
pub(crate) fn driver(profile: &Profile, users: u32) -> Driver {
    let mut driver = Driver::new(profile, DriverOptions::default()).unwrap();
    let plan = LoginPlan {
        users: &profile.users,
        numbers: 0..users,
        devices: 1,
        connections: 4,
        keep: true,
        timeout_ms: 20_000,
    };
    let outcome = driver.log_in(&plan, &AtomicBool::new(false)).unwrap();
    assert_eq!(
        (outcome.logins, outcome.service_ns.len()),
        (u64::from(users), u64::from(users))
    );
    driver
}

/// 200 reads in 200 ms.
pub(crate) fn point() -> LoadPoint {
    LoadPoint {
        connections: 4,
        measure_ms: 200,
        blocks: 2,
        timeout_ms: 20_000,
        seed: 1,
        ..LoadPoint::reads(Arrivals::steady(Spacing::Poisson, 1_000.0))
    }
}

pub(crate) fn mix(read: u32, mutate: u32, logout: u32) -> Mix {
    Mix {
        read: read.into(),
        mutate: mutate.into(),
        logout: logout.into(),
        ..Mix::default()
    }
}

impl Shared {
    fn serve(&self, mut stream: TcpStream) {
        stream.set_nodelay(true).unwrap();
        let mut buffer = Vec::new();
        while let Some(request) = next_request(&mut stream, &mut buffer) {
            self.requests.fetch_add(1, Ordering::SeqCst);
            let act = if request.method_and_path == "GET /me" {
                let act = (self.script.act)(self.reads.fetch_add(1, Ordering::SeqCst));
                *self.acts.lock().unwrap().entry(act).or_default() += 1;
                act
            } else {
                Act::Right
            };
            if let Act::Stall(ms) = act {
                let closed = self.gate.write().unwrap();
                let from_ns = monotonic_ns();
                std::thread::sleep(Duration::from_millis(ms));
                self.stalls_ns
                    .lock()
                    .unwrap()
                    .push((from_ns, monotonic_ns()));
                drop(closed);
            }
            drop(self.gate.read().unwrap());
            let reply = match act {
                Act::HangUp => return,
                Act::Hang => {
                    while !self.stop.load(Ordering::SeqCst) {
                        std::thread::sleep(Duration::from_millis(10));
                    }
                    return;
                }
                Act::Garbage => {
                    let _ = stream.write_all(b"\x16\x03\x01\x02\x00 no HTTP at all\r\n\r\n");
                    return;
                }
                Act::Status(status) => Reply::status(status),
                Act::NotJson => Reply {
                    status: 200,
                    cookie: None,
                    body: "acct-000001".into(),
                },
                Act::Right | Act::WrongUser | Act::Stall(_) => self.reply(&request, act),
            };
            if !write(&mut stream, &reply, self.script.framing) {
                return;
            }
        }
    }

    fn reply(&self, request: &Request, act: Act) -> Reply {
        let now = self.clock.now();
        match request.method_and_path.as_str() {
            "POST /login" => self.login(request, now),
            "POST /lab/clock" => {
                let body: serde_json::Value = serde_json::from_str(&request.body).unwrap();
                let ahead_ms = self.clock.step_ms(body["step_ms"].as_u64().unwrap());
                Reply::json(&serde_json::json!({"now_ms": self.clock.now(), "ahead_ms": ahead_ms}))
            }
            path => {
                let Some(credential) = &request.credential else {
                    return Reply::status(401);
                };
                let Some(subject) = self.subject(credential, now) else {
                    return Reply::status(401);
                };
                self.note(&subject, path);
                match path {
                    "GET /me" if act == Act::WrongUser => {
                        Reply::json(&serde_json::json!({"subject": "acct-999999"}))
                    }
                    "GET /me" | "PUT /me/note" => {
                        Reply::json(&serde_json::json!({"subject": subject}))
                    }
                    "POST /logout" => {
                        if let Some(login) = self.logins.lock().unwrap().get_mut(credential) {
                            login.revoked_at = Some(now);
                        }
                        Reply::json(&serde_json::json!({}))
                    }
                    _ => Reply::status(404),
                }
            }
        }
    }

    fn note(&self, subject: &str, path: &str) {
        let deed = (subject.to_owned(), path.to_owned());
        *self.done.lock().unwrap().entry(deed).or_default() += 1;
    }

    fn login(&self, request: &Request, now: UnixMs) -> Reply {
        if self.script.login_status != 200 {
            let body = r#"{"echo":"c2VjcmV0LXNlY3JldC1zZWNyZXQ"}"#.to_owned();
            return Reply {
                status: self.script.login_status,
                cookie: None,
                body,
            };
        }
        let body: serde_json::Value = serde_json::from_str(&request.body).unwrap();
        let user = body["user"].as_str().unwrap().to_owned();
        assert_eq!(body["password"], user.replace("user-", "lab-password-"));
        let subject = user.replace("user-", "acct-");
        self.note(&subject, "POST /login");
        let expires_at = now.plus_ms(self.script.lifetime_ms);
        let mut logins = self.logins.lock().unwrap();
        let token = format!("token-{subject}-{:016x}", logins.len());
        let login = Login {
            user: subject.clone(),
            issued_at: now,
            expires_at,
            revoked_at: None,
        };
        logins.insert(token.clone(), login);
        let body = serde_json::json!({
            "subject": subject, "expires_at_ms": expires_at, "access_token": token,
        });
        Reply {
            cookie: Some(token),
            ..Reply::json(&body)
        }
    }

    fn subject(&self, credential: &str, now: UnixMs) -> Option<String> {
        let logins = self.logins.lock().unwrap();
        let Some(login) = logins.get(credential) else {
            return self
                .script
                .believes_everything
                .then(|| "acct-000000".to_owned());
        };
        let expired = self
            .script
            .expiry_slack_ms
            .is_some_and(|slack_ms| now >= login.expires_at.plus_ms(slack_ms));
        let revoked = login.revoked_at.is_some_and(|at| {
            self.script
                .revocation_ms
                .is_some_and(|ms| now >= at.plus_ms(ms))
        });
        let died = now.since(login.issued_at) >= self.script.secret_lifetime_ms;
        (!expired && !revoked && !died).then(|| login.user.clone())
    }
}
