//! COOKIE-009: what credentials show to whoever reads them.

use authbench_results::{Level, Severity};
use authbench_wire::Operation;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};

use crate::check::{Check, Cost, Eye};
use crate::login::Login;
use crate::stop::Stop;
use crate::trial::Trial;

/// How often something encoded within something encoded is looked into.
const DEPTH_MAX: u8 = 3;

/// COOKIE-009.
pub(super) const COOKIE_009: Check = Check {
    id: "COOKIE-009",
    statement: "no cookie and no unencrypted token shows personal data, roles meant to be private, \
                or secrets, once it is decoded",
    level: Level::Must,
    severity: Severity::Medium,
    families: &[],
    seen_by: &[Eye::Http],
    operations: &[Operation::Login],
    doors: &[],
    clauses: &[
        "NIST SP 800-63B-4 5.1.1",
        "ASVS 5.0 14.1.1",
        "ASVS 5.0 14.2.6",
        "RFC 9068 6",
        "WSTG-SESS-01",
        "WSTG-SESS-10",
    ],
    cwe: &[315],
    mend: "Put an opaque subject into the token and look the rest up, or encrypt it: whoever holds \
           a signed token can read it.",
    cost: Cost::Quick,
    run: |trial| Box::pin(run(trial)),
};

async fn run(trial: &Trial<'_>) -> Result<(), Stop> {
    let login = trial.login().await?;
    let shown = decoded(&login);
    let holds = |secret: &str| shown.iter().any(|text| text.contains(secret));
    let bad = holds(&login.user.password);
    trial.judge(
        "password",
        !bad,
        if bad {
            "the password stands in a credential"
        } else {
            "no credential holds the password"
        },
        &[&login.answer],
    );
    let markers = &trial.profile().users.private;
    if markers.is_empty() {
        trial.not_applicable(
            "private data",
            "needs `users.private` in the profile: texts that must not show",
        );
        return Ok(());
    }
    let digits = number_in(&login.user.user);
    for marker in markers {
        let Ok(text) = marker.fill(|_| Some(digits)) else {
            return Err(Stop::needs("users.private with no gap but {n}"));
        };
        let found = holds(&text);
        let what = if found {
            "stands in a credential"
        } else {
            "stands in none"
        };
        trial.judge(
            "private data",
            !found,
            format!("`{marker}` {what}"),
            &[&login.answer],
        );
    }
    Ok(())
}

/// Every credential and cookie of the login, and whatever decoding finds in
/// them.
fn decoded(login: &Login) -> Vec<String> {
    let cookies = login.answer.set_cookies();
    let texts = cookies
        .into_iter()
        .map(|cookie| cookie.value)
        .chain(std::iter::once(login.access.clone()))
        .chain(login.refresh.clone());
    let mut found = Vec::new();
    for text in texts {
        look_into(&text, DEPTH_MAX, &mut found);
    }
    found
}

fn look_into(text: &str, depth: u8, found: &mut Vec<String>) {
    found.push(text.to_owned());
    if depth == 0 {
        return;
    }
    let plain = percent_encoding::percent_decode_str(text).decode_utf8_lossy();
    if plain != text {
        look_into(&plain, depth - 1, found);
    }
    for part in text.split(['.', ':', '|', '"', ',', '~', '!']) {
        if part.len() < 4 {
            continue;
        }
        let engines = [&URL_SAFE_NO_PAD, &URL_SAFE, &STANDARD_NO_PAD, &STANDARD];
        let octets = engines.iter().find_map(|engine| engine.decode(part).ok());
        let inner = octets.and_then(|octets| String::from_utf8(octets).ok());
        if let Some(inner) = inner {
            look_into(&inner, depth - 1, found);
        }
    }
}

/// The longest run of digits: the account's number.
fn number_in(name: &str) -> &str {
    let runs = name.split(|c: char| !c.is_ascii_digit());
    runs.max_by_key(|run| run.len()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_twice_is_found() {
        let inner = URL_SAFE_NO_PAD.encode(r#"{"mail":"a@b.example"}"#);
        let outer = STANDARD.encode(format!("v1:{inner}"));
        let mut found = Vec::new();
        look_into(&format!("s%3A{outer}.tag"), DEPTH_MAX, &mut found);
        assert!(
            found.iter().any(|text| text.contains("a@b.example")),
            "{found:?}"
        );
        assert_eq!(number_in("user-000123"), "000123");
    }
}
