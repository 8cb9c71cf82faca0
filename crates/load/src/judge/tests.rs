use std::path::Path;

use authbench_core::{Staleness, UnixMs};
use authbench_wire::Profile;

use super::*;

/// An hour, seen at once, without refresh or idle timeout.
pub(crate) fn promises() -> Guarantees {
    let promises = target("cookie").guarantees;
    assert_eq!(promises.revoke_all, Staleness::Immediate);
    promises
}

const ISSUED: u64 = 1_000_000;

fn target(carrier: &str) -> Target {
    renewing_target(carrier, RefreshOffer::None)
}

fn renewing_target(carrier: &str, refresh: RefreshOffer) -> Target {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios/targets");
    let mut profile = Profile::read(&root.join(format!("authbench-{carrier}"))).unwrap();
    profile.guarantees.refresh = refresh;
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
    let CompiledCarrier::Cookie(name) = &target.carrier else {
        panic!("no cookie");
    };
    format!(
        "Set-Cookie: {name}=first\r\nSet-Cookie: {name}={value}; Path=/\r\nSet-Cookie: {name}x=y\r\n"
    )
}

/// Account 7, logged in at `ISSUED` for ten seconds.
fn user() -> User {
    let mut user = User::new(Some("acct-7"));
    let history = LoginHistory::new(at(ISSUED), UnixMs(ISSUED + 10_000));
    user.log_in(b"=old", b"", history, &promises());
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
            String::from_utf8(user.spelling().to_vec()).unwrap(),
            expires_at,
        )
    };
    let good = |spelling: &str| {
        let expires_at = Some(UnixMs(ISSUED + 5_000));
        (Kind::Right, spelling.to_owned(), expires_at)
    };
    assert_eq!(login("bearer", &answer("acct-7", token), None), good("new"));
    assert_eq!(
        login("cookie", &answer("acct-7", ""), Some("new")),
        good("=new")
    );
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
fn a_cookie_that_is_set_anew_replaces_the_old_one_and_an_empty_one_ends_it() {
    let (target, mut user) = (target("cookie"), user());
    for (cookie, held) in [("newer", "=newer"), ("newest", "=newest"), ("", "")] {
        let head = set_cookie(cookie);
        let view = View::new(200, OWN.as_bytes(), head.as_bytes());
        assert_eq!(
            judge(&target, &mut user, Action::Read, at(ISSUED), view),
            Kind::Right
        );
        assert_eq!(user.spelling(), held.as_bytes());
    }
    assert!(user.life().is_none());
    // A refusal changes nobody's cookie but that of who was refused.
    let mut user = self::user();
    let head = set_cookie("");
    let cleared = View::new(401, b"", head.as_bytes());
    let forged = judge(&target, &mut user, Action::Forged, at(ISSUED), cleared);
    assert_eq!((forged, user.spelling()), (Kind::Right, &b"=old"[..]));
}

#[test]
fn what_must_be_refused() {
    let target = target("cookie");
    let judged = |action, status, body| {
        let mut user = user();
        let kind = judge(
            &target,
            &mut user,
            action,
            at(ISSUED + 1),
            view(status, body),
        );
        assert_eq!(user.spelling(), b"=old", "its own login is not touched");
        assert_eq!(user.due(&promises(), at(ISSUED + 1).start), None);
        kind
    };
    for action in Action::ALL
        .into_iter()
        .filter(|action| action.must_be_refused())
    {
        assert_eq!(judged(action, 401, ""), Kind::Right);
        assert_eq!(judged(action, 403, OWN), Kind::Right);
        assert_eq!(judged(action, 200, OWN), Kind::AcceptedDead);
        assert_eq!(judged(action, 200, OTHER), Kind::WrongUser);
        assert_eq!(judged(action, 200, "no JSON"), Kind::AcceptedDead);
        assert_eq!(judged(action, 503, ""), Kind::NoJudgement);
        assert_eq!(judged(action, 429, ""), Kind::UnexpectedStatus);
    }
}

#[test]
fn a_login_from_another_place_leaves_the_old_one_if_it_fails() {
    let target = target("bearer");
    let judged = |status, body: &str| {
        let mut user = user();
        let kind = judge(
            &target,
            &mut user,
            Action::Login,
            at(ISSUED + 1),
            view(status, body),
        );
        (kind, String::from_utf8(user.spelling().to_vec()).unwrap())
    };
    let old = "=old".to_owned();
    assert_eq!(judged(401, ""), (Kind::RefusedGood, old.clone()));
    assert_eq!(judged(409, ""), (Kind::UnexpectedStatus, old.clone()));
    let other = r#"{"subject":"acct-8","access_token":"t","expires_at_ms":1}"#;
    assert_eq!(judged(200, other), (Kind::WrongUser, old));
    let own = r#"{"subject":"acct-7","access_token":"t","expires_at_ms":1}"#;
    assert_eq!(judged(200, own), (Kind::Right, "t".to_owned()));
    // Where logins are refused over a limit, they may be.
    let mut limited = self::target("bearer");
    limited.guarantees.login_limit = Some(authbench_core::LoginLimit {
        logins_max: 1,
        policy: LimitPolicy::Reject,
    });
    let kind = judge(
        &limited,
        &mut user(),
        Action::Login,
        at(ISSUED),
        view(409, ""),
    );
    assert_eq!(kind, Kind::Right);
}

#[test]
fn renewals() {
    let rotating = RefreshOffer::RotatingKillsFamily {
        grace_ms: 0,
        chain_ms: 60_000,
    };
    let judged = |offer, ms, status, more: &str| {
        let target = renewing_target("bearer", offer);
        let mut user = User::new(Some("acct-7"));
        let history = LoginHistory::new(at(ISSUED), UnixMs(ISSUED + 10_000));
        user.log_in(b"old", b"token", history, &target.guarantees);
        let body = format!(r#"{{"expires_at_ms":1020000{more}}}"#);
        let span = at(ISSUED + ms);
        let kind = judge(
            &target,
            &mut user,
            Action::Refresh,
            span,
            view(status, &body),
        );
        let (access, token) = (user.spelling(), user.refresh_token());
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        (kind, text(access), text(token))
    };
    let held = |kind, access: &str, token: &str| (kind, access.to_owned(), token.to_owned());
    let both = r#","access_token":"new","refresh_token":"next""#;
    let right = held(Kind::Right, "new", "next");
    assert_eq!(judged(rotating, 9_000, 200, both), right);
    assert_eq!(
        judged(rotating, 20_000, 200, both),
        right,
        "after the expiry, too"
    );
    let swapped = judged(RefreshOffer::SwapsAccess, 9_000, 200, both);
    assert_eq!(swapped, held(Kind::Right, "new", ""));
    // Whatever else comes, the user has to log in.
    for (offer, ms, status, more, kind) in [
        (rotating, 60_000, 200, both, Kind::AcceptedDead),
        (rotating, 60_000, 401, "", Kind::Right),
        (rotating, 1, 401, "", Kind::RefusedGood),
        (rotating, 1, 503, "", Kind::NoJudgement),
        (
            rotating,
            1,
            200,
            r#","access_token":"new""#,
            Kind::MalformedAnswer,
        ),
        (
            RefreshOffer::SwapsAccess,
            1,
            200,
            r#","access_token":"old""#,
            Kind::MalformedAnswer,
        ),
        (
            RefreshOffer::SwapsAccess,
            10_000,
            200,
            both,
            Kind::AcceptedDead,
        ),
    ] {
        assert_eq!(
            judged(offer, ms, status, more),
            held(kind, "", ""),
            "{ms} {status}"
        );
    }
}

#[test]
fn a_logout_everywhere_is_asked_for_by_the_living() {
    let target = target("cookie");
    let judged = |status, ms| {
        let mut user = user();
        let span = at(ISSUED + ms);
        let kind = judge(
            &target,
            &mut user,
            Action::LogoutAll,
            span,
            view(status, "{}"),
        );
        assert!(user.life().is_none());
        kind
    };
    assert_eq!(judged(200, 1), Kind::Right);
    assert_eq!(judged(401, 1), Kind::RefusedGood);
    assert_eq!(judged(500, 1), Kind::NoJudgement);
    assert_eq!(judged(200, 10_000), Kind::AcceptedDead);
    assert_eq!(judged(401, 10_000), Kind::Right);
}

#[test]
fn a_change_of_roles_is_judged_by_its_success() {
    let target = target("cookie");
    let judged = |status, ms| {
        let mut admin = user();
        let span = at(ISSUED + ms);
        let kind = judge(
            &target,
            &mut admin,
            Action::RoleChange,
            span,
            view(status, "{}"),
        );
        (kind, admin.life().is_some())
    };
    assert_eq!(judged(200, 1), (Kind::Right, true));
    assert_eq!(judged(403, 1), (Kind::RefusedGood, false));
    assert_eq!(judged(404, 1), (Kind::UnexpectedStatus, true));
    assert_eq!(judged(401, 10_000), (Kind::Right, false));
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
