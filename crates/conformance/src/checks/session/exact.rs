//! SESSION-009: identifiers are looked up as they are.

use authbench_results::{Level, Severity};
use authbench_wire::Operation;
use authbench_wire::profile::{Carrier, Family, RefreshCarrier};

use super::references::{Reference, references};
use crate::check::{Check, Cost, Eye};
use crate::login::Login;
use crate::stop::Stop;
use crate::trial::Trial;

/// SESSION-009.
pub(super) const SESSION_009: Check = Check {
    id: "SESSION-009",
    statement: "lookup is exact: shortened, lengthened, re-cased, re-encoded, padded or look-alike \
                identifiers are refused",
    level: Level::Must,
    severity: Severity::High,
    families: &[Family::Session, Family::Refresh, Family::Denylist],
    seen_by: &[Eye::Http],
    operations: &[Operation::Login, Operation::Whoami],
    doors: &[],
    clauses: &["ASVS 5.0 7.2.1"],
    cwe: &[20],
    mend: "Look identifiers up by a digest of the whole text, or by a binary collation; never by \
           prefix, LIKE or a collation that folds case.",
    cost: Cost::Quick,
    run: |trial| Box::pin(run(trial)),
};

async fn run(trial: &Trial<'_>) -> Result<(), Stop> {
    let login = trial.login().await?;
    for kind in references(trial, &login)? {
        let text = kind.of(&login).unwrap_or_default().to_owned();
        for (name, variant) in variants(&text, travels_in_cookie(trial, kind)) {
            let case = format!("{}, {name}", kind.label());
            let outcome = match kind {
                Reference::Access => access(trial, &case, &login, &variant).await,
                Reference::Refresh => refresh(trial, &case, &login, &variant).await,
            };
            trial.settle(&case, outcome);
        }
        if kind == Reference::Refresh {
            // None of it burnt the true one.
            trial.refresh(&login).await?;
        }
    }
    Ok(())
}

fn travels_in_cookie(trial: &Trial<'_>, kind: Reference) -> bool {
    let profile = trial.profile();
    match kind {
        Reference::Access => matches!(profile.carrier, Carrier::Cookie { .. }),
        Reference::Refresh => matches!(profile.refresh, Some(RefreshCarrier::Cookie { .. })),
    }
}

async fn access(trial: &Trial<'_>, case: &str, login: &Login, text: &str) -> Result<(), Stop> {
    let ask = trial.ask(Operation::Whoami)?.access(text);
    if ask.wire().is_err() {
        return Err(Stop::NotApplicable(
            "HTTP carries no such header".to_owned(),
        ));
    }
    trial.must_refuse(case, login, text).await.map(|_| ())
}

async fn refresh(trial: &Trial<'_>, case: &str, login: &Login, text: &str) -> Result<(), Stop> {
    let ask = trial.ask(Operation::Refresh)?.with(login).refresh(text);
    if ask.wire().is_err() {
        return Err(Stop::NotApplicable(
            "HTTP carries no such header".to_owned(),
        ));
    }
    let ask = trial.ask(Operation::Refresh)?.with(login).refresh(text);
    let answer = ask.send().await?;
    let renewed = trial.renewed(login, login.replica, &answer);
    let detail = format!("it was answered {}", answer.status);
    if answer.status >= 500 {
        trial.inconclusive(case, detail, &[&answer]);
    } else {
        trial.judge(case, renewed.is_none(), detail, &[&answer]);
    }
    Ok(())
}

/// What is nearly `text`. Space around a header's value is HTTP's own matter
/// (RFC 9110 5.5), and so left out, as is the encoding of a cookie's value,
/// which is the server's (RFC 6265bis 4.1.1).
fn variants(text: &str, in_cookie: bool) -> Vec<(&'static str, String)> {
    let chars: Vec<char> = text.chars().collect();
    let count = chars.len();
    let first = |n: usize| chars[..n].iter().collect::<String>();
    let swapped: String = text.chars().map(recased).collect();
    let mut variants = vec![
        ("half of it", first(count / 2)),
        ("without the last character", first(count.saturating_sub(1))),
        (
            "without the first character",
            chars.iter().skip(1).collect(),
        ),
        ("with one more character", format!("{text}A")),
        ("twice", format!("{text}{text}")),
        ("with an encoded space", format!("{text}%20")),
        ("with an encoded NUL", format!("{text}%00")),
        ("with a NUL", format!("{text}\0")),
        ("with a wildcard", format!("{}%", first(count / 2))),
        ("with a look-alike", look_alike(&chars)),
    ];
    if swapped != text {
        variants.push(("in the other case", swapped));
        variants.push(("in lower case", text.to_lowercase()));
        variants.push(("in upper case", text.to_uppercase()));
    }
    if let (Some(head), false) = (chars.first(), in_cookie) {
        let rest: String = chars.iter().skip(1).collect();
        variants.push(("percent-encoded", format!("%{:02X}{rest}", *head as u32)));
    }
    variants.retain(|(_, variant)| variant != text && !variant.is_empty());
    variants
}

fn recased(c: char) -> char {
    if c.is_ascii_lowercase() {
        c.to_ascii_uppercase()
    } else {
        c.to_ascii_lowercase()
    }
}

/// The first letter or digit in its full-width form (Unicode NFKC makes them
/// the same).
fn look_alike(chars: &[char]) -> String {
    let mut done = false;
    let replaced = chars.iter().map(|&c| {
        if done || !c.is_ascii_alphanumeric() {
            return c;
        }
        done = true;
        char::from_u32(u32::from(c) - 0x21 + 0xff01).unwrap_or(c)
    });
    replaced.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_variant_is_the_identifier() {
        for text in ["aB3-x_9Z", "0123456789", "a"] {
            for (name, variant) in variants(text, false) {
                assert_ne!(variant, text, "{name}");
                assert!(!variant.is_empty(), "{name}");
            }
        }
        let names = |cookie| variants("abcd", cookie).len();
        assert_eq!(names(false), names(true) + 1);
    }

    #[test]
    fn look_alikes_and_cases() {
        assert_eq!(look_alike(&['-', 'a', 'b']), "-\u{ff41}b");
        let other = variants("aB1", false);
        assert!(other.contains(&("in the other case", "Ab1".to_owned())));
        assert!(other.contains(&("percent-encoded", "%61B1".to_owned())));
    }
}
