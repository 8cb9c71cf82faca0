//! The text of a first profile.

use std::fmt::Write as _;

use authbench_wire::Operation;

use super::{Answers, Carrier, Kind};

/// The usual body of a login.
pub(super) const LOGIN_BODY: &str = r#"{"user":"{user}","password":"{password}"}"#;

/// The profile with comments that say what else it may hold.
pub(super) fn profile(answers: &Answers) -> String {
    let mut text = String::new();
    head(&mut text, answers);
    operations(&mut text, answers);
    absent(&mut text);
    promises(&mut text, answers.kind);
    text
}

// Writing to a string cannot fail; the results of `write!` are let go.

fn head(text: &mut String, answers: &Answers) {
    let families = match (answers.kind, &answers.carrier) {
        (Kind::Session, _) => "session",
        (Kind::Jwt, Carrier::Cookie(_)) => "hybrid",
        (Kind::Jwt, Carrier::Bearer(_)) => "jwt",
    };
    let carrier = match &answers.carrier {
        Carrier::Cookie(name) => format!("[carrier.cookie]\nname = {}", quoted(name)),
        Carrier::Bearer(token) => format!(
            "# The JSON pointer to the token in the answer to the login.\n\
             [carrier.bearer]\ntoken = {}",
            quoted(token)
        ),
    };
    let csrf = match &answers.carrier {
        Carrier::Cookie(_) => {
            "# \"same-origin\" adds Origin and Sec-Fetch-Site to unsafe requests, as browsers do.\n\
             csrf = \"same-origin\"\n"
        }
        Carrier::Bearer(_) => "",
    };
    let _ = write!(
        text,
        "# A server, described so that authbench can try it. docs/profiles.md explains every key.\n\
         # Check it with: authbench conform doctor FILE\n\
         name = {name}\n\
         base_url = {base_url}\n\
         # What it is: session, jwt, denylist, refresh, hybrid, sealed; several may apply.\n\
         families = [\"{families}\"]\n\
         {csrf}\n\
         # Where the credential travels.\n\
         {carrier}\n\n\
         # Accounts that exist only for tests: checks log them in and out, and change them.\n",
        name = quoted(&answers.name),
        base_url = quoted(&answers.base_url),
    );
    for (name, password) in &answers.users {
        let _ = write!(
            text,
            "[[users.list]]\nuser = {}\npassword = {}\n# What whoami answers for it, if the login does not tell.\nsubject = {}\n\n",
            quoted(name),
            quoted(password),
            quoted(name)
        );
    }
    text.push_str(
        "# Many checks need a second account; some need an administrator.\n\
         # [users.admin]\n# user = \"admin\"\n# password = \"...\"\n\n",
    );
}

fn operations(text: &mut String, answers: &Answers) {
    let _ = write!(
        text,
        "# How each operation is asked for. `{{gaps}}` are filled in.\n\
         [operations.login]\n\
         method = \"POST\"\n\
         path = {}\n\
         body = {}\n\
         content_type = {}\n\
         # The statuses that mean \"done\".\n\
         success = [200]\n\n\
         # The identity echo: acceptance is read from it, never from a status.\n\
         [operations.whoami]\n\
         method = \"GET\"\n\
         path = {}\n\
         success = [200]\n\
         subject = {}\n\n\
         [operations.logout]\n\
         method = \"POST\"\n\
         path = {}\n\
         success = [200, 204]\n\n",
        quoted(&answers.login_path),
        quoted(&answers.login_body),
        quoted(&answers.login_content_type),
        quoted(&answers.whoami_path),
        quoted(&answers.subject),
        quoted(&answers.logout_path),
    );
}

fn absent(text: &mut String) {
    text.push_str(
        "# What the server does not have, each with the reason. Move an entry to [operations.NAME]\n\
         # and describe it there as soon as it does: a check that lacks its operation is not made.\n\
         [absent]\n",
    );
    let mapped = [Operation::Login, Operation::Whoami, Operation::Logout];
    for operation in Operation::REQUIRED {
        if !mapped.contains(&operation) {
            let _ = writeln!(text, "{} = \"not described yet\"", operation.label());
        }
    }
}

fn promises(text: &mut String, kind: Kind) {
    let (revoked, lifetime_ms, outage, durability) = match kind {
        Kind::Session => ("immediate", 3_600_000, "fails-closed", "none"),
        Kind::Jwt => ("until-expiry", 900_000, "unaffected", "stateless"),
    };
    let _ = write!(
        text,
        "\n# What the makers promise. Immediate: seen by every request after the acknowledgement.\n\
         [guarantees]\n\
         revoke_one = \"{revoked}\"\n\
         revoke_all = \"{revoked}\"\n\
         role_change = \"{revoked}\"\n\
         lifetime_ms = {lifetime_ms}\n\
         expiry_slack_ms = 0\n\
         refresh = \"none\"\n\
         listing = \"not-kept\"\n\
         outage = \"{outage}\"\n\
         durability = \"{durability}\"\n\n\
         # What the server is held to. A check whose number is missing measures, and stays open.\n\
         [policy]\n\
         # absolute_ms = {lifetime_ms}\n\
         # idle_ms = 900000\n\
         # revoke_max_ms = 0\n\
         # csrf = [\"fetch-metadata\"]\n"
    );
    if kind == Kind::Jwt {
        text.push_str(
            "# access_ttl_ms = 900000\n\
             # skew_ms = 60000\n\
             # issuer = \"https://issuer.example\"\n\
             # audience = \"my-api\"\n\n\
             # With the signing key, tokens can be forged that are correctly signed but wrong.\n\
             # [keys]\n\
             # jwks_path = \"/.well-known/jwks.json\"\n\
             # sign = { secret = \"the HMAC secret of the test server\" }\n",
        );
    }
}

/// A TOML string.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use authbench_wire::Profile;

    use super::*;

    fn answers(kind: Kind, carrier: Carrier) -> Answers {
        Answers {
            name: "a \"quoted\" name".to_owned(),
            base_url: "http://127.0.0.1:1".to_owned(),
            kind,
            carrier,
            users: vec![
                ("alice".to_owned(), "it's \\ \"odd\"\n".to_owned()),
                ("bob".to_owned(), "ünï".to_owned()),
            ],
            login_path: "/login".to_owned(),
            login_body: LOGIN_BODY.to_owned(),
            login_content_type: "application/json".to_owned(),
            whoami_path: "/me".to_owned(),
            subject: "/user".to_owned(),
            logout_path: "/logout".to_owned(),
        }
    }

    #[test]
    fn whatever_is_answered_the_profile_can_be_read_and_says_it() {
        for kind in [Kind::Session, Kind::Jwt] {
            for carrier in [
                Carrier::Cookie("sid".to_owned()),
                Carrier::Bearer("/token".to_owned()),
            ] {
                let answers = answers(kind, carrier);
                let text = profile(&answers);
                let read = Profile::parse(Path::new("p.toml"), &text).unwrap();
                assert_eq!(read.name, answers.name);
                let user = read.users.nth(0).unwrap();
                assert_eq!(user.password, answers.users[0].1);
                assert_eq!(read.families.len(), 1);
                assert!(text.lines().filter(|line| line.starts_with('#')).count() > 10);
            }
        }
    }

    /// What is commented out must be right once it is not.
    #[test]
    fn the_commented_keys_are_keys() {
        let text = profile(&answers(Kind::Jwt, Carrier::Bearer("/token".to_owned())));
        let (before, after) = text.split_once("[policy]\n").unwrap();
        let after = after.lines().map(|line| {
            let bare = line.strip_prefix("# ").unwrap_or(line);
            let is_key = bare.contains(" = ") || bare.starts_with('[');
            if is_key { bare } else { line }
        });
        let whole = format!("{before}[policy]\n{}", after.collect::<Vec<_>>().join("\n"));
        let read = Profile::parse(Path::new("p.toml"), &whole).unwrap();
        assert_eq!(read.policy.skew_ms, Some(60_000));
        assert!(read.keys.sign.is_some());
    }
}
