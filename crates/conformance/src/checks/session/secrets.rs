//! SESSION-011: what leaks from store or log lets nobody in.

use authbench_results::{Level, Severity};
use authbench_wire::Operation;
use authbench_wire::profile::Family;

use crate::check::{Check, Cost, Eye};
use crate::hooks::Door;
use crate::jose::Token;
use crate::login::Login;
use crate::stop::Stop;
use crate::trial::Trial;

/// SESSION-011.
pub(super) const SESSION_011: Check = Check {
    id: "SESSION-011",
    statement: "neither the store nor any log line holds a credential that could be presented; \
                the store knows digests",
    level: Level::Must,
    severity: Severity::High,
    families: &[
        Family::Session,
        Family::Refresh,
        Family::Denylist,
        Family::Hybrid,
    ],
    seen_by: &[Eye::Store, Eye::Logs],
    operations: &[Operation::Login, Operation::Whoami],
    doors: &[],
    clauses: &["ASVS 5.0 16.2.5"],
    cwe: &[532, 522],
    mend: "Keep a SHA-256 digest of each identifier and look it up by that; log a few characters of \
           it, or a name of its own.",
    cost: Cost::Quick,
    run: |trial| Box::pin(run(trial)),
};

async fn run(trial: &Trial<'_>) -> Result<(), Stop> {
    let mut logins = Vec::new();
    for _ in 0..3 {
        let mut login = trial.login().await?;
        trial.control(&login).await?;
        logins.push(login.clone());
        if login.refresh.is_some() && trial.has(Operation::Refresh) {
            login = trial.refresh(&login).await?;
            logins.push(login.clone());
        }
        // What is refused is logged, too.
        let never = trial.never_valid(&login.access);
        trial.who_presents(&never, 0).await?;
    }
    trial.settle("the store", store(trial, &logins).await);
    trial.settle("the log", logs(trial, &logins).await);
    trial.settle(
        "the log, after a logout",
        after_logout(trial, &logins).await,
    );
    Ok(())
}

async fn store(trial: &Trial<'_>, logins: &[Login]) -> Result<(), Stop> {
    const CASE: &str = "the store";
    trial.door(Door::StorePeek)?;
    let held = trial.hooks().peek_store().await?;
    if held.is_empty() {
        trial.not_applicable(CASE, "the store holds nothing");
        return Ok(());
    }
    // A door that shows no text of these logins shows nothing.
    let known = logins.iter().any(|login| {
        let texts = [
            Some(&login.subject),
            Some(&login.user.user),
            login.handle.as_ref(),
        ];
        texts
            .into_iter()
            .flatten()
            .any(|text| holds(&held, text.as_bytes()))
    });
    if !known {
        trial.note("what the store shows names none of these logins");
    }
    let found = found(&held, logins);
    let detail = match &found {
        None => format!("no credential in {} octets", held.len()),
        Some(what) => format!("it holds a whole {what}"),
    };
    trial.judge(CASE, found.is_none(), detail, &[]);
    Ok(())
}

async fn logs(trial: &Trial<'_>, logins: &[Login]) -> Result<(), Stop> {
    const CASE: &str = "the log";
    trial.door(Door::Logs)?;
    judge_log(trial, CASE, logins).await
}

async fn after_logout(trial: &Trial<'_>, logins: &[Login]) -> Result<(), Stop> {
    const CASE: &str = "the log, after a logout";
    trial.door(Door::Logs)?;
    trial.request(Operation::Logout)?;
    let last = logins.last();
    let last = last.ok_or_else(|| Stop::unclear("there was no login"))?;
    trial.perform(Operation::Logout, last, &[]).await?;
    trial.who(last).await?;
    judge_log(trial, CASE, logins).await
}

async fn judge_log(trial: &Trial<'_>, case: &str, logins: &[Login]) -> Result<(), Stop> {
    let text = trial.hooks().logs().await?;
    let found = found(text.as_bytes(), logins);
    let detail = match &found {
        None if text.is_empty() => "nothing is logged".to_owned(),
        None => format!("no credential in {} lines", text.lines().count()),
        Some(what) => format!("a line holds a whole {what}"),
    };
    trial.judge(case, found.is_none(), detail, &[]);
    Ok(())
}

/// Which credential stands in `octets`, as it is or percent-encoded.
fn found(octets: &[u8], logins: &[Login]) -> Option<&'static str> {
    logins.iter().find_map(|login| {
        let access = match Token::parse(&login.access) {
            Some(_) => "access token",
            None => "session identifier",
        };
        let refresh = login.refresh.as_ref().map(|token| (token, "refresh token"));
        let mut all = std::iter::once((&login.access, access)).chain(refresh);
        let shown = all.find(|(text, _)| {
            let encoded =
                percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC);
            holds(octets, text.as_bytes()) || holds(octets, encoded.to_string().as_bytes())
        });
        shown.map(|(_, what)| what)
    })
}

fn holds(octets: &[u8], part: &[u8]) -> bool {
    let Some((first, _)) = part.split_first() else {
        return false;
    };
    let mut starts = octets
        .iter()
        .enumerate()
        .filter(|(_, octet)| *octet == first);
    starts.any(|(start, _)| octets[start..].starts_with(part))
}

#[cfg(test)]
mod tests {
    use super::holds;

    #[test]
    fn a_part_is_found_anywhere() {
        assert!(holds(b"xxabcabd", b"abd"));
        assert!(!holds(b"xxabcab", b"abd"));
        assert!(!holds(b"abc", b""));
    }
}
