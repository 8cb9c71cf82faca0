//! SESSION-004: nothing that identifies a login comes twice.

use std::collections::BTreeMap;

use authbench_core::system::monotonic_ns;
use authbench_results::{Level, Severity};
use authbench_wire::Operation;
use futures_util::future::join_all;

use crate::answer::Answer;
use crate::check::{Check, Cost, Eye};
use crate::hooks::Door;
use crate::jose::Token;
use crate::login::Login;
use crate::stop::Stop;
use crate::trial::Trial;

/// SESSION-004.
pub(super) const SESSION_004: Check = Check {
    id: "SESSION-004",
    statement: "identifiers, `jti` values and refresh tokens never repeat: not over logins in \
                parallel, not on other replicas, not after a restart",
    level: Level::Must,
    severity: Severity::Critical,
    families: &[],
    seen_by: &[Eye::Http, Eye::TwoReplicas],
    operations: &[Operation::Login, Operation::Whoami],
    doors: &[],
    clauses: &["ASVS 5.0 7.2.3", "RFC 7519 4.1.7"],
    cwe: &[330],
    mend: "Draw each identifier from the system's generator; never from a generator that was \
           seeded from the time, the process or a constant.",
    cost: Cost::Slow,
    run: |trial| Box::pin(run(trial)),
};

/// Logins per restart.
const AFTER_RESTART: u32 = 64;

async fn run(trial: &Trial<'_>) -> Result<(), Stop> {
    let mut seen = Seen::default();
    let count = (trial.options().samples / 2).max(AFTER_RESTART);
    let logins = draw(trial, &mut seen, count).await?;
    trial.measured("logins", f64::from(logins));
    let places = trial.replicas();
    seen.judge(
        trial,
        "in parallel, on every replica",
        &format!("{logins} logins on {places} replicas"),
    );
    const RESTART: &str = "after a restart";
    if let Err(absent) = trial.door(Door::Restart) {
        trial.settle(RESTART, Err(absent));
        return Ok(());
    }
    // What came first after a start must not come first after the next one.
    for _ in 0..2 {
        trial.restart(0).await?;
        draw(trial, &mut seen, AFTER_RESTART).await?;
    }
    seen.judge(
        trial,
        RESTART,
        &format!("{AFTER_RESTART} logins after each of two restarts"),
    );
    Ok(())
}

/// Everything that identified a login so far.
#[derive(Default)]
struct Seen {
    known: BTreeMap<(&'static str, String), Answer>,
    repeated: Vec<(&'static str, Answer, Answer)>,
}

impl Seen {
    fn add(&mut self, login: Login) {
        let access = match Token::parse(&login.access) {
            None => Some(("access credential", login.access)),
            Some(token) => {
                let id = token.claims.get("jti");
                id.map(|id| ("jti", id.to_string()))
            }
        };
        let refresh = login.refresh.map(|token| ("refresh token", token));
        for key in access.into_iter().chain(refresh) {
            let kind = key.0;
            if let Some(earlier) = self.known.insert(key, login.answer.clone()) {
                self.repeated.push((kind, earlier, login.answer.clone()));
            }
        }
    }

    fn judge(&self, trial: &Trial<'_>, case: &str, over: &str) {
        match self.repeated.first() {
            _ if self.known.is_empty() => {
                trial.not_applicable(case, "its tokens have neither `jti` nor identifier");
            }
            None => trial.pass(case, format!("no repetition: {over}")),
            Some((kind, earlier, later)) => trial.fail(
                case,
                format!(
                    "{} repetitions, a {kind} first: {over}",
                    self.repeated.len()
                ),
                &[earlier, later],
            ),
        }
    }
}

/// Logs different accounts in, several at once, in turns at every replica; as
/// many as asked for, or as a third of the check's time allows.
async fn draw(trial: &Trial<'_>, seen: &mut Seen, count: u32) -> Result<u32, Stop> {
    let longest = trial.options().check_timeout / 3;
    let began_ns = monotonic_ns();
    let mut drawn = 0;
    while drawn < count {
        let racers = (0..trial.options().racers.max(1)).map(|racer| async move {
            let user = trial.user()?;
            trial
                .login_at(&user, racer as usize % trial.replicas())
                .await
        });
        for login in join_all(racers).await {
            seen.add(login?);
            drawn += 1;
        }
        let spent_ns = monotonic_ns() - began_ns;
        if u128::from(spent_ns) > longest.as_nanos() {
            trial.note(format!("{drawn} of {count} logins: time ran out"));
            break;
        }
    }
    Ok(drawn)
}
