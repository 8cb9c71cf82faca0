//! LIMITS-005: a sibling's cookies do not lock the user out for good.

use authbench_results::{Level, Severity};
use authbench_wire::Operation;
use authbench_wire::profile::{Carrier, Family};

use crate::answer::Answer;
use crate::ask::Ask;
use crate::check::{Check, Cost, Eye};
use crate::stop::Stop;
use crate::trial::Trial;

/// LIMITS-005.
pub(super) const LIMITS_005: Check = Check {
    id: "LIMITS-005",
    statement: "a cookie bomb planted by a sibling host does not lock the user out for good: the \
                refusal lets the user clear the cookies, or log in",
    level: Level::Should,
    severity: Severity::Low,
    families: &[Family::Session, Family::Hybrid, Family::Sealed],
    seen_by: &[Eye::Http, Eye::Jar],
    operations: &[Operation::Login, Operation::Whoami],
    doors: &[],
    clauses: &["ASVS 5.0 4.2.5", "RFC 6265bis 6.1", "RFC 6265bis 8.6"],
    cwe: &[],
    mend: "Answer a head that is too large with 431 and `Clear-Site-Data: \"cookies\"`, or expire \
           the cookies that you do not know.",
    cost: Cost::Quick,
    run: |trial| Box::pin(run(trial)),
};

/// A few cookies of the largest size that browsers keep: more than many servers
/// take, less than where HTTP libraries themselves give up.
const COOKIES: usize = 7;
/// RFC 6265bis 5.6.
const COOKIE_OCTETS: usize = 4_000;

async fn run(trial: &Trial<'_>) -> Result<(), Stop> {
    const CASE: &str = "28 KB of a sibling's cookies";
    if !matches!(trial.profile().carrier, Carrier::Cookie { .. }) {
        return Err(Stop::NotApplicable(
            "no credential travels in a cookie".to_owned(),
        ));
    }
    let login = trial.login().await?;
    trial.control(&login).await?;
    let ask = trial.ask(Operation::Whoami)?.access(&login.access);
    let answer = match bombed(ask).on_new_connection().try_send().await? {
        Ok(answer) => answer,
        Err(broken) if broken.timed_out => return Err(broken.into()),
        Err(_) => {
            trial.fail(CASE, "the connection was closed without an answer", &[]);
            return Ok(());
        }
    };
    if trial.identity(answer.clone()).is(&login.subject) {
        trial.pass(CASE, "it makes no difference");
        return trial.control(&login).await;
    }
    if clears(&answer) {
        trial.pass(CASE, format!("{} clears the cookies", answer.status));
        return trial.control(&login).await;
    }
    let user = trial.user()?;
    let ask = trial.ask(Operation::Login)?;
    let ask = ask.gap("user", &user.user).gap("password", &user.password);
    let again = bombed(ask).on_new_connection().try_send().await?;
    let lets_in = match &again {
        Ok(again) => trial.done(Operation::Login, again) || clears(again),
        Err(_) => false,
    };
    let detail = match lets_in {
        true => format!("{}, but a login works or clears the cookies", answer.status),
        false => format!(
            "{}, no cookie is cleared, and no login works",
            answer.status
        ),
    };
    trial.judge(CASE, lets_in, detail, &[&answer]);
    trial.control(&login).await
}

fn bombed(mut ask: Ask<'_>) -> Ask<'_> {
    for number in 0..COOKIES {
        ask = ask.cookie(format!("bomb{number}={}", "x".repeat(COOKIE_OCTETS)));
    }
    ask
}

/// Whether a browser drops the bomb at this answer.
fn clears(answer: &Answer) -> bool {
    let data = answer.header_list("clear-site-data").to_ascii_lowercase();
    let all = data.contains("\"cookies\"") || data.contains("\"*\"");
    let cookies = answer.set_cookies();
    let expired = (0..COOKIES).all(|number| {
        let name = format!("bomb{number}");
        cookies
            .iter()
            .any(|cookie| cookie.name == name && cookie.max_age_s.is_some_and(|s| s <= 0))
    });
    all || expired
}
