//! Refusals: one shape, whatever the cause, and the proof of origin.

use std::sync::atomic::Ordering::SeqCst;

use authbench_wire::Transport;
use serde_json::json;

use crate::client::ask;
use crate::site::{Site, cookie};
use crate::strategy::{Fake, LIFETIME_MS};

#[tokio::test]
async fn every_cause_looks_alike() {
    for (transport, challenge) in [
        (Transport::Bearer, "Bearer realm=\"authbench\""),
        (
            cookie(),
            "Cookie realm=\"authbench\", cookie-name=\"__Host-auth\"",
        ),
    ] {
        let site = Site::start(transport).await;
        let expired = site.login("user-000001").await;
        site.clock.advance_ms(LIFETIME_MS - 1);
        assert!(site.is_alive(&expired).await);
        site.clock.advance_ms(1);
        let revoked = site.login("user-000001").await;
        site.post("/logout", &revoked).await;
        let alive = site.login("user-000001").await;
        let twice = site.with(site.with(ask("GET", "/me"), &alive), &alive);

        let missing = site.send(&ask("GET", "/me")).await;
        assert_eq!(missing.status, 401);
        assert_eq!(missing.header("www-authenticate"), Some(challenge));
        assert_eq!(
            missing.header("content-type"),
            Some("application/problem+json")
        );
        assert_eq!(
            missing.json(),
            json!({"status": 401, "title": "Unauthorized"})
        );
        assert_eq!(missing.raw, site.send(&twice).await.raw);
        let half = &alive[..alive.len() - 1];
        let doubled = format!("{alive}{alive}");
        for credential in [
            "",
            " ",
            "garbage",
            "secret-token-999",
            half,
            &doubled,
            &expired,
            &revoked,
        ] {
            for path in ["/me", "/sessions", "/admin", "/slow?ms=x"] {
                let refused = site.get(path, credential).await;
                assert_eq!(refused.raw, missing.raw, "{path} {credential}");
            }
        }
        for login in [
            ("user-000001", "wrong"),
            ("nobody", "lab-password-000001"),
            ("", ""),
        ] {
            let refused = site.send(&Site::login_request(login.0, login.1)).await;
            assert_eq!(refused.raw, missing.raw, "{login:?}");
        }
        assert!(site.is_alive(&alive).await);
    }
}

#[tokio::test]
async fn an_outage_accepts_nobody_and_is_no_refusal() {
    let site = Site::start(cookie()).await;
    let credential = site.login("user-000001").await;
    site.strategy.broken.store(true, SeqCst);
    let mut outages = vec![
        site.send(&Site::login_request("user-000001", "lab-password-000001"))
            .await,
        site.post("/logout", &credential).await,
    ];
    for path in ["/me", "/sessions", "/admin", "/slow?ms=0"] {
        outages.push(site.get(path, &credential).await);
    }
    for outage in outages {
        assert_eq!(outage.status, 503);
        assert_eq!(outage.header("retry-after"), Some("1"));
        assert_eq!(
            outage.json(),
            json!({"status": 503, "title": "Service Unavailable"})
        );
        assert!(
            outage.header("set-cookie").is_none(),
            "the client keeps what it has"
        );
    }
    site.strategy.broken.store(false, SeqCst);
    assert!(site.is_alive(&credential).await);
}

#[tokio::test]
async fn unsafe_requests_with_a_cookie_prove_their_origin() {
    let site = Site::start_with(cookie(), Fake::refreshing(), |_| {}).await;
    let credential = site.login("user-000001").await;
    let own = format!("http://{}", site.addr);
    let secure = format!("https://{}", site.addr);
    let refused: [&[(&str, &str)]; 7] = [
        &[],
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site")],
        &[("sec-fetch-site", "none")],
        &[("origin", "null")],
        &[("origin", "http://evil.test")],
        &[("origin", &secure)],
    ];
    let planted = format!("__Secure-refresh=refresh-{credential}");
    let login = json!({"user": "user-000001", "password": "lab-password-000001"});
    let password = json!({"current": "lab-password-000001", "new": "a new password"});
    let requests = [
        ask("POST", "/login").json(&login),
        ask("POST", "/logout"),
        ask("POST", "/logout-all"),
        ask("POST", "/refresh").header("cookie", &planted),
        ask("POST", "/refresh/revoke").header("cookie", &planted),
        ask("POST", "/password").json(&password),
        ask("PUT", "/me/note").json(&json!({"note": "n"})),
        ask("DELETE", "/sessions/AAAAAAAAAAAAAAAAAAAAAA"),
        ask("POST", "/admin/users/user-000001/disable"),
        ask("POST", "/admin/users/user-000001/roles").json(&json!({"roles": []})),
    ];
    let mut first: Option<String> = None;
    for request in requests {
        for proof in refused {
            let mut asked = site.with(request.clone().without_proof(), &credential);
            for (name, value) in proof {
                asked = asked.header(name, value);
            }
            let answer = site.send(&asked).await;
            assert_eq!(answer.status, 403, "{} {proof:?}", asked.path);
            assert!(answer.header("set-cookie").is_none());
            assert_eq!(first.get_or_insert(answer.raw.clone()), &answer.raw);
        }
    }
    assert!(site.is_alive(&credential).await, "nothing was changed");
    assert_eq!(
        site.strategy.living("acct-000001"),
        1,
        "nobody was logged in"
    );

    let note = ask("PUT", "/me/note").json(&json!({"note": "n"}));
    let proved = site
        .with(note.without_proof(), &credential)
        .header("origin", &own);
    assert_eq!(site.send(&proved).await.status, 200);
    // Safe methods need no proof, and a bearer token is not sent by itself.
    let safe = site.with(ask("GET", "/me").without_proof(), &credential);
    assert_eq!(site.send(&safe).await.status, 200);
    let bearer = Site::start(Transport::Bearer).await;
    let token = bearer.login("user-000001").await;
    let foreign = bearer.with(ask("POST", "/logout").without_proof(), &token);
    assert_eq!(
        bearer
            .send(&foreign.header("origin", "http://evil.test"))
            .await
            .status,
        200
    );
}
