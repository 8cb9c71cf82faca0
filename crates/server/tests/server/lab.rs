//! The lab's doors, and the parts that do not fit each other.

use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use authbench_core::{
    Clock as _, Digest, LoginId, ManualClock, Record, SeededEntropy, StoreError, StoreFault,
    SubjectId, UnixMs,
};
use authbench_server::{
    Accounts, ContentsFuture, PublishedKeys, ServeError, Server, ServerConfig, StoreContents,
};
use authbench_wire::Transport;
use authbench_wire::bodies::StorePeekResponse;
use serde_json::{Value, json};

use crate::client::ask;
use crate::site::{START, Site, chunked, config, cookie};
use crate::strategy::{Fake, LIFETIME_MS};

#[tokio::test]
async fn the_clock_can_be_stepped_but_only_here() {
    let site = Site::start(cookie()).await;
    let credential = site.login("user-000001").await;
    let step = async |ms: Value| {
        site.send(
            &ask("POST", "/lab/clock")
                .without_proof()
                .json(&json!({"step_ms": ms})),
        )
        .await
    };
    let stepped = step(json!(LIFETIME_MS - 1)).await.json();
    assert_eq!(stepped["ahead_ms"], json!(LIFETIME_MS - 1));
    assert_eq!(stepped["now_ms"], json!(START.0 + LIFETIME_MS - 1));
    assert!(site.is_alive(&credential).await);
    assert_eq!(step(json!(1)).await.json()["ahead_ms"], json!(LIFETIME_MS));
    assert!(!site.is_alive(&credential).await);
    assert_eq!(step(json!(0)).await.json()["ahead_ms"], json!(LIFETIME_MS));
    for wrong in [json!(u64::MAX), json!(-1), json!("1")] {
        assert_eq!(step(wrong).await.status, 400);
    }
    assert_eq!(
        site.clock.now(),
        START,
        "the clock that was passed in is not touched"
    );
}

#[tokio::test]
async fn counts_come_from_their_source() {
    let site = Site::start(Transport::Bearer).await;
    let nothing = json!({"store_operations": {}, "store_bytes": 0});
    assert_eq!(site.send(&ask("GET", "/lab/stats")).await.json(), nothing);
    let counted = json!({"store_operations": {"get": 3}, "store_bytes": 9});
    let stats = serde_json::from_value(counted.clone()).unwrap();
    let source = move || -> authbench_wire::bodies::StatsResponse { Clone::clone(&stats) };
    let site = Site::start_with(Transport::Bearer, Fake::default(), |config| {
        config.stats = Some(Arc::new(source));
    })
    .await;
    assert_eq!(site.send(&ask("GET", "/lab/stats")).await.json(), counted);
}

#[tokio::test]
async fn without_the_lab_its_doors_are_walls() {
    let accounts = Accounts::demo(&SeededEntropy::new(1)).unwrap().0;
    let site = Site::start_with(Transport::Bearer, Fake::default(), |config| {
        config.lab = false;
        config.rotate_keys = Some(Arc::new(|_| Ok(())));
        config.signing_key = Some(Arc::new(|_| Ok(json!({"d": "AA"}))));
        config.store_contents = Some(Arc::new(Kept::default()));
        config.accounts = Arc::new(accounts);
    })
    .await;
    let me = site.send(&ask("GET", "/me")).await;
    assert_eq!(
        me.header("strict-transport-security"),
        None,
        "without TLS it is not said"
    );
    for door in ["/lab/keys/sign", "/lab/store/peek"] {
        assert_eq!(site.send(&ask("GET", door)).await.status, 404);
    }
    let wipe = site.send(&ask("POST", "/lab/store/wipe")).await;
    assert_eq!(wipe.status, 404);
    let step = ask("POST", "/lab/clock").json(&json!({"step_ms": 1}));
    assert_eq!(site.send(&step).await.status, 404);
    assert_eq!(site.send(&ask("GET", "/lab/stats")).await.status, 404);
    assert_eq!(site.send(&ask("GET", "/lab/chain")).await.status, 404);
    let mend = ask("POST", "/lab/store").json(&json!({}));
    assert_eq!(site.send(&mend).await.status, 404);
    assert_eq!(
        site.send(&ask("POST", "/lab/keys/rotate")).await.status,
        404
    );
    let public = Site::login_request("user-000001", "lab-password-000001");
    assert_eq!(site.send(&public).await.status, 401);
}

#[tokio::test]
async fn keys_change_by_hand_and_are_shown_at_once() {
    let keys = Arc::new(Mutex::new(vec![json!({"kid": "1"})]));
    let (shown, changed) = (Arc::clone(&keys), Arc::clone(&keys));
    let site = Site::start_with(cookie(), Fake::default(), |config| {
        let set = move |_| Some(json!({"keys": *shown.lock().unwrap()}));
        config.jwks = Some(PublishedKeys::new(set, 2_500));
        config.rotate_keys = Some(Arc::new(move |at| {
            let mut keys = changed.lock().unwrap();
            if keys.len() == 2 {
                return Err("the ring is full".into());
            }
            keys.push(json!({"kid": at.0.to_string()}));
            Ok(())
        }));
    })
    .await;
    let read = async || {
        let read = site.send(&ask("GET", "/.well-known/jwks.json")).await;
        assert_eq!(read.header("cache-control"), Some("public, max-age=2"));
        read.json()
    };
    assert_eq!(read().await, json!({"keys": [{"kid": "1"}]}));
    let rotate = ask("POST", "/lab/keys/rotate").without_proof();
    let rotated = site.send(&rotate).await;
    assert_eq!(
        (rotated.status, rotated.json()),
        (200, json!({"at_ms": START.0}))
    );
    assert_eq!(
        read().await,
        json!({"keys": [{"kid": "1"}, {"kid": START.0.to_string()}]})
    );
    let failed = site.send(&rotate).await;
    assert_eq!(failed.status, 500);
    assert!(!failed.body.contains("ring"), "{}", failed.body);
    // A source that goes wrong later gives nothing away.
    keys.lock()
        .unwrap()
        .push(json!({"kty": "oct", "k": "c2VjcmV0"}));
    let wrong = site.send(&ask("GET", "/.well-known/jwks.json")).await;
    assert_eq!(wrong.status, 500);
    assert!(!wrong.body.contains("c2VjcmV0"), "{}", wrong.body);
    keys.lock().unwrap().clear();
    let none = site.send(&ask("GET", "/.well-known/jwks.json")).await;
    assert_eq!(none.status, 404);
}

#[tokio::test]
async fn a_store_is_broken_by_whoever_can() {
    let store = async |site: &Site, body: Value| {
        let asked = ask("POST", "/lab/store").without_proof().json(&body);
        site.send(&asked).await
    };
    let without = Site::start(cookie()).await;
    let none = store(&without, json!({"fault": "fail"})).await;
    assert_eq!(
        (none.status, none.json()["title"].as_str()),
        (409, Some("This strategy has no store"))
    );
    let seen = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&seen);
    let site = Site::start_with(cookie(), Fake::default(), |config| {
        config.set_store = Some(Arc::new(move |asked| {
            told.lock().unwrap().push(asked);
            if asked.delay_us == 7 {
                return Err("no thread".into());
            }
            Ok(())
        }));
    })
    .await;
    for (asked, answered) in [
        (
            json!({"fault": "fail"}),
            json!({"fault": "fail", "delay_us": 0}),
        ),
        (
            json!({"fault": "hang", "delay_us": 10_000_000}),
            json!({"fault": "hang", "delay_us": 10_000_000}),
        ),
        (json!({}), json!({"fault": null, "delay_us": 0})),
    ] {
        assert_eq!(store(&site, asked).await.json(), answered);
    }
    for wrong in [
        json!({"fault": "melt"}),
        json!({"delay_us": -1}),
        json!({"delay_us": 10_000_001}),
        json!({"defect": null}),
    ] {
        assert_eq!(store(&site, wrong).await.status, 400);
    }
    assert_eq!(seen.lock().unwrap().len(), 3);
    let failed = store(&site, json!({"delay_us": 7})).await;
    assert_eq!(failed.status, 500);
    assert!(!failed.body.contains("thread"), "{}", failed.body);
}

/// A store that only counts how often it was wiped.
#[derive(Default)]
struct Kept(AtomicU64);

impl StoreContents for Kept {
    fn peek(&self) -> ContentsFuture<'_, StorePeekResponse> {
        Box::pin(async {
            let record = Record {
                subject: SubjectId::new("u"),
                login: LoginId([1; 16]),
                roles: ["user"].iter().collect(),
                issued_at: UnixMs(1),
                expires_at: UnixMs(2),
                used_at: UnixMs(1),
                generation: 3,
                revision: 4,
                payload: Box::from(&b"token"[..]),
            };
            let records = vec![(Digest([0xA5; 32]), record).into()];
            Ok(StorePeekResponse { records })
        })
    }

    fn wipe(&self) -> ContentsFuture<'_, ()> {
        Box::pin(async {
            match self.0.fetch_add(1, SeqCst) {
                0 => Ok(()),
                _ => Err(StoreError {
                    store: "kept",
                    operation: "wipe",
                    fault: StoreFault::Unreachable,
                    source: None,
                }),
            }
        })
    }
}

#[tokio::test]
async fn what_a_store_holds_is_shown_and_lost() {
    let without = Site::start(cookie()).await;
    let (peek, wipe) = (
        ask("GET", "/lab/store/peek"),
        ask("POST", "/lab/store/wipe").without_proof(),
    );
    assert_eq!(without.send(&peek).await.status, 409);
    assert_eq!(without.send(&wipe).await.status, 409);
    let site = Site::start_with(cookie(), Fake::default(), |config| {
        config.store_contents = Some(Arc::new(Kept::default()));
    })
    .await;
    let shown = site.send(&peek).await.json();
    let record = &shown["records"][0];
    assert_eq!(record["payload_text"], "token");
    assert_eq!(record["payload_hex"], "746f6b656e");
    assert_eq!(record["payload_base64url"], "dG9rZW4");
    assert_eq!(record["key_hex"], "a5".repeat(32));
    assert_eq!(site.send(&wipe).await.status, 200);
    assert_eq!(site.send(&wipe).await.status, 500);
}

#[tokio::test]
async fn the_signing_key_is_given_away_where_there_is_one() {
    let without = Site::start(cookie()).await;
    let asked = ask("GET", "/lab/keys/sign");
    assert_eq!(without.send(&asked).await.status, 404);
    let site = Site::start_with(cookie(), Fake::default(), |config| {
        config.signing_key = Some(Arc::new(|at| match at {
            START => Ok(json!({"kty": "oct", "k": "AA"})),
            _ => Err("no key".into()),
        }));
    })
    .await;
    let keys = json!({"keys": [{"kty": "oct", "k": "AA"}]});
    assert_eq!(site.send(&asked).await.json(), keys);
    let later = ask("POST", "/lab/clock").without_proof();
    site.send(&later.json(&json!({"step_ms": 1}))).await;
    assert_eq!(site.send(&asked).await.status, 500);
}

#[tokio::test]
async fn a_note_is_read_by_its_owner_alone() {
    let site = Site::start(cookie()).await;
    let (own, other) = (
        site.login("user-000001").await,
        site.login("user-000002").await,
    );
    let empty = site.get("/me/note", &own).await.json();
    assert_eq!(empty, json!({"subject": "acct-000001", "note": ""}));
    let written = ask("PUT", "/me/note").json(&json!({"note": "mine"}));
    assert_eq!(site.send(&site.with(written, &own)).await.status, 200);
    assert_eq!(site.get("/me/note", &own).await.json()["note"], "mine");
    assert_eq!(site.get("/me/note", &other).await.json()["note"], "");
    let by_name = "/users/user-000001/note";
    assert_eq!(site.get(by_name, &own).await.json()["note"], "mine");
    for path in [by_name, "/users/nobody/note"] {
        assert_eq!(site.get(path, &other).await.status, 403);
        assert_eq!(site.send(&ask("GET", path)).await.status, 401);
    }
}

async fn refused(
    addr: [u8; 4],
    transport: Transport,
    strategy: Fake,
    adjust: impl FnOnce(&mut ServerConfig),
) -> Option<ServeError> {
    let clock = Arc::new(ManualClock::at(START));
    let mut config = config(transport, Arc::new(strategy), clock);
    adjust(&mut config);
    Server::bind((addr, 0).into(), config).await.err()
}

#[tokio::test]
async fn what_does_not_fit_is_not_served() {
    const HOME: [u8; 4] = [127, 0, 0, 1];
    let plain = Fake::default;
    let exposed = refused([0, 0, 0, 0], Transport::Bearer, plain(), |_| {}).await;
    assert!(matches!(exposed, Some(ServeError::LabExposed { .. })));
    let accounts = refused(HOME, Transport::Bearer, plain(), |config| {
        config.lab = false;
    })
    .await;
    assert!(matches!(accounts, Some(ServeError::LabAccounts)));
    for wrong in [
        json!([]),
        json!({"keys": {}}),
        json!({"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}),
        json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "AA", "d": "AA"}]}),
    ] {
        let jwks = refused(HOME, cookie(), plain(), |config| {
            config.jwks = Some(PublishedKeys::fixed(wrong));
        })
        .await;
        assert!(matches!(jwks, Some(ServeError::Jwks(_))));
    }
    for (transport, strategy, least) in [
        (Transport::Bearer, Fake::refreshing(), 2 * 4096),
        (cookie(), plain(), 2 * 4096),
        (cookie(), Fake::refreshing(), 3 * 4096),
        (chunked(3), plain(), 4 * 4096),
    ] {
        let small = refused(HOME, transport, strategy, |config| {
            config.limits.head_octets_max = least - 1;
        })
        .await;
        assert!(matches!(
            small,
            Some(ServeError::HeadBound { octets, octets_min })
                if octets + 1 == least && octets_min == least
        ));
    }
    assert!(refused(HOME, cookie(), plain(), |_| {}).await.is_none());
    // The default is as large as it takes.
    assert!(refused(HOME, chunked(8), plain(), |_| {}).await.is_none());
}
