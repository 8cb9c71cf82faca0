//! Our own recipes behind every door, each served by the program that was
//! built beside these tests.

use authbench_conformance::hooks::{Door, HookError, StoreFault};
use authbench_wire::Operation;
use authbench_wire::profile::{Family, SigningKey};
use serde_json::{Value, json};

use super::*;

/// `target/<profile>/authbench`, two folders above the test program. `cargo
/// test` builds it for the integration tests of this crate.
fn program() -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let built = own.parent().unwrap().parent().unwrap().join("authbench");
    assert!(built.is_file(), "build it first: {}", built.display());
    built
}

async fn start(name: &str) -> Ours {
    let recipe = authbench_catalog::find(name).unwrap();
    let services = Arc::new(Services::obtain([&recipe]));
    let options = OursOptions {
        program: Some(program()),
        accounts: 100,
        ..OursOptions::default()
    };
    Ours::start(&recipe, &services, &options).await.unwrap()
}

fn client() -> reqwest::Client {
    let builder = reqwest::Client::builder().no_proxy();
    builder.pool_max_idle_per_host(0).build().unwrap()
}

/// A login as user 1 at the first replica: the answer's JSON and the header
/// that shows the credential.
async fn log_in(ours: &Ours, user: &str) -> (Value, (&'static str, String)) {
    let base = ours.profile().base_url.as_deref().unwrap();
    let number = user.rsplit('-').next().unwrap();
    let password = format!("lab-password-{number}");
    let request = client()
        .post(format!("{base}/login"))
        .header("origin", base)
        .header("sec-fetch-site", "same-origin")
        .json(&json!({"user": user, "password": password}));
    let answer = request.send().await.unwrap().error_for_status().unwrap();
    let cookies: Vec<String> = answer
        .headers()
        .get_all("set-cookie")
        .iter()
        .map(|set| set.to_str().unwrap().split(';').next().unwrap().to_owned())
        .collect();
    let body: Value = answer.json().await.unwrap();
    let shown = match body["access_token"].as_str() {
        Some(token) => ("authorization", format!("Bearer {token}")),
        None => ("cookie", cookies.join("; ")),
    };
    (body, shown)
}

/// Who a replica takes the credential for.
async fn who(base: &str, (name, value): &(&'static str, String)) -> Option<String> {
    let asked = client().get(format!("{base}/me")).header(*name, value);
    let answer = asked.send().await.unwrap();
    let body: Value = answer.json().await.unwrap();
    body["subject"].as_str().map(str::to_owned)
}

#[tokio::test]
async fn a_session_in_memory_has_every_door_of_its_store() {
    let ours = start("session.memory.cookie").await;
    let (profile, hooks) = (ours.profile(), ours.hooks());
    assert_eq!(profile.families, [Family::Session]);
    assert_eq!(profile.policy.durable, Some(false));
    assert!(
        profile.replicas.is_empty(),
        "each would know its own logins"
    );
    assert!(profile.request(Operation::Refresh).is_none());
    assert!(ours.target().is_ok());
    let base = profile.base_url.clone().unwrap();
    let (login, held) = log_in(&ours, "user-000001").await;
    assert_eq!(who(&base, &held).await.as_deref(), Some("acct-000001"));

    assert_eq!(hooks.count_store().await.unwrap(), 1);
    let peeked = String::from_utf8(hooks.peek_store().await.unwrap()).unwrap();
    assert!(peeked.contains(login["login"].as_str().unwrap()));
    let credential = held.1.split_once('=').unwrap().1;
    assert!(!peeked.contains(credential), "a store holds digests only");

    hooks.set_store(StoreFault::Stopped).await.unwrap();
    assert_eq!(who(&base, &held).await, None);
    hooks.set_store(StoreFault::Garbled).await.unwrap();
    assert_eq!(who(&base, &held).await, None);
    hooks.set_store(StoreFault::None).await.unwrap();
    assert_eq!(who(&base, &held).await.as_deref(), Some("acct-000001"));
    hooks.wipe_store().await.unwrap();
    assert_eq!(hooks.count_store().await.unwrap(), 0);
    assert_eq!(who(&base, &held).await, None);

    let logs = hooks.logs().await.unwrap();
    assert!(logs.contains("refused"), "{logs}");
    assert!(hooks.memory(0).await.unwrap() > 1_000_000);
    for door in [Door::RotateKeys, Door::StoreRestart, Door::ClockBack] {
        assert!(!hooks.has(door), "{door:?}");
    }
    let back = hooks.step_clock(0, -1).await;
    assert!(matches!(back, Err(HookError::Absent(Door::ClockBack))));
    let keys = hooks.rotate_keys().await;
    assert!(matches!(keys, Err(HookError::Absent(Door::RotateKeys))));
}

#[tokio::test]
async fn a_token_outlives_a_restart_and_dies_by_the_clock_on_each_replica() {
    let ours = start("jwt.es256.bearer").await;
    let (profile, hooks) = (ours.profile(), ours.hooks());
    assert_eq!(profile.families, [Family::Jwt]);
    assert!(!hooks.has(Door::StorePeek), "there is no store");
    let Some(SigningKey::Jwk(key)) = &profile.keys.sign else {
        panic!("no key: {:?}", profile.keys);
    };
    let key: Value = serde_json::from_str(key).unwrap();
    assert_eq!((&key["alg"], key["d"].is_string()), (&json!("ES256"), true));
    assert_eq!(
        profile.keys.jwks_path.as_deref(),
        Some("/.well-known/jwks.json")
    );
    let bases: Vec<String> = std::iter::once(profile.base_url.clone().unwrap())
        .chain(profile.replicas.clone())
        .collect();
    assert_eq!(bases.len(), 2);
    let (_, held) = log_in(&ours, "user-000002").await;
    hooks.step_clock(1, 60_000).await.unwrap();
    let stepped_ms = hooks.now_ms(1).await.unwrap().unwrap();
    hooks.restart(1).await.unwrap();
    assert!(hooks.now_ms(1).await.unwrap().unwrap() >= stepped_ms);
    for base in &bases {
        assert_eq!(who(base, &held).await.as_deref(), Some("acct-000002"));
    }
    let ttl_ms = i64::try_from(profile.policy.access_ttl_ms.unwrap()).unwrap();
    hooks.step_clock(1, ttl_ms).await.unwrap();
    assert!(
        who(&bases[0], &held).await.is_some(),
        "its clock was not stepped"
    );
    assert_eq!(who(&bases[1], &held).await, None);
    hooks.rotate_keys().await.unwrap();
    let (_, fresh) = log_in(&ours, "user-000003").await;
    assert!(who(&bases[0], &fresh).await.is_some());
    let kid = |shown: &str| shown.split('.').next().map(str::to_owned);
    assert_ne!(kid(&fresh.1), kid(&held.1), "the new key signs");
}

#[tokio::test]
async fn refresh_tokens_have_their_terms_in_the_profile() {
    let ours = start("jwt-refresh.memory.bearer").await;
    let profile = ours.profile();
    assert_eq!(profile.families, [Family::Refresh]);
    assert_eq!(profile.policy.rotation, Some(true));
    assert!(profile.policy.refresh_ttl_ms > profile.policy.access_ttl_ms);
    assert!(profile.request(Operation::Refresh).is_some());
    let (login, held) = log_in(&ours, "large").await;
    assert!(login["refresh_token"].is_string());
    let base = profile.base_url.clone().unwrap();
    assert_eq!(who(&base, &held).await.as_deref(), Some("acct-large"));
    let peeked = String::from_utf8(ours.hooks().peek_store().await.unwrap()).unwrap();
    let token = login["refresh_token"].as_str().unwrap();
    assert!(!peeked.contains(token));
    // The records of its chain leave the store when their time is over.
    let ttl_ms = i64::try_from(profile.policy.refresh_ttl_ms.unwrap()).unwrap();
    ours.hooks().step_clock(0, ttl_ms).await.unwrap();
    for _ in 0..100 {
        if ours.hooks().count_store().await.unwrap() == 0 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("expired records stay");
}

#[tokio::test]
async fn a_large_sealed_cookie_is_cut_and_over_tls_too() {
    let recipe = authbench_catalog::find("sealed-cookie.stateless.cookie").unwrap();
    let services = Arc::new(Services::obtain([&recipe]));
    let options = OursOptions {
        tls: true,
        program: Some(program()),
        ..OursOptions::default()
    };
    let ours = Ours::start(&recipe, &services, &options).await.unwrap();
    assert!(ours.target().unwrap().origins()[0].starts_with("https://"));
    for replica in [0, 1] {
        assert!(ours.hooks().now_ms(replica).await.unwrap().is_some());
    }
    assert!(ours.hooks().has(Door::RotateKeys));
    drop(ours);
    let ours = start("sealed-cookie.stateless.cookie").await;
    assert_eq!(ours.profile().families, [Family::Sealed]);
    let (_, held) = log_in(&ours, "large").await;
    assert!(held.1.contains("; "), "several cookies");
    let base = ours.profile().base_url.clone().unwrap();
    assert_eq!(who(&base, &held).await.as_deref(), Some("acct-large"));
    ours.hooks().rotate_keys().await.unwrap();
    assert_eq!(who(&base, &held).await.as_deref(), Some("acct-large"));
}
