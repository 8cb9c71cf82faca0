//! HTTP/2, with TLS and without.

use std::sync::Arc;

use authbench_server::TlsConfig;
use bytes::Bytes;
use http::{Request, Version};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::client::{ask, exchange};
use crate::site::{Site, cookie};
use crate::strategy::Fake;
use crate::tls;

async fn site(with_tls: bool) -> Site {
    Site::start_with(cookie(), Fake::default(), |config| {
        config.http2 = true;
        config.tls = with_tls.then_some(TlsConfig::SelfSigned);
    })
    .await
}

async fn speak(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
) -> SendRequest<Full<Bytes>> {
    let (sender, connection) = handshake(TokioExecutor::new(), TokioIo::new(stream))
        .await
        .unwrap();
    tokio::spawn(connection);
    sender
}

/// Logs in with a proof of origin that rests on the name of the host, and asks
/// several times at once who that was.
async fn converse(mut sender: SendRequest<Full<Bytes>>, base: &str) {
    let login = json!({"user": "user-000001", "password": "lab-password-000001"}).to_string();
    let login = Request::post(format!("{base}/login"))
        .header("content-type", "application/json")
        .header("origin", base)
        .body(Full::from(login))
        .unwrap();
    let answer = sender.send_request(login).await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), answer.version()),
        (200, Version::HTTP_2)
    );
    let cookie = answer.headers()["set-cookie"].to_str().unwrap();
    let cookie = Arc::new(cookie.split_once(';').unwrap().0.to_owned());
    let mut asked = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (mut sender, cookie) = (sender.clone(), Arc::clone(&cookie));
        let uri = format!("{base}/me");
        asked.spawn(async move {
            let me = Request::get(uri).header("cookie", cookie.as_str());
            let me = me.body(Full::default()).unwrap();
            let body = sender.send_request(me).await.unwrap().into_body();
            let body = body.collect().await.unwrap().to_bytes();
            serde_json::from_slice::<Value>(&body).unwrap()
        });
    }
    for me in asked.join_all().await {
        assert_eq!(me["subject"], "acct-000001");
    }
}

#[tokio::test]
async fn who_begins_so_is_answered_so() {
    let site = site(false).await;
    let stream = TcpStream::connect(site.addr).await.unwrap();
    converse(speak(stream).await, &format!("http://{}", site.addr)).await;
    // Beside it the older protocol, which begins with the same letter.
    let login = Site::login_request("user-000002", "lab-password-000002");
    assert_eq!(site.send(&login).await.status, 200);
}

#[tokio::test]
async fn a_slow_beginning_is_waited_for() {
    let site = site(false).await;
    let mut stream = TcpStream::connect(site.addr).await.unwrap();
    stream.set_nodelay(true).unwrap();
    for octet in b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0" {
        stream.write_all(&[*octet]).await.unwrap();
        tokio::task::yield_now().await;
    }
    let mut frame = [0; 9];
    stream.read_exact(&mut frame).await.unwrap();
    assert_eq!(frame[3], 4, "the server's SETTINGS (RFC 9113 6.5)");
}

#[tokio::test]
async fn over_tls_the_client_chooses() {
    let site = site(true).await;
    let stream = tls::connect(&site, "localhost", &[b"h2", b"http/1.1"]).await;
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    converse(speak(stream).await, "https://localhost:8443").await;
    for protocols in [&[][..], &[&b"http/1.1"[..]]] {
        let stream = tls::connect(&site, "localhost", protocols).await;
        let answer = exchange(stream, &ask("GET", "/healthz").octets("localhost")).await;
        assert_eq!(answer.status, 200);
    }
}

#[tokio::test]
async fn where_it_is_not_wanted_it_is_not_spoken() {
    let plain = Site::start(cookie()).await;
    let mut stream = TcpStream::connect(plain.addr).await.unwrap();
    stream
        .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        .await
        .unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 400"));
    let site = Site::start_with(cookie(), Fake::default(), |config| {
        config.tls = Some(TlsConfig::SelfSigned);
    })
    .await;
    let stream = tls::connect(&site, "localhost", &[b"h2", b"http/1.1"]).await;
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
}
