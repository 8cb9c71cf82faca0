//! One connection that all operations share, made anew when it is lost.
//!
//! Not the crate's `ConnectionManager`: that one answers the first command
//! after an outage with the failure of an earlier attempt, and one whose
//! attempt the server refused (too many clients) never tries again. Here a
//! command that finds no connection makes one first.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use redis::aio::{MultiplexedConnection, SendError};
use redis::io::tcp::TcpSettings;
use redis::{
    AsyncConnectionConfig, Client, Cmd, ErrorKind, IntoConnectionInfo as _, ProtocolVersion,
    PushInfo, PushKind, RedisError, RedisResult, ServerErrorKind, Value,
};
use tokio::sync::Mutex;

use super::script::Script;
use super::wire;
use crate::ServerUrl;
use crate::traffic::{Traffic, TrafficCounter};

/// Whether a command may be sent once more when its connection broke before
/// the answer came, so that nobody knows whether the server had it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Repeat {
    /// It changes nothing, or the second time changes nothing more.
    Harmless,
    /// The second answer would not be that of the first.
    Never,
}

/// The connection.
#[derive(Debug)]
pub(crate) struct Link {
    client: Client,
    timeout: Duration,
    current: ArcSwapOption<Connected>,
    /// Held by whoever connects.
    connecting: Mutex<()>,
    /// Attempts to connect that have ended.
    attempts: AtomicU64,
    traffic: TrafficCounter,
}

#[derive(Debug)]
struct Connected {
    connection: MultiplexedConnection,
    lost: Arc<AtomicBool>,
}

impl Link {
    /// Nothing is connected yet. Neither an answer nor a connection is waited
    /// for longer than `timeout`.
    pub(crate) fn new(url: &ServerUrl, timeout: Duration, nodelay: bool) -> RedisResult<Self> {
        Ok(Self {
            client: client(url, timeout, nodelay)?,
            timeout,
            current: ArcSwapOption::empty(),
            connecting: Mutex::new(()),
            attempts: AtomicU64::new(0),
            traffic: TrafficCounter::default(),
        })
    }

    pub(super) fn traffic(&self) -> Traffic {
        self.traffic.read()
    }

    /// Sends a command and waits for its answer.
    pub(crate) async fn ask(&self, command: &Cmd, repeat: Repeat) -> RedisResult<Value> {
        match self.send(command).await {
            Err(error) if repeat == Repeat::Harmless && error.is_connection_dropped() => {
                self.send(command).await
            }
            answer => answer,
        }
    }

    /// Runs a script; brings it to the server if it does not know it.
    pub(super) async fn run(
        &self,
        script: &Script,
        call: &Cmd,
        repeat: Repeat,
    ) -> RedisResult<Value> {
        match self.ask(call, repeat).await {
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                self.ask(&script.load(), Repeat::Harmless).await?;
                self.ask(call, repeat).await
            }
            answer => answer,
        }
    }

    async fn send(&self, command: &Cmd) -> RedisResult<Value> {
        let connected = self.connected().await?;
        self.traffic.sent(wire::command_octets(command));
        let answer = connected
            .connection
            .clone()
            .send_packed_command(command)
            .await;
        match answer {
            Ok(value) => {
                self.traffic.received(wire::value_octets(&value));
                value.extract_error()
            }
            Err(error) => {
                if error.is_unrecoverable_error() {
                    connected.lost.store(true, Ordering::Release);
                }
                Err(error)
            }
        }
    }

    async fn connected(&self) -> RedisResult<Arc<Connected>> {
        if let Some(connected) = self.alive() {
            return Ok(connected);
        }
        let attempts = self.attempts.load(Ordering::Acquire);
        let _alone = self.connecting.lock().await;
        if let Some(connected) = self.alive() {
            return Ok(connected);
        }
        // Whoever waited for somebody else's attempt shares its failure: or a
        // thousand callers would wait for a thousand attempts in a row.
        if self.attempts.load(Ordering::Acquire) != attempts {
            return Err(std::io::Error::from(std::io::ErrorKind::NotConnected).into());
        }
        let connected = self.connect().await;
        self.attempts.fetch_add(1, Ordering::Release);
        let connected = Arc::new(connected?);
        self.current.store(Some(Arc::clone(&connected)));
        Ok(connected)
    }

    fn alive(&self) -> Option<Arc<Connected>> {
        let connected = self.current.load_full()?;
        (!connected.lost.load(Ordering::Acquire)).then_some(connected)
    }

    async fn connect(&self) -> RedisResult<Connected> {
        let lost = Arc::new(AtomicBool::new(false));
        let notice = {
            let lost = Arc::clone(&lost);
            move |push: PushInfo| {
                if push.kind == PushKind::Disconnection {
                    lost.store(true, Ordering::Release);
                }
                Ok::<_, SendError>(())
            }
        };
        // The queue stays as short as the library has it: with 64 callers a
        // longer one costs a sixth more processor time a read, because fewer
        // requests go out together.
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.timeout))
            .set_response_timeout(Some(self.timeout))
            .set_push_sender(notice);
        let connection = self
            .client
            .get_multiplexed_async_connection_with_config(&config)
            .await?;
        Ok(Connected { connection, lost })
    }
}

/// A client that notices a peer that is gone without a word: what it has not
/// acknowledged after two timeouts ends the connection.
pub(crate) fn client(url: &ServerUrl, timeout: Duration, nodelay: bool) -> RedisResult<Client> {
    let info = url.as_str().into_connection_info()?;
    // The third version of the protocol tells when the connection is lost.
    let login = info.redis_settings().clone();
    let tcp = TcpSettings::default()
        .set_nodelay(nodelay)
        .set_user_timeout(timeout * 2);
    Client::open(
        info.set_redis_settings(login.set_protocol(ProtocolVersion::RESP3))
            .set_tcp_settings(tcp),
    )
}

/// In which way a command failed.
pub(crate) fn fault_of(error: &RedisError) -> authbench_core::StoreFault {
    use authbench_core::StoreFault;
    if error.is_timeout() {
        return StoreFault::TimedOut;
    }
    match error.kind() {
        // An answer that is none: the connection is given up.
        ErrorKind::Io | ErrorKind::Parse => StoreFault::Unreachable,
        ErrorKind::Server(
            ServerErrorKind::BusyLoading
            | ServerErrorKind::TryAgain
            | ServerErrorKind::MasterDown
            | ServerErrorKind::ClusterDown,
        ) => StoreFault::Unreachable,
        // Another kind of value stands where the record should.
        _ if error.code() == Some("WRONGTYPE") => StoreFault::Corrupt,
        _ => StoreFault::Rejected,
    }
}
