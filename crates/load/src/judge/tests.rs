use std::path::Path;

use authbench_wire::Profile;

use super::*;

const ISSUED: u64 = 1_000_000;

fn target(carrier: &str) -> Target {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios/targets");
    let profile = Profile::read(&root.join(format!("authbench-{carrier}"))).unwrap();
    Target::compile(&profile, false).unwrap()
}

fn at(ms: u64) -> Span {
    Span::instant(UnixMs(ms))
}

fn view(status: u16, body: &str) -> View<'_> {
    View::new(status, body.as_bytes(), b"")
}

/// The field that gives the target's cookie this value, after another value
/// and before one of another name.
fn set_cookie(value: &str) -> String {
    let target = target("cookie");
    let name = target.cookie_name();
    format!(
        "Set-Cookie: {name}=first\r\nSet-Cookie: {name}={value}; Path=/\r\nSet-Cookie: {name}x=y\r\n"
    )
}

/// Account 7, logged in at `ISSUED` for ten seconds.
fn user() -> User {
    let mut user = User::new(Some("acct-7"));
    user.log_in(
        b"old",
        LoginHistory::new(at(ISSUED), UnixMs(ISSUED + 10_000)),
    );
    user
}

const OWN: &str = r#"{"subject":"acct-7","roles":[]}"#;
const OTHER: &str = r#"{"subject":"acct-8","roles":[]}"#;

fn read(status: u16, body: &str, ms: u64) -> Kind {
    judge(
        &target("cookie"),
        &mut user(),
        Action::Read,
        at(ISSUED + ms),
        view(status, body),
    )
}

#[test]
fn reads() {
    assert_eq!(read(200, OWN, 1), Kind::Right);
    assert_eq!(read(200, OTHER, 1), Kind::WrongUser);
    assert_eq!(read(200, "{}", 1), Kind::MalformedAnswer);
    assert_eq!(read(200, "acct-7", 1), Kind::MalformedAnswer);
    assert_eq!(read(401, "", 1), Kind::RefusedGood);
    assert_eq!(read(403, "", 1), Kind::RefusedGood);
    assert_eq!(read(404, OWN, 1), Kind::UnexpectedStatus);
    assert_eq!(read(302, OWN, 1), Kind::UnexpectedStatus);
    assert_eq!(read(503, OWN, 1), Kind::NoJudgement);
    assert_eq!(read(200, OWN, 10_000), Kind::AcceptedDead);
    assert_eq!(read(401, "", 10_000), Kind::Right);
}

#[test]
fn around_the_expiry_both_answers_are_right() {
    let (target, mut user) = (target("cookie"), user());
    let over = Span {
        start: at(ISSUED + 9_999).start,
        end: at(ISSUED + 10_001).end,
    };
    assert_eq!(
        judge(&target, &mut user, Action::Read, over, view(200, OWN)),
        Kind::Right
    );
    assert_eq!(
        judge(&target, &mut user, Action::Read, over, view(401, "")),
        Kind::Right
    );
    assert!(user.login().is_none(), "a refused user must log in again");
}

#[test]
fn a_known_body_is_known_only_to_its_user() {
    let (target, mut user) = (target("cookie"), user());
    assert_eq!(
        judge(&target, &mut user, Action::Read, at(ISSUED), view(200, OWN)),
        Kind::Right
    );
    assert!(user.knows(OWN.as_bytes()));
    assert_eq!(
        judge(
            &target,
            &mut user,
            Action::Read,
            at(ISSUED),
            view(200, OTHER)
        ),
        Kind::WrongUser
    );
    assert_eq!(
        judge(&target, &mut user, Action::Read, at(ISSUED), view(200, OWN)),
        Kind::Right
    );
    // A known body does not revive a dead credential.
    let late = at(ISSUED + 10_000);
    assert_eq!(
        judge(&target, &mut user, Action::Read, late, view(200, OWN)),
        Kind::AcceptedDead
    );
}

#[test]
fn mutations_and_logouts() {
    let target = target("cookie");
    let span = at(ISSUED + 1);
    let judged = |action, status, body| {
        let mut user = user();
        let kind = judge(&target, &mut user, action, span, view(status, body));
        (kind, user.login().is_some())
    };
    assert_eq!(judged(Action::Mutate, 200, OWN), (Kind::Right, true));
    assert_eq!(judged(Action::Mutate, 200, OTHER), (Kind::WrongUser, true));
    assert_eq!(judged(Action::Mutate, 401, ""), (Kind::RefusedGood, false));
    assert_eq!(judged(Action::Logout, 200, "{}"), (Kind::Right, false));
    assert_eq!(judged(Action::Logout, 500, ""), (Kind::NoJudgement, false));
    assert_eq!(judged(Action::Logout, 401, ""), (Kind::RefusedGood, false));
}

#[test]
fn logins() {
    let answer = |subject: &str, more: &str| {
        format!(r#"{{"subject":"{subject}","login":"l","expires_at_ms":1005000{more}}}"#)
    };
    let token = r#","access_token":"new""#;
    let login = |carrier: &str, body: &str, cookie: Option<&str>| {
        let mut user = user();
        user.log_out();
        let head = cookie.map_or_else(String::new, set_cookie);
        let view = View::new(200, body.as_bytes(), head.as_bytes());
        let kind = judge(&target(carrier), &mut user, Action::Login, at(ISSUED), view);
        let expires_at = user.login().map(|login| login.expires_at);
        (
            kind,
            String::from_utf8(user.credential().to_vec()).unwrap(),
            expires_at,
        )
    };
    let good = (Kind::Right, "new".to_owned(), Some(UnixMs(ISSUED + 5_000)));
    assert_eq!(login("bearer", &answer("acct-7", token), None), good);
    assert_eq!(login("cookie", &answer("acct-7", ""), Some("new")), good);
    let failed = |kind| (kind, String::new(), None);
    assert_eq!(
        login("cookie", &answer("acct-8", ""), Some("new")),
        failed(Kind::WrongUser)
    );
    for (carrier, body, cookie) in [
        ("cookie", answer("acct-7", token), None),
        ("cookie", answer("acct-7", ""), Some("")),
        ("cookie", answer("acct-7", ""), Some("a b")),
        ("bearer", answer("acct-7", ""), Some("new")),
        (
            "bearer",
            answer("acct-7", r#","access_token":"a\r\nb""#),
            None,
        ),
        ("bearer", r#"{"subject":"acct-7"}"#.to_owned(), None),
    ] {
        assert_eq!(
            login(carrier, &body, cookie),
            failed(Kind::MalformedAnswer),
            "{body}"
        );
    }
    let mut user = User::default();
    let refused = judge(
        &target("cookie"),
        &mut user,
        Action::Login,
        at(ISSUED),
        view(401, ""),
    );
    assert_eq!(refused, Kind::RefusedGood);
}

#[test]
fn a_cookie_that_is_set_anew_replaces_the_old_one() {
    let (target, mut user) = (target("cookie"), user());
    for (cookie, held) in [("newer", "newer"), ("", "newer"), ("newest", "newest")] {
        let head = set_cookie(cookie);
        let view = View::new(200, OWN.as_bytes(), head.as_bytes());
        assert_eq!(
            judge(&target, &mut user, Action::Read, at(ISSUED), view),
            Kind::Right
        );
        assert_eq!(user.credential(), held.as_bytes());
    }
}

#[test]
fn a_subject_that_nobody_names_is_taken_from_the_first_answer() {
    let target = target("cookie");
    let mut subject = None;
    assert_eq!(
        showing(&target, &mut subject, view(200, OWN)),
        Showing::Accepted
    );
    assert_eq!(
        showing(&target, &mut subject, view(200, OTHER)),
        Showing::Failed(Kind::WrongUser)
    );
    assert_eq!(
        showing(&target, &mut subject, view(401, "")),
        Showing::Refused
    );
    assert_eq!(
        showing(&target, &mut subject, view(500, "")),
        Showing::Failed(Kind::NoJudgement)
    );
}
