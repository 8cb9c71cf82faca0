//! A running server and its visitors.

use std::net::SocketAddr;
use std::sync::Arc;

use authbench_core::{ManualClock, SeededEntropy, UnixMs};
use authbench_server::{Accounts, Drained, Server, ServerClock, ServerConfig};
use authbench_wire::{CookieSettings, SameSite, Transport};
use serde_json::json;
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::client::{Answer, Ask, ask, exchange};
use crate::strategy::Fake;

pub(crate) const START: UnixMs = UnixMs(1_800_000_000_000);

pub(crate) struct Site {
    pub(crate) addr: SocketAddr,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) strategy: Arc<Fake>,
    pub(crate) transport: Transport,
    pub(crate) certificate: Option<Vec<u8>>,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<Drained>,
}

pub(crate) fn cookie() -> Transport {
    let settings = CookieSettings::new(CookieSettings::DEFAULT_NAME, SameSite::Strict);
    Transport::Cookie(settings.unwrap())
}

/// The cookie transport for credentials of up to so many cookies.
pub(crate) fn chunked(chunks_max: u8) -> Transport {
    let settings = CookieSettings::new(CookieSettings::DEFAULT_NAME, SameSite::Strict);
    Transport::Cookie(settings.unwrap().with_chunks(chunks_max).unwrap())
}

pub(crate) fn lab_accounts() -> Arc<Accounts> {
    Arc::new(Accounts::lab(100, 0, &SeededEntropy::new(1)).unwrap())
}

/// A lab server's parts, as most tests want them.
pub(crate) fn config(
    transport: Transport,
    strategy: Arc<Fake>,
    clock: Arc<ManualClock>,
) -> ServerConfig {
    ServerConfig {
        clock: Arc::new(ServerClock::new(clock)),
        entropy: Arc::new(SeededEntropy::new(2)),
        lab: true,
        ..ServerConfig::new(strategy, transport, lab_accounts())
    }
}

impl Site {
    pub(crate) async fn start(transport: Transport) -> Self {
        Self::start_with(transport, Fake::default(), |_| {}).await
    }

    pub(crate) async fn start_with(
        transport: Transport,
        strategy: Fake,
        adjust: impl FnOnce(&mut ServerConfig),
    ) -> Self {
        let clock = Arc::new(ManualClock::at(START));
        let strategy = Arc::new(strategy);
        let mut config = config(transport.clone(), Arc::clone(&strategy), Arc::clone(&clock));
        adjust(&mut config);
        let server = Server::bind(([127, 0, 0, 1], 0).into(), config)
            .await
            .unwrap();
        let (stop, stopped) = oneshot::channel();
        Self {
            addr: server.local_addr(),
            clock,
            strategy,
            transport,
            certificate: server.certificate_der().map(<[u8]>::to_vec),
            stop,
            serving: tokio::spawn(server.serve(async {
                let _ = stopped.await;
            })),
        }
    }

    /// Tells the server to stop and waits until it has.
    pub(crate) async fn stop(self) -> Drained {
        self.stop.send(()).unwrap();
        self.serving.await.unwrap()
    }

    /// Sends a request on a connection of its own. No answer with private
    /// data may be stored by a cache (ASVS 5.0 14.3.2).
    pub(crate) async fn send(&self, ask: &Ask) -> Answer {
        let stream = TcpStream::connect(self.addr).await.unwrap();
        let answer = exchange(stream, &ask.octets(&self.addr.to_string())).await;
        if !["/healthz", "/.well-known/jwks.json"].contains(&ask.path.as_str()) {
            assert_eq!(
                answer.header("cache-control"),
                Some("no-store"),
                "{}",
                answer.raw
            );
        }
        answer
    }

    /// `ask` with a credential in the transport's place.
    pub(crate) fn with(&self, ask: Ask, credential: &str) -> Ask {
        match &self.transport {
            Transport::Bearer => ask.header("authorization", &format!("Bearer {credential}")),
            Transport::Cookie(settings) => {
                ask.header("cookie", &format!("{}={credential}", settings.name()))
            }
        }
    }

    pub(crate) async fn get(&self, path: &str, credential: &str) -> Answer {
        self.send(&self.with(ask("GET", path), credential)).await
    }

    pub(crate) async fn post(&self, path: &str, credential: &str) -> Answer {
        self.send(&self.with(ask("POST", path), credential)).await
    }

    pub(crate) fn login_request(user: &str, password: &str) -> Ask {
        ask("POST", "/login").json(&json!({"user": user, "password": password}))
    }

    /// Logs an account of the lab in; gives its credential.
    pub(crate) async fn login(&self, user: &str) -> String {
        let number = user.strip_prefix("user-").unwrap_or(user);
        let password = format!("lab-password-{number}");
        let answer = self.send(&Self::login_request(user, &password)).await;
        assert_eq!(answer.status, 200, "{}", answer.raw);
        self.credential(&answer)
    }

    /// The credential that a login's answer gives.
    pub(crate) fn credential(&self, answer: &Answer) -> String {
        match &self.transport {
            Transport::Bearer => answer.json()["access_token"].as_str().unwrap().to_owned(),
            Transport::Cookie(settings) => {
                let cookies = answer.cookies();
                let own = cookies.iter().find(|(name, ..)| *name == settings.name());
                own.unwrap().1.to_owned()
            }
        }
    }

    pub(crate) async fn is_alive(&self, credential: &str) -> bool {
        match self.get("/me", credential).await.status {
            200 => true,
            401 => false,
            other => panic!("status {other}"),
        }
    }
}
