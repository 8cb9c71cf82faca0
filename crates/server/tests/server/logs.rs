//! No log shows a secret, not even the most talkative one (ASVS 5.0 16.2.5).

use std::io::Write;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, Mutex};

use authbench_server::TlsConfig;
use authbench_wire::Transport;
use serde_json::json;
use tracing_subscriber::EnvFilter;

use crate::client::ask;
use crate::site::{Site, cookie};
use crate::strategy::Fake;
use crate::tls;

#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Write for Captured {
    fn write(&mut self, octets: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(octets);
        Ok(octets.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn logs_are_clean() {
    let captured = Captured::default();
    let writer = captured.clone();
    // Everybody's logs, as with `--log trace`: hyper's and rustls' too.
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new("trace"))
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .init();
    let public = [
        "lab-password",
        "a new password",
        "my private note",
        "Bearer ",
        "secret-token",
    ];
    let mut secrets = public.map(str::to_owned).to_vec();
    for transport in [Transport::Bearer, cookie()] {
        renew_and_revoke(transport.clone()).await;
        secrets.extend(visit_everything(transport).await);
    }
    secrets.push(visit_by_tls().await);
    let log = String::from_utf8(captured.0.lock().unwrap().clone()).unwrap();
    for expected in [
        "serving",
        "route=\"/me\" status=200",
        "refusal=\"unknown\"",
        "refusal=\"revoked\"",
        "refusal=\"wrong-password\"",
        "refusal=\"not-allowed\"",
        "the fake store failed to do anything: not reachable",
        "somebody cut the wire",
        "browsers drop more than 4096",
        "stopped",
        // The libraries were heard.
        " rustls::",
    ] {
        assert!(log.contains(expected), "no `{expected}` in\n{log}");
    }
    for secret in secrets {
        assert!(!log.contains(&secret), "`{secret}` in\n{log}");
    }
}

/// Everything that can be asked for, granted and refused; gives the
/// credentials that occurred.
async fn visit_everything(transport: Transport) -> [String; 2] {
    let site = Site::start(transport).await;
    let (admin, user) = (site.login("admin").await, site.login("user-000001").await);
    let as_user = |method, path: &str| site.with(ask(method, path), &user);
    let asking = |method, path: &str, body| site.with(ask(method, path).json(&body), &user);
    let passwords = json!({"current": "lab-password-000001", "new": "a new password"});
    let unknown_member = json!({"user": "user-000001", "pass": "a new password"});
    for (asked, status) in [
        (as_user("GET", "/me"), 200),
        (site.with(ask("GET", "/me"), &format!("{user}{user}")), 401),
        (
            Site::login_request("user-000002", "a wrong lab-password"),
            401,
        ),
        (
            asking("PUT", "/me/note", json!({"note": "my private note"})),
            200,
        ),
        (asking("POST", "/password", passwords), 200),
        (asking("POST", "/login", unknown_member), 400),
        (
            asking("POST", "/login", json!(["lab-password-000001"])),
            400,
        ),
        (as_user("GET", "/sessions"), 200),
        (as_user("GET", "/admin"), 403),
        (as_user("GET", "/slow?ms=0"), 200),
        (
            site.with(ask("POST", "/admin/users/user-000003/disable"), &admin),
            200,
        ),
        (as_user("POST", "/logout"), 200),
        (as_user("GET", &format!("/me?token={user}")), 401),
        (as_user("GET", &format!("/{user}")), 404),
    ] {
        let answer = site.send(&asked).await;
        assert_eq!(answer.status, status, "{} {}", asked.path, answer.raw);
    }
    site.strategy.broken.store(true, SeqCst);
    assert_eq!(site.get("/me", &admin).await.status, 503);
    site.strategy.broken.store(false, SeqCst);
    site.strategy.padding.store(5_000, SeqCst);
    let huge = Site::login_request("user-000004", "lab-password-000004");
    let bearer = site.transport == Transport::Bearer;
    assert_eq!(
        site.send(&huge).await.status,
        if bearer { 200 } else { 500 }
    );
    site.stop().await;
    [admin, user]
}

/// Refresh tokens, living, spent and unreadable; they contain `secret-token`.
async fn renew_and_revoke(transport: Transport) {
    let bearer = transport == Transport::Bearer;
    let site = Site::start_with(transport, Fake::refreshing(), |_| {}).await;
    let access = site.login("user-000006").await;
    let token = format!("refresh-{access}");
    for (path, token, status) in [
        ("/refresh", token.as_str(), 200),
        ("/refresh", token.as_str(), 401),
        ("/refresh/revoke", token.as_str(), 200),
        ("/refresh", "a new password", 401),
    ] {
        let asked = if bearer {
            ask("POST", path).json(&json!({"refresh_token": token}))
        } else {
            ask("POST", path).header("cookie", &format!("__Secure-refresh={token}"))
        };
        assert_eq!(site.send(&asked).await.status, status, "{path}");
    }
    site.stop().await;
}

/// A login by TLS, so that what is below HTTP has something to log, too.
async fn visit_by_tls() -> String {
    let site = Site::start_with(Transport::Bearer, Fake::default(), |config| {
        config.tls = Some(TlsConfig::SelfSigned);
    })
    .await;
    let login = Site::login_request("user-000005", "lab-password-000005");
    let credential = site.credential(&tls::send(&site, "localhost", &login).await);
    let asked = site.with(ask("GET", "/me"), &credential);
    assert_eq!(tls::send(&site, "localhost", &asked).await.status, 200);
    site.stop().await;
    credential
}
