//! TRANSPORT-002: no cache keeps what belongs to one user.

use authbench_results::{Level, Severity};
use authbench_wire::Operation;

use crate::answer::Answer;
use crate::check::{Check, Cost, Eye};
use crate::stop::Stop;
use crate::trial::Trial;

/// TRANSPORT-002.
pub(super) const TRANSPORT_002: Check = Check {
    id: "TRANSPORT-002",
    statement: "answers that set or contain a credential or private data say `no-store`, and no \
                shared cache may serve one user's answer to another",
    level: Level::Must,
    severity: Severity::High,
    families: &[],
    seen_by: &[Eye::Http],
    operations: &[Operation::Login, Operation::Whoami],
    doors: &[],
    clauses: &[
        "ASVS 5.0 14.3.2",
        "ASVS 5.0 14.2.2",
        "OWASP Session Management",
        "RFC 9111 3.5",
        "WSTG-SESS-04",
    ],
    cwe: &[524, 525],
    mend: "Send `Cache-Control: no-store` with every answer that depends on who asks.",
    cost: Cost::Quick,
    run: |trial| Box::pin(run(trial)),
};

async fn run(trial: &Trial<'_>) -> Result<(), Stop> {
    let mut login = trial.login().await?;
    let mut private = vec![(Operation::Login, login.answer.clone())];
    let who = trial.who(&login).await?;
    private.push((Operation::Whoami, who.answer().clone()));
    for operation in [Operation::ReadState, Operation::Sessions] {
        if trial.has(operation) {
            let answer = trial.perform(operation, &login, &[]).await?;
            private.push((operation, answer));
        }
    }
    if trial.has(Operation::Refresh) {
        login = trial.refresh(&login).await?;
        private.push((Operation::Refresh, login.answer.clone()));
    }
    trial.control(&login).await?;
    for (operation, answer) in &private {
        let says = directives(answer).any(|one| one == "no-store");
        let detail = match answer.header("cache-control") {
            Some(header) => format!("Cache-Control: {header}"),
            None => "there is no Cache-Control".to_owned(),
        };
        trial.judge(operation.label(), says, detail, &[answer]);
    }
    let reads = private.iter().filter(|(operation, answer)| {
        let request = trial.profile().request(*operation);
        request.is_some_and(|it| it.method.is_safe()) && answer.ok()
    });
    let served = reads
        .map(|(_, answer)| answer)
        .find(|answer| is_shared(answer));
    match served {
        Some(answer) => trial.fail(
            "shared cache (a model of RFC 9111)",
            "a cache in front may keep the answer and serve it to somebody else",
            &[answer],
        ),
        None => trial.pass(
            "shared cache (a model of RFC 9111)",
            "no answer may be served to somebody else",
        ),
    }
    Ok(())
}

fn directives(answer: &Answer) -> impl Iterator<Item = String> {
    let list = answer.header_list("cache-control").to_ascii_lowercase();
    let directives: Vec<String> = list.split(',').map(|one| one.trim().to_owned()).collect();
    directives.into_iter()
}

/// Whether a shared cache may store the answer (RFC 9111 3, 3.5) and serve it
/// to a request with other credentials (RFC 9111 4.1).
fn is_shared(answer: &Answer) -> bool {
    let all: Vec<String> = directives(answer).collect();
    let has = |name: &str| {
        all.iter()
            .any(|one| one == name || one.starts_with(&format!("{name}=")))
    };
    if has("no-store") || has("private") {
        return false;
    }
    let sent = &answer.wire.headers;
    let authorized = sent.iter().any(|(name, _)| name == "authorization");
    if authorized && !(has("public") || has("s-maxage") || has("must-revalidate")) {
        return false;
    }
    let vary = answer.header_list("vary").to_ascii_lowercase();
    let carrier = if authorized {
        "authorization"
    } else {
        "cookie"
    };
    !vary
        .split(',')
        .map(str::trim)
        .any(|field| field == "*" || field == carrier)
}
