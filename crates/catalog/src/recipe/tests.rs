//! What a recipe may say.

use super::*;
use crate::find::shipped;

fn parse(name: &str, text: &str) -> Result<Recipe, String> {
    Recipe::parse(&Path::new("x").join(format!("{name}.toml")), text)
        .map_err(|error| error.to_string())
}

const JWT: &str = "summary = \"s\"\n[scheme.jwt]\nalgorithm = \"HS256\"\n[transport.bearer]\n";

#[test]
fn what_makes_no_sense_is_refused_at_its_place() {
    let error = parse("jwt.hs256.bearer", &format!("{JWT}[store.memory]\n")).unwrap_err();
    assert!(error.contains("x/jwt.hs256.bearer.toml:5:"), "{error}");
    assert!(error.contains("remove [store.memory]"), "{error}");
    let session = "summary = \"s\"\n[scheme.session]\n[transport.cookie]\n";
    let error = parse("session.memory.cookie", session).unwrap_err();
    assert!(
        error.contains(":2:") && error.contains("add one of [store.memory]"),
        "{error}"
    );
    let error = parse("session.bearer", JWT).unwrap_err();
    assert!(error.contains("must begin with `jwt.`"), "{error}");
    let cookie = JWT.replace("[transport.bearer]", "[transport.cookie]\nname = \"sid\"");
    let error = parse("jwt.hs256.cookie", &cookie).unwrap_err();
    assert!(error.contains("__Host-"), "{error}");
    let error = parse("jwt.hs256.bearer", &JWT.replace("HS256", "HS25")).unwrap_err();
    assert!(
        error.contains(":3:") && error.contains("`HS256`"),
        "{error}"
    );
    let error = parse(
        "jwt.hs256.bearer",
        &JWT.replace("[scheme.jwt]", "[scheme.jwtt]"),
    );
    assert!(error.unwrap_err().contains("did you mean `jwt`"));
}

#[test]
fn settings_are_refused_where_they_stand() {
    let jwt = |line: &str| JWT.replace("[transport", &format!("{line}\n[transport"));
    let session = |line: &str| {
        format!("summary = \"s\"\n[scheme.session]\n\n{line}\n[store.memory]\n[transport.cookie]\n")
    };
    for (line, column) in [
        ("ttl_s = 0", 9),
        ("ttl_s = 2592001", 9),
        ("skew_ms = 60001", 11),
        ("issuer = \"\"", 10),
        ("audience = \"\"", 12),
    ] {
        let error = parse("jwt.hs256.bearer", &jwt(line)).unwrap_err();
        let place = format!("x/jwt.hs256.bearer.toml:4:{column}: ");
        assert!(error.starts_with(&place), "{error}");
    }
    for line in ["lifetime_ms = 0", "lifetime_ms = 34560000001"] {
        let error = parse("session.memory.cookie", &session(line)).unwrap_err();
        let place = "x/session.memory.cookie.toml:4:15: ";
        assert!(error.starts_with(place), "{error}");
    }
    for line in ["lifetime_ms = 1", "lifetime_ms = 34560000000", ""] {
        parse("session.memory.cookie", &session(line)).unwrap();
    }
    parse("jwt.hs256.bearer", &jwt("ttl_s = 2592000\nskew_ms = 60000")).unwrap();
}

/// The recipe without its text, which is all that may differ.
fn without_text(recipe: &Recipe) -> Recipe {
    Recipe {
        text: String::new(),
        ..recipe.clone()
    }
}

#[test]
fn a_resolved_recipe_says_the_same_and_all_of_it() {
    let with_key = JWT.replace("[transport", "key_file = \"secrets/my.key\"\n[transport");
    let with_path = "summary = \"\\\"s\\\"\"\n[scheme.session]\n[store.sqlite]\npath = \"a.sqlite\"\n\
                     [transport.cookie]\nname = \"__Host-sid\"\nsame_site = \"lax\"\n";
    let mut recipes = shipped();
    recipes.push(parse("jwt.hs256.bearer", &with_key).unwrap());
    recipes.push(parse("session.sqlite.cookie", with_path).unwrap());
    for recipe in recipes {
        let resolved = recipe.resolved();
        let file = recipe.folder.join(format!("{}.toml", recipe.name));
        let again = Recipe::parse(&file, &resolved).unwrap();
        assert_eq!(without_text(&again), without_text(&recipe), "{resolved}");
        assert_eq!(again.resolved(), resolved);
    }
    let resolved = |name: &str, text: &str| parse(name, text).unwrap().resolved();
    assert_eq!(
        resolved("jwt.hs256.bearer", &with_key),
        "summary = \"s\"\n\n[scheme.jwt]\nalgorithm = \"HS256\"\n\
         issuer = \"https://issuer.authbench.test\"\naudience = \"https://api.authbench.test\"\n\
         ttl_s = 900\nskew_ms = 2000\nkey_file = \"secrets/my.key\"\n\n[transport.bearer]\n"
    );
    let shortest = "summary = \"s\"\n[scheme.session]\n[store.sqlite]\n[transport.cookie]\n";
    assert_eq!(
        resolved("session.sqlite.cookie", shortest),
        "summary = \"s\"\n\n[scheme.session]\nlifetime_ms = 3600000\nrotation = false\n\n\
         [store.sqlite]\nsynchronous = \"normal\"\nbusy_timeout_ms = 5000\nreaders = 4\n\n\
         [transport.cookie]\nname = \"__Host-auth\"\nsame_site = \"strict\"\n"
    );
}

#[test]
fn a_resolved_recipe_tells_no_password() {
    for (store, url) in [
        ("redis", "redis://me:hunter2@localhost:6400/1"),
        ("postgres", "postgres://me@localhost/db?password=hunter2"),
        ("mysql", "mysql://root:hunter2@localhost"),
    ] {
        let text = format!(
            "summary = \"s\"\n[scheme.session]\n[store.{store}]\nurl = \"{url}\"\n[transport.cookie]\n"
        );
        let recipe = parse(&format!("session.{store}.cookie"), &text).unwrap();
        assert_eq!(recipe.needs(), None);
        let resolved = recipe.resolved();
        assert!(resolved.contains("localhost"), "{resolved}");
        assert!(!resolved.contains("hunter2"), "{resolved}");
    }
}

/// Written down by hand, so that a new store has to be thought about.
#[test]
fn only_tables_in_memory_keep_logins_from_replicas() {
    for recipe in shipped() {
        let parts: Vec<&str> = recipe.name.split('.').collect();
        let shares = match (parts[0], parts[1].split('-').next().unwrap()) {
            ("biscuit" | "jwt" | "paseto", _) | ("sealed-cookie", "stateless") => true,
            (_, "mysql" | "postgres" | "redis" | "sqlite") => true,
            (_, "memory") => false,
            other => panic!("{other:?}"),
        };
        assert_eq!(recipe.shares_logins(), shares, "{}", recipe.name);
    }
}
