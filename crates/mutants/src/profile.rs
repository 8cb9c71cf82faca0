//! The profile that a specimen writes of itself.

use std::fmt::Write as _;
use std::path::Path;

use authbench_conf::ConfError;
use authbench_wire::Profile;

use crate::accounts::PATTERN_COUNT;
use crate::kind::{
    ABSOLUTE_MS, APP_ORIGIN, AUDIENCE, GRACE_MS, GRACE_REPLAYS_MAX, GUESSES_MAX, IDLE_MS, ISSUER,
    KEYS_CACHE_MS, KEYS_FETCH_INTERVAL_MS, Kind, OUTAGE_ANSWER_MS, PARTNER, PURGE_MS, SESSIONS_MAX,
    SKEW_MS, STEP_UP_MS,
};
use crate::specimen::Inner;

/// Operation, method, path, body, and further keys.
type Row = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
);

const LOGIN: &str =
    "subject = \"/subject\"\nlogin = \"/login\"\nexpires_at_ms = \"/expires_at_ms\"";
const RECEIPT: &str = "effective_from_ms = \"/effective_from_ms\"";

const COMMON: [Row; 17] = [
    ("admin", "GET", "/admin", "", ""),
    (
        "create",
        "POST",
        "/admin/users",
        r#"{"user":"{subject_user}","password":"{new_password}"}"#,
        "",
    ),
    ("delete", "DELETE", "/admin/users/{subject_user}", "", ""),
    (
        "disable",
        "POST",
        "/admin/users/{subject_user}/disable",
        "",
        RECEIPT,
    ),
    (
        "login",
        "POST",
        "/login",
        r#"{"user":"{user}","password":"{password}"}"#,
        LOGIN,
    ),
    ("logout", "POST", "/logout", "", RECEIPT),
    (
        "mutate",
        "PUT",
        "/me/note",
        r#"{"note":"{value}"}"#,
        "subject = \"/subject\"",
    ),
    ("object", "GET", "/users/{subject_user}/note", "", ""),
    (
        "password-change",
        "POST",
        "/password",
        r#"{"current":"{password}","new":"{new_password}"}"#,
        RECEIPT,
    ),
    ("read-state", "GET", "/me/note", "", "value = \"/note\""),
    (
        "reset-finish",
        "POST",
        "/reset/finish",
        r#"{"token":"{token}","new":"{new_password}"}"#,
        "",
    ),
    (
        "reset-start",
        "POST",
        "/reset/start",
        r#"{"user":"{user}"}"#,
        "token = \"/token\"",
    ),
    (
        "sensitive",
        "POST",
        "/me/email",
        r#"{"email":"{value}"}"#,
        "",
    ),
    (
        "set-roles",
        "POST",
        "/admin/users/{subject_user}/roles",
        r#"{"roles":{roles}}"#,
        RECEIPT,
    ),
    ("slow", "GET", "/slow?ms={ms}", "", "subject = \"/subject\""),
    (
        "step-up",
        "POST",
        "/step-up",
        r#"{"password":"{password}"}"#,
        LOGIN,
    ),
    (
        "whoami",
        "GET",
        "/me",
        "",
        "subject = \"/subject\"\nroles = \"/roles\"\nlogin = \"/login\"",
    ),
];
const LOGOUT_ALL: Row = ("logout-all", "POST", "/logout-all", "", RECEIPT);
const SESSIONS: [Row; 2] = [
    ("end-session", "DELETE", "/sessions/{login}", "", RECEIPT),
    (
        "sessions",
        "GET",
        "/sessions",
        "",
        "list = \"/sessions\"\nlogin = \"/id\"\nissued_at_ms = \"/issued_at_ms\"\nexpires_at_ms = \"/expires_at_ms\"",
    ),
];
const INTROSPECT: Row = (
    "introspect",
    "POST",
    "/introspect",
    r#"{"token":"{token}"}"#,
    "",
);
const REFRESH_BODY: &str = r#"{"refresh_token":"{refresh}"}"#;

/// The profile of a running specimen.
pub(crate) fn written(inner: &Inner) -> Result<Profile, ConfError> {
    Profile::parse(Path::new("specimen.toml"), &text(inner))
}

fn text(inner: &Inner) -> String {
    let kind = inner.kind;
    let urls = inner.base_urls();
    let csrf = match kind {
        Kind::SessionCookie => {
            "{ token = { cookie = \"__Host-csrf\", header = \"x-csrf-token\" } }"
        }
        _ if kind.in_cookie() => "\"same-origin\"",
        _ => "\"none\"",
    };
    let families: Vec<String> = kind
        .families()
        .iter()
        .map(|family| format!("{:?}", family.label()))
        .collect();
    let mut out = format!(
        "name = \"specimen-{}\"\nbase_url = \"{}\"\nreplicas = [\"{}\"]\ncsrf = {csrf}\nfamilies = [{}]\n",
        kind.label(),
        urls[0],
        urls[1..].join("\", \""),
        families.join(", "),
    );
    out.push_str(&carriers(kind));
    out.push_str(&users());
    let absent = operations(kind, &mut out);
    out.push_str("[absent]\n");
    for (operation, reason) in absent {
        let _ = writeln!(out, "{operation} = \"{reason}\"");
    }
    out.push_str(&policy(kind));
    out.push_str(&guarantees(kind));
    out.push_str(&keys(inner));
    if let Some(url) = inner.plain_url() {
        let _ = writeln!(out, "[tls]\nplain_url = \"{url}\"");
    }
    for client in &inner.world.clients {
        let _ = writeln!(
            out,
            "[[clients]]\nid = \"{}\"\nsecret = \"{}\"",
            client.id, client.secret
        );
    }
    out
}

fn carriers(kind: Kind) -> String {
    let mut out = if kind.in_cookie() {
        format!("[carrier.cookie]\nname = \"{}\"\n", kind.access_cookie())
    } else {
        "[carrier.bearer]\ntoken = \"/access_token\"\n".to_owned()
    };
    match kind {
        Kind::Refresh => out.push_str("[refresh.body]\ntoken = \"/refresh_token\"\n"),
        Kind::Hybrid => {
            let _ = writeln!(
                out,
                "[refresh.cookie]\nname = \"{}\"",
                crate::cookies::REFRESH
            );
        }
        _ => {}
    }
    out
}

fn users() -> String {
    format!(
        r#"[users]
private = ["user-{{n}}@private.example"]
[users.pattern]
user = "user-{{n}}"
password = "lab-password-{{n}}"
subject = "acct-{{n}}"
count = {PATTERN_COUNT}
[users.admin]
user = "admin"
password = "lab-password-admin"
subject = "acct-admin"
[users.large]
user = "large"
password = "lab-password-large"
subject = "acct-large"
"#
    )
}

/// Writes what there is, and answers what there is not.
fn operations(kind: Kind, out: &mut String) -> Vec<(&'static str, &'static str)> {
    let mut rows: Vec<Row> = COMMON.to_vec();
    let mut absent = Vec::new();
    if kind.is_stateless() {
        absent.push(("logout-all", "no state is kept that could end other tokens"));
        absent.push(("step-up", "the old token could not be ended"));
        absent.push(("sensitive", "it needs a step-up"));
        rows.retain(|row| !matches!(row.0, "step-up" | "sensitive"));
    } else {
        rows.push(LOGOUT_ALL);
    }
    if kind.keeps_logins() {
        rows.extend(SESSIONS);
    } else {
        absent.push(("sessions", "nobody remembers which logins there are"));
        absent.push(("end-session", "nobody remembers which logins there are"));
    }
    if matches!(kind, Kind::SessionBearer | Kind::Refresh | Kind::Denylist) {
        rows.push(INTROSPECT);
    }
    if kind.refreshes() {
        let body = if kind.in_cookie() { "" } else { REFRESH_BODY };
        let renewed = "login = \"/login\"\nexpires_at_ms = \"/expires_at_ms\"";
        rows.push(("refresh", "POST", "/refresh", body, renewed));
        rows.push(("revoke", "POST", "/refresh/revoke", body, RECEIPT));
    } else {
        absent.push(("refresh", "there are no refresh tokens"));
        absent.push(("revoke", "there are no refresh tokens"));
    }
    for (operation, method, path, body, more) in rows {
        let _ = writeln!(
            out,
            "[operations.{operation}]\nmethod = \"{method}\"\npath = \"{path}\"\nsuccess = [200]"
        );
        if !body.is_empty() {
            let _ = writeln!(out, "body = '{body}'");
        }
        let _ = writeln!(out, "{more}");
    }
    absent
}

fn policy(kind: Kind) -> String {
    let late_ms = if kind.is_stateless() {
        kind.access_ttl_ms() + SKEW_MS
    } else {
        0
    };
    let fail_mode = if kind.is_stateless() {
        "unaffected"
    } else {
        "closed"
    };
    let mut out = format!(
        "[policy]\naccess_ttl_ms = {}\nrevoke_max_ms = {late_ms}\npriv_max_ms = {late_ms}\nskew_ms = {SKEW_MS}\nfail_mode = \"{fail_mode}\"\noutage_answer_ms = {OUTAGE_ANSWER_MS}\nallowed_origins = [\"{APP_ORIGIN}\"]\nguesses_max = {GUESSES_MAX}\npurge_ms = {PURGE_MS}\ndurable = true\nrenewal_grace_ms = 0\n",
        kind.access_ttl_ms(),
    );
    if kind.keeps_logins() {
        let _ = writeln!(
            out,
            "idle_ms = {IDLE_MS}\nabsolute_ms = {ABSOLUTE_MS}\nsessions_max = {SESSIONS_MAX}\noverflow = \"evict\""
        );
    }
    if !kind.is_stateless() {
        let _ = writeln!(out, "step_up_ttl_ms = {STEP_UP_MS}");
    }
    if kind.in_cookie() {
        let token = if kind == Kind::SessionCookie {
            ", \"token\""
        } else {
            ""
        };
        let _ = writeln!(out, "csrf = [\"fetch-metadata\", \"origin\"{token}]");
    }
    if kind.is_jwt() {
        let _ = writeln!(
            out,
            "issuer = \"{ISSUER}\"\naudience = \"{AUDIENCE}\"\nfuture_iat_refused = true"
        );
    }
    if kind.fetches_keys() {
        let _ = writeln!(
            out,
            "keys_cache_ms = {KEYS_CACHE_MS}\nkeys_fetch_interval_ms = {KEYS_FETCH_INTERVAL_MS}"
        );
    }
    if kind.refreshes() {
        let mode = if kind.replays_successor() {
            "replay-successor"
        } else {
            "strict"
        };
        let _ = writeln!(
            out,
            "refresh_ttl_ms = {ABSOLUTE_MS}\nrefresh_idle_ms = {IDLE_MS}\nrotation = true\ngrace_ms = {GRACE_MS}\ngrace_mode = \"{mode}\"\ngrace_replays_max = {GRACE_REPLAYS_MAX}"
        );
    }
    out
}

fn guarantees(kind: Kind) -> String {
    let (seen, outage, durability) = if kind.is_stateless() {
        ("until-expiry", "unaffected", "stateless")
    } else {
        ("immediate", "fails-closed", "process-crash")
    };
    let slack_ms = if kind.is_jwt() { SKEW_MS } else { 0 };
    let grace_ms = if kind.replays_successor() {
        GRACE_MS
    } else {
        0
    };
    let refresh = if kind.refreshes() {
        format!(
            "{{ rotating-kills-family = {{ grace_ms = {grace_ms}, chain_ms = {ABSOLUTE_MS} }} }}"
        )
    } else {
        "\"none\"".to_owned()
    };
    let listing = if kind.keeps_logins() {
        "exact"
    } else {
        "not-kept"
    };
    let mut out = format!(
        "[guarantees]\nrevoke_one = \"{seen}\"\nrevoke_all = \"{seen}\"\nrole_change = \"{seen}\"\nlifetime_ms = {}\nexpiry_slack_ms = {slack_ms}\nrefresh = {refresh}\nlisting = \"{listing}\"\noutage = \"{outage}\"\ndurability = \"{durability}\"\n",
        kind.access_ttl_ms(),
    );
    if kind.keeps_logins() {
        let _ = writeln!(
            out,
            "idle = {{ timeout_ms = {IDLE_MS}, early_ms = 0 }}\nlogin_limit = {{ logins_max = {SESSIONS_MAX}, policy = \"evict\" }}"
        );
    }
    out
}

fn keys(inner: &Inner) -> String {
    if !inner.kind.is_jwt() {
        return String::new();
    }
    let ring = &inner.world.keys;
    let mut out = "[keys]\n".to_owned();
    if inner.kind != Kind::JwtHs256 {
        out.push_str("jwks_path = \"/.well-known/jwks.json\"\n");
    }
    if let Some(jwk) = ring.private_jwk(ISSUER) {
        let _ = writeln!(out, "sign = {{ jwk = '{jwk}' }}");
    }
    if let Some(jwk) = ring.private_jwk(PARTNER) {
        let _ = writeln!(
            out,
            "second_issuer = {{ issuer = \"{PARTNER}\", subject = \"partner:000001\", sign = {{ jwk = '{jwk}' }} }}"
        );
    }
    out
}
