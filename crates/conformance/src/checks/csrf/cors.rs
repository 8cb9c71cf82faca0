//! CSRF-007: whose pages may read answers.

use authbench_results::{Level, Severity};
use authbench_wire::Operation;
use http::Method;

use super::probe::FOREIGN;
use crate::answer::Answer;
use crate::check::{Check, Cost, Eye};
use crate::stop::Stop;
use crate::trial::Trial;

/// CSRF-007.
pub(super) const CSRF_007: Check = Check {
    id: "CSRF-007",
    statement: "CORS lets only listed origins read answers with credentials: none by reflection, \
                not `null`, none by prefix or suffix, and no `*` with personal data",
    level: Level::Must,
    severity: Severity::High,
    families: &[],
    seen_by: &[Eye::Http],
    operations: &[Operation::Login, Operation::Whoami],
    doors: &[],
    clauses: &["ASVS 5.0 3.4.2", "OAuth browser-based apps 6.1.3.3.2"],
    cwe: &[942],
    mend: "Compare `Origin` with a list of whole origins, and leave the CORS headers out for all \
           others.",
    cost: Cost::Quick,
    run: |trial| Box::pin(run(trial)),
};

async fn run(trial: &Trial<'_>) -> Result<(), Stop> {
    let login = trial.login().await?;
    trial.control(&login).await?;
    let allowed = &trial.policy().allowed_origins;
    for origin in origins(trial.origin(0)?, allowed) {
        let ask = trial.ask(Operation::Whoami)?.with(&login);
        let answer = ask.header("origin", &origin).send().await?;
        judge(trial, &origin, &answer, allowed);
        let path = trial.request(Operation::Whoami)?.path.value.to_string();
        let ask = trial.ask_bare().method(Method::OPTIONS).path(path);
        let preflight = ask
            .header("origin", &origin)
            .header("access-control-request-method", "PUT")
            .header(
                "access-control-request-headers",
                "authorization,content-type",
            )
            .send()
            .await?;
        judge(trial, &format!("{origin}, preflight"), &preflight, allowed);
    }
    for origin in allowed {
        let ask = trial.ask(Operation::Whoami)?.with(&login);
        let answer = ask.header("origin", origin).send().await?;
        if answer.header("access-control-allow-origin") != Some(origin) {
            trial.note(format!(
                "`{origin}` is listed, but the target does not let it read"
            ));
        }
    }
    trial.control(&login).await
}

/// Origins that nobody listed, some of them close to ones that are.
fn origins(own: &str, allowed: &[String]) -> Vec<String> {
    let mut origins = vec![FOREIGN.to_owned(), "null".to_owned()];
    let bases = allowed.iter().map(String::as_str).chain([own]);
    for base in bases {
        let Some((scheme, host)) = base.split_once("://") else {
            continue;
        };
        let bare = host.split(':').next().unwrap_or(host);
        origins.extend([
            format!("{scheme}://{bare}.attacker.example"),
            format!("{scheme}://attacker{bare}"),
            format!("{scheme}://sub.{bare}"),
            format!("{scheme}://{bare}:31337"),
        ]);
        if scheme == "https" {
            origins.push(format!("http://{host}"));
        }
    }
    origins.retain(|origin| origin != own && !allowed.contains(origin));
    origins
}

fn judge(trial: &Trial<'_>, case: &str, answer: &Answer, allowed: &[String]) {
    let Some(granted) = answer.header("access-control-allow-origin") else {
        trial.pass(case, "no page of this origin may read the answer");
        return;
    };
    let with_credentials = answer.header("access-control-allow-credentials") == Some("true");
    let listed = allowed.iter().any(|origin| origin == granted);
    let detail = format!(
        "the answer lets `{granted}` read it{}",
        if with_credentials {
            ", with credentials"
        } else {
            ""
        }
    );
    // A static list may always name the listed origin, whoever asks.
    trial.judge(case, listed, detail, &[answer]);
}
