//! Who may import whom. [`RULES`] is the whole truth; `docs/ARCHITECTURE.md` explains it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use cargo_metadata::{DependencyKind, MetadataCommand, PackageId};

/// What one crate of the workspace may import, without the `authbench-` of the names.
struct Rule {
    name: &'static str,
    may: Imports,
    /// Crates of others that it must not import, not even through a third.
    never: &'static [&'static str],
}

/// Crates of the workspace that another may import.
enum Imports {
    Only(&'static [&'static str]),
    /// Any but `cli`, which nothing imports.
    Any,
}

use Imports::{Any, Only};

const NETWORK_AND_SQL: &[&str] = &["axum", "http", "hyper", "reqwest", "sqlx", "tokio"];
const NETWORK: &[&str] = &["axum", "hyper", "reqwest", "tokio"];

/// The import rules, for normal and build dependencies; dev-dependencies are free, except that
/// nothing imports `cli`.
const RULES: &[Rule] = &[
    rule("core", Only(&[]), NETWORK_AND_SQL),
    rule("conf", Only(&[]), NETWORK_AND_SQL),
    rule("schemes", Only(&["core"]), NETWORK_AND_SQL),
    rule(
        "stores",
        Only(&["core"]),
        &["axum", "http", "hyper", "reqwest"],
    ),
    // It runs futures, so it has a runtime; but nothing to talk over.
    rule(
        "testkit",
        Only(&["core"]),
        &["axum", "http", "hyper", "reqwest", "sqlx"],
    ),
    rule("wire", Only(&["conf", "core"]), NETWORK),
    // An authorization server of its own, which schemes ask over HTTP.
    rule("authority", Only(&["core", "schemes"]), &["sqlx"]),
    // Over `authority` it reaches everything.
    rule(
        "catalog",
        Only(&["authority", "conf", "core", "schemes", "stores", "wire"]),
        &[],
    ),
    rule("server", Only(&["conf", "core", "wire"]), &["sqlx"]),
    rule("target", Only(&["core", "wire"]), &["axum", "sqlx"]),
    rule("lab", Only(&["core"]), NETWORK_AND_SQL),
    rule("results", Only(&["core"]), NETWORK_AND_SQL),
    rule("report", Only(&["results"]), NETWORK_AND_SQL),
    // Statistics and rules over results: it measures nothing.
    rule("gate", Only(&["conf", "results"]), NETWORK_AND_SQL),
    rule("engine", Only(&["core"]), &["axum", "reqwest", "sqlx"]),
    rule(
        "load",
        Only(&["conf", "core", "engine", "results", "wire"]),
        &["axum", "reqwest", "sqlx"],
    ),
    // It sees targets as bytes over HTTP, like `load`.
    rule(
        "conformance",
        Only(&["conf", "core", "results", "wire"]),
        &["axum", "sqlx"],
    ),
    // A server of its own, so that checks are proven on code that is not ours to sell.
    rule(
        "mutants",
        Only(&["conf", "conformance", "core", "results", "wire"]),
        &["sqlx"],
    ),
    rule("xtask", Only(&["lab", "results"]), &[]),
    rule("benches", Any, &[]),
    rule("cli", Any, &[]),
];

const PREFIX: &str = "authbench-";

/// Checks the workspace at `root`.
pub(crate) fn run(root: &Path) -> Result<()> {
    let edges = edges(root)?;
    let violations = check(&edges, RULES);
    if violations.is_empty() {
        println!("layers: {} crates keep the rules", members(&edges).len());
        return Ok(());
    }
    for violation in &violations {
        eprintln!("error: {violation}");
    }
    bail!(
        "{} import(s) against the rules of crates/xtask/src/layers.rs",
        violations.len()
    )
}

const fn rule(name: &'static str, may: Imports, never: &'static [&'static str]) -> Rule {
    Rule { name, may, never }
}

/// One crate depends on another.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Edge {
    from: String,
    to: String,
    /// Only for tests, benches and examples.
    dev: bool,
}

fn check(edges: &[Edge], rules: &[Rule]) -> Vec<String> {
    let mut violations = Vec::new();
    for name in members(edges) {
        match rules.iter().find(|rule| rule.name == name) {
            None => violations.push(format!("crate `{name}` has no rule: add it to RULES")),
            Some(rule) => {
                violations.extend(against_imports(edges, rule));
                violations.extend(against_bans(edges, rule));
            }
        }
    }
    violations
}

/// Names of the workspace's crates, without the prefix.
fn members(edges: &[Edge]) -> BTreeSet<&str> {
    let ends = edges.iter().flat_map(|edge| [&edge.from, &edge.to]);
    ends.filter_map(|name| name.strip_prefix(PREFIX)).collect()
}

fn against_imports(edges: &[Edge], rule: &Rule) -> Vec<String> {
    let imports = edges.iter().filter_map(|edge| {
        let from = edge.from.strip_prefix(PREFIX)?;
        let to = edge.to.strip_prefix(PREFIX)?;
        (from == rule.name).then_some((to, edge.dev))
    });
    let verdict = |(to, dev): (&str, bool)| {
        let edge = format!("{} -> {to}{}", rule.name, if dev { " (dev)" } else { "" });
        match &rule.may {
            _ if to == "cli" => Some(format!("{edge}: nothing imports `cli`")),
            Only(allowed) if !dev && !allowed.contains(&to) => {
                let allowed = if allowed.is_empty() {
                    "no crate of the workspace".to_owned()
                } else {
                    format!("only {}", allowed.join(", "))
                };
                Some(format!("{edge}: `{}` imports {allowed}", rule.name))
            }
            _ => None,
        }
    };
    imports.filter_map(verdict).collect()
}

/// Banned crates that are reached over normal and build dependencies, with the way.
fn against_bans(edges: &[Edge], rule: &Rule) -> Vec<String> {
    let start = format!("{PREFIX}{}", rule.name);
    let mut came_from: BTreeMap<&str, &str> = BTreeMap::new();
    let mut queue = VecDeque::from([start.as_str()]);
    while let Some(at) = queue.pop_front() {
        for edge in edges.iter().filter(|edge| edge.from == at && !edge.dev) {
            if edge.to != start && !came_from.contains_key(edge.to.as_str()) {
                came_from.insert(&edge.to, at);
                queue.push_back(&edge.to);
            }
        }
    }
    let way = |banned: &str| {
        let mut steps = vec![banned];
        while let Some(&before) = steps.last().and_then(|last| came_from.get(last)) {
            steps.push(before);
        }
        steps.reverse();
        steps.join(" -> ")
    };
    let reached = rule
        .never
        .iter()
        .filter(|banned| came_from.contains_key(**banned));
    reached
        .map(|banned| format!("{}: `{}` never imports `{banned}`", way(banned), rule.name))
        .collect()
}

/// The dependencies between all crates of this machine's build, as cargo resolves them.
fn edges(root: &Path) -> Result<Vec<Edge>> {
    let metadata = MetadataCommand::new()
        .manifest_path(root.join("Cargo.toml"))
        .other_options(["--filter-platform".to_owned(), host()?])
        .exec()
        .context("cannot read cargo's metadata")?;
    let names: BTreeMap<&PackageId, String> = metadata
        .packages
        .iter()
        .map(|package| (&package.id, package.name.to_string()))
        .collect();
    let name = |id: &PackageId| names.get(id).cloned().context("a package without a name");
    let resolve = metadata
        .resolve
        .as_ref()
        .context("cargo resolved nothing")?;
    let mut edges = BTreeSet::new();
    for node in &resolve.nodes {
        for dependency in &node.deps {
            for kind in &dependency.dep_kinds {
                edges.insert(Edge {
                    from: name(&node.id)?,
                    to: name(&dependency.pkg)?,
                    dev: kind.kind == DependencyKind::Development,
                });
            }
        }
    }
    Ok(edges.into_iter().collect())
}

/// The triple of this machine, or the dependencies of all others would have to be fetched.
fn host() -> Result<String> {
    let output = Command::new("rustc")
        .arg("-vV")
        .output()
        .context("cannot start rustc")?;
    let text = String::from_utf8(output.stdout).context("rustc does not speak UTF-8")?;
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc does not name its host")?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn violations(edges: &[(&str, &str)]) -> Vec<String> {
        let edge = |&(from, to): &(&str, &str)| {
            let (to, dev) = to.strip_suffix(" dev").map_or((to, false), |to| (to, true));
            Edge {
                from: from.into(),
                to: to.into(),
                dev,
            }
        };
        check(&edges.iter().map(edge).collect::<Vec<_>>(), RULES)
    }

    #[test]
    fn what_the_rules_allow_passes() {
        let found = violations(&[
            ("authbench-catalog", "authbench-schemes"),
            ("authbench-stores", "authbench-testkit dev"),
            ("authbench-stores", "sqlx"),
            ("authbench-core", "tokio dev"),
            ("authbench-cli", "authbench-report"),
            ("authbench-report", "maud"),
        ]);
        assert_eq!(found, [] as [&str; 0]);
    }

    #[test]
    fn every_rule_catches_an_import_it_does_not_name() {
        for rule in RULES {
            if let Only(allowed) = rule.may {
                let from = format!("{PREFIX}{}", rule.name);
                let others = RULES.iter().filter(|other| !allowed.contains(&other.name));
                for other in others.filter(|other| other.name != rule.name) {
                    let found = violations(&[(&from, &format!("{PREFIX}{}", other.name))]);
                    assert_eq!(found.len(), 1, "{from} -> {}: {found:?}", other.name);
                }
            }
            for banned in rule.never {
                let from = format!("{PREFIX}{}", rule.name);
                let found = violations(&[(&from, "between"), ("between", banned)]);
                let way = format!("{from} -> between -> {banned}: `{}` never", rule.name);
                assert!(found.len() == 1 && found[0].starts_with(&way), "{found:?}");
            }
        }
    }

    #[test]
    fn messages_name_edge_and_rule() {
        assert_eq!(
            violations(&[("authbench-report", "authbench-core")]),
            ["report -> core: `report` imports only results"]
        );
        assert_eq!(
            violations(&[("authbench-core", "authbench-conf")]),
            ["core -> conf: `core` imports no crate of the workspace"]
        );
    }

    #[test]
    fn nothing_imports_cli_not_even_a_test() {
        for from in ["authbench-core", "authbench-benches"] {
            for to in ["authbench-cli", "authbench-cli dev"] {
                let found = violations(&[(from, to)]);
                assert!(
                    found.len() == 1 && found[0].contains("nothing imports"),
                    "{found:?}"
                );
            }
        }
    }

    #[test]
    fn a_crate_without_a_rule_is_told_so() {
        let found = violations(&[("authbench-new", "serde")]);
        assert_eq!(found, ["crate `new` has no rule: add it to RULES"]);
    }

    #[test]
    fn cycles_end() {
        assert!(violations(&[("authbench-core", "a"), ("a", "b"), ("b", "a")]).is_empty());
    }
}
