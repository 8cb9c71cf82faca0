//! TRANSPORT-006: headers that only a proxy may add.

use authbench_results::{Level, Severity};
use authbench_wire::Operation;

use crate::answer::Answer;
use crate::check::{Check, Cost, Eye};
use crate::login::{Login, is_credential};
use crate::stop::Stop;
use crate::trial::Trial;

/// TRANSPORT-006.
pub(super) const TRANSPORT_006: Check = Check {
    id: "TRANSPORT-006",
    statement: "identity and scheme headers that a proxy would add grant nothing when a client \
                sends them, and do not weaken cookies",
    level: Level::Must,
    severity: Severity::Critical,
    families: &[],
    seen_by: &[Eye::Http],
    operations: &[Operation::Login, Operation::Whoami],
    doors: &[],
    clauses: &["ASVS 5.0 4.1.3", "RFC 9700 4.13"],
    cwe: &[290],
    mend: "Strip these headers at the outermost proxy, and believe them from that proxy's address \
           only.",
    cost: Cost::Quick,
    run: |trial| Box::pin(run(trial)),
};

/// Headers whose value names somebody.
const NAMING: [&str; 18] = [
    "x-user-id",
    "x-user",
    "x-username",
    "x-user-email",
    "x-forwarded-user",
    "x-forwarded-email",
    "x-forwarded-preferred-username",
    "x-auth-request-user",
    "x-auth-request-email",
    "x-authenticated-user",
    "x-authenticated-userid",
    "x-remote-user",
    "remote-user",
    "x-webauth-user",
    "x-subject",
    "x-amzn-oidc-identity",
    "x-goog-authenticated-user-id",
    "x-ms-client-principal-name",
];

/// Headers that speak of the client's place, scheme or certificate.
const SPEAKING: [(&str, &str); 14] = [
    ("forwarded", "for=127.0.0.1;proto=https;host=localhost"),
    ("x-forwarded-for", "127.0.0.1"),
    ("x-real-ip", "127.0.0.1"),
    ("true-client-ip", "127.0.0.1"),
    ("x-client-ip", "127.0.0.1"),
    ("x-forwarded-host", "localhost"),
    ("x-forwarded-proto", "https"),
    ("x-forwarded-port", "443"),
    ("x-original-url", "/healthz"),
    ("x-rewrite-url", "/healthz"),
    ("ssl-client-verify", "SUCCESS"),
    ("x-ssl-client-verify", "SUCCESS"),
    ("x-client-verified", "SUCCESS"),
    ("x-internal", "true"),
];

/// Headers that carry a client's certificate or its name.
const CERTIFICATE: [&str; 6] = [
    "client-cert",
    "x-forwarded-client-cert",
    "x-ssl-client-cert",
    "x-ssl-client-s-dn",
    "ssl-client-s-dn",
    "x-arr-clientcert",
];

async fn run(trial: &Trial<'_>) -> Result<(), Stop> {
    let users = trial.users(2)?;
    let (own, other) = (
        trial.login_of(&users[0]).await?,
        trial.login_of(&users[1]).await?,
    );
    trial.control(&own).await?;
    anonymous(trial, &other).await?;
    beside_own(trial, &own, &other).await?;
    trial.settle("higher rights", rights(trial, &own).await);
    trial.settle("cookie flags", flags(trial).await);
    trial.control(&own).await
}

/// All headers that could name `other`, each in a request of its own.
fn forged(other: &Login) -> Vec<(String, String)> {
    let mut forged = Vec::new();
    for name in NAMING {
        for value in [&other.subject, &other.user.user] {
            forged.push((name.to_owned(), value.clone()));
        }
    }
    for name in CERTIFICATE {
        forged.push((name.to_owned(), format!("CN={}", other.subject)));
    }
    let speaking = SPEAKING.iter();
    forged.extend(speaking.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    forged
}

async fn anonymous(trial: &Trial<'_>, other: &Login) -> Result<(), Stop> {
    const CASE: &str = "identity without a credential";
    let forged = forged(other);
    for (name, value) in &forged {
        let ask = trial.ask(Operation::Whoami)?.header(name, value);
        let who = trial.identity(ask.send().await?);
        if who.is_somebody() {
            let detail = format!("`{name}` alone: {}", who.told());
            trial.fail(CASE, detail, &[who.answer()]);
            return Ok(());
        }
    }
    trial.pass(
        CASE,
        format!("none of {} headers lets anybody in", forged.len()),
    );
    Ok(())
}

async fn beside_own(trial: &Trial<'_>, own: &Login, other: &Login) -> Result<(), Stop> {
    const CASE: &str = "another identity than the credential's";
    let mut ask = trial.ask(Operation::Whoami)?.access(&own.access);
    for name in NAMING {
        ask = ask.header(name, &other.subject);
    }
    let who = trial.identity(ask.send().await?);
    let holds = who.is(&own.subject) || !who.is_somebody();
    trial.judge(CASE, holds, who.told(), &[who.answer()]);
    Ok(())
}

async fn rights(trial: &Trial<'_>, own: &Login) -> Result<(), Stop> {
    const CASE: &str = "higher rights";
    let bare = trial.perform(Operation::Admin, own, &[]).await?;
    if trial.done(Operation::Admin, &bare) {
        return Err(Stop::unclear(
            "the negative control failed: an ordinary account may do what is for administrators",
        ));
    }
    let mut ask = trial.ask(Operation::Admin)?.with(own);
    for (name, value) in SPEAKING {
        ask = ask.header(name, value);
    }
    for name in ["x-role", "x-roles", "x-user-role", "x-admin", "x-is-admin"] {
        ask = ask.header(name, "admin");
    }
    let answer = ask.send().await?;
    let holds = !trial.done(Operation::Admin, &answer);
    trial.judge(
        CASE,
        holds,
        format!("it was answered {}", answer.status),
        &[&answer],
    );
    Ok(())
}

/// A login behind a pretended proxy gets cookies that are no weaker.
async fn flags(trial: &Trial<'_>) -> Result<(), Stop> {
    const CASE: &str = "cookie flags";
    let bare = trial.login().await?;
    if !sets_credentials(trial, &bare.answer) {
        return Err(Stop::NotApplicable(
            "no credential travels in a cookie".to_owned(),
        ));
    }
    let pretences: [&[(&str, &str)]; 4] = [
        &[("x-forwarded-proto", "http")],
        &[("x-forwarded-proto", "http"), ("x-forwarded-ssl", "off")],
        &[("forwarded", "for=192.0.2.1;proto=http;host=evil.example")],
        &[
            ("x-forwarded-host", "evil.example"),
            ("x-forwarded-port", "80"),
        ],
    ];
    for headers in pretences {
        let user = trial.user()?;
        let ask = trial.ask(Operation::Login)?;
        let mut ask = ask.gap("user", &user.user).gap("password", &user.password);
        for (name, value) in headers {
            ask = ask.header(name, value);
        }
        let answer = ask.send().await?;
        if let Some(what) = weaker(trial, &bare.answer, &answer) {
            let detail = format!("with `{}: {}`, {what}", headers[0].0, headers[0].1);
            trial.fail(CASE, detail, &[&bare.answer, &answer]);
            return Ok(());
        }
    }
    trial.pass(
        CASE,
        format!("the same under {} pretences", pretences.len()),
    );
    Ok(())
}

fn sets_credentials(trial: &Trial<'_>, answer: &Answer) -> bool {
    let cookies = answer.set_cookies();
    cookies
        .iter()
        .any(|cookie| is_credential(trial.profile(), &cookie.name))
}

/// What a cookie lost, if any did.
fn weaker(trial: &Trial<'_>, bare: &Answer, answer: &Answer) -> Option<String> {
    let before = bare.set_cookies();
    answer.set_cookies().into_iter().find_map(|cookie| {
        if !is_credential(trial.profile(), &cookie.name) {
            return None;
        }
        let twin = before.iter().find(|twin| twin.name == cookie.name);
        let Some(twin) = twin else {
            return Some(format!("the cookie is called `{}`", cookie.name));
        };
        let lost = [
            ("Secure", twin.secure && !cookie.secure),
            ("HttpOnly", twin.http_only && !cookie.http_only),
            ("SameSite", twin.same_site != cookie.same_site),
            ("Domain", twin.domain != cookie.domain),
        ];
        let lost = lost.iter().find(|(_, lost)| *lost)?.0;
        Some(format!("`{}` has another {lost}", cookie.name))
    })
}
