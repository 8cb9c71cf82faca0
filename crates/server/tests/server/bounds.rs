//! What strangers send is bounded, and a body is JSON or nothing.

use std::sync::atomic::Ordering::SeqCst;

use authbench_wire::Transport;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::client::{ask, exchange};
use crate::site::{Site, chunked, cookie};
use crate::strategy::Fake;

#[tokio::test]
async fn a_full_cookie_passes_and_a_huge_head_does_not() {
    let site = Site::start(cookie()).await;
    site.strategy.padding.store(
        4096 - "__Host-auth".len() - "secret-token-000".len(),
        SeqCst,
    );
    let full = site.login("user-000001").await;
    assert!(site.is_alive(&full).await);
    for huge in [
        ask("GET", "/me").header("x-filler", &"x".repeat(65 * 1024)),
        ask("GET", "/me").header("x-filler", &"x".repeat(1024 * 1024)),
        (0..200).fold(ask("GET", "/me"), |ask, n| {
            ask.header(&format!("x-{n}"), "1")
        }),
    ] {
        let stream = TcpStream::connect(site.addr).await.unwrap();
        assert_eq!(exchange(stream, &huge.octets("site")).await.status, 431);
    }
    assert!(site.is_alive(&full).await, "the server still serves");
}

/// A neighbouring host that plants cookies locks nobody out.
#[tokio::test]
async fn planted_cookies_make_no_difference() {
    let site = Site::start(cookie()).await;
    let token = site.login("user-000001").await;
    let planted = (0..7).map(|n| format!("bomb{n}={}", "x".repeat(4_000)));
    let planted: Vec<String> = planted.collect();
    let both = format!("__Host-auth={token}; {}", planted.join("; "));
    let me = ask("GET", "/me").header("cookie", &both);
    assert_eq!(site.send(&me).await.json()["subject"], "acct-000001");
    let login = Site::login_request("user-000001", "lab-password-000001");
    let login = login.header("cookie", &planted.join("; "));
    assert_eq!(site.send(&login).await.status, 200);
}

/// A credential over several cookies, in the largest head that the bounds
/// promise to hold.
#[tokio::test]
async fn a_large_credential_takes_several_cookies() {
    let site = Site::start_with(chunked(3), Fake::default(), |_| {}).await;
    let login = async |padding: usize, shown: &str| {
        site.strategy.padding.store(padding, SeqCst);
        let asked = Site::login_request("user-000001", "lab-password-000001");
        let answer = site.send(&asked.header("cookie", shown)).await;
        assert_eq!(answer.status, 200, "{}", answer.raw);
        let cookies = answer.cookies();
        let (gone, set): (Vec<_>, Vec<_>) = cookies
            .into_iter()
            .partition(|(_, _, attributes)| attributes.ends_with("; Max-Age=0"));
        assert!(set.iter().all(|(name, value, attributes)| {
            name.len() + value.len() <= 4096
                && *attributes == "Path=/; Secure; HttpOnly; SameSite=Strict"
        }));
        let pairs: Vec<_> = set
            .iter()
            .map(|(name, value, _)| format!("{name}={value}"))
            .collect();
        let gone: Vec<_> = gone.iter().map(|(name, ..)| (*name).to_owned()).collect();
        (pairs.join("; "), gone)
    };
    let alive = async |line: &str| {
        let asked = ask("GET", "/me").header("cookie", line);
        site.send(&asked).await.status == 200
    };
    let fullest = 3 * (4096 - "__Host-auth.0".len()) - "3.".len() - 17 - "secret-token-000".len();
    let (large, gone) = login(fullest, "other=1").await;
    assert!(gone.is_empty() && alive(&large).await);
    let pieces: Vec<_> = large.split("; ").collect();
    assert_eq!(pieces.len(), 3);
    assert!(!alive(&pieces[..2].join("; ")).await && !alive(pieces[0]).await);
    assert!(!alive(&format!("{large}; __Host-auth.2=x")).await);

    // The smaller one takes the rest away, or it would not be read.
    let (middle, gone) = login(5_000, &large).await;
    assert_eq!(gone, ["__Host-auth.2"]);
    assert!(alive(&middle).await && !alive(&large).await);
    assert!(!alive(&format!("{middle}; {}", pieces[2])).await);
    let (small, gone) = login(0, &middle).await;
    assert_eq!(gone, ["__Host-auth.0", "__Host-auth.1"]);
    assert!(alive(&small).await && !alive(&middle).await);
    let out = site
        .send(&ask("POST", "/logout").header("cookie", &small))
        .await;
    assert_eq!(out.status, 200);
    assert!(!alive(&small).await);

    site.strategy.padding.store(fullest + 1, SeqCst);
    let asked = Site::login_request("user-000002", "lab-password-000002");
    let answer = site.send(&asked).await;
    assert_eq!((answer.status, answer.cookies().len()), (500, 0));
    assert_eq!(
        site.strategy.living("acct-000002"),
        0,
        "a login that nobody holds"
    );
}

#[tokio::test]
async fn bodies_are_bounded_in_size() {
    let site = Site::start(Transport::Bearer).await;
    let large = "x".repeat(64 * 1024);
    let declared = Site::login_request("user-000001", &large);
    assert_eq!(site.send(&declared).await.status, 413);
    let chunk = format!("{:x}\r\n{large}\r\n", large.len());
    let undeclared = format!(
        "POST /login HTTP/1.1\r\nhost: site\r\ncontent-type: application/json\r\n\
         connection: close\r\ntransfer-encoding: chunked\r\n\r\n{chunk}{chunk}0\r\n\r\n"
    );
    let stream = TcpStream::connect(site.addr).await.unwrap();
    assert_eq!(exchange(stream, undeclared.as_bytes()).await.status, 413);
    let token = site.login("user-000001").await;
    assert!(site.is_alive(&token).await);
}

#[tokio::test]
async fn those_who_dawdle_are_cut() {
    let site = Site::start_with(Transport::Bearer, Fake::default(), |config| {
        config.limits.head_timeout_ms = 50;
        config.limits.body_timeout_ms = 50;
    })
    .await;
    let mut stream = TcpStream::connect(site.addr).await.unwrap();
    stream
        .write_all(b"GET /me HTTP/1.1\r\nhost: si")
        .await
        .unwrap();
    let mut got = Vec::new();
    stream.read_to_end(&mut got).await.unwrap();
    assert!(got.is_empty(), "there is nothing to answer");

    let half = "POST /login HTTP/1.1\r\nhost: site\r\ncontent-type: application/json\r\n\
                content-length: 100\r\n\r\n{\"user\":";
    let stream = TcpStream::connect(site.addr).await.unwrap();
    assert_eq!(exchange(stream, half.as_bytes()).await.status, 408);
}

#[tokio::test]
async fn a_body_is_json_with_known_members() {
    let site = Site::start(Transport::Bearer).await;
    let good = json!({"user": "user-000001", "password": "lab-password-000001"}).to_string();
    for content_type in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "",
    ] {
        let asked = ask("POST", "/login")
            .header("content-type", content_type)
            .text(&good);
        assert_eq!(site.send(&asked).await.status, 415, "{content_type}");
    }
    assert_eq!(
        site.send(&ask("POST", "/login").text(&good)).await.status,
        415
    );
    let unknown = json!({"user": "user-000001", "password": "lab-password-000001", "x": 1});
    let twice = good.replacen('{', "{\"user\":\"user-000002\",", 1);
    let deep = "[".repeat(10_000);
    for wrong in [
        "",
        "{",
        "null",
        "[]",
        "{\"user\":1}",
        "\u{1}",
        &unknown.to_string(),
        &twice,
        &deep,
    ] {
        let asked = ask("POST", "/login")
            .header("content-type", "application/json")
            .text(wrong);
        assert_eq!(site.send(&asked).await.status, 400, "{wrong}");
    }
    let token = site.login("user-000001").await;
    for (method, path) in [
        ("PUT", "/me/note"),
        ("POST", "/password"),
        ("POST", "/lab/clock"),
    ] {
        let asked = ask(method, path).json(&json!({"stray": 1}));
        assert_eq!(
            site.send(&site.with(asked, &token)).await.status,
            400,
            "{path}"
        );
    }
}

#[tokio::test]
async fn more_connections_than_seats_wait_for_one() {
    let site = Site::start_with(Transport::Bearer, Fake::default(), |config| {
        config.limits.connections_max = 1;
        config.limits.head_timeout_ms = 50;
    })
    .await;
    let idle = TcpStream::connect(site.addr).await.unwrap();
    // The idle one is cut for its idleness, and then it is our turn.
    assert_eq!(site.send(&ask("GET", "/healthz")).await.status, 200);
    drop(idle);
}
