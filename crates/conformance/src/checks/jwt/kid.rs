//! JWT-007: the name of a key is a name.

use std::time::Duration;

use authbench_results::{Level, Severity};
use authbench_wire::Operation;
use serde_json::{Value, json};

use super::ground::{Forgery, Ground, TOKENS, made};
use crate::check::{Check, Cost, Eye};
use crate::jose::{SignKey, text_of};
use crate::stop::Stop;
use crate::trial::{Trial, Who};

/// JWT-007.
pub(super) const JWT_007: Check = Check {
    id: "JWT-007",
    statement: "`kid` is the name of a key and nothing else: paths, queries, commands and values \
                of other types in it change nothing about the refusal",
    level: Level::Must,
    severity: Severity::Critical,
    families: TOKENS,
    seen_by: &[Eye::Http],
    operations: &[Operation::Login, Operation::Whoami],
    doors: &[],
    clauses: &[
        "RFC 8725 3.10",
        "ASVS 5.0 9.1.3",
        "OWASP JWT",
        "WSTG-SESS-10",
    ],
    cwe: &[22, 89, 78],
    mend: "Compare `kid` with the names of the keys in memory; never put it into a path, a query \
           or a command.",
    cost: Cost::Quick,
    run: |trial| Box::pin(injected(trial)),
};

/// Names that lead to contents that everybody knows, and the contents: an empty
/// file, a kernel's setting, a row that the query itself makes.
const KNOWN: [(&str, &[&str]); 12] = [
    ("/dev/null", &["", "\n"]),
    ("../../../../../../../../dev/null", &["", "\n"]),
    ("..\\..\\..\\..\\..\\..\\dev\\null", &["", "\n"]),
    ("file:///dev/null", &["", "\n"]),
    ("....//....//....//....//dev/null", &["", "\n"]),
    ("../../../../../../../../dev/null\u{0}.pem", &["", "\n"]),
    (
        "/proc/sys/kernel/randomize_va_space",
        &["2", "2\n", "1", "1\n"],
    ),
    (
        "../../../../../../../../proc/sys/kernel/randomize_va_space",
        &["2", "2\n"],
    ),
    ("authbench' UNION SELECT 'authbench", &["authbench"]),
    ("authbench' UNION SELECT 'authbench' -- ", &["authbench"]),
    ("authbench\" UNION SELECT \"authbench\" -- ", &["authbench"]),
    ("$(printf authbench)", &["authbench"]),
];
/// Names that break what they are pasted into.
const BREAKING: [&str; 16] = [
    "",
    "'",
    "\"",
    "\\",
    "' OR '1'='1",
    "\" OR \"\"=\"",
    "1; SELECT 1",
    "*",
    "*)(uid=*))(|(uid=*",
    "`id`",
    "| id",
    "; id",
    "{{7*7}}",
    "${jndi:ldap://127.0.0.1/a}",
    "\u{0}",
    "%00",
];
/// How long names that make something sleep make it sleep.
const SLEEP: Duration = Duration::from_secs(3);
/// Names that make something sleep.
const SLEEPING: [&str; 7] = [
    "' OR SLEEP(3) -- ",
    "'; SELECT pg_sleep(3) -- ",
    "' || pg_sleep(3) || '",
    "'; WAITFOR DELAY '0:0:3' -- ",
    "; sleep 3",
    "| sleep 3",
    "$(sleep 3)",
];
/// Octets of a name that is too long.
const LONG_OCTETS: usize = 64 * 1024;

async fn injected(trial: &Trial<'_>) -> Result<(), Stop> {
    let ground = Ground::new(trial).await?;
    known_contents(&ground).await?;
    let breaking = BREAKING.iter().map(|text| Value::from(*text)).collect();
    unmoved(&ground, "special characters", breaking).await?;
    let types = vec![
        Value::Null,
        json!(0),
        json!(-1),
        json!(1.5),
        json!(true),
        json!([]),
        json!([ground.token.header.get("kid").cloned().unwrap_or_default()]),
        json!({}),
        json!({ "$ne": null }),
        json!({ "$gt": "" }),
    ];
    unmoved(&ground, "other types", types).await?;
    let long = "k".repeat(LONG_OCTETS);
    let text = ground.token.with_header(&ground.header_text("kid", long));
    ground
        .refuse_each("64 KiB", vec![Forgery::new("64 KiB", text)])
        .await?;
    delayed(&ground).await
}

/// Signs with what stands where the name leads.
async fn known_contents(ground: &Ground<'_>) -> Result<(), Stop> {
    let claims = text_of(&ground.token.claims);
    for alg in ["HS256", "HS384", "HS512"] {
        let mut forged = Vec::new();
        for (kid, contents) in KNOWN {
            let mut header = ground.token.header_with("alg", alg);
            header.insert("kid".to_owned(), kid.into());
            for content in contents {
                let key = SignKey::secret(alg, content.as_bytes());
                let text = made(&key, alg, &text_of(&header), &claims);
                forged.extend(text.map(|text| Forgery::new(format!("{kid:?}, {content:?}"), text)));
            }
        }
        let case = format!("known contents as the secret of {alg}");
        ground.refuse_each(&case, forged).await?;
    }
    Ok(())
}

/// Names under which there is no key: each is refused as any unknown name is.
async fn unmoved(ground: &Ground<'_>, case: &str, kids: Vec<Value>) -> Result<(), Stop> {
    let trial = ground.trial;
    trial.control(&ground.login).await?;
    let mut moved = Vec::new();
    let count = kids.len();
    for kid in kids {
        let what = kid.to_string();
        let text = ground.token.with_header(&ground.header_text("kid", kid));
        let who = trial.who_presents(&text, 0).await?;
        let fault = who.is_somebody() || who.answer().status >= 500;
        if fault {
            moved.push((what, who));
        }
    }
    trial.control(&ground.login).await?;
    let names: Vec<_> = moved
        .iter()
        .map(|(what, who)| format!("{what} was {}", who.told()))
        .collect();
    let answers: Vec<_> = moved.iter().map(|(_, who)| who.answer()).collect();
    match moved.is_empty() {
        true => trial.pass(case, format!("all of {count} refused")),
        false => trial.fail(case, names.join("; "), &answers),
    }
    Ok(())
}

/// A name that makes something sleep is told by an answer that is late twice,
/// while an ordinary one between them is not.
async fn delayed(ground: &Ground<'_>) -> Result<(), Stop> {
    const CASE: &str = "no delay";
    let trial = ground.trial;
    let ask = async |kid: &str| {
        let text = ground.token.with_header(&ground.header_text("kid", kid));
        trial.who_presents(&text, 0).await
    };
    let is_late = |who: &Who| who.answer().took >= SLEEP;
    for kid in SLEEPING {
        let first = ask(kid).await?;
        if !is_late(&first) {
            continue;
        }
        let (between, second) = (ask("authbench").await?, ask(kid).await?);
        if is_late(&second) && !is_late(&between) {
            let detail = format!("`{kid}` delays the answer by what it says");
            trial.fail(CASE, detail, &[first.answer(), second.answer()]);
            return Ok(());
        }
    }
    trial.pass(CASE, "no name delays the answer");
    Ok(())
}
