//! PRIVILEGE-006: what a login tells to who only guesses.

use std::time::Duration;

use authbench_results::{Level, Severity};
use authbench_wire::Operation;
use authbench_wire::profile::User;

use crate::answer::Answer;
use crate::check::{Check, Cost, Eye};
use crate::stop::Stop;
use crate::trial::Trial;

/// PRIVILEGE-006.
pub(super) const PRIVILEGE_006: Check = Check {
    id: "PRIVILEGE-006",
    statement: "login and reset answer alike for known and unknown users; guessing is slowed as \
                declared, and no stranger can lock a user out",
    level: Level::Must,
    severity: Severity::Medium,
    families: &[],
    seen_by: &[Eye::Http, Eye::Statistics],
    operations: &[Operation::Login],
    doors: &[],
    clauses: &["ASVS 5.0 6.3.8", "ASVS 5.0 6.3.1", "ASVS 5.0 6.1.1"],
    cwe: &[204, 208, 307],
    mend: "Compare with a dummy hash where there is no user, answer in one form, and slow guesses \
           by name and origin instead of barring the account.",
    cost: Cost::Slow,
    run: |trial| Box::pin(run(trial)),
};

/// Pairs of tries whose times are compared.
const PAIRS: u32 = 12;

/// The most wrong passwords that are tried for one user.
const GUESSES_MAX: u32 = 24;

/// Headers whose values differ from answer to answer by their nature.
const VARIABLE: [&str; 5] = [
    "date",
    "set-cookie",
    "x-request-id",
    "etag",
    "content-length",
];

async fn run(trial: &Trial<'_>) -> Result<(), Stop> {
    trial.settle("login", login(trial).await);
    trial.settle("reset", reset(trial).await);
    trial.settle("guessing", guessing(trial).await);
    Ok(())
}

/// A name of the usual form that nobody has.
fn nobody(trial: &Trial<'_>, like: &str) -> String {
    let digit = |random: &mut _| rand::RngExt::random_range(random, 0..10_u32);
    let tail: String = (0..6)
        .map(|_| char::from_digit(trial.random(digit), 10).unwrap_or('0'))
        .collect();
    let head: String = like.chars().take_while(|c| c.is_alphabetic()).collect();
    format!("{head}-none-{tail}")
}

/// What the two answers differ in, but for what always differs.
fn difference(one: &Answer, other: &Answer) -> Option<String> {
    if one.status != other.status {
        return Some(format!("{} and {}", one.status, other.status));
    }
    let names = |answer: &Answer| {
        let mut names: Vec<_> = answer
            .headers
            .keys()
            .map(|name| name.as_str().to_owned())
            .collect();
        names.sort();
        names
    };
    if names(one) != names(other) {
        return Some("other headers".to_owned());
    }
    let varies = |name: &&String| !VARIABLE.contains(&name.as_str());
    let differs = names(one)
        .iter()
        .filter(varies)
        .find(|name| one.header_list(name) != other.header_list(name))
        .cloned();
    if let Some(name) = differs {
        return Some(format!("another `{name}`"));
    }
    (one.body != other.body).then(|| "another body".to_owned())
}

async fn login(trial: &Trial<'_>) -> Result<(), Stop> {
    const CASE: &str = "login";
    let (mut known_ns, mut unknown_ns, mut shown) = (Vec::new(), Vec::new(), None);
    for round in 0..PAIRS {
        let user = trial.user()?;
        let wrong = User {
            password: "not-the-password-of-anybody".to_owned(),
            ..user.clone()
        };
        let stranger = User {
            user: nobody(trial, &user.user),
            ..wrong.clone()
        };
        let known = trial.login_answer(&wrong, 0).await?;
        let unknown = trial.login_answer(&stranger, 0).await?;
        known_ns.push(known.took);
        unknown_ns.push(unknown.took);
        if round == 0 {
            shown = Some((known, unknown));
        }
        // The right password ends what was counted.
        let _ = trial.try_login(&user, 0).await?;
    }
    let Some((known, unknown)) = shown else {
        return Ok(());
    };
    let differs = difference(&known, &unknown);
    let detail = match &differs {
        None => "known and unknown users are answered alike".to_owned(),
        Some(what) => format!("known and unknown users are told apart: {what}"),
    };
    trial.judge(CASE, differs.is_none(), detail, &[&known, &unknown]);
    timing(trial, known_ns, unknown_ns);
    Ok(())
}

/// Medians of few tries show a gross difference, and nothing finer.
fn timing(trial: &Trial<'_>, mut known: Vec<Duration>, mut unknown: Vec<Duration>) {
    known.sort_unstable();
    unknown.sort_unstable();
    let [known_ms, unknown_ms] =
        [&known, &unknown].map(|times| times[times.len() / 2].as_secs_f64() * 1e3);
    trial.measured("known_user_median_ms", known_ms);
    trial.measured("unknown_user_median_ms", unknown_ms);
    // Each fast try against each slow one: nothing else overlaps.
    let apart = |fast: &[Duration], slow: &[Duration]| match (fast.last(), slow.first()) {
        (Some(slowest), Some(fastest)) => {
            *fastest > *slowest * 4 && *fastest - *slowest > Duration::from_millis(20)
        }
        _ => false,
    };
    let gross = apart(&known, &unknown) || apart(&unknown, &known);
    trial.judge(
        "login, time",
        !gross,
        format!(
            "medians of {PAIRS} tries: {known_ms:.2} ms for known and {unknown_ms:.2} ms for \
             unknown users"
        ),
        &[],
    );
}

async fn reset(trial: &Trial<'_>) -> Result<(), Stop> {
    const CASE: &str = "reset";
    let pointer = trial.request(Operation::ResetStart)?.token.as_ref();
    let user = trial.user()?;
    let start = async |name: &str| {
        let ask = trial.ask(Operation::ResetStart)?;
        ask.gap("user", name).send().await
    };
    let mut known = start(&user.user).await?;
    let mut unknown = start(&nobody(trial, &user.user)).await?;
    // What a mail would bring is shown for tests only.
    for answer in [&mut known, &mut unknown] {
        if let Some(token) = pointer.and_then(|pointer| answer.pointed(pointer)) {
            trial.hide(&token);
            let text = answer.text().replace(&token, "...");
            answer.body = text.into_bytes();
        }
    }
    let differs = difference(&known, &unknown);
    let detail = match &differs {
        None => "known and unknown users are answered alike".to_owned(),
        Some(what) => format!("known and unknown users are told apart: {what}"),
    };
    trial.judge(CASE, differs.is_none(), detail, &[&known, &unknown]);
    Ok(())
}

async fn guessing(trial: &Trial<'_>) -> Result<(), Stop> {
    const CASE: &str = "guessing";
    let declared = trial.policy().guesses_max;
    let victim = trial.expendable().await?;
    let wrong = |n: u32| User {
        password: format!("guess-number-{n}"),
        ..victim.user.clone()
    };
    let guesses = declared.unwrap_or(10).min(GUESSES_MAX);
    let first = trial.login_answer(&wrong(0), 0).await?;
    for n in 1..=guesses {
        trial.login_answer(&wrong(n), 0).await?;
    }
    let last = trial.login_answer(&wrong(guesses + 1), 0).await?;
    trial.measured("first_guess_ms", first.took.as_secs_f64() * 1e3);
    trial.measured("guess_after_the_bound_ms", last.took.as_secs_f64() * 1e3);
    let slowed = last.status == 429
        || last.took > first.took * 3 && last.took - first.took > Duration::from_millis(20);
    // A victim is never locked out: not from a running login, and not from a
    // new one with the right password.
    let running = trial.who(&victim).await?;
    let detail = format!("the victim's running login was {}", running.told());
    let works = running.is(&victim.subject);
    trial.judge("victim's running login", works, detail, &[running.answer()]);
    let again = trial.login_answer(&victim.user, 0).await?;
    let opens = trial.done(Operation::Login, &again);
    // Where guessing is slowed by 429, so is the victim, from the same address.
    match (opens, again.status) {
        (false, 429) => trial.note("the right password was answered 429 as well"),
        _ => trial.judge(
            "victim's new login",
            opens,
            format!("the right password was then answered {}", again.status),
            &[&again],
        ),
    }
    let told = format!(
        "{guesses} wrong passwords were answered {} at first and {} at last",
        first.status, last.status
    );
    let admitted = trial.policy().declared.get("PRIVILEGE-006");
    match (declared, slowed) {
        (None, false) if admitted.is_some() => {
            let reason = admitted.map_or("", String::as_str);
            trial.note(format!("declared: {reason}"));
            trial.not_applicable(CASE, format!("{told}; slowing is declared to be elsewhere"));
        }
        (None, _) => trial.inconclusive(
            CASE,
            format!("{told}; the profile has no `policy.guesses_max`"),
            &[],
        ),
        (Some(max), _) if max > GUESSES_MAX => {
            trial.not_applicable(CASE, format!("{max} guesses are more than are tried here"));
        }
        (Some(_), slowed) => trial.judge(CASE, slowed, told, &[&first, &last]),
    }
    Ok(())
}
