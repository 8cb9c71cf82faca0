//! Bad input: each ends in a message that names file, line and the way out.

use crate::support::{Folder, TINY, stderr, stdout};

fn told(text: &str) -> String {
    let folder = Folder::new();
    folder.write("x.toml", text);
    let output = folder.run(&["run", "x.toml"]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert!(folder.files(".json").is_empty());
    stderr(&output)
}

#[test]
fn a_broken_scenario_is_told_with_its_place() {
    let key = told(&TINY.replace("connections = 4", "conections = 4"));
    assert!(
        key.contains("x.toml:14:1:") && key.contains("did you mean `connections`"),
        "{key}"
    );
    let name = told(&TINY.replace("jwt.hs256.bearer", "jwt.hs265.bearer"));
    assert!(
        name.contains("x.toml:4:") && name.contains("`jwt.hs256.bearer`"),
        "{name}"
    );
    let kind = told(&TINY.replace("users = 40", "users = \"many\""));
    assert!(kind.contains("x.toml:6:9:"), "{kind}");
    let syntax = told(&TINY.replace("[mix]", "[mix"));
    assert!(syntax.contains("x.toml:7:"), "{syntax}");
}

#[test]
fn an_impossible_recipe_is_told_with_its_place() {
    let folder = Folder::new();
    folder.write("tiny.toml", TINY);
    folder.write(
        "jwt.x.bearer.toml",
        "summary = \"s\"\n[scheme.jwt]\nalgorithm = \"HS256\"\n[store.memory]\n[transport.bearer]\n",
    );
    let output = folder.run(&["run", "tiny.toml", "--strategy", "jwt.x.bearer.toml"]);
    assert_eq!(output.status.code(), Some(2));
    let told = stderr(&output);
    assert!(
        told.contains("jwt.x.bearer.toml:4:") && told.contains("keeps nothing"),
        "{told}"
    );
}

#[test]
fn a_wrong_name_is_told_the_nearest() {
    let folder = Folder::new();
    let output = folder.run(&["run", "quik"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("did you mean `quick`"),
        "{}",
        stderr(&output)
    );
    let output = folder.run(&["serve", "session.memory.cookei"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("`session.memory.cookie`"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn a_damaged_result_is_no_page() {
    let folder = Folder::new();
    folder.write("r.json", "{\"schema\": \"authbench.result/1\"");
    let output = folder.run(&["report", "r.json"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("r.json"), "{}", stderr(&output));
    assert!(folder.files(".html").is_empty());
}

#[test]
fn lists_name_what_there_is() {
    let folder = Folder::new();
    let output = folder.run(&["list", "--format", "json"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let lists: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
    let names = |kind: &str| -> Vec<String> {
        lists[kind]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row["name"].to_string())
            .collect()
    };
    assert!(names("strategies").contains(&"\"jwt.eddsa.cookie\"".to_owned()));
    assert!(names("scenarios").contains(&"\"quick\"".to_owned()));
    assert!(names("targets").contains(&"\"authbench-cookie\"".to_owned()));
    let table = stdout(&folder.run(&["list", "strategies"]));
    assert!(
        table.contains("immediate") && table.contains("at expiry"),
        "{table}"
    );
}

#[test]
fn bad_keys_and_bad_user_tables_are_usage_errors() {
    let folder = Folder::new();
    let recipe = |key: &str| {
        folder.write(
            "jwt.k.bearer.toml",
            &format!(
                "summary = \"s\"\n[scheme.jwt]\nalgorithm = \"HS256\"\nkey_file = \"{key}\"\n[transport.bearer]\n"
            ),
        );
        folder.run(&["serve", "jwt.k.bearer.toml", "--listen", "127.0.0.1:0"])
    };
    folder.write("short.key", "too short");
    for (key, told) in [("short.key", "short.key"), ("absent.key", "absent.key")] {
        let output = recipe(key);
        assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
        assert!(stderr(&output).contains(told), "{}", stderr(&output));
    }
    folder.write(
        "users.toml",
        "[[user]]\nname = \"a\"\npasword = \"correct horse\"\n",
    );
    let users = ["--users", "users.toml", "--listen", "127.0.0.1:0"];
    let output = folder.run(&[&["serve", "jwt.hs256.bearer"], &users[..]].concat());
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    let told = stderr(&output);
    assert!(
        told.contains("users.toml:3:") && told.contains("`password`"),
        "{told}"
    );
}

#[test]
fn a_bench_that_cannot_be_run_is_told_why() {
    let folder = Folder::new();
    let output = folder.run(&["bench", "tokn_size"]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    let told = stderr(&output);
    assert!(told.contains("did you mean `token_size`"), "{told}");

    let mut command = folder.command(&["bench", "token_size"]);
    let output = command.env("CARGO", "no-such-cargo").output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert!(stderr(&output).contains("no cargo"), "{}", stderr(&output));
}
