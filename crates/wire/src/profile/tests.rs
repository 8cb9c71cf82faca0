use super::*;

const COOKIE: &str = include_str!("../../../../scenarios/targets/authbench-cookie/profile.toml");
const BEARER: &str = include_str!("../../../../scenarios/targets/authbench-bearer/profile.toml");

fn error(text: &str) -> String {
    Profile::parse(Path::new("p.toml"), text)
        .map(|_| ())
        .unwrap_err()
        .to_string()
}

struct CookieNames<'p>(&'p str, &'p str);

fn cookie_names(profile: &Profile) -> CookieNames<'_> {
    match (&profile.carrier, &profile.refresh) {
        (Carrier::Cookie { name }, Some(RefreshCarrier::Cookie { name: refresh })) => {
            CookieNames(name, refresh)
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_shipped_profiles_are_good_and_differ_in_carrier_and_proof_only() {
    let cookie = Profile::parse(Path::new("c"), COOKIE).unwrap();
    let bearer = Profile::parse(Path::new("b"), BEARER).unwrap();
    assert_eq!(cookie.csrf, CsrfProof::SameOrigin);
    assert_eq!(bearer.csrf, CsrfProof::None);
    let after = |text: &'static str| {
        let text = text.split_once("[users.pattern]").unwrap().1;
        text.replace("body = '{\"refresh_token\":\"{refresh}\"}'\n", "")
            .replace("[policy]\ncsrf = [\"fetch-metadata\", \"origin\"]\n\n", "")
    };
    assert_eq!(after(COOKIE), after(BEARER));
    let CookieNames(access, refresh) = cookie_names(&cookie);
    assert_eq!(access, crate::CookieSettings::DEFAULT_NAME);
    assert_eq!(refresh, crate::refresh_cookie::NAME);
    let user = cookie.users.nth(17).unwrap();
    assert_eq!(user.user, "user-000017");
    assert_eq!(user.subject.as_deref(), Some("acct-000017"));
    assert_eq!(cookie.users.nth(cookie.users.count()), None);
}

#[test]
fn what_is_forgotten_is_not_taken_for_absent() {
    let (before, rest) = BEARER.split_once("[operations.revoke]").unwrap();
    let after = rest.split_once("[operations.whoami]").unwrap().1;
    let text = format!("{before}[operations.whoami]{after}");
    assert!(
        error(&text).contains("`revoke` is neither"),
        "{}",
        error(&text)
    );
    let reason = format!("{text}\n[absent]\nrevoke = \"not built\"\n");
    let profile = Profile::parse(Path::new("p"), &reason).unwrap();
    assert_eq!(profile.absent[&Operation::Revoke], "not built");
    let both = format!("{BEARER}\n[absent]\nlogout = \"none\"\n");
    assert!(
        error(&both).contains("`logout` is both"),
        "{}",
        error(&both)
    );
}

#[test]
fn a_wrong_gap_or_key_is_told_with_its_place_and_the_nearest() {
    let gap = BEARER.replace("{new_password}", "{new_pasword}");
    let message = error(&gap);
    assert!(
        message.starts_with("p.toml:") && message.contains("{new_password}"),
        "{message}"
    );
    let key = BEARER.replace("success = [200]\nlist", "sucess = [200]\nlist");
    assert!(
        error(&key).contains("did you mean `success`"),
        "{}",
        error(&key)
    );
    let operation = BEARER.replace("[operations.logout-all]", "[operations.logoutall]");
    assert!(
        error(&operation).contains("`logout-all`"),
        "{}",
        error(&operation)
    );
    let echo = BEARER.replace("subject = \"/subject\"\nroles", "roles");
    assert!(error(&echo).contains("identity echo"), "{}", error(&echo));
}

#[test]
fn where_refresh_tokens_travel_must_fit_the_requests() {
    let rotating = "refresh = { rotating-kills-family = { grace_ms = 0, chain_ms = 9 } }";
    let promised = BEARER.replace("refresh = \"none\"", rotating);
    let profile = Profile::parse(Path::new("p"), &promised).unwrap();
    assert!(
        profile
            .request(Operation::Refresh)
            .unwrap()
            .has_gap("refresh")
    );
    let unplaced = promised.replace("[refresh.body]\ntoken = \"/refresh_token\"\n", "");
    for (text, fault) in [
        (unplaced, "must say where they travel"),
        (
            BEARER.replace("\"{refresh}\"", "\"\""),
            "has no gap `{refresh}`",
        ),
        (
            COOKIE.replace(
                "path = \"/refresh/revoke\"",
                "path = \"/refresh/{refresh}\"",
            ),
            "[operations.revoke] has the gap `{refresh}`, but the token travels in the cookie `__Secure-refresh`",
        ),
        (
            BEARER.replace("token = \"/refresh_token\"", "token = \"refresh_token\""),
            "[refresh.body] token: the JSON pointer `refresh_token` must begin with `/`",
        ),
    ] {
        assert!(error(&text).contains(fault), "{}", error(&text));
    }
}

#[test]
fn what_would_not_be_read_is_refused() {
    let add = |operation: &str, line: &str| {
        let table = format!("[operations.{operation}]\n");
        error(&BEARER.replace(&table, &format!("{table}{line}\n")))
    };
    for (operation, line, fault) in [
        (
            "logout",
            "limit_reached = [409]",
            "means something for `login` only",
        ),
        (
            "whoami",
            "issued_at_ms = \"/x\"",
            "from the list of `sessions` only",
        ),
        (
            "logout",
            "expires_at_ms = \"x\"",
            "[operations.logout] expires_at_ms: the JSON pointer `x`",
        ),
    ] {
        let message = add(operation, line);
        assert!(message.contains(fault), "{message}");
    }
    let both = BEARER.replace("limit_reached = [409]", "limit_reached = [409, 200]");
    assert!(
        error(&both).contains("takes 200 for `success` and"),
        "{}",
        error(&both)
    );
}
