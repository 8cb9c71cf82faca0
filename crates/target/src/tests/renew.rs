//! Renewal, the credentials of large logins, and the limit of logins.

use std::sync::LazyLock;

use authbench_core::{Issued, LimitPolicy, LoginId, LoginLimit, RefreshOffer, Secret};
use authbench_wire::chunk;

use super::*;

const ROTATING: RefreshOffer = RefreshOffer::RotatingKillsFamily {
    grace_ms: 0,
    chain_ms: 9,
};

fn target(folder: &str, base_url: &str, offer: RefreshOffer) -> Target {
    let mut profile = reference(folder);
    profile.guarantees.refresh = offer;
    Target::new(profile, base_url, &TargetOptions::default()).unwrap()
}

fn user() -> Subject {
    Subject {
        id: SubjectId::new("acct-000007"),
        roles: Roles::default(),
    }
}

async fn enter(target: &Target) -> Credentials {
    let issued = target.issue(&user(), AT).await.unwrap();
    issued.granted().unwrap()
}

async fn renewed(target: &Target, credentials: &Credentials) -> Credentials {
    match target.refresh(&credentials.present(), AT).await.unwrap() {
        Refreshed::Renewed(credentials) => credentials,
        other => panic!("{other:?}"),
    }
}

fn refresh_token(credentials: &Credentials) -> &str {
    credentials.refresh.as_ref().unwrap().expose()
}

#[tokio::test]
async fn refresh_tokens_in_bodies() {
    let (base_url, seen) = serve(|seen| match seen.line.as_str() {
        "POST /login" => (
            200,
            "",
            r#"{"login":"h","expires_at_ms":9,"access_token":"a0","refresh_token":"r\"0"}"#,
        ),
        "POST /refresh" if seen.body.contains("r1") => (401, "", "{}"),
        "POST /refresh" => (
            200,
            "",
            r#"{"login":"h","expires_at_ms":19,"access_token":"a1","refresh_token":"r1"}"#,
        ),
        "POST /refresh/revoke" | "POST /logout" => (200, "", r#"{"effective_from_ms":5}"#),
        _ => (404, "", ""),
    })
    .await;
    let target = target("authbench-bearer", &base_url, ROTATING);
    let first = enter(&target).await;
    assert_eq!(refresh_token(&first), "r\"0");
    let second = renewed(&target, &first).await;
    assert_eq!(
        (second.access.expose(), refresh_token(&second)),
        ("a1", "r1")
    );
    assert_eq!((second.login, second.expires_at), (first.login, UnixMs(19)));
    let spent = target.refresh(&second.present(), AT).await.unwrap();
    assert!(
        matches!(spent, Refreshed::Refused(Refusal::Unknown)),
        "{spent:?}"
    );
    // Without its token there is nothing to ask.
    let asked = seen.lock().len();
    let missing = target.refresh(&Presented::access("a1"), AT).await.unwrap();
    assert!(
        matches!(missing, Refreshed::Refused(Refusal::Missing)),
        "{missing:?}"
    );
    assert_eq!(seen.lock().len(), asked);
    let scope = Scope::Presented(second.present());
    let receipt = target.revoke(&scope, AT).await.unwrap();
    assert_eq!(receipt.effective_from, UnixMs(5));
    let alone = Scope::Presented(Presented::access("a1"));
    target.revoke(&alone, AT).await.unwrap();

    let seen = seen.lock().clone();
    let lines: Vec<_> = seen.iter().map(|seen| seen.line.as_str()).collect();
    let (swap, revoke) = ("POST /refresh", "POST /refresh/revoke");
    assert_eq!(lines, ["POST /login", swap, swap, revoke, "POST /logout"]);
    assert_eq!(seen[1].body, r#"{"refresh_token":"r\"0"}"#);
    assert_eq!(seen[3].body, r#"{"refresh_token":"r1"}"#);
    assert_eq!(seen[3].header("authorization"), Some("Bearer a1"));
    assert_eq!(
        (seen[4].body.as_str(), seen[4].header("content-type")),
        ("", None)
    );
}

#[tokio::test]
async fn refresh_tokens_in_a_cookie() {
    let (base_url, seen) = serve(|seen| match seen.line.as_str() {
        "POST /login" => (
            200,
            "__Host-auth=a0; Path=/\n__Secure-refresh=r0; Path=/refresh",
            r#"{"login":"h","expires_at_ms":9}"#,
        ),
        "POST /refresh" => (
            200,
            "__Host-auth=a1; Path=/\n__Secure-refresh=r1; Path=/refresh",
            r#"{"login":"h","expires_at_ms":9}"#,
        ),
        "GET /me" => (
            200,
            "",
            r#"{"subject":"acct-000007","roles":[],"login":"h"}"#,
        ),
        _ => (200, "", r#"{"effective_from_ms":5}"#),
    })
    .await;
    let target = target("authbench-cookie", &base_url, ROTATING);
    let first = enter(&target).await;
    let second = renewed(&target, &first).await;
    assert_eq!(
        (second.access.expose(), refresh_token(&second)),
        ("a1", "r1")
    );
    target.authenticate(&second.present(), AT).await.unwrap();
    // The access credential may be gone: the token ends the login alone.
    let token = Presented {
        access: None,
        refresh: Some("r1"),
    };
    target.revoke(&Scope::Presented(token), AT).await.unwrap();
    for text in ["a;b", "a b", "ä"] {
        let wrong = Presented {
            access: None,
            refresh: Some(text),
        };
        let refused = target.refresh(&wrong, AT).await.unwrap();
        assert!(matches!(refused, Refreshed::Refused(Refusal::Malformed)));
        target.revoke(&Scope::Presented(wrong), AT).await.unwrap();
    }
    let seen = seen.lock().clone();
    let cookies: Vec<_> = seen.iter().map(|seen| seen.header("cookie")).collect();
    assert_eq!(
        cookies,
        [
            None,
            Some("__Host-auth=a0; __Secure-refresh=r0"),
            Some("__Host-auth=a1"),
            Some("__Secure-refresh=r1"),
        ]
    );
    assert!(seen.iter().skip(1).all(|seen| seen.body.is_empty()));
    assert_eq!(seen[3].line, "POST /refresh/revoke");
    assert_eq!(seen[3].header("sec-fetch-site"), Some("same-origin"));
}

#[tokio::test]
async fn what_the_profile_promises_must_be_in_the_answer() {
    let (base_url, _) = serve(|_| {
        (
            200,
            "__Host-auth=a0",
            r#"{"login":"h","expires_at_ms":9,"access_token":"a0"}"#,
        )
    })
    .await;
    for (folder, offer, good) in [
        ("authbench-bearer", ROTATING, false),
        ("authbench-cookie", ROTATING, false),
        ("authbench-bearer", RefreshOffer::SwapsAccess, true),
        ("authbench-cookie", RefreshOffer::None, true),
    ] {
        let issued = target(folder, &base_url, offer).issue(&user(), AT).await;
        assert_eq!(issued.is_ok(), good, "{folder} {offer:?}");
        if let Err(error) = issued {
            let named = matches!(
                fault(&error),
                Fault::Missing { .. } | Fault::NoCookie { .. }
            );
            assert!(named, "{error:?}");
        }
    }
    let none = target("authbench-bearer", &base_url, RefreshOffer::None);
    let refreshed = none.refresh(&Presented::access("a0"), AT).await.unwrap();
    assert!(
        matches!(refreshed, Refreshed::NotOffered),
        "mapped, but not promised"
    );
}

#[tokio::test]
async fn a_swapped_credential_acts_for_its_login() {
    let (base_url, seen) = serve(
        |seen| match (seen.line.as_str(), seen.header("authorization")) {
            ("POST /login", _) => (
                200,
                "",
                r#"{"login":"h","expires_at_ms":9,"access_token":"a0"}"#,
            ),
            ("POST /refresh", Some("Bearer a0")) => (
                200,
                "",
                r#"{"login":"h","expires_at_ms":9,"access_token":"a1"}"#,
            ),
            ("GET /me", Some("Bearer a1")) => (
                200,
                "",
                r#"{"subject":"acct-000007","roles":[],"login":"h"}"#,
            ),
            ("GET /sessions", Some("Bearer a1")) => (
                200,
                "",
                r#"{"sessions":[{"id":"h","issued_at_ms":3,"expires_at_ms":9}]}"#,
            ),
            _ => (401, "", ""),
        },
    )
    .await;
    let target = target("authbench-bearer", &base_url, RefreshOffer::SwapsAccess);
    let first = enter(&target).await;
    assert!(first.refresh.is_none());
    let second = renewed(&target, &first).await;
    assert_eq!((second.access.expose(), second.login), ("a1", first.login));
    let unknown = target.refresh(&Presented::access("a9"), AT).await.unwrap();
    assert!(matches!(unknown, Refreshed::Refused(Refusal::Unknown)));
    let Logins::Known(logins) = target.logins(&user().id, AT).await.unwrap() else {
        panic!("the profile has a list")
    };
    assert_eq!(
        (logins[0].login, logins[0].issued_at),
        (first.login, UnixMs(3))
    );
    let seen = seen.lock().clone();
    assert_eq!(
        seen.iter()
            .filter(|seen| seen.line == "POST /login")
            .count(),
        1,
        "no helper"
    );
    assert!(seen[1].body.is_empty() && seen[1].header("content-type").is_none());
}

/// The password changes there and back; each time the credential, too.
#[tokio::test]
async fn a_change_of_the_password_swaps_the_credential() {
    let (base_url, seen) = serve(|seen| match (seen.line.as_str(), seen.header("cookie")) {
        ("POST /in", _) => (200, "sid=c0", ""),
        ("GET /who", _) => (200, "", r#"{"id":42}"#),
        ("PUT /pw", Some("sid=c0")) => (204, "sid=c1", ""),
        ("PUT /pw", Some("sid=c1")) => (204, "sid=c2", ""),
        _ => (401, "", ""),
    })
    .await;
    let mut profile = Profile::parse(Path::new("stranger.toml"), STRANGER).unwrap();
    profile.guarantees.refresh = RefreshOffer::SwapsAccess;
    let target = Target::new(profile, &base_url, &TargetOptions::default()).unwrap();
    let keep = granted(&target).await.login;
    let scope = Scope::Others {
        subject: &bob().id,
        keep,
    };
    for last in ["sid=c1", "sid=c2"] {
        let outcome = target.revoke(&scope, AT).await;
        assert_eq!(outcome.is_ok(), last == "sid=c1");
        let cookies = seen.lock().clone();
        let mut changes = cookies.iter().filter(|seen| seen.line == "PUT /pw");
        assert_eq!(changes.next_back().unwrap().header("cookie"), Some(last));
    }
}

#[tokio::test]
async fn a_large_credential_comes_and_goes_in_several_cookies() {
    static CREDENTIAL: LazyLock<String> = LazyLock::new(|| "ab".repeat(3_000));
    static SET: LazyLock<String> = LazyLock::new(|| {
        let pieces = chunk::split("sid", &CREDENTIAL).unwrap();
        format!(
            "sid.0={}; Path=/\nsid.1={}; Path=/\nsid=; Max-Age=0\nsid.2=; Max-Age=0",
            pieces[0], pieces[1]
        )
    });
    let (base_url, seen) = serve(|seen| match seen.line.as_str() {
        "POST /in" => (200, SET.as_str(), ""),
        _ => (200, "", r#"{"id":42}"#),
    })
    .await;
    let target = stranger(&base_url);
    let credentials = granted(&target).await;
    assert_eq!(credentials.access.expose(), *CREDENTIAL);
    let decision = target
        .authenticate(&credentials.present(), AT)
        .await
        .unwrap();
    assert!(decision.accepted().is_some());
    let shown = seen
        .lock()
        .last()
        .unwrap()
        .header("cookie")
        .unwrap()
        .to_owned();
    let expected: Vec<_> = SET
        .lines()
        .take(2)
        .map(|line| line.split(';').next().unwrap())
        .collect();
    assert_eq!(shown, expected.join("; "));
    // One that no number of cookies holds is no credential.
    let huge = "a".repeat(40_000);
    let decision = target
        .authenticate(&Presented::access(&huge), AT)
        .await
        .unwrap();
    assert_eq!(decision, Decision::Refused(Refusal::Malformed));
}

#[tokio::test]
async fn the_limit_of_logins_is_no_refusal_of_the_password() {
    let (base_url, _) = serve(|_| (409, "", "{}")).await;
    let mut profile = reference("authbench-bearer");
    let open = |profile: &Profile| {
        Target::new(profile.clone(), &base_url, &TargetOptions::default()).unwrap()
    };
    // What promises no limit has no business to answer so.
    let error = open(&profile).issue(&user(), AT).await.unwrap_err();
    assert!(
        matches!(fault(&error), Fault::Status { status: 409 }),
        "{error:?}"
    );
    profile.guarantees.login_limit = Some(LoginLimit {
        logins_max: 3,
        policy: LimitPolicy::Reject,
    });
    let issued = open(&profile).issue(&user(), AT).await.unwrap();
    assert!(
        matches!(issued, Issued::LimitReached { logins_max: 3 }),
        "{issued:?}"
    );
    let error = open(&profile).logins(&user().id, AT).await.unwrap_err();
    assert!(matches!(fault(&error), Fault::NoRoom), "{error:?}");
}

/// A change of the password that is not confirmed may have been made.
#[tokio::test]
async fn after_an_outage_both_passwords_are_tried() {
    let (base_url, seen) = serve(|seen| match seen.line.as_str() {
        "POST /in" if seen.body.ends_with("-interim") => (200, "sid=c1", ""),
        "POST /in" if seen.header("cookie").is_none() => (401, "", ""),
        "PUT /pw" => (503, "", ""),
        _ => by_line(seen),
    })
    .await;
    let target = stranger(&base_url);
    let error = target.issue(&bob(), AT).await.unwrap_err();
    assert!(
        matches!(fault(&error), Fault::Denied { status: 401 }),
        "{error:?}"
    );
    target.remember(
        &bob(),
        &Credentials {
            access: Secret::new("c0".to_owned()),
            refresh: None,
            login: LoginId([1; 16]),
            expires_at: AT.plus_ms(9),
        },
        AT,
    );
    let scope = Scope::Others {
        subject: &bob().id,
        keep: LoginId([1; 16]),
    };
    let error = target.revoke(&scope, AT).await.unwrap_err();
    assert!(
        matches!(fault(&error), Fault::Status { status: 503 }),
        "{error:?}"
    );
    for _ in 0..2 {
        granted(&target).await;
    }
    let seen = seen.lock().clone();
    let logins = seen.iter().filter(|seen| seen.line == "POST /in");
    let bodies: Vec<_> = logins
        .map(|seen| seen.body.rsplit('=').next().unwrap())
        .collect();
    let (base, interim) = ("p%26ss%20word", "p%26ss%20word-interim");
    // The likelier one first, and no doubt once one was right.
    assert_eq!(bodies, [base, interim, interim]);
}
