//! SESSION-006 and SESSION-007: the ends of a login that the server keeps by
//! itself, by inactivity and at the latest.

use authbench_core::RefreshOffer;
use authbench_results::{Level, Severity};
use authbench_wire::Operation;
use authbench_wire::profile::Family;

use crate::answer::Answer;
use crate::check::{Check, Cost, Eye};
use crate::hooks::Door;
use crate::login::Login;
use crate::stop::Stop;
use crate::trial::Trial;

const FAMILIES: &[Family] = &[
    Family::Session,
    Family::Hybrid,
    Family::Sealed,
    Family::Refresh,
];

/// SESSION-006.
pub(super) const SESSION_006: Check = Check {
    id: "SESSION-006",
    statement: "inactivity ends the login on the server: it works until just before the declared \
                time, and not after it",
    level: Level::Must,
    severity: Severity::High,
    families: FAMILIES,
    seen_by: &[Eye::Http, Eye::Clock],
    operations: &[Operation::Login, Operation::Whoami],
    doors: &[Door::Clock],
    clauses: &[
        "ASVS 5.0 7.3.1",
        "NIST SP 800-63B-4 5.2",
        "NIST SP 800-63B-4 2.2.3",
        "WSTG-SESS-07",
    ],
    cwe: &[613],
    mend: "Keep the instant of the latest use beside the login, and refuse and end the login when \
           it is too old; a cookie's Max-Age ends nothing.",
    cost: Cost::Slow,
    run: |trial| Box::pin(idle(trial)),
};

/// SESSION-007.
pub(super) const SESSION_007: Check = Check {
    id: "SESSION-007",
    statement: "the absolute lifetime ends the login in spite of steady use and renewal",
    level: Level::Must,
    severity: Severity::High,
    families: FAMILIES,
    seen_by: &[Eye::Http, Eye::Clock],
    operations: &[Operation::Login, Operation::Whoami],
    doors: &[Door::Clock],
    clauses: &[
        "ASVS 5.0 7.3.2",
        "ASVS 5.0 10.4.8",
        "NIST SP 800-63B-4 5.2",
        "NIST SP 800-63B-4 2.1.3",
        "WSTG-SESS-07",
    ],
    cwe: &[613],
    mend: "Set the end once, at login, keep it on the server, and carry it over to whatever renews \
           the login.",
    cost: Cost::Slow,
    run: |trial| Box::pin(absolute(trial)),
};

/// The most uses of one login until its end.
const USES_MAX: u64 = 600;

/// Milliseconds by which a time is missed on purpose, before and after it.
const fn margin_ms(time_ms: u64) -> u64 {
    let part = time_ms / 20;
    if part > 30_000 { 30_000 } else { part }
}

/// Whether short access credentials are renewed by a refresh token, so that the
/// login's end shows there.
fn renews(trial: &Trial<'_>, login: &Login) -> bool {
    login.refresh.is_some() && trial.has(Operation::Refresh)
}

/// Uses the login; renewed if that is how it is used.
async fn used(trial: &Trial<'_>, login: &Login) -> Result<(Option<Login>, Answer), Stop> {
    if renews(trial, login) {
        let (answer, renewed) = trial.refresh_at(login, login.replica).await?;
        return Ok((renewed, answer));
    }
    let who = trial.who(login).await?;
    let alive = who.is(&login.subject).then(|| login.clone());
    Ok((alive, who.answer().clone()))
}

/// How long a login is good without use, and by how much it may end early.
fn idle_ms(trial: &Trial<'_>) -> Result<(u64, u64), Stop> {
    let promised = trial.profile().guarantees.idle;
    let early_ms = promised.map_or(0, |idle| idle.early_ms);
    let timeout_ms = trial
        .policy()
        .idle_ms
        .or(promised.map(|idle| idle.timeout_ms));
    let timeout_ms = timeout_ms.ok_or_else(|| {
        Stop::NotApplicable(
            "the profile declares no end by inactivity: needs `policy.idle_ms`".to_owned(),
        )
    })?;
    Ok((timeout_ms, early_ms.min(timeout_ms)))
}

/// Milliseconds from login to its end, whatever happens.
fn absolute_ms(trial: &Trial<'_>) -> u64 {
    let promised = &trial.profile().guarantees;
    let chain_ms = match promised.refresh {
        RefreshOffer::RotatingKillsFamily { chain_ms, .. } => Some(chain_ms),
        RefreshOffer::None | RefreshOffer::SwapsAccess => None,
    };
    let declared = trial.policy().absolute_ms.or(chain_ms);
    declared.unwrap_or(promised.lifetime_ms)
}

async fn idle(trial: &Trial<'_>) -> Result<(), Stop> {
    const BEFORE: &str = "just before the declared time";
    const AFTER: &str = "just after the declared time";
    let (idle_ms, early_ms) = idle_ms(trial)?;
    let margin_ms = margin_ms(idle_ms);
    if idle_ms + 2 * margin_ms >= absolute_ms(trial) {
        return Err(Stop::NotApplicable(
            "the absolute end comes before the end by inactivity".to_owned(),
        ));
    }
    let began_ms = trial.now_ms().await?;
    let (active, idle) = (trial.login().await?, trial.login().await?);
    trial.control(&active).await?;
    trial.control(&idle).await?;
    let steps = if early_ms + 2 * margin_ms < idle_ms {
        [idle_ms - early_ms - margin_ms, early_ms + 2 * margin_ms]
    } else {
        [0, idle_ms + margin_ms]
    };
    trial.advance(steps[0]).await?;
    let (alive, answer) = used(trial, &active).await?;
    let passed_ms = trial.now_ms().await?.saturating_sub(began_ms);
    let in_time = passed_ms < idle_ms - early_ms;
    match &alive {
        _ if steps[0] == 0 => {
            trial.not_applicable(
                BEFORE,
                "the profile lets it end early by nearly all of its time",
            );
        }
        Some(_) => trial.pass(BEFORE, format!("it works {passed_ms} ms after the login")),
        None if in_time => trial.fail(
            BEFORE,
            format!("it ended within {passed_ms} ms; {idle_ms} ms are declared"),
            &[&answer],
        ),
        None => trial.inconclusive(BEFORE, "the requests took longer than the time left", &[]),
    }
    trial.advance(steps[1]).await?;
    let (late, answer) = used(trial, &idle).await?;
    let detail = match late {
        None => format!("it is refused after {idle_ms} ms without use"),
        Some(_) => format!("it works though nobody used it for more than {idle_ms} ms"),
    };
    trial.judge(AFTER, late.is_none(), detail, &[&answer]);
    // The one that was used is the control of the refusal.
    let control = match alive {
        Some(alive) if steps[0] > 0 => used(trial, &alive).await?.0,
        _ => Some(trial.login().await?),
    };
    if control.is_none() {
        return Err(Stop::unclear(
            "the positive control failed: a login that was used meanwhile ended, too",
        ));
    }
    Ok(())
}

async fn absolute(trial: &Trial<'_>) -> Result<(), Stop> {
    let absolute_ms = absolute_ms(trial);
    let margin_ms = margin_ms(absolute_ms);
    let mut step_ms = absolute_ms / 8;
    if let Ok((idle_ms, early_ms)) = idle_ms(trial) {
        step_ms = step_ms.min((idle_ms - early_ms) / 2);
    }
    if let Some(idle_ms) = trial.policy().refresh_idle_ms {
        step_ms = step_ms.min(idle_ms / 2);
    }
    if step_ms == 0 || absolute_ms / step_ms > USES_MAX {
        return Err(Stop::NotApplicable(format!(
            "it would have to be used more than {USES_MAX} times until its end ({absolute_ms} ms)"
        )));
    }
    let began_ms = trial.now_ms().await?;
    let first = trial.login().await?;
    let mut courses = Vec::new();
    if !renews(trial, &first) {
        courses.push(Course::new("steady use", first, false));
    }
    if trial.has(Operation::Refresh) {
        courses.push(Course::new("renewal", trial.login().await?, true));
    }
    let latest_ms = trial.now_ms().await?;
    loop {
        let passed_ms = trial.now_ms().await? - began_ms;
        if passed_ms + step_ms + margin_ms >= absolute_ms {
            break;
        }
        trial.advance(step_ms).await?;
        for course in &mut courses {
            course.step(trial).await?;
        }
        let passed_ms = trial.now_ms().await? - began_ms;
        if passed_ms >= absolute_ms {
            return Err(Stop::unclear(
                "the requests took longer than the login lives",
            ));
        }
        if let Some(ended) = courses.iter().find(|course| !course.alive) {
            let case = ended.case;
            return Err(Stop::unclear(format!(
                "the positive control failed: under {case} the login ended within {passed_ms} ms; \
                 {absolute_ms} ms are declared"
            )));
        }
    }
    let slack_ms = trial.profile().guarantees.expiry_slack_ms;
    let due_ms = latest_ms + absolute_ms + slack_ms + margin_ms;
    trial
        .advance(due_ms.saturating_sub(trial.now_ms().await?))
        .await?;
    for course in courses {
        course.end(trial, absolute_ms).await?;
    }
    let control = trial.login().await?;
    trial.control(&control).await
}

/// A login on its way to its end.
struct Course {
    case: &'static str,
    login: Login,
    renew: bool,
    alive: bool,
}

impl Course {
    const fn new(case: &'static str, login: Login, renew: bool) -> Self {
        Self {
            case,
            login,
            renew,
            alive: true,
        }
    }

    async fn step(&mut self, trial: &Trial<'_>) -> Result<(), Stop> {
        if self.renew {
            let (_, renewed) = trial.refresh_at(&self.login, self.login.replica).await?;
            self.alive = renewed.is_some();
            self.login = renewed.unwrap_or_else(|| self.login.clone());
        } else {
            self.alive = trial.who(&self.login).await?.is(&self.login.subject);
        }
        Ok(())
    }

    async fn end(self, trial: &Trial<'_>, absolute_ms: u64) -> Result<(), Stop> {
        let who = trial.who(&self.login).await?;
        let mut refused = !who.is_somebody();
        let mut detail = format!("{absolute_ms} ms after the login it is {}", who.told());
        let mut shown = vec![who.answer().clone()];
        if self.renew {
            let (answer, renewed) = trial.refresh_at(&self.login, self.login.replica).await?;
            refused &= renewed.is_none();
            detail.push_str(&format!("; its renewal was answered {}", answer.status));
            shown.push(answer);
        }
        let shown: Vec<&Answer> = shown.iter().collect();
        trial.judge(self.case, refused, detail, &shown);
        Ok(())
    }
}
