//! PRIVILEGE-005: identities are not used twice, and reach their own only.

use authbench_results::{Level, Severity};
use authbench_wire::Operation;
use authbench_wire::profile::User;
use rand::RngExt as _;
use serde_json::Value;

use crate::check::{Check, Cost, Eye};
use crate::checks::revoke::dead::{both, everywhere, must_die};
use crate::jose::{SignKey, Token, text_of};
use crate::login::Login;
use crate::stop::Stop;
use crate::trial::Trial;

/// PRIVILEGE-005.
pub(super) const PRIVILEGE_005: Check = Check {
    id: "PRIVILEGE-005",
    statement: "the credentials of a deleted account are dead for a new account of the same name; \
                an unknown subject is refused, and so is another user's object",
    level: Level::Must,
    severity: Severity::High,
    families: &[],
    seen_by: &[Eye::Http],
    operations: &[Operation::Login, Operation::Whoami],
    doors: &[],
    clauses: &[
        "RFC 8725 3.8",
        "ASVS 5.0 10.3.3",
        "ASVS 5.0 8.2.2",
        "ASVS 5.0 7.4.2",
    ],
    cwe: &[639],
    mend: "Give accounts identifiers that are never used again, look the subject up, and compare \
           the owner of an object with it.",
    cost: Cost::Quick,
    run: |trial| Box::pin(run(trial)),
};

async fn run(trial: &Trial<'_>) -> Result<(), Stop> {
    trial.settle("account made again", again(trial).await);
    trial.settle("unknown subject", unknown(trial).await);
    trial.settle("another user's object", foreign(trial).await);
    Ok(())
}

async fn again(trial: &Trial<'_>) -> Result<(), Stop> {
    const CASE: &str = "account made again";
    trial.request(Operation::Create)?;
    trial.request(Operation::Delete)?;
    let admin = trial.admin().await?;
    let number = trial.random(|random| random.random_range(0..u64::MAX));
    let user = User {
        user: format!("conformance-{number:016x}"),
        password: format!("Conformance-{number:016x}"),
        subject: None,
    };
    trial.hide(&user.password);
    create(trial, &admin, &user).await?;
    let (old, stranger) = (trial.login_of(&user).await?, trial.login().await?);
    trial.control(&old).await?;
    let gaps = [("subject_user", &*user.user)];
    trial.done_by(Operation::Delete, &admin, &gaps).await?;
    create(trial, &admin, &user).await?;
    let new = trial.login_of(&user).await?;
    trial.control(&new).await?;
    let relics = both("the deleted account", &old);
    must_die(trial, CASE, &relics, Some(&stranger), &everywhere(trial)).await?;
    if new.subject == old.subject {
        trial.note("the new account has the subject of the deleted one");
    }
    let admin = trial.admin().await?;
    trial
        .done_by(Operation::Delete, &admin, &gaps)
        .await
        .map(drop)
}

async fn create(trial: &Trial<'_>, admin: &Login, user: &User) -> Result<(), Stop> {
    let gaps = [
        ("subject_user", &*user.user),
        ("new_password", &*user.password),
    ];
    trial
        .done_by(Operation::Create, admin, &gaps)
        .await
        .map(drop)
}

/// Tokens that are correctly signed, for nobody.
async fn unknown(trial: &Trial<'_>) -> Result<(), Stop> {
    const CASE: &str = "unknown subject";
    let key = trial.profile().keys.sign.as_ref();
    let key = key.ok_or_else(|| Stop::needs("keys.sign"))?;
    let key = SignKey::load(key, trial.target().profile_file());
    let key = key.map_err(|error| Stop::unclear(crate::trial::cause_chain(&error)))?;
    let login = trial.login().await?;
    let Some(token) = Token::parse(&login.access) else {
        return Err(Stop::NotApplicable(
            "the access credential is no JSON Web Token".to_owned(),
        ));
    };
    let alg = token.alg().unwrap_or_default().to_owned();
    let signed = |sub: Option<Value>| {
        let mut claims = token.claims.clone();
        match sub {
            Some(sub) => drop(claims.insert("sub".to_owned(), sub)),
            None => drop(claims.remove("sub")),
        }
        key.token(&alg, &text_of(&token.header), &text_of(&claims))
    };
    let same = signed(token.claims.get("sub").cloned());
    let same = same.ok_or_else(|| Stop::unclear("`keys.sign` cannot sign by the token's `alg`"))?;
    if !trial.who_presents(&same, 0).await?.is(&login.subject) {
        return Err(Stop::NotApplicable(
            "a token that was only signed again is refused: `keys.sign` is not the key (any more)"
                .to_owned(),
        ));
    }
    for (what, sub) in [
        (
            "a subject that nobody has",
            Some(Value::from("nobody-has-this-subject")),
        ),
        ("no subject", None),
        ("an empty subject", Some(Value::from(""))),
    ] {
        let Some(text) = signed(sub) else { continue };
        let who = trial.who_presents(&text, 0).await?;
        let told = format!("a token with {what} was {}", who.told());
        trial.judge(CASE, !who.is_somebody(), told, &[who.answer()]);
    }
    trial.control(&login).await
}

async fn foreign(trial: &Trial<'_>) -> Result<(), Stop> {
    const CASE: &str = "another user's object";
    trial.request(Operation::Object)?;
    let users = trial.users(2)?;
    let (own, other) = (
        trial.login_of(&users[0]).await?,
        trial.login_of(&users[1]).await?,
    );
    for (login, owner) in [(&own, &users[0]), (&other, &users[1])] {
        let gaps = [("subject_user", &*owner.user)];
        trial.done_by(Operation::Object, login, &gaps).await?;
    }
    for (login, owner) in [(&own, &users[1]), (&other, &users[0])] {
        let gaps = [("subject_user", &*owner.user)];
        let answer = trial.perform(Operation::Object, login, &gaps).await?;
        let done = trial.done(Operation::Object, &answer);
        let detail = format!("it was answered {}", answer.status);
        trial.judge(CASE, !done, detail, &[&answer]);
    }
    Ok(())
}
