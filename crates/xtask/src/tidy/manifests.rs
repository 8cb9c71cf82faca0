//! Rules on TOML files.

use super::{Finding, Repository};

/// Every crate takes the workspace's lints.
pub(super) fn lints(repository: &Repository) -> Vec<Finding> {
    let manifests = repository.ending(&["/Cargo.toml"]);
    manifests
        .filter(|(_, text)| !takes_workspace_lints(text))
        .map(|(path, _)| {
            Finding::error(
                path,
                0,
                "no workspace lints: add `[lints]` with `workspace = true`",
            )
        })
        .collect()
}

/// Scenario files say something.
pub(super) fn scenarios(repository: &Repository) -> Vec<Finding> {
    let files = repository.ending(&[".toml"]);
    files
        .filter(|(path, _)| path.starts_with("scenarios/"))
        .filter(|(_, text)| {
            text.lines()
                .all(|line| line.is_empty() || line.starts_with('#'))
        })
        .map(|(path, _)| Finding::error(path, 0, "an empty file: fill it, or remove it"))
        .collect()
}

fn takes_workspace_lints(manifest: &str) -> bool {
    let lints = manifest
        .parse::<toml::Table>()
        .ok()
        .and_then(|mut table| table.remove("lints"));
    lints.is_some_and(|lints| lints.get("workspace").and_then(toml::Value::as_bool) == Some(true))
}

#[cfg(test)]
mod tests {
    use super::super::assert_finds;
    use super::*;

    #[test]
    fn a_crate_without_the_lints_is_found() {
        let files = [
            ("Cargo.toml", "[workspace]\n"),
            (
                "crates/a/Cargo.toml",
                "[package]\nname = \"a\"\n[lints]\nworkspace = true\n",
            ),
            (
                "crates/b/Cargo.toml",
                "[package]\nname = \"b\"\n# [lints]\n# workspace = true\n",
            ),
            ("crates/c/Cargo.toml", "[lints]\nworkspace = false\n"),
        ];
        let message = "no workspace lints: add `[lints]` with `workspace = true`";
        let expected = ["b", "c"].map(|name| format!("error: crates/{name}/Cargo.toml: {message}"));
        assert_finds(lints, &files, &expected.each_ref().map(String::as_str));
    }

    #[test]
    fn an_empty_scenario_is_found() {
        let files = [
            ("scenarios/load/a.toml", "# title = 'a'\n\n"),
            ("scenarios/load/b.toml", "title = 'b'\n"),
            ("other/c.toml", ""),
        ];
        let expected = ["error: scenarios/load/a.toml: an empty file: fill it, or remove it"];
        assert_finds(scenarios, &files, &expected);
    }
}
