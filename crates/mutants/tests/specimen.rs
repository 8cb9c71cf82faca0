//! A sound specimen of every kind does what its profile says; the register of
//! flaws and the code agree.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on must stop")]

use std::collections::BTreeSet;
use std::path::Path;

use authbench_mutants::{Kind, Specimen, flaw};
use authbench_wire::profile::Carrier;
use reqwest::header::{HeaderMap, SET_COOKIE};
use reqwest::{Certificate, Client, Response};
use serde_json::{Value, json};

/// A client that trusts the specimen's certificate, where it has one, and no
/// other.
fn client(specimen: &Specimen) -> Client {
    let mut builder = Client::builder();
    if let Some(der) = specimen.certificate_der() {
        builder = builder.tls_certs_only([Certificate::from_der(der).unwrap()]);
    }
    builder.build().unwrap()
}

/// A client that shows the credentials of one login.
struct Caller {
    http: Client,
    kind: Kind,
    access: String,
    refresh: Option<String>,
    /// The token that session cookies want beside them.
    csrf: Option<String>,
}

fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    let lines = headers.get_all(SET_COOKIE).iter();
    lines
        .filter_map(|line| line.to_str().ok()?.split(';').next()?.split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value.to_owned())
}

impl Caller {
    async fn login(specimen: &Specimen, kind: Kind, url: &str, user: &str, password: &str) -> Self {
        let mut caller = Self {
            http: client(specimen),
            kind,
            access: String::new(),
            refresh: None,
            csrf: None,
        };
        let body = json!({ "user": user, "password": password });
        let answer = caller.send("POST", url, "/login", Some(body)).await;
        assert_eq!(answer.status(), 200, "{kind:?}");
        caller.absorb(answer).await;
        caller
    }

    async fn absorb(&mut self, answer: Response) {
        if self.kind.in_cookie() {
            let headers = answer.headers();
            self.access = cookie(headers, self.kind.access_cookie()).unwrap();
            self.refresh = cookie(headers, "__Secure-refresh");
            self.csrf = cookie(headers, "__Host-csrf");
        } else {
            let body: Value = answer.json().await.unwrap();
            self.access = body["access_token"].as_str().unwrap().to_owned();
            self.refresh = body["refresh_token"].as_str().map(str::to_owned);
        }
    }

    async fn send(&self, method: &str, url: &str, path: &str, body: Option<Value>) -> Response {
        let method = method.parse().unwrap();
        let mut request = self.http.request(method, format!("{url}{path}"));
        if self.kind.in_cookie() {
            let mut cookies = format!("{}={}", self.kind.access_cookie(), self.access);
            if let (Some(token), true) = (&self.refresh, path.starts_with("/refresh")) {
                cookies = format!("__Secure-refresh={token}");
            }
            request = request
                .header("cookie", cookies)
                .header("sec-fetch-site", "same-origin");
            if let Some(token) = &self.csrf {
                request = request.header("x-csrf-token", token);
            }
        } else {
            request = request.bearer_auth(&self.access);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        request.send().await.unwrap()
    }

    async fn whoami(&self, url: &str) -> Option<String> {
        let answer = self.send("GET", url, "/me", None).await;
        match answer.status().as_u16() {
            200 => {
                let body: Value = answer.json().await.unwrap();
                Some(body["subject"].as_str().unwrap().to_owned())
            }
            401 => None,
            other => panic!("{:?}: {other}", self.kind),
        }
    }

    async fn refresh(&mut self, url: &str) -> u16 {
        let body = (!self.kind.in_cookie()).then(|| json!({ "refresh_token": self.refresh }));
        let answer = self.send("POST", url, "/refresh", body).await;
        let status = answer.status().as_u16();
        if status == 200 {
            self.absorb(answer).await;
        }
        status
    }
}

#[tokio::test]
async fn every_kind_logs_in_and_out_on_both_replicas() {
    for kind in Kind::ALL {
        let specimen = Specimen::start(kind, &[]).await.unwrap();
        let urls = specimen.base_urls();
        let caller = Caller::login(
            &specimen,
            kind,
            &urls[0],
            "user-000007",
            "lab-password-000007",
        )
        .await;
        for url in &urls {
            let who = caller.whoami(url).await;
            assert_eq!(who.as_deref(), Some("acct-000007"), "{kind:?}");
        }
        let note = json!({ "note": "n" });
        let answer = caller.send("PUT", &urls[1], "/me/note", Some(note)).await;
        assert_eq!(answer.status(), 200, "{kind:?}");
        for _ in 0..2 {
            let answer = caller.send("POST", &urls[1], "/logout", None).await;
            assert_eq!(answer.status(), 200, "{kind:?}");
        }
        if kind.is_stateless() {
            let past_ms = i64::try_from(kind.access_ttl_ms()).unwrap() + 31_000;
            specimen.hooks().step_clock(0, past_ms).await.unwrap();
        }
        for url in &urls {
            assert_eq!(caller.whoami(url).await, None, "{kind:?}");
        }
    }
}

#[tokio::test]
async fn every_profile_can_be_read_and_names_its_carrier() {
    for kind in Kind::ALL {
        let specimen = Specimen::start(kind, &[]).await.unwrap();
        let profile = specimen.profile().unwrap();
        let in_cookie = matches!(profile.carrier, Carrier::Cookie { .. });
        assert_eq!(in_cookie, kind.in_cookie());
        assert_eq!(profile.families, kind.families());
        assert_eq!(profile.replicas.len(), 1);
        assert_eq!(profile.keys.sign.is_some(), kind.is_jwt());
    }
}

#[tokio::test]
async fn refresh_rotates_and_reuse_ends_the_family() {
    for kind in [Kind::Refresh, Kind::Hybrid] {
        let specimen = Specimen::start(kind, &[]).await.unwrap();
        let url = specimen.base_urls().remove(0);
        let mut caller = Caller::login(&specimen, kind, &url, "large", "lab-password-large").await;
        let first = caller.refresh.clone();
        assert_eq!(caller.refresh(&url).await, 200);
        let newest = caller.refresh.clone();
        assert_ne!(first, newest);
        caller.refresh.clone_from(&first);
        let again = caller.refresh(&url).await;
        assert_eq!(again, if kind.replays_successor() { 200 } else { 401 });
        assert_eq!(caller.whoami(&url).await.as_deref(), Some("acct-large"));
        specimen.hooks().step_clock(0, 2_500).await.unwrap();
        caller.refresh = first;
        assert_eq!(caller.refresh(&url).await, 401);
        caller.refresh = newest;
        assert_eq!(caller.refresh(&url).await, 401);
        assert_eq!(caller.whoami(&url).await, None);
    }
}

#[tokio::test]
async fn a_step_up_ends_the_old_identifier_and_opens_what_is_sensitive() {
    for kind in Kind::ALL.into_iter().filter(|kind| !kind.is_stateless()) {
        let specimen = Specimen::start(kind, &[]).await.unwrap();
        let url = specimen.base_urls().remove(1);
        let mut caller =
            Caller::login(&specimen, kind, &url, "user-000001", "lab-password-000001").await;
        let email = || Some(json!({ "email": "new@private.example" }));
        let refused = caller.send("POST", &url, "/me/email", email()).await;
        assert_eq!(refused.status(), 403, "{kind:?}");
        let old = caller.access.clone();
        let proof = json!({ "password": "lab-password-000001" });
        let answer = caller.send("POST", &url, "/step-up", Some(proof)).await;
        assert_eq!(answer.status(), 200, "{kind:?}");
        caller.absorb(answer).await;
        let done = caller.send("POST", &url, "/me/email", email()).await;
        assert_eq!(done.status(), 200, "{kind:?}");
        caller.access = old;
        assert_eq!(caller.whoami(&url).await, None, "{kind:?}");
    }
}

#[tokio::test]
async fn a_restart_and_a_broken_store_let_nobody_in() {
    use authbench_conformance::hooks::StoreFault;
    let specimen = Specimen::start(Kind::Denylist, &[]).await.unwrap();
    let (url, hooks) = (specimen.base_urls().remove(0), specimen.hooks());
    let caller = Caller::login(
        &specimen,
        Kind::Denylist,
        &url,
        "user-000002",
        "lab-password-000002",
    )
    .await;
    hooks.restart(0).await.unwrap();
    hooks.restart_store().await.unwrap();
    assert!(caller.whoami(&url).await.is_some());
    hooks.set_store(StoreFault::Stopped).await.unwrap();
    assert_eq!(caller.send("GET", &url, "/me", None).await.status(), 503);
    hooks.set_store(StoreFault::None).await.unwrap();
    assert!(caller.whoami(&url).await.is_some());
    hooks.wipe_store().await.unwrap();
    assert!(caller.whoami(&url).await.is_none());
}

/// A specimen, its first address, and a login of user 3.
async fn flawed(kind: Kind, flaws: &[&'static str]) -> (Specimen, String, Caller) {
    let specimen = Specimen::start(kind, flaws).await.unwrap();
    let url = specimen.base_urls().remove(0);
    let caller = Caller::login(&specimen, kind, &url, "user-000003", "lab-password-000003").await;
    (specimen, url, caller)
}

async fn admin(specimen: &Specimen, method: &str, path: &str, body: Option<Value>) {
    let (kind, url) = (Kind::Denylist, &specimen.base_urls()[0]);
    let admin = Caller::login(specimen, kind, url, "admin", "lab-password-admin").await;
    let answer = admin.send(method, url, path, body).await;
    assert_eq!(answer.status(), 200);
}

#[tokio::test]
async fn a_flaw_shows_only_while_it_is_switched_on() {
    for on in [false, true] {
        let flaws = |id: &'static str| if on { vec![id] } else { Vec::new() };

        let (_m27, url, mut caller) = flawed(Kind::JwtEs256, &flaws("M27")).await;
        let claims = caller.access.split('.').nth(1).unwrap();
        // {"alg":"none"}
        caller.access = format!("eyJhbGciOiJub25lIn0.{claims}.");
        assert_eq!(caller.whoami(&url).await.is_some(), on, "M27");

        let (_m13, url, mut caller) = flawed(Kind::SessionCookie, &flaws("M13")).await;
        let old = caller.access.clone();
        let again = json!({ "user": "user-000003", "password": "lab-password-000003" });
        let answer = caller.send("POST", &url, "/login", Some(again)).await;
        caller.absorb(answer).await;
        assert_eq!(caller.access == old, on, "M13");
        caller.access = old;
        assert_eq!(caller.whoami(&url).await.is_some(), on, "M13");

        let (_m63, url, mut caller) = flawed(Kind::Refresh, &flaws("M63")).await;
        caller.send("POST", &url, "/logout", None).await;
        assert_eq!(caller.whoami(&url).await, None, "M63");
        assert_eq!(caller.refresh(&url).await == 200, on, "M63");

        let (m53, url, mut caller) = flawed(Kind::Refresh, &flaws("M53")).await;
        let first = caller.refresh.clone();
        caller.refresh(&url).await;
        let newest = std::mem::replace(&mut caller.refresh, first);
        m53.hooks().step_clock(1, 3_000).await.unwrap();
        caller.whoami(&m53.base_urls()[1]).await;
        assert_eq!(caller.refresh(&url).await, 401, "M53");
        caller.refresh = newest;
        assert_eq!(caller.refresh(&url).await == 200, on, "M53");

        let (m67, url, caller) = flawed(Kind::Denylist, &flaws("M67")).await;
        admin(&m67, "DELETE", "/admin/users/user-000003", None).await;
        assert_eq!(caller.whoami(&url).await.is_some(), on, "M67");

        let (m81, url, caller) = flawed(Kind::Denylist, &flaws("M81")).await;
        let roles = Some(json!({ "roles": ["admin"] }));
        let path = "/admin/users/user-000003/roles";
        admin(&m81, "POST", path, roles).await;
        let raised = caller.send("GET", &url, "/admin", None).await;
        assert_eq!(raised.status() == 403, on, "M81");
    }
}

#[tokio::test]
async fn too_much_is_refused_and_the_refusal_arrives() {
    let (_specimen, url, caller) = flawed(Kind::SessionCookie, &[]).await;
    let note = json!({ "note": "n".repeat(1 << 20) });
    let answer = caller.send("PUT", &url, "/me/note", Some(note)).await;
    assert_eq!(answer.status(), 413);
    let bomb = format!("a={}", "b".repeat(1 << 20));
    let request = caller.http.get(format!("{url}/me")).header("cookie", bomb);
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), 431);
    assert!(answer.headers().contains_key("clear-site-data"));
    assert!(caller.whoami(&url).await.is_some());
}

fn sources(folder: &Path, found: &mut String) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else {
            found.push_str(&std::fs::read_to_string(&path).unwrap());
        }
    }
}

#[test]
fn the_register_and_the_switches_agree() {
    let mut text = String::new();
    sources(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("src"),
        &mut text,
    );
    // The example in the crate's own documentation is a switch, too.
    let switched: BTreeSet<&str> = text
        .split(".flaw(\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .collect();
    let registered: BTreeSet<&str> = flaw::all().map(|flaw| flaw.id).collect();
    assert_eq!(switched, registered);
    assert_eq!(registered.len(), flaw::all().count(), "an id is used twice");
}

#[tokio::test]
async fn an_unknown_flaw_is_refused() {
    assert!(Specimen::start(Kind::Sealed, &["M0"]).await.is_err());
}

#[tokio::test]
async fn without_tls_everything_is_refused_and_nothing_is_set() {
    for on in [false, true] {
        let flaws: &[_] = if on { &["M125"] } else { &[] };
        let (specimen, url, mut caller) = flawed(Kind::SessionBearer, flaws).await;
        let sure = caller.send("GET", &url, "/me", None).await;
        let year = "max-age=31536000; includeSubDomains";
        assert_eq!(sure.headers()["strict-transport-security"], year);
        let plain_url = specimen.profile().unwrap().tls.plain_url.unwrap();
        assert!(url.starts_with("https:") && plain_url.starts_with("http:"));
        for (method, path) in [("GET", "/me"), ("POST", "/login"), ("GET", "/nothing")] {
            let body = json!({ "user": "user-000003", "password": "lab-password-000003" });
            let answer = caller.send(method, &plain_url, path, Some(body)).await;
            assert_eq!(answer.status() == 403, !on, "{method} {path}");
            for name in ["set-cookie", "strict-transport-security"] {
                assert!(!answer.headers().contains_key(name), "{method} {path}");
            }
        }
        caller.http = Client::new();
        let stranger = caller.http.get(&url).send().await;
        assert!(
            stranger.unwrap_err().is_connect(),
            "a stranger's certificate"
        );
    }
}
