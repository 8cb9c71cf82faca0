//! Logging in and out.

use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;

use authbench_core::{ManualClock, SeededEntropy};
use authbench_server::{Accounts, Server};
use authbench_wire::Transport;
use serde_json::json;
use tokio::sync::oneshot;

use crate::client::ask;
use crate::site::{START, Site, config, cookie};
use crate::strategy::{Fake, Gate, LIFETIME_MS};

#[tokio::test]
async fn the_cookie_has_its_attributes_and_stands_nowhere_else() {
    let site = Site::start(cookie()).await;
    let answer = site
        .send(&Site::login_request("user-000001", "lab-password-000001"))
        .await;
    let credential = site.credential(&answer);
    assert_eq!(
        answer.header("set-cookie").unwrap(),
        format!("__Host-auth={credential}; Path=/; Secure; HttpOnly; SameSite=Strict")
    );
    assert!(!answer.body.contains(&credential));
    let body = json!({
        "subject": "acct-000001",
        "login": "AAAAAAAAAAAAAAAAAAAAAA",
        "expires_at_ms": START.0 + LIFETIME_MS,
    });
    assert_eq!(answer.json(), body);
    let me = site.get("/me", &credential).await;
    assert!(me.header("set-cookie").is_none());
    let shown = json!({"subject": "acct-000001", "roles": ["user"], "login": body["login"]});
    assert_eq!(me.json(), shown);
    for path in ["/logout", "/logout-all"] {
        let credential = site.login("user-000001").await;
        let out = site.post(path, &credential).await;
        assert_eq!(
            out.header("set-cookie"),
            Some("__Host-auth=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0")
        );
        assert!(!site.is_alive(&credential).await);
    }
}

#[tokio::test]
async fn the_token_stands_in_the_body() {
    let site = Site::start(Transport::Bearer).await;
    let answer = site
        .send(&Site::login_request("user-000001", "lab-password-000001"))
        .await;
    assert!(answer.header("set-cookie").is_none());
    assert_eq!(answer.json()["token_type"], json!("Bearer"));
    assert!(site.is_alive(&site.credential(&answer)).await);
    // The other transport's carrier is not looked at.
    let token = site.credential(&answer);
    let by_cookie = ask("GET", "/me").header("cookie", &format!("__Host-auth={token}"));
    assert_eq!(site.send(&by_cookie).await.status, 401);
    let by_query = ask("GET", &format!("/me?access_token={token}"));
    assert_eq!(site.send(&by_query).await.status, 401);
}

#[tokio::test]
async fn a_presented_login_is_ended_and_never_taken_over() {
    for transport in [Transport::Bearer, cookie()] {
        let site = Site::start(transport).await;
        let first = site.login("user-000001").await;
        let again = Site::login_request("user-000002", "lab-password-000002");
        let answer = site.send(&site.with(again, &first)).await;
        let second = site.credential(&answer);
        assert_ne!(first, second);
        assert!(!site.is_alive(&first).await);
        assert_eq!(
            site.get("/me", &second).await.json()["subject"],
            json!("acct-000002")
        );

        // What the server never issued is neither adopted nor an obstacle.
        let planted = "secret-token-planted";
        let again = Site::login_request("user-000002", "lab-password-000002");
        let third = site.credential(&site.send(&site.with(again, planted)).await);
        assert_ne!(third, planted);
        assert!(!site.is_alive(planted).await);
        assert!(site.is_alive(&second).await && site.is_alive(&third).await);

        // A failed attempt ends nothing.
        let wrong = Site::login_request("user-000002", "wrong");
        assert_eq!(site.send(&site.with(wrong, &third)).await.status, 401);
        assert!(site.is_alive(&third).await);
    }
}

#[tokio::test]
async fn logging_out_twice_is_harmless_and_without_a_credential_is_nothing() {
    for transport in [Transport::Bearer, cookie()] {
        let site = Site::start(transport).await;
        let credential = site.login("user-000001").await;
        let other = site.login("user-000001").await;
        for _ in 0..2 {
            let out = site.post("/logout", &credential).await;
            assert_eq!(
                (out.status, out.json()),
                (200, json!({"effective_from_ms": START.0}))
            );
        }
        assert!(!site.is_alive(&credential).await && site.is_alive(&other).await);
        assert_eq!(site.send(&ask("POST", "/logout")).await.status, 401);
        assert_eq!(site.post("/logout-all", &credential).await.status, 401);
        assert_eq!(site.post("/logout-all", &other).await.status, 200);
        assert_eq!(site.strategy.living("acct-000001"), 0);
    }
}

#[tokio::test]
async fn a_login_over_the_limit_is_told_no_more_than_that() {
    for transport in [Transport::Bearer, cookie()] {
        let site = Site::start_with(transport, Fake::limited(2), |_| {}).await;
        let (first, second) = (
            site.login("user-000001").await,
            site.login("user-000001").await,
        );
        let again = Site::login_request("user-000001", "lab-password-000001");
        let over = site.send(&again).await;
        let told = json!({"status": 409, "title": "Too many sessions"});
        assert_eq!((over.status, over.json()), (409, told));
        assert!(over.cookies().is_empty());
        // Only who knows the password learns it.
        let wrong = Site::login_request("user-000001", "wrong");
        assert_eq!(site.send(&wrong).await.status, 401);
        assert!(site.is_alive(&first).await && site.is_alive(&second).await);
        let stranger = site.login("user-000002").await;
        let theirs = site.send(&site.with(again.clone(), &stranger)).await;
        assert_eq!(theirs.status, 409);
        assert!(
            site.is_alive(&stranger).await,
            "another's login makes no room"
        );

        // One's own login makes room for its successor.
        let renewed = site.send(&site.with(again.clone(), &first)).await;
        assert_eq!(renewed.status, 200, "{}", renewed.raw);
        assert!(!site.is_alive(&first).await && site.is_alive(&second).await);
        assert_eq!(site.send(&site.with(again, &first)).await.status, 409);
    }
}

#[tokio::test]
async fn a_cookie_that_browsers_drop_is_not_handed_out() {
    let site = Site::start(cookie()).await;
    let kept = site.login("user-000001").await;
    site.strategy.padding.store(4096, SeqCst);
    let request = Site::login_request("user-000002", "lab-password-000002");
    let answer = site.send(&site.with(request, &kept)).await;
    assert_eq!(answer.status, 500);
    let title = &answer.json()["title"];
    assert_eq!(title, "The credential is too large for its cookies");
    assert!(answer.header("set-cookie").is_none());
    assert_eq!(
        site.strategy.living("acct-000002"),
        0,
        "a login that nobody holds"
    );
    assert!(
        site.is_alive(&kept).await,
        "the earlier login is not touched"
    );
}

/// An account that is barred while a login of it is on its way: the login must
/// not escape.
#[tokio::test]
async fn a_login_does_not_overtake_a_bar() {
    let site = Arc::new(Site::start(Transport::Bearer).await);
    let admin = site.login("admin").await;
    let (entered, in_issue) = oneshot::channel();
    let (go_on, proceed) = oneshot::channel();
    *site.strategy.gate.lock().unwrap() = Some(Gate { entered, proceed });
    let racing = Arc::clone(&site);
    let login = tokio::spawn(async move {
        racing
            .send(&Site::login_request("user-000001", "lab-password-000001"))
            .await
    });
    in_issue.await.unwrap();
    assert_eq!(
        site.post("/admin/users/user-000001/disable", &admin)
            .await
            .status,
        200
    );
    go_on.send(()).unwrap();
    assert_eq!(login.await.unwrap().status, 401);
    assert_eq!(site.strategy.living("acct-000001"), 0);
}

/// The same for roles: the login begins with the new ones.
#[tokio::test]
async fn a_login_does_not_overtake_new_roles() {
    let site = Arc::new(Site::start(Transport::Bearer).await);
    let admin = site.login("admin").await;
    let (entered, in_issue) = oneshot::channel();
    let (go_on, proceed) = oneshot::channel();
    *site.strategy.gate.lock().unwrap() = Some(Gate { entered, proceed });
    let racing = Arc::clone(&site);
    let login = tokio::spawn(async move { racing.login("user-000001").await });
    in_issue.await.unwrap();
    let roles = ask("POST", "/admin/users/user-000001/roles").json(&json!({"roles": []}));
    assert_eq!(site.send(&site.with(roles, &admin)).await.status, 200);
    go_on.send(()).unwrap();
    let credential = login.await.unwrap();
    assert_eq!(
        site.get("/me", &credential).await.json()["roles"],
        json!([])
    );
    assert_eq!(site.strategy.living("acct-000001"), 1);
}

/// Real hashes, and two replicas with one set of accounts.
#[tokio::test]
async fn replicas_share_accounts() {
    let (accounts, shown) = Accounts::demo(&SeededEntropy::new(3)).unwrap();
    let accounts = Arc::new(accounts);
    let strategy = Arc::new(Fake::default());
    let clock = Arc::new(ManualClock::at(START));
    let mut urls = Vec::new();
    for _ in 0..2 {
        let mut config = config(Transport::Bearer, Arc::clone(&strategy), Arc::clone(&clock));
        config.accounts = Arc::clone(&accounts);
        config.lab = false;
        let server = Server::bind(([127, 0, 0, 1], 0).into(), config)
            .await
            .unwrap();
        urls.push(server.local_addr());
        tokio::spawn(server.serve(std::future::pending()));
    }
    let send = async |replica: usize, ask: &crate::client::Ask| {
        let stream = tokio::net::TcpStream::connect(urls[replica]).await.unwrap();
        crate::client::exchange(stream, &ask.octets("replica")).await
    };
    let alice = shown.iter().find(|user| user.name == "alice").unwrap();
    let old = Site::login_request(alice.name, alice.password.expose());
    let login = send(0, &old).await;
    assert_eq!(login.status, 200);
    let token = login.json()["access_token"].as_str().unwrap().to_owned();
    let bearer = format!("Bearer {token}");
    let change = ask("POST", "/password")
        .header("authorization", &bearer)
        .json(&json!({"current": alice.password.expose(), "new": "a new password"}));
    assert_eq!(send(1, &change).await.status, 200);
    assert_eq!(send(0, &old).await.status, 401);
    assert_eq!(
        send(0, &Site::login_request("alice", "a new password"))
            .await
            .status,
        200
    );
    assert_eq!(
        send(0, &ask("GET", "/me").header("authorization", &bearer))
            .await
            .status,
        200
    );
}
