//! A listener on this machine that the target must not call.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// The most octets of a request that are read.
const REQUEST_OCTETS_MAX: usize = 8 * 1024;

/// What the listener answers under one path.
#[derive(Clone, Debug)]
pub enum Served {
    /// This document.
    Document {
        /// Its media type.
        media_type: &'static str,
        /// Its text.
        text: String,
    },
    /// A redirect to this address.
    Redirect(String),
}

/// A listener on this machine's loopback address. It ends when it is dropped.
#[derive(Debug)]
pub struct Listener {
    address: SocketAddr,
    calls: Arc<Mutex<Vec<String>>>,
    serving: JoinHandle<()>,
}

impl Listener {
    /// Listens on a free port, and answers what `documents` makes of its
    /// address: paths and what stands there.
    ///
    /// # Errors
    /// When the machine has no port left.
    pub async fn start(
        documents: impl FnOnce(SocketAddr) -> HashMap<String, Served>,
    ) -> std::io::Result<Self> {
        let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = socket.local_addr()?;
        let documents = Arc::new(documents(address));
        let calls = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&calls);
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = socket.accept().await {
                // Even a connection without a request is a call.
                let place = {
                    let mut heard = heard.lock();
                    heard.push("(nothing)".to_owned());
                    heard.len() - 1
                };
                let (documents, heard) = (Arc::clone(&documents), Arc::clone(&heard));
                tokio::spawn(async move {
                    // A caller that hangs up is heard already.
                    let _ = answer(stream, &documents, |line| heard.lock()[place] = line).await;
                });
            }
        });
        Ok(Self {
            address,
            calls,
            serving,
        })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The request lines of all calls so far.
    #[must_use]
    pub fn calls(&self) -> Vec<String> {
        self.calls.lock().clone()
    }

    /// Calls it, so that it is known to hear; the answer, whole.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn call(&self, path: &str) -> std::io::Result<String> {
        let mut stream = TcpStream::connect(self.address).await?;
        let request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", self.address);
        stream.write_all(request.as_bytes()).await?;
        let mut text = String::new();
        stream.read_to_string(&mut text).await?;
        Ok(text)
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn answer(
    mut stream: TcpStream,
    documents: &HashMap<String, Served>,
    heard: impl FnOnce(String),
) -> std::io::Result<()> {
    let mut request = Vec::new();
    let mut piece = [0; 1024];
    while !request.windows(4).any(|four| four == b"\r\n\r\n") && request.len() < REQUEST_OCTETS_MAX
    {
        match stream.read(&mut piece).await? {
            0 => break,
            read => request.extend(&piece[..read]),
        }
    }
    let text = String::from_utf8_lossy(&request);
    let line = text.lines().next().unwrap_or_default().to_owned();
    let path = line.split(' ').nth(1).unwrap_or_default();
    let path = path.split('?').next().unwrap_or_default().to_owned();
    heard(line);
    let head = |status: &str, headers: &str| {
        format!("HTTP/1.1 {status}\r\nConnection: close\r\n{headers}")
    };
    let reply = match documents.get(&path) {
        Some(Served::Document { media_type, text }) => {
            let length = text.len();
            let headers = format!("Content-Type: {media_type}\r\nContent-Length: {length}\r\n");
            format!("{}\r\n{text}", head("200 OK", &headers))
        }
        Some(Served::Redirect(to)) => {
            let headers = format!("Location: {to}\r\nContent-Length: 0\r\n");
            format!("{}\r\n", head("302 Found", &headers))
        }
        None => format!("{}\r\n", head("404 Not Found", "Content-Length: 0\r\n")),
    };
    stream.write_all(reply.as_bytes()).await?;
    stream.shutdown().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn calls_are_heard_and_answered() {
        let listener = Listener::start(|address| {
            let text = address.to_string();
            let document = Served::Document {
                media_type: "text/plain",
                text,
            };
            HashMap::from([
                ("/here".to_owned(), document),
                ("/there".to_owned(), Served::Redirect("/here".to_owned())),
            ])
        })
        .await
        .unwrap();
        assert!(listener.calls().is_empty());
        let here = listener.call("/here").await.unwrap();
        assert!(here.ends_with(&listener.address().to_string()), "{here}");
        let there = listener.call("/there").await.unwrap();
        assert!(there.contains("Location: /here"), "{there}");
        drop(TcpStream::connect(listener.address()).await.unwrap());
        let lines = listener.calls();
        assert_eq!(lines[..2], ["GET /here HTTP/1.1", "GET /there HTTP/1.1"]);
    }
}
