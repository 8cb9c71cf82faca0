//! Nodes tell each other over a Redis channel what they wrote, so that each
//! drops it from its cache.
//!
//! A message that is lost costs freshness and no more: entries grow too old by
//! themselves. A node that loses its subscription counts nothing of its cache
//! until it has another.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use authbench_core::{Digest, StoreError, SubjectId};
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, PushInfo, PushKind, RedisError, RedisResult, Value};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::AbortHandle;
use tokio::time::sleep;

use super::fences::Fences;
use crate::ServerUrl;
use crate::redis::{Link, Repeat, client, fault_of};

/// Milliseconds between two attempts to subscribe.
const RETRY_MS: u64 = 50;

/// Which feed, and how to reach it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct FeedSettings {
    /// The Redis server.
    pub url: ServerUrl,
    /// The channel that the nodes share.
    pub channel: String,
    /// Milliseconds to wait for a connection, and for an answer. A node that
    /// hears nothing asks that often whether the server is there.
    pub timeout_ms: NonZeroU32,
}

impl Default for FeedSettings {
    fn default() -> Self {
        Self {
            url: ServerUrl::from("redis://127.0.0.1:6379/0"),
            channel: "authbench:changes".to_owned(),
            timeout_ms: NonZeroU32::new(500).unwrap_or(NonZeroU32::MIN),
        }
    }
}

/// What a node wrote to.
#[derive(Clone, Copy, Debug)]
pub(super) enum Change<'a> {
    /// The record under this key.
    Key(&'a Digest),
    /// Any of this subject's records.
    Subject(&'a SubjectId),
}

/// A node's place in the feed; it leaves when this is dropped.
#[derive(Debug)]
pub(super) struct Feed {
    link: Link,
    channel: String,
    listening: AbortHandle,
}

impl Feed {
    /// Subscribes, and from now on tells `fences` what others wrote.
    pub(super) async fn open(
        settings: FeedSettings,
        fences: Arc<Fences>,
    ) -> Result<Self, StoreError> {
        let FeedSettings {
            url,
            channel,
            timeout_ms,
        } = settings;
        let timeout = Duration::from_millis(timeout_ms.get().into());
        // Messages are small and far between: none should wait for another.
        let listener = Listener {
            client: client(&url, timeout, true).map_err(failed)?,
            channel: channel.clone(),
            timeout,
            fences,
        };
        let link = Link::new(&url, timeout, true).map_err(failed)?;
        let subscription = listener.subscribe().await.map_err(failed)?;
        let listening = tokio::spawn(listener.listen(subscription)).abort_handle();
        Ok(Self {
            link,
            channel,
            listening,
        })
    }

    /// Tells the others; whether they hear it or not.
    pub(super) async fn announce(&self, change: Change<'_>) {
        let mut publish = redis::cmd("PUBLISH");
        publish.arg(&self.channel).arg(change.to_message());
        // That the write took place stays true if nobody hears of it.
        let _ = self.link.ask(&publish, Repeat::Harmless).await;
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

fn failed(source: RedisError) -> StoreError {
    StoreError {
        store: "cached",
        operation: "subscribe to the changes of other nodes",
        fault: fault_of(&source),
        source: Some(Box::new(source)),
    }
}

impl Change<'_> {
    fn to_message(self) -> Vec<u8> {
        match self {
            Self::Key(key) => [b"k", key.0.as_slice()].concat(),
            Self::Subject(subject) => [b"s", subject.as_str().as_bytes()].concat(),
        }
    }
}

struct Listener {
    client: Client,
    channel: String,
    timeout: Duration,
    fences: Arc<Fences>,
}

struct Subscription {
    connection: MultiplexedConnection,
    pushes: UnboundedReceiver<PushInfo>,
}

impl Listener {
    async fn subscribe(&self) -> RedisResult<Subscription> {
        let (sender, pushes) = unbounded_channel();
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.timeout))
            .set_response_timeout(Some(self.timeout))
            .set_push_sender(sender);
        let mut connection = self
            .client
            .get_multiplexed_async_connection_with_config(&config)
            .await?;
        connection.subscribe(self.channel.as_str()).await?;
        Ok(Subscription { connection, pushes })
    }

    /// Listens, and subscribes again whenever it must, for ever.
    async fn listen(self, mut subscription: Subscription) {
        // Entries from before the subscription do not count.
        drop(self.fences.write_all());
        loop {
            self.hear(&mut subscription).await;
            let deaf = self.fences.write_all();
            subscription = loop {
                if let Ok(subscription) = self.subscribe().await {
                    break subscription;
                }
                sleep(Duration::from_millis(RETRY_MS)).await;
            };
            drop(deaf);
        }
    }

    /// Returns when the subscription is lost.
    async fn hear(&self, subscription: &mut Subscription) {
        loop {
            let push = match tokio::time::timeout(self.timeout, subscription.pushes.recv()).await {
                Ok(Some(push)) => push,
                Ok(None) => return,
                Err(_) => {
                    let ping = redis::cmd("PING");
                    if ping.exec_async(&mut subscription.connection).await.is_err() {
                        return;
                    }
                    continue;
                }
            };
            match push.kind {
                PushKind::Message => self.apply(&push.data),
                PushKind::Subscribe => {}
                // The end of the connection, or what nobody asked for.
                _ => return,
            }
        }
    }

    /// Drops what the message says; everything, if it says nothing that we
    /// know.
    fn apply(&self, push: &[Value]) {
        let message = match push {
            [_, Value::BulkString(message)] => message.split_first(),
            _ => None,
        };
        let subject_of = |name| std::str::from_utf8(name).ok().map(SubjectId::new);
        let write = match message {
            Some((b'k', key)) => key
                .try_into()
                .ok()
                .map(|key| self.fences.write_key(&Digest(key))),
            Some((b's', name)) => subject_of(name).map(|name| self.fences.write_subject(&name)),
            _ => None,
        };
        drop(write.unwrap_or_else(|| self.fences.write_all()));
    }
}
