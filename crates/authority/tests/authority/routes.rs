//! What the server answers to whoever asks by HTTP alone.

use authbench_authority::{AuthorityOptions, spawn};
use authbench_authority::{CLIENT_ID, CallerSecret, LAB_TIME_HEADER, MAX_BODY_OCTETS};
use authbench_core::{Secret, UnixMs};
use authbench_schemes::session;
use authbench_stores::Fault;
use reqwest::header::{CACHE_CONTROL, WWW_AUTHENTICATE};
use reqwest::{Client, RequestBuilder, StatusCode};
use serde_json::{Value, json};

use crate::support::{AT, World, login};

const SECRET: &str = "a-secret-that-everybody-here-knows";

/// The server of a world, whose secret is known.
struct Door {
    world: World,
    _second: authbench_authority::Running,
    url: String,
    http: Client,
}

fn open(lab_time: bool) -> Door {
    let world = World::new(session::Settings::default(), lab_time);
    let options = AuthorityOptions {
        secret: CallerSecret::new(Secret::new(SECRET.to_owned())),
        clock: world.clock.clone(),
        lab_time,
    };
    let second = spawn(world.behind.clone(), options).unwrap();
    Door {
        url: format!("http://{}", second.address()),
        world,
        _second: second,
        http: Client::new(),
    }
}

impl Door {
    fn post(&self, path: &str) -> RequestBuilder {
        self.http.post(format!("{}{path}", self.url))
    }

    fn form(&self, path: &str, form: &[(&str, &str)]) -> RequestBuilder {
        self.post(path).bearer_auth(SECRET).form(form)
    }

    async fn introspect(&self, token: &str) -> Value {
        let answer = self
            .form("/introspect", &[("token", token)])
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.headers()[CACHE_CONTROL], "no-store");
        answer.json().await.unwrap()
    }
}

/// RFC 7662 2.2.
#[tokio::test]
async fn an_active_token_is_described_and_of_another_one_nothing_is_said() {
    let door = open(false);
    let held = login(&*door.world.behind, "ada").await;
    let token = held.access.expose();
    let said = door.introspect(token).await;
    let expected = json!({"active": true, "token_type": "Bearer", "sub": "ada",
        "jti": held.login.to_string(), "exp": held.expires_at.0 / 1000,
        "expires_at_ms": held.expires_at.0, "roles": ["user"]});
    assert_eq!(said, expected);
    for other in ["", "nonsense", &token[1..]] {
        assert_eq!(door.introspect(other).await, json!({"active": false}));
    }
    door.world.clock.set(held.expires_at);
    assert_eq!(door.introspect(token).await, json!({"active": false}));
    // A hint of another kind, and what nobody knows, change nothing.
    door.world.clock.set(AT);
    let form = [
        ("token", token),
        ("token_type_hint", "refresh_token"),
        ("x", "y"),
    ];
    let answer = door.form("/introspect", &form).send().await.unwrap();
    assert_eq!(answer.json::<Value>().await.unwrap(), expected);
}

/// RFC 7009 2.2.
#[tokio::test]
async fn revoking_succeeds_also_for_an_unknown_token() {
    let door = open(false);
    let held = login(&*door.world.behind, "ada").await;
    for token in ["nonsense", held.access.expose(), held.access.expose()] {
        let answer = door
            .form("/revoke", &[("token", token)])
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
    }
    let said = door.introspect(held.access.expose()).await;
    assert_eq!(said, json!({"active": false}));
}

/// RFC 7662 2.1, 2.3; RFC 6750 3.
#[tokio::test]
async fn nobody_is_answered_without_the_secret() {
    let door = open(true);
    let held = login(&*door.world.behind, "ada").await;
    let token = held.access.expose();
    let form = || door.post("/introspect").form(&[("token", token)]);
    for request in [
        form(),
        form().bearer_auth("guess"),
        form().bearer_auth(token),
        form().basic_auth(CLIENT_ID, Some("guess")),
        form().basic_auth("ada", Some(SECRET)),
        door.post("/revoke").form(&[("token", token)]),
        door.post("/issue")
            .json(&json!({"subject": "eve", "roles": ["admin"]})),
        door.post("/roles")
            .json(&json!({"subject": "ada", "roles": ["admin"]})),
        door.post("/end").json(&json!({"subject": "ada"})),
        door.http.get(format!("{}/logins?subject=ada", door.url)),
    ] {
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(answer.headers().get_all(WWW_AUTHENTICATE).iter().count(), 2);
        assert_eq!(answer.headers()[CACHE_CONTROL], "no-store");
        assert!(!answer.text().await.unwrap().contains("ada"));
    }
    let answer = form()
        .basic_auth(CLIENT_ID, Some(SECRET))
        .send()
        .await
        .unwrap();
    let said: Value = answer.json().await.unwrap();
    assert_eq!(
        (&said["active"], &said["roles"]),
        (&json!(true), &json!(["user"]))
    );
}

#[tokio::test]
async fn what_cannot_be_understood_is_refused_as_such() {
    let door = open(true);
    let post = |path| door.post(path).bearer_auth(SECRET);
    let long = "A".repeat(MAX_BODY_OCTETS + 1);
    let two = json!({"subject": "ada", "login": "AAAAAAAAAAAAAAAAAAAAAA",
        "keep": "AAAAAAAAAAAAAAAAAAAAAA"});
    for request in [
        door.form("/introspect", &[]),
        door.form("/introspect", &[("tokem", "x")]),
        door.form("/introspect", &[("token", "x"), ("token", "y")]),
        door.form("/revoke", &[("token", &*long)]),
        door.form("/introspect", &[("token", "x")])
            .header(LAB_TIME_HEADER, "soon"),
        post("/introspect").json(&json!({"token": "x"})),
        post("/issue").json(&json!({"subject": "ada"})),
        post("/issue").json(&json!({"subject": "ada", "roles": [], "admin": true})),
        post("/issue").body("{"),
        post("/end").json(&two),
        post("/end").json(&json!({"subject": "ada", "login": "nonsense"})),
        door.http
            .get(format!("{}/logins", door.url))
            .bearer_auth(SECRET),
    ] {
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
        let body: Value = answer.json().await.unwrap();
        assert_eq!(body, json!({"error": "invalid_request"}));
    }
}

/// RFC 7009 2.2.1: the client must assume that the token lives on.
#[tokio::test]
async fn without_a_judgement_the_answer_is_503() {
    let door = open(false);
    let held = login(&*door.world.behind, "ada").await;
    door.world.store.set(Some(Fault::Refuse));
    for path in ["/introspect", "/revoke"] {
        let form = [("token", held.access.expose())];
        let answer = door.form(path, &form).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(answer.headers()[CACHE_CONTROL], "no-store");
        let body: Value = answer.json().await.unwrap();
        assert_eq!(body, json!({"error": "temporarily_unavailable"}));
    }
    door.world.store.set(None);
    let said = door.introspect(held.access.expose()).await;
    assert_eq!(said["active"], json!(true));
}

#[tokio::test]
async fn nobody_tells_the_time_to_a_server_that_does_not_listen() {
    for (lab_time, active) in [(false, true), (true, false)] {
        let door = open(lab_time);
        let held = login(&*door.world.behind, "ada").await;
        let form = [("token", held.access.expose())];
        let UnixMs(late) = held.expires_at;
        let request = door
            .form("/introspect", &form)
            .header(LAB_TIME_HEADER, late);
        let said: Value = request.send().await.unwrap().json().await.unwrap();
        assert_eq!(said["active"], json!(active));
    }
}
