//! TRANSPORT-001: credentials travel over TLS, and over nothing else.

use authbench_results::{Level, Severity};
use authbench_wire::Operation;
use authbench_wire::profile::Carrier;

use crate::answer::Answer;
use crate::check::{Check, Cost, Eye};
use crate::client::Broken;
use crate::login::brought;
use crate::stop::Stop;
use crate::trial::Trial;

/// TRANSPORT-001.
pub(super) const TRANSPORT_001: Check = Check {
    id: "TRANSPORT-001",
    statement: "plain HTTP neither sets nor honours a credential; HSTS of at least a year is sent \
                over HTTPS and not over HTTP; no bearer request is silently redirected",
    level: Level::Must,
    severity: Severity::High,
    families: &[],
    seen_by: &[Eye::Http],
    operations: &[Operation::Login, Operation::Whoami],
    doors: &[],
    clauses: &[
        "ASVS 5.0 12.2.1",
        "ASVS 5.0 3.4.1",
        "ASVS 5.0 4.1.2",
        "NIST SP 800-63B-4 5.1",
        "RFC 6797 7.2",
    ],
    cwe: &[319],
    mend: "Do not listen without TLS, or answer 403 there; send `Strict-Transport-Security: \
           max-age=31536000` over TLS only.",
    cost: Cost::Quick,
    run: |trial| Box::pin(run(trial)),
};

/// ASVS 5.0 3.4.1.
const HSTS_S_MIN: u64 = 31_536_000;

async fn run(trial: &Trial<'_>) -> Result<(), Stop> {
    let is_tls = trial.origin(0)?.starts_with("https:");
    let plain_url = trial.profile().tls.plain_url.as_deref();
    if !is_tls && plain_url.is_none() {
        return Err(Stop::NotApplicable(
            "needs a `base_url` with https, or `tls.plain_url` in the profile".to_owned(),
        ));
    }
    if is_tls {
        hsts(trial).await?;
    } else {
        trial.not_applicable("HSTS over TLS", "needs a `base_url` with https");
    }
    match plain_url {
        Some(url) => plain(trial, url).await,
        None => {
            trial.not_applicable("plain HTTP", "needs `tls.plain_url` in the profile");
            Ok(())
        }
    }
}

async fn hsts(trial: &Trial<'_>) -> Result<(), Stop> {
    const CASE: &str = "HSTS over TLS";
    let login = trial.login().await?;
    let who = trial.who(&login).await?;
    for answer in [&login.answer, who.answer()] {
        let sent = answer.header_list("strict-transport-security");
        let age_s = max_age_s(&sent);
        if age_s.is_none_or(|age_s| age_s < HSTS_S_MIN) {
            let detail = match age_s {
                None => "it is not sent".to_owned(),
                Some(age_s) => format!("{age_s} seconds are less than a year"),
            };
            trial.fail(CASE, detail, &[answer]);
            return Ok(());
        }
    }
    trial.pass(CASE, "it is sent, for a year at least");
    Ok(())
}

/// RFC 6797 6.1.1: a directive among others, perhaps quoted.
fn max_age_s(header: &str) -> Option<u64> {
    let mut directives = header
        .split([';', ','])
        .filter_map(|one| one.split_once('='));
    let found = directives.find(|(name, _)| name.trim().eq_ignore_ascii_case("max-age"));
    found?.1.trim().trim_matches('"').parse().ok()
}

async fn plain(trial: &Trial<'_>, url: &str) -> Result<(), Stop> {
    let login = trial.login().await?;
    trial.control(&login).await?;
    let user = trial.user()?;
    let ask = trial.ask(Operation::Login)?.at_origin(url);
    let ask = ask.gap("user", &user.user).gap("password", &user.password);
    if let Some(answer) = listening(trial, "login over plain HTTP", ask.try_send().await?)? {
        let sets = trial.done(Operation::Login, &answer)
            || brought(trial.profile(), &answer).access.is_some();
        judge(trial, "login over plain HTTP", &answer, sets);
    }
    let ask = trial.ask(Operation::Whoami)?.at_origin(url);
    let ask = ask.access(&login.access);
    if let Some(answer) = listening(trial, "credential over plain HTTP", ask.try_send().await?)? {
        let honours = trial.identity(answer.clone()).is_somebody();
        judge(trial, "credential over plain HTTP", &answer, honours);
    }
    trial.control(&login).await
}

/// The answer, if anybody listens there; nobody is as it should be.
fn listening(
    trial: &Trial<'_>,
    case: &str,
    sent: Result<Answer, Broken>,
) -> Result<Option<Answer>, Stop> {
    match sent {
        Ok(answer) => Ok(Some(answer)),
        Err(broken) if broken.timed_out => Err(broken.into()),
        Err(_) => {
            trial.pass(case, "no plain HTTP is spoken there");
            Ok(None)
        }
    }
}

fn judge(trial: &Trial<'_>, case: &str, answer: &Answer, honoured: bool) {
    let is_bearer = matches!(trial.profile().carrier, Carrier::Bearer { .. });
    let redirected = (300..400).contains(&answer.status) && answer.header("location").is_some();
    if honoured {
        trial.fail(case, "it works without TLS", &[answer]);
    } else if answer.headers.contains_key("strict-transport-security") {
        trial.fail(case, "HSTS is sent without TLS (RFC 6797 7.2)", &[answer]);
    } else if redirected && is_bearer {
        trial.fail(
            case,
            "it is redirected, so that nobody learns that the credential went over the wire in \
             clear (ASVS 5.0 4.1.2)",
            &[answer],
        );
    } else {
        trial.pass(case, format!("it was answered {}", answer.status));
    }
}

#[cfg(test)]
mod tests {
    use super::max_age_s;

    #[test]
    fn the_age_is_read_from_any_directive() {
        assert_eq!(max_age_s("max-age=300"), Some(300));
        assert_eq!(
            max_age_s("includeSubDomains; Max-Age=\"31536000\""),
            Some(31_536_000)
        );
        assert_eq!(max_age_s("preload"), None);
        assert_eq!(max_age_s("max-age=-1"), None);
    }
}
