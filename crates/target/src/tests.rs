//! A target before a scripted server: what is sent, and what odd answers mean.
//! That a target before the reference server equals the strategy itself is
//! tested in `tests/differential.rs`.

mod renew;
mod stub;

use std::error::Error as _;
use std::path::Path;

use authbench_core::{
    AuthStrategy as _, Credentials, Decision, Logins, Presented, Receipt, Refreshed, Refusal,
    Roles, Scope, StrategyError, Subject, SubjectId, UnixMs,
};
use authbench_wire::{Operation, Profile};

use self::stub::{Seen, serve};
use crate::{Fault, Target, TargetError, TargetOptions};

const AT: UnixMs = UnixMs(1_000_000);

/// A stranger's server: cookie, form login, no handles, no list.
const STRANGER: &str = r#"
name = "stranger"
csrf = "same-origin"
[carrier.cookie]
name = "sid"
[[users.list]]
user = "bob@example.test"
password = "p&ss word"
subject = "42"
[users.admin]
user = "root"
password = "toor"
[operations.login]
method = "POST"
path = "/in"
body = "u={user}&p={password}"
content_type = "application/x-www-form-urlencoded"
success = [200, 302]
[operations.whoami]
method = "GET"
path = "/who"
success = [200]
subject = "/id"
[operations.logout]
method = "POST"
path = "/out"
success = [204]
[operations.password-change]
method = "PUT"
path = "/pw"
body = '{"old":"{password}","new":"{new_password}"}'
success = [204]
[operations.set-roles]
method = "POST"
path = "/u/{subject_user}/roles"
body = '{"roles":{roles}}'
success = [200]
[absent]
disable = "nobody can be barred"
end-session = "no list"
logout-all = "not built"
mutate = "nothing to change"
refresh = "sessions slide"
revoke = "no refresh tokens"
sessions = "no list"
[guarantees]
revoke_one = "immediate"
revoke_all = { within-ms = 700 }
role_change = "until-expiry"
lifetime_ms = 60000
expiry_slack_ms = 0
refresh = "none"
listing = "not-kept"
outage = "fails-closed"
durability = "none"
"#;

fn stranger(base_url: &str) -> Target {
    let profile = Profile::parse(Path::new("stranger.toml"), STRANGER).unwrap();
    Target::new(profile, base_url, &TargetOptions::default()).unwrap()
}

fn reference(folder: &str) -> Profile {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios/targets");
    Profile::read(&root.join(folder)).unwrap()
}

fn bob() -> Subject {
    Subject {
        id: SubjectId::new("42"),
        roles: Roles::default(),
    }
}

/// A login of bob's.
async fn granted(target: &Target) -> Credentials {
    let issued = target.issue(&bob(), AT).await.unwrap();
    issued.granted().unwrap()
}

fn fault(error: &StrategyError) -> &Fault {
    error
        .source()
        .and_then(|source| source.downcast_ref())
        .unwrap()
}

fn by_line(seen: &Seen) -> (u16, &'static str, &'static str) {
    match seen.line.as_str() {
        "POST /in" => (302, "sid=c0; Path=/; HttpOnly", ""),
        "GET /who" if seen.header("cookie") == Some("sid=c0") => (200, "", r#"{"id":42}"#),
        "GET /who" => (401, "", "no"),
        "POST /out" | "PUT /pw" => (204, "", ""),
        "POST /u/bob%40example.test/roles" => (200, "", "{}"),
        _ => (404, "", "what?"),
    }
}

#[tokio::test]
async fn a_stranger_is_spoken_to_as_its_profile_says() {
    let (base_url, seen) = serve(by_line).await;
    let target = stranger(&base_url);
    let credentials = granted(&target).await;
    assert_eq!(credentials.access.expose(), "c0");
    assert_eq!(credentials.expires_at, AT.plus_ms(60_000));
    let decision = target
        .authenticate(&credentials.present(), AT)
        .await
        .unwrap();
    let identity = decision.accepted().unwrap();
    assert_eq!(identity.subject, SubjectId::new("42"));
    assert_eq!(identity.login, credentials.login);
    assert_eq!(identity.expires_at, credentials.expires_at);
    let nobody = target
        .authenticate(&Presented::default(), AT)
        .await
        .unwrap();
    assert_eq!(nobody, Decision::Refused(Refusal::Unknown));
    let admin = Subject {
        id: bob().id,
        roles: ["a\"b"].into_iter().collect(),
    };
    let receipt = target.change_roles(&admin, AT).await.unwrap();
    assert_eq!(
        receipt,
        Receipt {
            effective_from: AT.plus_ms(60_000)
        }
    );
    let scope = Scope::Presented(credentials.present());
    assert_eq!(
        target.revoke(&scope, AT).await.unwrap(),
        Receipt { effective_from: AT }
    );

    let seen = seen.lock().clone();
    let lines: Vec<_> = seen.iter().map(|seen| seen.line.as_str()).collect();
    let roles = "POST /u/bob%40example.test/roles";
    // The redirect after the login was not followed.
    assert_eq!(
        lines,
        [
            "POST /in",
            "GET /who",
            "GET /who",
            "POST /in",
            roles,
            "POST /out"
        ]
    );
    assert_eq!(seen[0].body, "u=bob%40example.test&p=p%26ss%20word");
    assert_eq!(
        seen[0].header("content-type"),
        Some("application/x-www-form-urlencoded")
    );
    assert_eq!(seen[0].header("origin"), Some(&*base_url));
    assert_eq!(seen[0].header("sec-fetch-site"), Some("same-origin"));
    assert_eq!(
        seen[1].header("origin"),
        None,
        "a safe request needs no proof"
    );
    // No jar: a request carries the credential that it was given, or none.
    assert_eq!(seen[2].header("cookie"), None);
    assert_eq!(seen[3].header("cookie"), None);
    assert_eq!(seen[3].body, "u=root&p=toor");
    assert_eq!(seen[4].body, r#"{"roles":["a\"b"]}"#);
}

#[tokio::test]
async fn what_is_neither_yes_nor_no_is_an_error() {
    for (status, body) in [
        (500, ""),
        (302, ""),
        (404, "{}"),
        (200, "garbage"),
        (200, r#"{"id":null}"#),
    ] {
        let (base_url, _) = serve(move |_| (status, "", body)).await;
        let target = stranger(&base_url);
        let error = target
            .authenticate(&Presented::access("x"), AT)
            .await
            .unwrap_err();
        match fault(&error) {
            Fault::Status { status: seen } => assert_eq!(*seen, status),
            Fault::NotJson(_) => assert_eq!(body, "garbage"),
            Fault::Missing { pointer, .. } => assert_eq!((status, &**pointer), (200, "/id")),
            other => panic!("{other:?}"),
        }
        assert!(
            target.issue(&bob(), AT).await.is_err(),
            "{status} sets no cookie"
        );
    }
    let target = stranger("http://127.0.0.1:9");
    let error = target
        .authenticate(&Presented::access("x"), AT)
        .await
        .unwrap_err();
    assert!(matches!(fault(&error), Fault::Unanswered(_)), "{error:?}");
}

#[tokio::test]
async fn refusals_are_answers_to_credentials_but_not_to_passwords() {
    let (base_url, seen) = serve(|_| (403, "", "")).await;
    let target = stranger(&base_url);
    let decision = target
        .authenticate(&Presented::access("x"), AT)
        .await
        .unwrap();
    assert_eq!(decision, Decision::Refused(Refusal::Unknown));
    let error = target.issue(&bob(), AT).await.unwrap_err();
    assert!(
        matches!(fault(&error), Fault::Denied { status: 403 }),
        "{error:?}"
    );
    // A cookie cannot hold these texts: nobody is asked.
    let asked = seen.lock().len();
    for text in ["a;b", "a b", "a\nb", "ä"] {
        let decision = target
            .authenticate(&Presented::access(text), AT)
            .await
            .unwrap();
        assert_eq!(decision, Decision::Refused(Refusal::Malformed), "{text:?}");
    }
    assert_eq!(seen.lock().len(), asked);
}

#[tokio::test]
async fn what_is_absent_is_named_with_its_reason() {
    let (base_url, seen) = serve(by_line).await;
    let target = stranger(&base_url);
    assert_eq!(target.logins(&bob().id, AT).await.unwrap(), Logins::NotKept);
    let refreshed = target.refresh(&Presented::default(), AT).await.unwrap();
    assert!(matches!(refreshed, Refreshed::NotOffered));
    let error = target
        .revoke(&Scope::Subject(&bob().id), AT)
        .await
        .unwrap_err();
    match fault(&error) {
        Fault::Absent {
            operation, reason, ..
        } => {
            assert_eq!((*operation, &**reason), (Operation::LogoutAll, "not built"));
        }
        other => panic!("{other:?}"),
    }
    let nobody = Subject {
        id: SubjectId::new("43"),
        roles: Roles::default(),
    };
    let error = target.issue(&nobody, AT).await.unwrap_err();
    assert!(
        matches!(fault(&error), Fault::NoSuchUser { .. }),
        "{error:?}"
    );
    assert_eq!(seen.lock().len(), 0, "nothing of this needs a request");
}

#[tokio::test]
async fn without_a_list_others_end_by_the_password_there_and_back() {
    let (base_url, seen) = serve(by_line).await;
    let target = stranger(&base_url);
    let keep = granted(&target).await.login;
    let scope = Scope::Others {
        subject: &bob().id,
        keep,
    };
    let receipt = target.revoke(&scope, AT).await.unwrap();
    assert_eq!(
        receipt,
        Receipt {
            effective_from: AT.plus_ms(700)
        }
    );
    let bodies: Vec<_> = seen.lock()[1..]
        .iter()
        .map(|seen| seen.body.clone())
        .collect();
    assert_eq!(
        bodies,
        [
            r#"{"old":"p&ss word","new":"p&ss word-interim"}"#,
            r#"{"old":"p&ss word-interim","new":"p&ss word"}"#
        ]
    );
}

#[tokio::test]
async fn a_password_that_stays_changed_is_reported_and_used() {
    let (base_url, seen) = serve(|seen| match seen.line.as_str() {
        "PUT /pw" if seen.body.starts_with(r#"{"old":"p&ss word-interim""#) => (401, "", ""),
        _ => by_line(seen),
    })
    .await;
    let target = stranger(&base_url);
    let keep = granted(&target).await.login;
    let scope = Scope::Others {
        subject: &bob().id,
        keep,
    };
    let error = target.revoke(&scope, AT).await.unwrap_err();
    assert!(
        matches!(fault(&error), Fault::PasswordLeft { .. }),
        "{error:?}"
    );
    assert!(
        !format!("{error:?} {:?}", fault(&error)).contains("interim"),
        "no secret is told"
    );
    granted(&target).await;
    let last = seen.lock().last().unwrap().body.clone();
    assert_eq!(last, "u=bob%40example.test&p=p%26ss%20word-interim");
}

#[tokio::test]
async fn a_helper_leaves_no_trace() {
    let (base_url, seen) = serve(|seen| match seen.line.as_str() {
        "POST /login" => (
            200,
            "",
            r#"{"subject":"acct-000007","login":"h","expires_at_ms":9,"access_token":"t"}"#,
        ),
        "GET /sessions" => (
            200,
            "",
            r#"{"sessions":[{"id":"h","issued_at_ms":1,"expires_at_ms":9},{"id":"other","issued_at_ms":7,"expires_at_ms":2000000}]}"#,
        ),
        "POST /logout" => (200, "", r#"{"effective_from_ms":5}"#),
        "DELETE /sessions/other" => (200, "", r#"{"effective_from_ms":1234567}"#),
        _ => (404, "", ""),
    })
    .await;
    let profile = reference("authbench-bearer");
    let target = Target::new(profile, &base_url, &TargetOptions::default()).unwrap();
    let subject = SubjectId::new("acct-000007");
    let Logins::Known(logins) = target.logins(&subject, AT).await.unwrap() else {
        panic!("the profile has a list")
    };
    assert_eq!(logins.len(), 1, "the helper's own login is left out");
    let span = (logins[0].issued_at, logins[0].expires_at);
    assert_eq!(span, (UnixMs(7), UnixMs(2_000_000)));
    // A stranger's handle goes under an identifier of ours, and back.
    let scope = Scope::Login {
        subject: &subject,
        login: logins[0].login,
    };
    let receipt = target.revoke(&scope, AT).await.unwrap();
    assert_eq!(
        receipt,
        Receipt {
            effective_from: UnixMs(1_234_567)
        }
    );
    let seen = seen.lock().clone();
    let lines: Vec<_> = seen.iter().map(|seen| seen.line.as_str()).collect();
    let (login, list, logout) = ("POST /login", "GET /sessions", "POST /logout");
    assert_eq!(
        lines,
        [
            login,
            list,
            logout,
            login,
            list,
            "DELETE /sessions/other",
            logout
        ]
    );
    assert_eq!(
        seen[0].body,
        r#"{"user":"user-000007","password":"lab-password-000007"}"#
    );
    assert!(
        seen[1..3]
            .iter()
            .all(|seen| seen.header("authorization") == Some("Bearer t"))
    );
}

#[test]
fn whose_server_it_is_must_be_known() {
    let options = |owned| TargetOptions {
        owned,
        ..TargetOptions::default()
    };
    let target = |url, owned| Target::new(reference("authbench-cookie"), url, &options(owned));
    for url in ["http://127.0.0.1:1", "http://[::1]:1/", "https://localhost"] {
        assert!(target(url, false).is_ok(), "{url}");
    }
    let error = target("http://192.0.2.1", false).unwrap_err();
    assert!(
        matches!(error, TargetError::NotLoopback { .. }),
        "{error:?}"
    );
    assert!(target("http://192.0.2.1", true).is_ok());
    for url in [
        "ftp://127.0.0.1",
        "http://127.0.0.1/api",
        "http://a@127.0.0.1",
        "http://127.0.0.1?x",
    ] {
        let error = target(url, true).unwrap_err();
        assert!(
            matches!(error, TargetError::Shape { .. }),
            "{url}: {error:?}"
        );
    }
    assert!(matches!(
        target("nothing", true).unwrap_err(),
        TargetError::Url { .. }
    ));
}
