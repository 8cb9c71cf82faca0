//! What was not given is asked for.

use std::io::IsTerminal as _;

use anyhow::{Context as _, Result};
use dialoguer::{Confirm, Input, Select};

use super::{Answers, Args, Carrier, Kind};
use crate::exit::UsageError;

/// The flags, and the answers to what they leave open.
///
/// # Errors
/// [`UsageError`] when something is missing and nobody can be asked.
pub(super) fn complete(args: &Args) -> Result<Answers> {
    let mut users = Vec::new();
    for text in &args.users {
        users.push(user(text)?);
    }
    let missing = missing(args);
    if missing.is_empty() {
        return Ok(Answers {
            name: args.name.clone().unwrap_or_default(),
            base_url: args.base_url.clone().unwrap_or_default(),
            kind: args.kind.unwrap_or(Kind::Session),
            carrier: given_carrier(args).unwrap_or(Carrier::Cookie(String::new())),
            users,
            ..given(args)
        });
    }
    if !(std::io::stdin().is_terminal() && std::io::stderr().is_terminal()) {
        return Err(UsageError(format!(
            "there is no terminal to ask on, so say {}",
            missing.join(", ")
        ))
        .into());
    }
    by_asking(args, users).context("the question was not answered")
}

/// The flags that nothing can stand in for.
fn missing(args: &Args) -> Vec<&'static str> {
    [
        (args.name.is_none(), "--name"),
        (args.base_url.is_none(), "--base-url"),
        (args.kind.is_none(), "--kind session|jwt"),
        (
            given_carrier(args).is_none(),
            "--cookie NAME or --bearer POINTER",
        ),
        (args.users.is_empty(), "--user NAME:PASSWORD"),
    ]
    .into_iter()
    .filter_map(|(is_missing, flag)| is_missing.then_some(flag))
    .collect()
}

fn given_carrier(args: &Args) -> Option<Carrier> {
    match (&args.cookie, &args.bearer) {
        (Some(name), _) => Some(Carrier::Cookie(name.clone())),
        (None, Some(pointer)) => Some(Carrier::Bearer(pointer.clone())),
        (None, None) => None,
    }
}

/// What has a default.
fn given(args: &Args) -> Answers {
    Answers {
        name: String::new(),
        base_url: String::new(),
        kind: Kind::Session,
        carrier: Carrier::Cookie(String::new()),
        users: Vec::new(),
        login_path: args.login_path.clone(),
        login_body: args.login_body.clone(),
        login_content_type: args.login_content_type.clone(),
        whoami_path: args.whoami_path.clone(),
        subject: args.subject.clone(),
        logout_path: args.logout_path.clone(),
    }
}

fn by_asking(args: &Args, mut users: Vec<(String, String)>) -> Result<Answers> {
    let asked = |flag: &Option<String>, question: &str, usual: &str| match flag {
        Some(given) => Ok(given.clone()),
        None => text(question, usual),
    };
    let name = asked(&args.name, "A short name for reports", "my-server")?;
    let base_url = asked(
        &args.base_url,
        "Where does it listen?",
        "http://127.0.0.1:8080",
    )?;
    let kind = match args.kind {
        Some(kind) => kind,
        None => kind_of(choose(
            "How does it remember callers?",
            &[
                "a record on the server, found by a random identifier",
                "a signed token (JWT) that holds everything",
            ],
        )?),
    };
    let carrier = match given_carrier(args) {
        Some(carrier) => carrier,
        None => carrier(kind)?,
    };
    let mut whole = Answers {
        name,
        base_url,
        kind,
        carrier,
        ..given(args)
    };
    whole.login_path = text("The path of the login (POST)", &args.login_path)?;
    whole.login_content_type = text("Its body's media type", &args.login_content_type)?;
    whole.login_body = text("Its body", &args.login_body)?;
    whole.whoami_path = text(
        "The path that says who the caller is (GET)",
        &args.whoami_path,
    )?;
    whole.subject = text("The JSON pointer to the caller's name there", &args.subject)?;
    whole.logout_path = text("The path of the logout (POST)", &args.logout_path)?;
    while users.is_empty()
        || (users.len() < 2 && Confirm::new().with_prompt("Another account?").interact()?)
    {
        let name: String = Input::new()
            .with_prompt("An account for tests")
            .interact_text()?;
        let password: String = Input::new().with_prompt("Its password").interact_text()?;
        users.push((name, password));
    }
    whole.users = users;
    Ok(whole)
}

fn carrier(kind: Kind) -> Result<Carrier> {
    let ways = ["in a cookie", "as `Authorization: Bearer`"];
    let usual_cookie = match kind {
        Kind::Session => "sid",
        Kind::Jwt => "token",
    };
    Ok(match choose("How does the credential travel?", &ways)? {
        0 => Carrier::Cookie(text("The cookie's name", usual_cookie)?),
        _ => Carrier::Bearer(text(
            "The JSON pointer to the token in the answer to the login",
            "/token",
        )?),
    })
}

const fn kind_of(chosen: usize) -> Kind {
    match chosen {
        0 => Kind::Session,
        _ => Kind::Jwt,
    }
}

fn text(question: &str, usual: &str) -> Result<String> {
    let input = Input::new().with_prompt(question).default(usual.to_owned());
    Ok(input.interact_text()?)
}

fn choose(question: &str, ways: &[&str]) -> Result<usize> {
    let select = Select::new().with_prompt(question).items(ways).default(0);
    Ok(select.interact()?)
}

fn user(text: &str) -> Result<(String, String), UsageError> {
    let (name, password) = text.split_once(':').unwrap_or((text, ""));
    if name.is_empty() || password.is_empty() {
        return Err(UsageError(format!(
            "--user {text}: write it as NAME:PASSWORD"
        )));
    }
    Ok((name.to_owned(), password.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_may_hold_colons_and_must_be_there() {
        let both = user("a:b:c").unwrap();
        assert_eq!(both, ("a".to_owned(), "b:c".to_owned()));
        for wrong in ["a", "a:", ":b"] {
            assert!(user(wrong).is_err(), "{wrong}");
        }
    }
}
